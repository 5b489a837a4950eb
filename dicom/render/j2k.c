#include "dicom/render/j2k.h"
#include "hub/base/err.h"
#include <openjpeg.h>
#include <string.h>

typedef struct {
    const guint8 *bytes;
    gsize length, at;
} memory;

static OPJ_SIZE_T
on_read(void *buffer, OPJ_SIZE_T count, void *data)
{
    memory *m = data;
    if (m->at >= m->length)
        return (OPJ_SIZE_T)-1;
    count = MIN(count, m->length - m->at);
    memcpy(buffer, m->bytes + m->at, count);
    m->at += count;
    return count;
}

static OPJ_OFF_T
on_skip(OPJ_OFF_T count, void *data)
{
    memory *m = data;
    if (count < 0 || (gsize)count > m->length - m->at)
        return -1;
    m->at += (gsize)count;
    return count;
}

static OPJ_BOOL
on_seek(OPJ_OFF_T to, void *data)
{
    memory *m = data;
    if (to < 0 || (gsize)to > m->length)
        return OPJ_FALSE;
    m->at = (gsize)to;
    return OPJ_TRUE;
}

static opj_image_t *
decode_image(memory *m, guint32 rows, guint32 columns)
{
    opj_stream_t *stream = opj_stream_create(MAX(m->length, 64), OPJ_TRUE);
    opj_stream_set_user_data(stream, m, NULL);
    opj_stream_set_user_data_length(stream, m->length);
    opj_stream_set_read_function(stream, on_read);
    opj_stream_set_skip_function(stream, on_skip);
    opj_stream_set_seek_function(stream, on_seek);
    opj_codec_t *codec = opj_create_decompress(OPJ_CODEC_J2K);
    opj_dparameters_t parameters;
    opj_set_default_decoder_parameters(&parameters);
    opj_image_t *image = NULL;
    gboolean good = opj_setup_decoder(codec, &parameters) && opj_read_header(stream, codec, &image);
    /* the size is checked before anything of that size is allocated */
    good = good && image->x1 - image->x0 == columns && image->y1 - image->y0 == rows &&
           image->numcomps >= 1 && image->numcomps <= 4;
    good = good && opj_decode(codec, stream, image) && opj_end_decompress(codec, stream);
    opj_destroy_codec(codec);
    opj_stream_destroy(stream);
    if (!good && image) {
        opj_image_destroy(image);
        return NULL;
    }
    return good ? image : NULL;
}

static gboolean
components_agree(const opj_image_t *image)
{
    for (guint32 c = 0; c < image->numcomps; c++) {
        const opj_image_comp_t *comp = &image->comps[c];
        if (!comp->data || comp->w != image->comps[0].w || comp->h != image->comps[0].h || comp->prec > 32 ||
            comp->prec != image->comps[0].prec)
            return FALSE;
    }
    return TRUE;
}

static void
interleave(const opj_image_t *image, j2k_image *out)
{
    gsize pixels = (gsize)image->comps[0].w * image->comps[0].h, n = image->numcomps;
    g_byte_array_set_size(out->samples, (guint)(pixels * n * out->bytes));
    guint8 *to = out->samples->data;
    for (gsize i = 0; i < pixels; i++)
        for (gsize c = 0; c < n; c++) {
            guint32 value = (guint32)image->comps[c].data[i];
            for (guint b = 0; b < out->bytes; b++)
                *to++ = (guint8)(value >> 8 * b);
        }
}

/* SGcod of the COD marker (15444-1 A.6.1): was a component transform used? */
static gboolean
uses_transform(const guint8 *bytes, gsize length)
{
    for (gsize i = 2; i + 9 < length && i < 4096;) {
        if (bytes[i] != 0xff || bytes[i + 1] == 0x90)
            return FALSE;
        if (bytes[i + 1] == 0x52)
            return bytes[i + 8] == 1;
        i += 2u + (gsize)(bytes[i + 2] << 8 | bytes[i + 3]);
    }
    return FALSE;
}

gboolean
j2k_decode(const guint8 *bytes, gsize length, guint32 rows, guint32 columns, j2k_image *ret, GError **error)
{
    memory m = {.bytes = bytes, .length = length};
    opj_image_t *image = decode_image(&m, rows, columns);
    if (!image)
        return err_set(error, ERR_UNPROCESSABLE, "the JPEG 2000 code stream is damaged or of another size");
    gboolean good = components_agree(image) && image->comps[0].w == columns && image->comps[0].h == rows;
    if (good) {
        guint32 bits = image->comps[0].prec;
        *ret = (j2k_image){.rows = rows,
                           .columns = columns,
                           .components = image->numcomps,
                           .bytes = bits <= 8    ? 1
                                    : bits <= 16 ? 2
                                                 : 4,
                           .colour_transformed = image->numcomps == 3 && uses_transform(bytes, length),
                           .samples = g_byte_array_new()};
        interleave(image, ret);
    }
    opj_image_destroy(image);
    return good || err_set(error, ERR_UNPROCESSABLE, "the JPEG 2000 components differ in size");
}

void
j2k_image_clear(j2k_image *i)
{
    g_clear_pointer(&i->samples, g_byte_array_unref);
}
