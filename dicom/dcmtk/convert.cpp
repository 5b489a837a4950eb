#include "dicom/dcmtk/wrap.h" /* first: it includes our C headers as C */
#include "dicom/dcmtk/convert.h"
#include <dcmtk/dcmdata/dcistrmb.h>
#include <dcmtk/dcmdata/dcostrma.h>
#include <dcmtk/dcmdata/dctk.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

namespace
{

/* The end of an output stream: a descriptor. */
class DescriptorEnd : public DcmConsumer
{
  public:
    explicit DescriptorEnd(int to) : fd(to)
    {
    }
    OFBool
    good() const override
    {
        return failure == 0;
    }
    OFCondition
    status() const override
    {
        return failure == 0 ? EC_Normal : EC_InvalidStream;
    }
    OFBool
    isFlushed() const override
    {
        return OFTrue;
    }
    offile_off_t
    avail() const override
    {
        return failure == 0 ? 0x7fffffff : 0;
    }
    offile_off_t
    write(const void *buffer, offile_off_t length) override
    {
        const char *at = static_cast<const char *>(buffer);
        offile_off_t left = length;
        while (left > 0 && failure == 0) {
            ssize_t n = ::write(fd, at, (size_t)left);
            if (n < 0 && errno == EINTR)
                continue;
            if (n <= 0) {
                failure = n < 0 ? errno : EIO;
                break;
            }
            at += n;
            left -= n;
        }
        written += (gsize)(length - left);
        return length - left;
    }
    void
    flush() override
    {
    }
    int failure = 0; /* errno */
    gsize written = 0;

  private:
    int fd;
};

class DescriptorStream : public DcmOutputStream
{
  public:
    explicit DescriptorStream(int fd) : DcmOutputStream(&end), end(fd)
    {
    }
    DescriptorEnd end;
};

} // namespace

static OFCondition
replace_pixels(DcmDataset *d, const dcm_conversion *c)
{
    Uint16 samples = 1;
    (void)d->findAndGetUint16(DCM_SamplesPerPixel, samples);
    (void)d->findAndDeleteElement(DCM_PixelData);
    if (c->photometric)
        (void)d->putAndInsertString(DCM_PhotometricInterpretation, c->photometric);
    if (samples > 1)
        (void)d->putAndInsertUint16(DCM_PlanarConfiguration, 0);
    if (c->bytes_per_sample == 1)
        return d->putAndInsertUint8Array(DCM_PixelData, c->pixels, c->pixels_length);
    /* words in the machine's order, which is the bytes' order here; g_malloc's memory is aligned */
    return d->putAndInsertUint16Array(DCM_PixelData, reinterpret_cast<const Uint16 *>(c->pixels),
                                      c->pixels_length / 2);
}

static gboolean
convert(const dcm_conversion *c, DescriptorStream &out, GError **error)
{
    DcmInputBufferStream in;
    in.setBuffer(c->file, (offile_off_t)c->length);
    in.setEos();
    DcmFileFormat file;
    DcmDataset *d = file.getDataset();
    DcmObject &what = c->pixels ? static_cast<DcmObject &>(*d) : file;
    what.transferInit();
    OFCondition result = c->pixels ? d->read(in, EXS_LittleEndianExplicit) : file.read(in);
    what.transferEnd();
    if (result.bad() && result != EC_EndOfStream)
        return fail(error, ERR_UNPROCESSABLE, "the file", result);
    E_TransferSyntax wanted = DcmXfer(c->syntax).getXfer();
    result = c->pixels ? replace_pixels(d, c) : d->chooseRepresentation(wanted, NULL);
    if (result.bad() || !d->canWriteXfer(wanted))
        return fail(error, ERR_UNPROCESSABLE, "its pixels cannot be decoded", result);
    d->removeAllButCurrentRepresentations();
    d->transferInit();
    result = d->write(out, wanted, EET_UndefinedLength, NULL, EGL_recalcGL);
    d->transferEnd();
    if (out.end.failure)
        return err_set(error, ERR_STORAGE, "the result cannot be written: %s", g_strerror(out.end.failure));
    return result.good() ? TRUE : fail(error, ERR_UNPROCESSABLE, "it cannot be written", result);
}

gboolean
dcm_convert(const dcm_conversion *c, int output, gsize *ret_bytes, GError **error)
{
    return wrap(error, [&]() -> gboolean {
        DescriptorStream out(output);
        gboolean good = convert(c, out, error);
        *ret_bytes = out.end.written;
        return good;
    });
}
