/* Objects received: data sets are written as they come, never parsed and never held by DCMTK. */
#include "dicom/dcmtk/internal.h"
#include <dcmtk/dcmdata/dcostrma.h>
#include <errno.h>
#include <unistd.h>

static const guint64 PATIENCE = 1024 * 1024 * 1024; /* bytes over the limit that are still listened to */

namespace
{

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

/* The next fragment of the data set. DIMSE_receiveDataSetInFile would do all of it, but only in transfer
 * syntaxes that DCMTK knows, and HTJ2K is none of them. */
static OFCondition
next_fragment(dcm_association *a, const dcm_command *command, int timeout, DUL_PDV *ret)
{
    OFCondition c = DUL_NextPDV(&a->association->DULassociation, ret);
    if (c.bad()) {
        c = DUL_ReadPDVs(&a->association->DULassociation, NULL, DUL_NOBLOCK, timeout);
        if (c == DUL_PDATAPDUARRIVED)
            c = DUL_NextPDV(&a->association->DULassociation, ret);
    }
    if (c.bad())
        return c;
    if (ret->pdvType != DUL_DATASETPDV || ret->presentationContextID != command->context)
        return DIMSE_UNEXPECTEDPDVTYPE;
    return ret->fragmentLength % 2 ? DIMSE_RECEIVEFAILED : EC_Normal; /* PS3.8 annex E.1 */
}

/* An object that is too large is read to its end (but not for ever), so that its sender hears why. */
static gboolean
receive(dcm_association *a, const dcm_command *command, BoundedStream &stream, guint64 limit, int timeout,
        GError **error)
{
    DUL_PDV fragment;
    guint64 length = 0;
    do {
        OFCondition c = next_fragment(a, command, timeout, &fragment);
        if (c.bad())
            return fail(error, ERR_INVALID, "data set", c);
        length += fragment.fragmentLength;
        if (stream.end.state == 0)
            (void)stream.end.write(fragment.data, (offile_off_t)fragment.fragmentLength);
    } while (!fragment.lastPDV && length <= limit + PATIENCE);
    return fragment.lastPDV || err_set(error, ERR_TOO_LARGE, "the object is much larger than is accepted");
}

gboolean
dcm_association_store(dcm_association *a, const dcm_command *command, dcm_sink *sink, guint64 limit,
                      int timeout, GError **error)
{
    return wrap(error, [&]() -> gboolean {
        BoundedStream stream(sink, limit);
        if (!write_meta(a, command, stream, error) || !receive(a, command, stream, limit, timeout, error))
            return FALSE;
        sink->too_large = stream.end.state == EFBIG;
        return sink->too_large || stream.end.state == 0 ||
               err_set(error, ERR_STORAGE, "the object cannot be written: %s", g_strerror(stream.end.state));
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
