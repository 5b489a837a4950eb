/* Frames among fragments (PS3.5 A.4): one fragment a frame is nearly everything that exists. Otherwise the
 * offset tables are asked, and believed only if every offset is the beginning of a fragment, in order, one
 * for each frame; otherwise a new frame begins where a fragment begins like a code stream. */
#include "dicom/scan/pixels.h"
#include "hub/base/err.h"
#include <string.h>

#define ITEM_HEADER 8

static gboolean
wrong(GError **error, const char *what)
{
    return err_set(error, ERR_UNPROCESSABLE, "pixel data: %s", what);
}

static gboolean
check_geometry(const pixels *p, guint32 *ret_frames, GError **error)
{
    if (!p->has_rows || p->rows == 0 || p->columns == 0)
        return wrong(error, "no rows or columns");
    if (p->samples < 1 || p->samples > 4)
        return wrong(error, "samples per pixel out of range");
    guint32 bits = p->bits_allocated;
    if (bits != 1 && bits != 8 && bits != 16 && bits != 32 && bits != 64)
        return wrong(error, "bits allocated out of range");
    if (p->has_frames && (p->frames < 1 || p->frames > FRAME_TABLE_FRAMES_LIMIT))
        return wrong(error, "number of frames out of range");
    *ret_frames = p->has_frames ? (guint32)p->frames : 1;
    return TRUE;
}

static gboolean
native_table(const pixels *p, const syntax *s, guint32 frames, GBytes **ret_table, GError **error)
{
    guint64 samples = (guint64)p->rows * p->columns; /* 16 bits each: no overflow up to here */
    samples *= p->subsampled && p->samples == 3 ? 2 : p->samples;
    guint64 frame_bits, all_bits;
    if (__builtin_mul_overflow(samples, (guint64)p->bits_allocated, &frame_bits) ||
        __builtin_mul_overflow(frame_bits, (guint64)frames, &all_bits))
        return wrong(error, "more than can be counted");
    if ((all_bits + 7) / 8 > p->native.length)
        return wrong(error, "shorter than rows, columns and frames say");
    gboolean swapped = s->big_endian && p->bits_allocated > 8;
    if (s->deflated || swapped || frame_bits % 8 != 0)
        *ret_table = frame_table_opaque(frames);
    else
        *ret_table = frame_table_native(frames, p->native.offset, frame_bits / 8);
    return TRUE;
}

typedef struct {
    const frame_extent *fragments; /* without the offset table */
    guint count;
    guint32 frames;
    guint32 *counts; /* fragments of each frame, to be found */
} division;

/* Does offset, from the first fragment's item tag, begin fragment i? */
static gboolean
begins(const division *d, guint i, guint64 offset)
{
    return d->fragments[i].offset - d->fragments[0].offset == offset;
}

/* Divides by a table of offsets; next(table, n) gives the nth. */
static gboolean
divide_by_offsets(division *d, const walk_value *table, guint64 (*next)(const walk_value *, guint32))
{
    guint fragment = 0;
    memset(d->counts, 0, d->frames * sizeof *d->counts);
    for (guint32 frame = 0; frame < d->frames; frame++) {
        if (fragment >= d->count || !begins(d, fragment, next(table, frame)))
            return FALSE;
        gboolean last = frame + 1 == d->frames;
        do {
            fragment++;
            d->counts[frame]++;
        } while (fragment < d->count && (last || !begins(d, fragment, next(table, frame + 1))));
    }
    return fragment == d->count;
}

static guint64
next_basic(const walk_value *table, guint32 n)
{
    return walk_u32(table, n);
}

static guint64
next_extended(const walk_value *table, guint32 n)
{
    return walk_u64(table, n);
}

static gboolean
begins_code_stream(const guint8 *bytes, const frame_extent *e, syntax_encapsulation kind)
{
    static const guint8 jpeg[] = {0xff, 0xd8, 0xff}, j2k[] = {0xff, 0x4f, 0xff, 0x51};
    const guint8 *want = kind == SYNTAX_J2K ? j2k : jpeg;
    gsize length = kind == SYNTAX_J2K ? sizeof j2k : sizeof jpeg;
    return e->length >= length && !memcmp(bytes + e->offset, want, length);
}

static gboolean
divide_by_code_streams(division *d, const guint8 *bytes, syntax_encapsulation kind)
{
    if (kind != SYNTAX_JPEG && kind != SYNTAX_J2K)
        return FALSE;
    gint64 frame = -1;
    memset(d->counts, 0, d->frames * sizeof *d->counts);
    for (guint i = 0; i < d->count; i++) {
        frame += begins_code_stream(bytes, &d->fragments[i], kind);
        if (frame < 0 || frame >= d->frames)
            return FALSE;
        d->counts[frame]++;
    }
    return frame + 1 == d->frames;
}

static gboolean
divide(const pixels *p, const syntax *s, const guint8 *bytes, division *d)
{
    const frame_extent *bot = &g_array_index(p->fragments, frame_extent, 0);
    walk_value basic = {.bytes = bytes + bot->offset, .length = bot->length};
    if (d->frames == 1) {
        d->counts[0] = d->count;
        return TRUE;
    }
    if (d->frames == d->count) {
        for (guint32 i = 0; i < d->frames; i++)
            d->counts[i] = 1;
        return TRUE;
    }
    if (p->eot_offsets.length / 8 == d->frames && divide_by_offsets(d, &p->eot_offsets, next_extended))
        return TRUE;
    if (basic.length / 4 == d->frames && divide_by_offsets(d, &basic, next_basic))
        return TRUE;
    return divide_by_code_streams(d, bytes, s->encapsulation);
}

static gboolean
encapsulated_table(const pixels *p, const syntax *s, const guint8 *bytes, guint32 frames, GBytes **ret_table,
                   GError **error)
{
    if (p->fragments->len < 2)
        return wrong(error, "no fragments");
    if (s->encapsulation == SYNTAX_VIDEO) {
        *ret_table = frame_table_opaque(frames);
        return TRUE;
    }
    division d = {.fragments = &g_array_index(p->fragments, frame_extent, 1),
                  .count = p->fragments->len - 1,
                  .frames = frames};
    if (frames > d.count)
        return wrong(error, "fewer fragments than frames");
    g_autofree guint32 *counts = g_new0(guint32, frames);
    d.counts = counts;
    if (!divide(p, s, bytes, &d))
        return wrong(error, "the fragments cannot be divided into frames");
    *ret_table = frame_table_encapsulated(frames, counts, d.fragments);
    return TRUE;
}

gboolean
pixels_frame_table(const pixels *p, const syntax *s, const guint8 *bytes, GBytes **ret_table,
                   guint32 *ret_frames, GError **error)
{
    *ret_table = NULL;
    *ret_frames = 0;
    if (!p->present)
        return TRUE;
    guint32 frames;
    if (!check_geometry(p, &frames, error))
        return FALSE;
    gboolean encapsulated = s->encapsulation != SYNTAX_NATIVE;
    if (encapsulated != (p->fragments != NULL))
        return wrong(error, encapsulated ? "native in a compressed transfer syntax"
                                         : "compressed in a native transfer syntax");
    gboolean good = encapsulated ? encapsulated_table(p, s, bytes, frames, ret_table, error)
                                 : native_table(p, s, frames, ret_table, error);
    if (good)
        *ret_frames = frames;
    return good;
}
