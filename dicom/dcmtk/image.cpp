/* The data set is read from memory, gets the one frame as its pixel data, and is given to DicomImage. */
#include "dicom/dcmtk/wrap.h"
#include "dicom/dcmtk/image.h"
#include <dcmtk/dcmdata/dcistrmb.h>
#include <dcmtk/dcmdata/dcpixel.h>
#include <dcmtk/dcmdata/dcpixseq.h>
#include <dcmtk/dcmdata/dcpxitem.h>
#include <dcmtk/dcmdata/dcrledrg.h>
#include <dcmtk/dcmdata/dctk.h>
#include <dcmtk/dcmimage/diregist.h>
#include <dcmtk/dcmimgle/dcmimage.h>
#include <dcmtk/dcmjpeg/djdecode.h>
#include <dcmtk/dcmjpls/djdecode.h>
#include <dcmtk/oflog/oflog.h>
#include <string.h>

struct dcm_frame {
    DcmDataset *dataset;
    E_TransferSyntax syntax;
};

void
dcm_image_init(void)
{
    (void)wrap(NULL, [&]() -> gboolean {
        OFLog::configure(OFLogger::OFF_LOG_LEVEL);
        DJDecoderRegistration::registerCodecs();
        DJLSDecoderRegistration::registerCodecs();
        DcmRLEDecoderRegistration::registerCodecs();
        DcmTag first(DCM_PixelData); /* loads the dictionary */
        return first.getVR().isStandard();
    });
}

static gboolean
read_dataset(dcm_frame *f, const dcm_frame_input *in, GError **error)
{
    DcmInputBufferStream stream;
    stream.setBuffer(in->dataset, (offile_off_t)in->dataset_length);
    stream.setEos();
    f->dataset->transferInit();
    OFCondition c = f->dataset->read(stream, f->syntax, EGL_noChange);
    f->dataset->transferEnd();
    if (c.bad() && c != EC_EndOfStream)
        return fail(error, ERR_UNPROCESSABLE, "attributes", c);
    return TRUE;
}

static OFCondition
insert_native(dcm_frame *f, const dcm_frame_input *in)
{
    DcmDataset *d = f->dataset;
    if (in->photometric)
        (void)d->putAndInsertString(DCM_PhotometricInterpretation, in->photometric);
    if (in->by_pixel)
        (void)d->putAndInsertUint16(DCM_PlanarConfiguration, 0);
    f->syntax = EXS_LittleEndianExplicit;
    if (in->bytes_per_sample == 1)
        return d->putAndInsertUint8Array(DCM_PixelData, in->pixels, in->pixels_length);
    /* an element of words holds them in the machine's order, which is the bytes' order here */
    if (in->pixels_length % 2 == 0 && (guintptr)in->pixels % sizeof(Uint16) == 0)
        return d->putAndInsertUint16Array(DCM_PixelData, reinterpret_cast<const Uint16 *>(in->pixels),
                                          in->pixels_length / 2);
    OFVector<Uint16> words((in->pixels_length + 1) / 2);
    memcpy(&words[0], in->pixels, in->pixels_length);
    return d->putAndInsertUint16Array(DCM_PixelData, &words[0], words.size());
}

static OFCondition
insert_code_stream(dcm_frame *f, const dcm_frame_input *in)
{
    OFVector<Uint8> even(in->pixels_length + in->pixels_length % 2);
    memcpy(&even[0], in->pixels, in->pixels_length);
    DcmPixelSequence *sequence = new DcmPixelSequence(DcmTag(DCM_PixelData, EVR_OB));
    DcmPixelItem *table = new DcmPixelItem(DcmTag(DCM_Item, EVR_OB)),
                 *item = new DcmPixelItem(DcmTag(DCM_Item, EVR_OB));
    (void)sequence->insert(table);
    OFCondition c = item->putUint8Array(&even[0], even.size());
    (void)sequence->insert(item);
    DcmPixelData *pixels = new DcmPixelData(DCM_PixelData);
    pixels->putOriginalRepresentation(f->syntax, NULL, sequence);
    return c.good() ? f->dataset->insert(pixels, OFTrue) : c;
}

/* Enhanced multi-frame images keep window and rescale in functional groups (PS3.3 C.7.6.16); DicomImage looks
 * at the top level only. */
static void
lift_functional_group(DcmDataset *d, DcmItem *group, const DcmTagKey &sequence, const DcmTagKey *tags,
                      size_t count)
{
    DcmItem *item = NULL;
    if (!group || group->findAndGetSequenceItem(sequence, item, 0).bad())
        return;
    for (size_t i = 0; i < count; i++) {
        OFString value;
        if (!d->tagExists(tags[i]) && item->findAndGetOFStringArray(tags[i], value).good())
            (void)d->putAndInsertOFStringArray(tags[i], value);
    }
}

static void
lift_functional_groups(DcmDataset *d, guint32 index)
{
    static const DcmTagKey voi[] = {DCM_WindowCenter, DCM_WindowWidth, DCM_VOILUTFunction};
    static const DcmTagKey rescale[] = {DCM_RescaleIntercept, DCM_RescaleSlope, DCM_RescaleType};
    DcmItem *own = NULL, *shared = NULL;
    (void)d->findAndGetSequenceItem(DCM_PerFrameFunctionalGroupsSequence, own, (signed long)index);
    (void)d->findAndGetSequenceItem(DCM_SharedFunctionalGroupsSequence, shared, 0);
    DcmItem *both[] = {own, shared};
    for (DcmItem *group : both) {
        lift_functional_group(d, group, DCM_FrameVOILUTSequence, voi, 3);
        lift_functional_group(d, group, DCM_PixelValueTransformationSequence, rescale, 3);
    }
}

dcm_frame *
dcm_frame_new(const dcm_frame_input *in, GError **error)
{
    dcm_frame *f = g_new0(dcm_frame, 1);
    gboolean good = wrap(error, [&]() -> gboolean {
        f->dataset = new DcmDataset;
        f->syntax = DcmXfer(in->transfer_syntax).getXfer();
        if (!read_dataset(f, in, error))
            return FALSE;
        lift_functional_groups(f->dataset, in->index);
        (void)f->dataset->putAndInsertString(DCM_NumberOfFrames, "1");
        OFCondition c = in->native ? insert_native(f, in) : insert_code_stream(f, in);
        return c.good() ? TRUE : fail(error, ERR_UNPROCESSABLE, "pixel data", c);
    });
    if (!good)
        g_clear_pointer(&f, dcm_frame_free);
    return f;
}

void
dcm_frame_free(dcm_frame *f)
{
    if (!f)
        return;
    (void)wrap(NULL, [&]() -> gboolean {
        delete f->dataset;
        return TRUE;
    });
    g_free(f);
}

static void
choose_window(dcm_frame *f, DicomImage &image, const dcm_view *view)
{
    Uint16 stored = 0;
    (void)f->dataset->findAndGetUint16(DCM_BitsStored, stored);
    if (view->has_window) {
        (void)image.setVoiLutFunction(view->sigmoid ? EFV_Sigmoid : EFV_Linear);
        (void)image.setWindow(view->center, view->width);
    } else if (image.getVoiLutCount() > 0) {
        (void)image.setVoiLut(0);
    } else if (image.getWindowCount() > 0) {
        (void)image.setWindow(0);
    } else if (stored > 8) {
        (void)image.setMinMaxWindow();
    }
}

/* The size that fits into the view, in proportion, not larger than the image. */
static void
fit(const DicomImage &image, const dcm_view *view, unsigned long *ret_width, unsigned long *ret_height)
{
    double width = (double)image.getWidth(), height = (double)image.getHeight(), factor = 1;
    if (view->columns)
        factor = MIN(factor, view->columns / width);
    if (view->rows)
        factor = MIN(factor, view->rows / height);
    *ret_width = MAX(1UL, (unsigned long)(width * factor + 0.5));
    *ret_height = MAX(1UL, (unsigned long)(height * factor + 0.5));
}

static gboolean
take_picture(DicomImage &image, dcm_picture *ret, GError **error)
{
    unsigned long size = image.getOutputDataSize(8);
    ret->width = (guint)image.getWidth();
    ret->height = (guint)image.getHeight();
    ret->components = image.isMonochrome() ? 1 : 3;
    if (size < (gsize)ret->width * ret->height * ret->components)
        return err_set(error, ERR_UNPROCESSABLE, "the image has no pixels");
    ret->pixels = (guint8 *)g_malloc(size);
    if (image.getOutputData(ret->pixels, size, 8, 0, 0))
        return TRUE;
    g_clear_pointer(&ret->pixels, g_free);
    return err_set(error, ERR_UNPROCESSABLE, "the image cannot be shown");
}

gboolean
dcm_frame_render(dcm_frame *f, const dcm_view *view, dcm_picture *ret, GError **error)
{
    return wrap(error, [&]() -> gboolean {
        DicomImage image(f->dataset, f->syntax, CIF_MayDetachPixelData, 0, 1);
        if (image.getStatus() != EIS_Normal)
            return err_set(error, ERR_UNPROCESSABLE, "the image cannot be decoded: %s",
                           DicomImage::getString(image.getStatus()));
        choose_window(f, image, view);
        unsigned long width, height;
        fit(image, view, &width, &height);
        if (width == image.getWidth() && height == image.getHeight())
            return take_picture(image, ret, error);
        OFunique_ptr<DicomImage> scaled(image.createScaledImage(width, height, 1, 0));
        if (!scaled || scaled->getStatus() != EIS_Normal)
            return err_set(error, ERR_UNPROCESSABLE, "the image cannot be scaled");
        return take_picture(*scaled, ret, error);
    });
}

GByteArray *
dcm_frame_decode(dcm_frame *f, GError **error)
{
    GByteArray *out = NULL;
    (void)wrap(error, [&]() -> gboolean {
        OFCondition c = f->dataset->chooseRepresentation(EXS_LittleEndianExplicit, NULL);
        DcmElement *element = NULL;
        if (c.good())
            c = f->dataset->findAndGetElement(DCM_PixelData, element);
        if (c.bad())
            return fail(error, ERR_UNPROCESSABLE, "the frame cannot be decoded", c);
        Uint8 *bytes = NULL;
        Uint16 *words = NULL;
        gboolean by_byte = element->getVR() == EVR_OB || element->ident() == EVR_OB;
        if (by_byte && element->getUint8Array(bytes).good() && bytes) {
            out = g_byte_array_new();
            g_byte_array_append(out, bytes, (guint)element->getLength());
        } else if (element->getUint16Array(words).good() && words) {
            out = g_byte_array_new();
            g_byte_array_append(out, (const guint8 *)words, (guint)element->getLength());
        }
        return out ? TRUE : err_set(error, ERR_UNPROCESSABLE, "the frame has no samples");
    });
    return out;
}

gboolean
dcm_frame_is_planar(dcm_frame *f)
{
    return wrap(NULL, [&]() -> gboolean {
        Uint16 planar = 0;
        return f->dataset->findAndGetUint16(DCM_PlanarConfiguration, planar).good() && planar == 1;
    });
}
