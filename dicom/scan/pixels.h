/* Pixel data: is it what the geometry promises, and where are its frames? Internal to dicom/scan. */
#pragma once
#include "dicom/scan/frame_table.h"
#include "dicom/scan/syntax.h"
#include "dicom/scan/walk.h"

typedef struct {
    gboolean has_rows, has_frames;
    guint32 rows, columns, samples, bits_allocated;
    gint64 frames;       /* of NumberOfFrames; meaningless unless has_frames */
    gboolean subsampled; /* YBR_FULL_422, YBR_PARTIAL_422: two samples a pixel when native */
    gboolean present;    /* top-level pixel data was met */
    gboolean wide;       /* float or double pixel data */
    walk_value native;   /* when fragments is NULL */
    GArray *fragments;   /* of frame_extent, the first is the basic offset table; NULL: native */
    walk_value eot_offsets, eot_lengths; /* extended offset table; length 0: none */
} pixels;

/** Checks, and makes the frame table (NULL when there is no pixel data: *ret_frames 0). ERR_UNPROCESSABLE
 * tells what is wrong. */
gboolean pixels_frame_table(const pixels *p, const syntax *s, const guint8 *bytes, GBytes **ret_table,
                            guint32 *ret_frames, GError **error);
