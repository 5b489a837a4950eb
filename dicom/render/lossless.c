#include "dicom/render/lossless.h"
#include "hub/base/err.h"
#include <charls/charls.h>

static gint32
sample_at(const lossless_image *i, gsize at)
{
    if (i->bytes == 1)
        return i->is_signed ? (gint8)i->pixels[at] : i->pixels[at];
    guint16 value = (guint16)(i->pixels[2 * at] | i->pixels[2 * at + 1] << 8);
    return i->is_signed ? (gint16)value : value;
}

guint32
lossless_bits(const lossless_image *i, guint32 stored, gboolean keeps_sign)
{
    guint32 all = i->bytes * 8;
    if (stored == 0 || stored >= all || (i->is_signed && !keeps_sign))
        return all;
    stored = MAX(stored, 2); /* the fewest that JPEG-LS knows */
    gint32 limit = 1 << (i->is_signed ? stored - 1 : stored), low = i->is_signed ? -limit : 0;
    gsize count = (gsize)i->rows * i->columns * i->samples;
    for (gsize at = 0; at < count; at++) {
        gint32 value = sample_at(i, at);
        if (value < low || value >= limit)
            return all;
    }
    return stored;
}

static charls_jpegls_errc
encode(charls_jpegls_encoder *e, const lossless_image *i, GByteArray *out, gsize *ret_length)
{
    const charls_frame_info info = {.width = i->columns,
                                    .height = i->rows,
                                    .bits_per_sample = (int32_t)i->bits,
                                    .component_count = (int32_t)i->samples};
    gsize size = (gsize)i->rows * i->columns * i->samples * i->bytes, room = 0;
    charls_jpegls_errc c = charls_jpegls_encoder_set_frame_info(e, &info);
    if (!c && i->samples > 1)
        c = charls_jpegls_encoder_set_interleave_mode(e, CHARLS_INTERLEAVE_MODE_SAMPLE);
    if (!c)
        c = charls_jpegls_encoder_get_estimated_destination_size(e, &room);
    if (c)
        return c;
    g_byte_array_set_size(out, (guint)(room + size / 2)); /* noise grows */
    c = charls_jpegls_encoder_set_destination_buffer(e, out->data, out->len);
    if (!c)
        c = charls_jpegls_encoder_encode_from_buffer(e, i->pixels, size, 0);
    return c ? c : charls_jpegls_encoder_get_bytes_written(e, ret_length);
}

GByteArray *
lossless_jls(const lossless_image *i, GError **error)
{
    g_autoptr(GByteArray) out = g_byte_array_new();
    gsize length = 0;
    charls_jpegls_encoder *e = charls_jpegls_encoder_create();
    charls_jpegls_errc c = e ? encode(e, i, out, &length) : CHARLS_JPEGLS_ERRC_NOT_ENOUGH_MEMORY;
    charls_jpegls_encoder_destroy(e);
    if (c || length == 0 || length > out->len) {
        err_set(error, ERR_UNPROCESSABLE, "the frame cannot be written as JPEG-LS: %s",
                charls_get_error_message(c));
        return NULL;
    }
    g_byte_array_set_size(out, (guint)length);
    return g_steal_pointer(&out);
}
