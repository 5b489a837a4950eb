/* One frame taken out of a stored file: the attributes before the pixel data and the bytes of the frame, so
 * that a decoder never sees more than one frame. Runs in the sandbox. */
#pragma once
#include "dicom/scan/syntax.h"
#include <glib.h>

#define FRAME_BYTES_LIMIT (512u * 1024 * 1024) /* of one frame, decoded */

typedef struct {
    const syntax *transfer_syntax;
    const guint8 *dataset; /* borrowed from the file, or from inflated */
    gsize dataset_length;
    GByteArray *inflated;
    guint32 frames; /* of the image */
    guint32 rows, columns, samples, bits_allocated;
    guint32 bits_stored;
    gboolean is_signed, planar; /* planar: native samples component by component */
    gboolean subsampled; /* YBR_FULL_422, native */
    GByteArray *frame;   /* the code stream, or native samples, little endian, beginning at a byte */
} frame_source;

/** frame counts from 0. ERR_NOT_FOUND: no such frame; ERR_UNSUPPORTED: video, no pixel data; ERR_TOO_LARGE.
 * bytes must outlive it. */
gboolean frame_source_open(frame_source *ret, const guint8 *bytes, gsize length, guint32 frame,
                           GError **error);
void frame_source_clear(frame_source *s);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(frame_source, frame_source_clear)
