/* Samples to code streams without loss, for thin links. Runs in the sandbox. */
#pragma once
#include <glib.h>

G_BEGIN_DECLS

typedef struct {
    const guint8 *pixels; /* interleaved, little endian; rows × columns × samples × bytes */
    guint32 rows, columns, samples;
    guint32 bytes; /* of a sample: 1 or 2 */
    guint32 bits;  /* that hold every sample, from lossless_bits */
    gboolean is_signed;
} lossless_image;

/** The bits to code: stored when every sample fits into them, else all of them. JPEG-LS knows no sign, so that
 * a decoder would lose it below full width: is_signed is answered with all. */
guint32 lossless_bits(const lossless_image *image, guint32 stored, gboolean keeps_sign);
/** JPEG-LS (ISO 14495-1), near-lossless parameter 0; the samples' bytes as unsigned numbers. Caller unrefs. */
GByteArray *lossless_jls(const lossless_image *image, GError **error);
/** HTJ2K (ISO 15444-15), reversible, resolution first, without a component transform. Caller unrefs. */
GByteArray *lossless_jph(const lossless_image *image, GError **error);

G_END_DECLS
