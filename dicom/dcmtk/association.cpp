/* The socket is given to DCMTK as its "external" socket. Two things are added to its TCP transport:
 * TCP_QUICKACK before every read (a sender that keeps Nagle's algorithm on writes a PDU in two pieces and
 * would wait 40 ms for our delayed acknowledgement), and TCP_NODELAY. Data sets are written as they come,
 * never parsed and never held in memory. */
#include "dicom/dcmtk/wrap.h" /* first: it includes our C headers as C */
#include "dicom/dcmtk/association.h"
#include <dcmtk/dcmdata/dctk.h>
#include <dcmtk/dcmdata/dcostrma.h>
#include <dcmtk/dcmnet/assoc.h>
#include <dcmtk/dcmnet/dcmlayer.h>
#include <dcmtk/dcmnet/dcmtrans.h>
#include <dcmtk/dcmnet/dimse.h>
#include <dcmtk/dcmnet/diutil.h>
#include <dcmtk/oflog/oflog.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const long MAX_PDU = 131072; /* ASC_MAXIMUMPDUSIZE */
static const char STUDY_ROOT_FIND[] = "1.2.840.10008.5.1.4.1.2.2.1";
static const char IMPLEMENTATION_UID[] = "2.25.176391418291634520181934519874521873409";
static const char IMPLEMENTATION_VERSION[] = "CONSILIUM_0";

namespace
{

class QuickConnection : public DcmTCPConnection
{
  public:
    explicit QuickConnection(DcmNativeSocketType s) : DcmTCPConnection(s)
    {
    }
    ssize_t
    read(void *buffer, size_t length) override
    {
        int on = 1;
        (void)setsockopt(getSocket(), IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
        return DcmTCPConnection::read(buffer, length);
    }
};

class QuickLayer : public DcmTransportLayer
{
  public:
    DcmTransportConnection *
    createConnection(DcmNativeSocketType s, OFBool) override
    {
        return new QuickConnection(s);
    }
};

/* The end of the stream: a sink, with a limit. */
class BoundedSink : public DcmConsumer
{
  public:
    BoundedSink(dcm_sink *to, guint64 most) : sink(to), left(most)
    {
    }
    OFBool
    good() const override
    {
        return state == 0;
    }
    OFCondition
    status() const override
    {
        return state == 0 ? EC_Normal : EC_InvalidStream;
    }
    OFBool
    isFlushed() const override
    {
        return OFTrue;
    }
    offile_off_t
    avail() const override
    {
        return state == 0 ? 0x7fffffff : 0;
    }
    offile_off_t
    write(const void *buffer, offile_off_t length) override
    {
        if ((guint64)length > left)
            state = EFBIG;
        if (state == 0 && sink->fd < 0 && (gsize)length > sink->capacity - sink->length)
            move_to_file();
        if (state != 0)
            return 0;
        if (sink->fd < 0) {
            memcpy(sink->memory + sink->length, buffer, (gsize)length);
            sink->length += (gsize)length;
        } else {
            write_file(buffer, (gsize)length);
        }
        left -= (guint64)length;
        return length;
    }
    void
    flush() override
    {
    }
    int state = 0; /* errno of the failure; EFBIG: the limit */

  private:
    void
    move_to_file()
    {
        sink->fd = sink->open_file(sink->user_data);
        if (sink->fd < 0)
            state = errno;
        else
            write_file(sink->memory, sink->length);
    }
    void
    write_file(const void *buffer, gsize length)
    {
        const char *at = static_cast<const char *>(buffer);
        while (length > 0 && state == 0) {
            ssize_t n = ::write(sink->fd, at, length);
            if (n < 0 && errno == EINTR)
                continue;
            if (n <= 0) {
                state = n < 0 ? errno : EIO;
                break;
            }
            at += n;
            length -= (gsize)n;
        }
    }

    dcm_sink *sink;
    guint64 left;
};

class BoundedStream : public DcmOutputStream
{
  public:
    BoundedStream(dcm_sink *sink, guint64 limit) : DcmOutputStream(&end), end(sink, limit)
    {
    }
    BoundedSink end;
};

} // namespace

struct dcm_association {
    T_ASC_Network *network;
    T_ASC_Association *association;
    QuickLayer *layer;
    int fd;
    DIC_AE calling, called;
    gboolean ended; /* the peer is gone or was sent away: nothing more to say */
};

void
dcm_network_init(void)
{
    (void)wrap(NULL, [&]() -> gboolean {
        g_setenv("TCP_NODELAY", "1", TRUE);
        OFLog::configure(OFLogger::OFF_LOG_LEVEL);
        dcmDisableGethostbyaddr.set(OFTrue);
        return TRUE;
    });
}

static gboolean
receive_request(dcm_association *a, int timeout, GError **error)
{
    dcmExternalSocketHandle.set(a->fd);
    OFCondition c = ASC_initializeNetwork(NET_ACCEPTOR, 11112, timeout, &a->network);
    if (c.bad())
        return fail(error, ERR_INTERNAL, "network", c);
    a->layer = new QuickLayer;
    c = ASC_setTransportLayer(a->network, a->layer, 0);
    if (c.bad())
        return fail(error, ERR_INTERNAL, "transport", c);
    c = ASC_receiveAssociation(a->network, &a->association, MAX_PDU, NULL, NULL, OFFalse, DUL_NOBLOCK,
                               timeout);
    if (c == DUL_NOASSOCIATIONREQUEST)
        return fail(error, ERR_TIMEOUT, "no association request", c);
    if (c.bad())
        return fail(error, ERR_INVALID, "association request", c);
    c = ASC_getAPTitles(a->association->params, a->calling, sizeof a->calling, a->called, sizeof a->called,
                        NULL, 0);
    if (c.bad())
        return fail(error, ERR_INVALID, "application entity titles", c);
    g_strstrip(a->calling);
    g_strstrip(a->called);
    return TRUE;
}

dcm_association *
dcm_association_receive(int fd, int timeout, GError **error)
{
    dcm_association *a = g_new0(dcm_association, 1);
    a->fd = fd;
    if (!wrap(error, [&] { return receive_request(a, timeout, error); })) {
        dcm_association_free(a);
        return NULL;
    }
    return a;
}

void
dcm_association_free(dcm_association *a)
{
    if (!a)
        return;
    (void)wrap(NULL, [&]() -> gboolean {
        if (a->association) {
            (void)ASC_dropSCPAssociation(a->association, 1);
            (void)ASC_destroyAssociation(&a->association);
        } else {
            close(a->fd);
        }
        dcmExternalSocketHandle.set(DCMNET_INVALID_SOCKET);
        if (a->network)
            (void)ASC_dropNetwork(&a->network);
        delete a->layer;
        return TRUE;
    });
    g_free(a);
}

const char *
dcm_association_calling(const dcm_association *a)
{
    return a->calling;
}

const char *
dcm_association_called(const dcm_association *a)
{
    return a->called;
}

static gboolean
takes_native(const char *uid)
{
    return !strcmp(uid, UID_LittleEndianImplicitTransferSyntax) ||
           !strcmp(uid, UID_LittleEndianExplicitTransferSyntax);
}

/* Storage: the standard's storage classes and whatever private ones a vendor stores. */
static gboolean
is_storage(const char *uid)
{
    return g_str_has_prefix(uid, "1.2.840.10008.5.1.4.1.1.") || !g_str_has_prefix(uid, "1.2.840.10008.");
}

static void
answer_context(T_ASC_Parameters *params, const T_ASC_PresentationContext &pc, gboolean (*takes)(const char *))
{
    gboolean service =
        !strcmp(pc.abstractSyntax, UID_VerificationSOPClass) || !strcmp(pc.abstractSyntax, STUDY_ROOT_FIND);
    if (!service && !is_storage(pc.abstractSyntax)) {
        (void)ASC_refusePresentationContext(params, pc.presentationContextID,
                                            ASC_P_ABSTRACTSYNTAXNOTSUPPORTED);
        return;
    }
    gboolean (*suits)(const char *) = service ? takes_native : takes;
    for (int i = 0; i < pc.transferSyntaxCount; i++) {
        if (!suits(pc.proposedTransferSyntaxes[i]))
            continue;
        (void)ASC_acceptPresentationContext(params, pc.presentationContextID, pc.proposedTransferSyntaxes[i]);
        return;
    }
    (void)ASC_refusePresentationContext(params, pc.presentationContextID, ASC_P_TRANSFERSYNTAXESNOTSUPPORTED);
}

gboolean
dcm_association_accept(dcm_association *a, gboolean (*takes)(const char *transfer_syntax), GError **error)
{
    return wrap(error, [&]() -> gboolean {
        T_ASC_Parameters *params = a->association->params;
        int count = ASC_countPresentationContexts(params);
        for (int i = 0; i < count; i++) {
            T_ASC_PresentationContext pc;
            if (ASC_getPresentationContext(params, i, &pc).good())
                answer_context(params, pc, takes);
        }
        OFStandard::strlcpy(params->ourImplementationClassUID, IMPLEMENTATION_UID, sizeof(DIC_UI));
        OFStandard::strlcpy(params->ourImplementationVersionName, IMPLEMENTATION_VERSION, sizeof(DIC_SH));
        OFCondition c = ASC_acknowledgeAssociation(a->association);
        a->ended = c.bad();
        return c.good() ? TRUE : fail(error, ERR_INVALID, "accepting", c);
    });
}

void
dcm_association_reject(dcm_association *a, dcm_reject_reason reason)
{
    (void)wrap(NULL, [&]() -> gboolean {
        T_ASC_RejectParameters r = {ASC_RESULT_REJECTEDPERMANENT, ASC_SOURCE_SERVICEUSER,
                                    ASC_REASON_SU_CALLINGAETITLENOTRECOGNIZED};
        if (reason == DCM_REJECT_CALLED)
            r.reason = ASC_REASON_SU_CALLEDAETITLENOTRECOGNIZED;
        if (reason == DCM_REJECT_BUSY)
            r = {ASC_RESULT_REJECTEDTRANSIENT, ASC_SOURCE_SERVICEPROVIDER_PRESENTATION_RELATED,
                 ASC_REASON_SP_PRES_LOCALLIMITEXCEEDED};
        if (reason == DCM_REJECT_NOT_READY)
            r = {ASC_RESULT_REJECTEDTRANSIENT, ASC_SOURCE_SERVICEPROVIDER_PRESENTATION_RELATED,
                 ASC_REASON_SP_PRES_TEMPORARYCONGESTION};
        (void)ASC_rejectAssociation(a->association, &r);
        a->ended = TRUE;
        return TRUE;
    });
}

static void
describe_context(dcm_association *a, T_ASC_PresentationContextID id, dcm_command *command)
{
    T_ASC_PresentationContext pc;
    command->context = id;
    if (ASC_findAcceptedPresentationContext(a->association->params, id, &pc).good())
        g_strlcpy(command->transfer_syntax, pc.acceptedTransferSyntax, sizeof command->transfer_syntax);
}

static void
describe_message(const T_DIMSE_Message &m, dcm_command *command)
{
    switch (m.CommandField) {
    case DIMSE_C_ECHO_RQ:
        command->kind = DCM_ECHO;
        command->message_id = m.msg.CEchoRQ.MessageID;
        g_strlcpy(command->sop_class, m.msg.CEchoRQ.AffectedSOPClassUID, sizeof command->sop_class);
        break;
    case DIMSE_C_STORE_RQ:
        command->kind = DCM_STORE;
        command->message_id = m.msg.CStoreRQ.MessageID;
        command->has_dataset = m.msg.CStoreRQ.DataSetType != DIMSE_DATASET_NULL;
        g_strlcpy(command->sop_class, m.msg.CStoreRQ.AffectedSOPClassUID, sizeof command->sop_class);
        g_strlcpy(command->sop_uid, m.msg.CStoreRQ.AffectedSOPInstanceUID, sizeof command->sop_uid);
        break;
    case DIMSE_C_FIND_RQ:
        command->kind = DCM_FIND;
        command->message_id = m.msg.CFindRQ.MessageID;
        command->has_dataset = m.msg.CFindRQ.DataSetType != DIMSE_DATASET_NULL;
        g_strlcpy(command->sop_class, m.msg.CFindRQ.AffectedSOPClassUID, sizeof command->sop_class);
        break;
    case DIMSE_C_CANCEL_RQ:
        command->kind = DCM_CANCEL;
        break;
    default:
        command->kind = DCM_OTHER;
    }
}

static void
end(dcm_association *a, dcm_command *command, const OFCondition &c)
{
    command->kind = DCM_ENDED;
    g_strlcpy(command->why, c.text(), sizeof command->why);
    if (c != DUL_PEERABORTEDASSOCIATION && c != DUL_NETWORKCLOSED && !a->ended)
        (void)ASC_abortAssociation(a->association);
    a->ended = TRUE;
}

gboolean
dcm_association_next(dcm_association *a, int timeout, dcm_command *ret, GError **error)
{
    return wrap(error, [&]() -> gboolean {
        T_ASC_PresentationContextID id;
        T_DIMSE_Message message;
        DcmDataset *detail = NULL;
        memset(ret, 0, sizeof *ret);
        OFCondition c =
            DIMSE_receiveCommand(a->association, DIMSE_NONBLOCKING, timeout, &id, &message, &detail);
        delete detail;
        if (c == DUL_PEERREQUESTEDRELEASE) {
            ret->kind = DCM_RELEASED;
            a->ended = TRUE;
            (void)ASC_acknowledgeRelease(a->association);
            return TRUE;
        }
        if (c.bad()) {
            end(a, ret, c);
            return TRUE;
        }
        describe_context(a, id, ret);
        describe_message(message, ret);
        return TRUE;
    });
}

/* PS3.10 7.1: preamble and file meta information. */
static gboolean
write_meta(dcm_association *a, const dcm_command *command, BoundedStream &stream, GError **error)
{
    char preamble[132] = {0};
    memcpy(preamble + 128, "DICM", 4);
    stream.write(preamble, sizeof preamble);
    DcmMetaInfo meta;
    const Uint8 version[] = {0, 1};
    (void)meta.putAndInsertUint32(DCM_FileMetaInformationGroupLength, 0);
    (void)meta.putAndInsertUint8Array(DCM_FileMetaInformationVersion, version, 2);
    (void)meta.putAndInsertString(DCM_MediaStorageSOPClassUID, command->sop_class);
    (void)meta.putAndInsertString(DCM_MediaStorageSOPInstanceUID, command->sop_uid);
    (void)meta.putAndInsertString(DCM_TransferSyntaxUID, command->transfer_syntax);
    (void)meta.putAndInsertString(DCM_ImplementationClassUID, IMPLEMENTATION_UID);
    (void)meta.putAndInsertString(DCM_ImplementationVersionName, IMPLEMENTATION_VERSION);
    (void)meta.putAndInsertString(DCM_SourceApplicationEntityTitle, a->calling);
    (void)meta.computeGroupLengthAndPadding(EGL_recalcGL, EPD_noChange, META_HEADER_DEFAULT_TRANSFERSYNTAX,
                                            EET_UndefinedLength);
    OFCondition c = EC_Normal;
    for (unsigned long i = 0; i < meta.card() && c.good(); i++) {
        DcmElement *element = meta.getElement(i);
        element->transferInit();
        c = element->write(stream, META_HEADER_DEFAULT_TRANSFERSYNTAX, EET_UndefinedLength, NULL);
        element->transferEnd();
    }
    if (c.bad() || !stream.good())
        return fail(error, ERR_STORAGE, "file meta information", c);
    return TRUE;
}

gboolean
dcm_association_store(dcm_association *a, const dcm_command *command, dcm_sink *sink, guint64 limit,
                      int timeout, GError **error)
{
    return wrap(error, [&]() -> gboolean {
        BoundedStream stream(sink, limit);
        T_ASC_PresentationContextID id = command->context;
        if (!write_meta(a, command, stream, error))
            return FALSE;
        OFCondition c =
            DIMSE_receiveDataSetInFile(a->association, DIMSE_NONBLOCKING, timeout, &id, &stream, NULL, NULL);
        if (stream.end.state == EFBIG)
            return err_set(error, ERR_TOO_LARGE, "the object is larger than is accepted");
        if (stream.end.state != 0)
            return err_set(error, ERR_STORAGE, "the object cannot be written: %s",
                           g_strerror(stream.end.state));
        return c.good() ? TRUE : fail(error, ERR_INVALID, "data set", c);
    });
}

gboolean
dcm_association_discard(dcm_association *a, const dcm_command *command, int timeout, GError **error)
{
    (void)command;
    return wrap(error, [&]() -> gboolean {
        DIC_UL bytes = 0, pdvs = 0;
        OFCondition c = DIMSE_ignoreDataSet(a->association, DIMSE_NONBLOCKING, timeout, &bytes, &pdvs);
        return c.good() ? TRUE : fail(error, ERR_INVALID, "data set", c);
    });
}

json_t *
dcm_association_keys(dcm_association *a, const dcm_command *command, int timeout, GError **error)
{
    json_t *keys = json_object();
    gboolean good = wrap(error, [&]() -> gboolean {
        DcmDataset *raw = NULL;
        T_ASC_PresentationContextID id = command->context;
        OFCondition c =
            DIMSE_receiveDataSetInMemory(a->association, DIMSE_NONBLOCKING, timeout, &id, &raw, NULL, NULL);
        OFunique_ptr<DcmDataset> dataset(raw);
        if (c.bad())
            return fail(error, ERR_INVALID, "identifier", c);
        (void)dataset->convertToUTF8();
        for (unsigned long i = 0; i < dataset->card(); i++) {
            DcmElement *element = dataset->getElement(i);
            OFString value;
            char tag[9];
            g_snprintf(tag, sizeof tag, "%04X%04X", element->getGTag(), element->getETag());
            if (element->isLeaf())
                (void)element->getOFStringArray(value);
            gboolean valid = g_utf8_validate(value.c_str(), -1, NULL);
            json_object_set_new(keys, tag, json_string(valid ? value.c_str() : ""));
        }
        return TRUE;
    });
    if (!good)
        g_clear_pointer(&keys, json_decref);
    return keys;
}

gboolean
dcm_association_respond(dcm_association *a, const dcm_command *command, guint16 status, const char *comment,
                        GError **error)
{
    return wrap(error, [&]() -> gboolean {
        OFCondition c;
        DcmDataset detail;
        if (comment)
            (void)detail.putAndInsertString(DCM_ErrorComment, OFString(comment).substr(0, 64).c_str());
        if (command->kind == DCM_ECHO) {
            T_DIMSE_C_EchoRQ request = {};
            request.MessageID = command->message_id;
            g_strlcpy(request.AffectedSOPClassUID, command->sop_class, sizeof request.AffectedSOPClassUID);
            c = DIMSE_sendEchoResponse(a->association, command->context, &request, status, NULL);
        } else {
            T_DIMSE_C_StoreRQ request = {};
            request.MessageID = command->message_id;
            g_strlcpy(request.AffectedSOPClassUID, command->sop_class, sizeof request.AffectedSOPClassUID);
            g_strlcpy(request.AffectedSOPInstanceUID, command->sop_uid,
                      sizeof request.AffectedSOPInstanceUID);
            T_DIMSE_C_StoreRSP response = {};
            response.MessageIDBeingRespondedTo = command->message_id;
            response.DimseStatus = status;
            response.DataSetType = DIMSE_DATASET_NULL;
            g_strlcpy(response.AffectedSOPClassUID, command->sop_class, sizeof response.AffectedSOPClassUID);
            g_strlcpy(response.AffectedSOPInstanceUID, command->sop_uid,
                      sizeof response.AffectedSOPInstanceUID);
            response.opts = O_STORE_AFFECTEDSOPCLASSUID | O_STORE_AFFECTEDSOPINSTANCEUID;
            c = DIMSE_sendStoreResponse(a->association, command->context, &request, &response,
                                        comment ? &detail : NULL);
        }
        return c.good() ? TRUE : fail(error, ERR_INVALID, "response", c);
    });
}

static void
put_match(DcmDataset &dataset, json_t *match)
{
    const char *tag;
    json_t *value;
    (void)dataset.putAndInsertString(DCM_SpecificCharacterSet, "ISO_IR 192");
    json_object_foreach(match, tag, value)
    {
        guint64 number = g_ascii_strtoull(tag, NULL, 16);
        DcmTag key((Uint16)(number >> 16), (Uint16)number);
        if (key != DCM_SpecificCharacterSet && key.getEVR() != EVR_SQ)
            (void)dataset.putAndInsertString(key, json_string_value(value));
    }
}

gboolean
dcm_association_match(dcm_association *a, const dcm_command *command, guint16 status, json_t *match,
                      GError **error)
{
    return wrap(error, [&]() -> gboolean {
        T_DIMSE_C_FindRQ request = {};
        request.MessageID = command->message_id;
        g_strlcpy(request.AffectedSOPClassUID, command->sop_class, sizeof request.AffectedSOPClassUID);
        T_DIMSE_C_FindRSP response = {};
        response.MessageIDBeingRespondedTo = command->message_id;
        response.DimseStatus = status;
        response.DataSetType = match ? DIMSE_DATASET_PRESENT : DIMSE_DATASET_NULL;
        g_strlcpy(response.AffectedSOPClassUID, command->sop_class, sizeof response.AffectedSOPClassUID);
        response.opts = O_FIND_AFFECTEDSOPCLASSUID;
        DcmDataset dataset;
        if (match)
            put_match(dataset, match);
        OFCondition c = DIMSE_sendFindResponse(a->association, command->context, &request, &response,
                                               match ? &dataset : NULL, NULL);
        return c.good() ? TRUE : fail(error, ERR_INVALID, "response", c);
    });
}

void
dcm_association_abort(dcm_association *a)
{
    (void)wrap(NULL, [&]() -> gboolean {
        if (!a->ended)
            (void)ASC_abortAssociation(a->association);
        a->ended = TRUE;
        return TRUE;
    });
}
