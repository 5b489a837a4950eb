/* JPEG 2000 (ISO 15444-1) and HTJ2K (15444-15) code streams to samples, by openjp2. Runs in the sandbox. */
#pragma once
#include <glib.h>

typedef struct {
    guint32 rows, columns, components;
    guint32 bytes;               /* of a sample: 1, 2 or 4 */
    gboolean colour_transformed; /* the components were decorrelated and are RGB now */
    GByteArray *samples;         /* interleaved, little endian */
} j2k_image;

gboolean j2k_decode(const guint8 *bytes, gsize length, guint32 rows, guint32 columns, j2k_image *ret,
                    GError **error);
void j2k_image_clear(j2k_image *i);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(j2k_image, j2k_image_clear)
