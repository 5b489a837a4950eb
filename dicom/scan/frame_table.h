/* The frame table of an instance: where each frame lies in the stored file, so that a read never parses
 * DICOM. It is made once at ingest and kept in instance.frame_table; the hub and the render child read it.
 *
 * Bytes (integers little endian; varint: 7 bits a byte, low bits first, high bit set on all but the last
 * byte):
 *
 *   0  'F' 'T' 1          magic and version
 *   3  kind               frame_kind
 *   4  u32 frames         at least 1
 *   FRAMES_NATIVE:        8  u64 offset of frame 0, 16  u64 bytes of one frame; frame n is at offset + n *
 * bytes FRAMES_ENCAPSULATED:  8  per frame: varint number of extents (0: an empty frame), then per extent
 * varint gap since the end of the extent before (the first: since the start of the file), varint length. A
 * frame in several fragments has several extents: their bytes joined are the code stream. FRAMES_OPAQUE:
 * nothing more: frames are no byte ranges of the file (deflated data set, big endian samples, one-bit pixels
 * across bytes, video). Ask the dicom program (transcode.frame). */
#pragma once
#include <glib.h>

typedef enum { FRAMES_NATIVE = 1, FRAMES_ENCAPSULATED = 2, FRAMES_OPAQUE = 3 } frame_kind;

typedef struct {
    guint64 offset; /* in the stored file */
    guint64 length; /* bytes */
} frame_extent;

#define FRAME_TABLE_FRAMES_LIMIT 1000000u /* frames of one instance */

/** Kind and number of frames. FALSE: these bytes are no frame table. */
gboolean frame_table_info(const void *table, gsize length, frame_kind *ret_kind, guint32 *ret_frames);

/** The extents of frame (counted from 0) as an array of frame_extent in order; the caller unrefs it.
 * NULL with ERR_NOT_FOUND when there is no such frame, ERR_UNSUPPORTED when the table is opaque, ERR_INTERNAL
 * when broken. */
GArray *frame_table_find(const void *table, gsize length, guint32 frame, GError **error);

/* For the scanner: the three kinds written. The caller unrefs. */
GBytes *frame_table_native(guint32 frames, guint64 offset, guint64 frame_bytes);
GBytes *frame_table_opaque(guint32 frames);
/** extents: all extents of all frames in order; counts[n]: how many of them belong to frame n. */
GBytes *frame_table_encapsulated(guint32 frames, const guint32 *counts, const frame_extent *extents);
