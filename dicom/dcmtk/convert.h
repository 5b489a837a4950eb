/* A stored file as a data set in a native transfer syntax, behind a C interface. Runs in the sandbox. */
#pragma once
#include <glib.h>

G_BEGIN_DECLS

typedef struct {
    const guint8 *file; /* Part 10, that the scan has passed; with pixels: the attributes, in Explicit VR
                           Little Endian */
    gsize length;
    const char *syntax; /* wanted: UID of a native one */
    /* samples of all frames, little endian, by pixel, when DCMTK cannot decode the file's; NULL */
    const guint8 *pixels;
    gsize pixels_length;
    guint bytes_per_sample;
    const char *photometric; /* of pixels when it is not what the attributes say; NULL */
} dcm_conversion;

/** Writes the data set, without file meta information, to the descriptor output. FALSE with ERR_UNPROCESSABLE
 * (it cannot be decoded) or ERR_STORAGE. */
gboolean dcm_convert(const dcm_conversion *c, int output, gsize *ret_bytes, GError **error);

G_END_DECLS
