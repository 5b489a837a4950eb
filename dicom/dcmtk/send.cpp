/* Objects on their way out. DCMTK would parse each file and write it element by element; a stored data set
 * goes as it is, so here the protocol data units (PS3.8 9.3.5) are framed around the file's bytes, as many to
 * a write as the buffer holds. Commands and answers are DCMTK's. */
#include "dicom/dcmtk/internal.h"
#include <errno.h>
#include <sys/uio.h>

static const gsize BUFFER_SIZE = 1024 * 1024;
static const gsize PDU_LIMIT = 131072; /* of ours, whatever larger one the peer would take */
static const gsize PDV_HEADER = 12;    /* P-DATA-TF header, item length, context, flags */
static const gsize PIECES_LIMIT = 512; /* of one readv */

/* Native transfer syntaxes by how likely a receiver can do with them; 0: it is none. */
static int
native_rank(const char *uid)
{
    static const char *const natives[] = {UID_BigEndianExplicitTransferSyntax,
                                          UID_LittleEndianImplicitTransferSyntax,
                                          UID_LittleEndianExplicitTransferSyntax};
    for (guint i = 0; i < G_N_ELEMENTS(natives); i++)
        if (!strcmp(uid, natives[i]))
            return (int)i + 1;
    return 0;
}

static gboolean
may_send(const dcm_association *a, const DUL_PRESENTATIONCONTEXT *pc)
{
    return pc->result == ASC_P_ACCEPTANCE &&
           (a->fd < 0 || pc->acceptedSCRole == DUL_SC_ROLE_SCP || pc->acceptedSCRole == DUL_SC_ROLE_SCUSCP);
}

guint8
dcm_association_context(dcm_association *a, const char *sop_class, const char *syntax,
                        const char **ret_syntax)
{
    LST_HEAD **list = &a->association->params->DULparams.acceptedPresentationContext;
    DUL_PRESENTATIONCONTEXT *pc = *list ? (DUL_PRESENTATIONCONTEXT *)LST_Head(list) : NULL, *found = NULL;
    if (pc)
        (void)LST_Position(list, pc);
    for (int best = 0; pc; pc = (DUL_PRESENTATIONCONTEXT *)LST_Next(list)) {
        const char *accepted = association_syntax(a, pc->presentationContextID, pc->acceptedTransferSyntax);
        if (!may_send(a, pc) || strcmp(pc->abstractSyntax, sop_class))
            continue;
        int rank = syntax ? !strcmp(accepted, syntax) : native_rank(accepted);
        if (rank > best) {
            best = rank;
            found = pc;
            *ret_syntax = accepted;
        }
    }
    return found ? found->presentationContextID : 0;
}

/* --- the command set: implicit little endian (PS3.7 6.3.1)
 * -------------------------------------------------- */

static void
put16(GByteArray *out, guint16 number)
{
    guint8 bytes[] = {(guint8)number, (guint8)(number >> 8)};
    g_byte_array_append(out, bytes, sizeof bytes);
}

static void
put_element(GByteArray *out, guint16 element, const void *value, gsize length, char pad)
{
    put16(out, 0);
    put16(out, element);
    put16(out, (guint16)(length + length % 2));
    put16(out, 0);
    g_byte_array_append(out, (const guint8 *)value, (guint)length);
    if (length % 2)
        g_byte_array_append(out, (const guint8 *)&pad, 1);
}

static void
put_number(GByteArray *out, guint16 element, guint16 number)
{
    guint8 bytes[] = {(guint8)number, (guint8)(number >> 8)};
    put_element(out, element, bytes, sizeof bytes, 0);
}

static GByteArray *
store_command(const dcm_object *o, guint16 message)
{
    GByteArray *out = g_byte_array_new();
    guint8 length[4] = {0};
    put_element(out, 0x0000, length, sizeof length, 0);
    put_element(out, 0x0002, o->sop_class, strlen(o->sop_class), 0);
    put_number(out, 0x0100, 0x0001);
    put_number(out, 0x0110, message);
    put_number(out, 0x0700, 0);
    put_number(out, 0x0800, 0x0000);
    put_element(out, 0x1000, o->sop_uid, strlen(o->sop_uid), 0);
    if (o->originator) {
        put_element(out, 0x1030, o->originator, strlen(o->originator), ' ');
        put_number(out, 0x1031, o->originator_message);
    }
    guint rest = out->len - 12;
    for (int i = 0; i < 4; i++)
        out->data[8 + i] = (guint8)(rest >> 8 * i);
    return out;
}

/* --- protocol data units
 * -------------------------------------------------------------------------------------- */

static void
put_header(guint8 *at, guint8 context, gsize length, gboolean command, gboolean last)
{
    guint32 item = (guint32)length + 2, pdu = item + 4;
    at[0] = 4;
    at[1] = 0;
    for (int i = 0; i < 4; i++) {
        at[2 + i] = (guint8)(pdu >> (24 - 8 * i));
        at[6 + i] = (guint8)(item >> (24 - 8 * i));
    }
    at[10] = context;
    at[11] = (guint8)((command ? 1 : 0) | (last ? 2 : 0));
}

/* Bytes of a fragment that fit into what the peer takes; 0: nothing sensible does. */
static gsize
fragment_size(const dcm_association *a)
{
    long theirs = a->association->params->theirMaxPDUReceiveSize;
    gsize most = theirs > 0 && (gsize)theirs < PDU_LIMIT ? (gsize)theirs : PDU_LIMIT;
    return most > 128 ? (most - 6) & ~(gsize)1 : 0;
}

/* Fills pieces (each behind its header) with the file's next bytes. */
static gboolean
read_pieces(int fd, struct iovec *pieces, gsize count, guint64 offset, GError **error)
{
    while (count > 0) {
        ssize_t n = preadv(fd, pieces, (int)count, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return err_set(error, ERR_STORAGE, "the stored file cannot be read: %s",
                           n < 0 ? g_strerror(errno) : "it is too short");
        offset += (guint64)n;
        while (count > 0 && (gsize)n >= pieces->iov_len) {
            n -= (ssize_t)pieces->iov_len;
            pieces++;
            count--;
        }
        if (count > 0) {
            pieces->iov_base = (char *)pieces->iov_base + n;
            pieces->iov_len -= (gsize)n;
        }
    }
    return TRUE;
}

/* used: bytes at the buffer's beginning that are to go first. */
static gboolean
send_dataset(dcm_association *a, guint8 context, const dcm_object *o, gsize used, GError **error)
{
    gsize most = fragment_size(a);
    guint64 at = 0;
    do {
        struct iovec pieces[PIECES_LIMIT];
        gsize count = 0;
        guint64 first = at;
        while (count < PIECES_LIMIT && (at < o->length || (o->length == 0 && count == 0))) {
            gsize length = (gsize)MIN((guint64)most, o->length - at);
            if (used + PDV_HEADER + length > BUFFER_SIZE)
                break;
            put_header(a->outgoing + used, context, length, FALSE, at + length == o->length);
            pieces[count++] = {.iov_base = a->outgoing + used + PDV_HEADER, .iov_len = length};
            used += PDV_HEADER + length;
            at += length;
        }
        if (o->length > 0 && !read_pieces(o->fd, pieces, count, o->offset + first, error))
            return FALSE;
        if (!association_write(a, a->outgoing, used, error))
            return FALSE;
        used = 0;
    } while (at < o->length);
    return TRUE;
}

gboolean
dcm_association_send(dcm_association *a, guint8 context, const dcm_object *o, guint16 *ret_message,
                     GError **error)
{
    if (fragment_size(a) == 0)
        return err_set(error, ERR_UNAVAILABLE, "the peer takes no sensible size of protocol data units");
    if (!a->outgoing)
        a->outgoing = (guint8 *)g_malloc(BUFFER_SIZE);
    *ret_message = a->association->nextMsgID++;
    g_autoptr(GByteArray) command = store_command(o, *ret_message);
    gsize used = 0, most = fragment_size(a);
    for (gsize at = 0; at < command->len;) {
        gsize length = MIN(most, command->len - at);
        put_header(a->outgoing + used, context, length, TRUE, at + length == command->len);
        memcpy(a->outgoing + used + PDV_HEADER, command->data + at, length);
        used += PDV_HEADER + length;
        at += length;
    }
    return send_dataset(a, context, o, used, error);
}

/* --- progress
 * ------------------------------------------------------------------------------------------------- */

/* C-MOVE-RSP and C-GET-RSP differ in their names only. */
template <typename Response>
static void
fill(Response &r, const dcm_command *command, guint16 status, const dcm_counters *n, gboolean has_identifier)
{
    r.MessageIDBeingRespondedTo = command->message_id;
    g_strlcpy(r.AffectedSOPClassUID, command->sop_class, sizeof r.AffectedSOPClassUID);
    r.DimseStatus = status;
    r.DataSetType = has_identifier ? DIMSE_DATASET_PRESENT : DIMSE_DATASET_NULL;
    r.NumberOfRemainingSubOperations = (DIC_US)MIN(n->remaining, G_MAXUINT16);
    r.NumberOfCompletedSubOperations = (DIC_US)MIN(n->completed, G_MAXUINT16);
    r.NumberOfFailedSubOperations = (DIC_US)MIN(n->failed, G_MAXUINT16);
    r.NumberOfWarningSubOperations = (DIC_US)MIN(n->warning, G_MAXUINT16);
}

gboolean
dcm_association_progress(dcm_association *a, const dcm_command *command, guint16 status,
                         const dcm_counters *n, const char *failed, const char *comment, GError **error)
{
    return wrap(error, [&]() -> gboolean {
        DcmDataset identifier, detail;
        if (failed)
            (void)identifier.putAndInsertString(DCM_FailedSOPInstanceUIDList, failed);
        if (comment)
            (void)detail.putAndInsertString(DCM_ErrorComment, OFString(comment).substr(0, 64).c_str());
        /* the number of remaining ones is for answers that are not the last, PS3.7 9.3.3.2 and 9.3.4.2 */
        gboolean remaining = status == 0xff00 || status == 0xfe00;
        T_DIMSE_Message m;
        memset(&m, 0, sizeof m);
        if (command->kind == DCM_MOVE) {
            m.CommandField = DIMSE_C_MOVE_RSP;
            fill(m.msg.CMoveRSP, command, status, n, failed != NULL);
            m.msg.CMoveRSP.opts = O_MOVE_AFFECTEDSOPCLASSUID | O_MOVE_NUMBEROFCOMPLETEDSUBOPERATIONS |
                                  O_MOVE_NUMBEROFFAILEDSUBOPERATIONS | O_MOVE_NUMBEROFWARNINGSUBOPERATIONS |
                                  (remaining ? O_MOVE_NUMBEROFREMAININGSUBOPERATIONS : 0);
        } else {
            m.CommandField = DIMSE_C_GET_RSP;
            fill(m.msg.CGetRSP, command, status, n, failed != NULL);
            m.msg.CGetRSP.opts = O_GET_AFFECTEDSOPCLASSUID | O_GET_NUMBEROFCOMPLETEDSUBOPERATIONS |
                                 O_GET_NUMBEROFFAILEDSUBOPERATIONS | O_GET_NUMBEROFWARNINGSUBOPERATIONS |
                                 (remaining ? O_GET_NUMBEROFREMAININGSUBOPERATIONS : 0);
        }
        OFCondition c =
            DIMSE_sendMessageUsingMemoryData(a->association, command->context, &m, comment ? &detail : NULL,
                                             failed ? &identifier : NULL, NULL, NULL);
        return c.good() ? TRUE : fail(error, ERR_UNAVAILABLE, "response", c);
    });
}
