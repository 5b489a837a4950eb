#include "dicom/render/frame_source.h"
#include "dicom/scan/pixels.h"
#include "dicom/scan/scan.h"
#include "hub/base/err.h"
#include <string.h>

#define TAG_PIXEL_DATA 0x7fe00010u

typedef struct {
    pixels p;
    guint32 bits_stored;
    gboolean is_signed, planar;
    gsize value_offset; /* of the pixel data element's value or first item */
} finder;

static void
take_frames(finder *f, const walk_value *v)
{
    g_autofree char *text = g_strndup((const char *)v->bytes, MIN(v->length, 16));
    g_strstrip(text);
    f->p.has_frames = text[0] != '\0';
    f->p.frames = g_ascii_strtoll(text, NULL, 10);
}

static gboolean
find_value(gpointer data, const walk_value *v, GError **error)
{
    finder *f = data;
    (void)error;
    if (v->depth > 0)
        return TRUE;
    switch (v->tag) {
    case 0x00280002:
        f->p.samples = v->length >= 2 ? walk_u16(v, 0) : 1;
        break;
    case 0x00280004:
        f->p.subsampled = g_strstr_len((const char *)v->bytes, (gssize)v->length, "_422") != NULL;
        break;
    case 0x00280008:
        take_frames(f, v);
        break;
    case 0x00280010:
        f->p.has_rows = TRUE;
        f->p.rows = v->length >= 2 ? walk_u16(v, 0) : 0;
        break;
    case 0x00280011:
        f->p.columns = v->length >= 2 ? walk_u16(v, 0) : 0;
        break;
    case 0x00280100:
        f->p.bits_allocated = v->length >= 2 ? walk_u16(v, 0) : 0;
        break;
    case 0x00280006:
        f->planar = v->length >= 2 && walk_u16(v, 0) == 1;
        break;
    case 0x00280101:
        f->bits_stored = v->length >= 2 ? walk_u16(v, 0) : 0;
        break;
    case 0x00280103:
        f->is_signed = v->length >= 2 && walk_u16(v, 0) == 1;
        break;
    case 0x7fe00001:
        f->p.eot_offsets = *v;
        break;
    case TAG_PIXEL_DATA:
        f->p.present = TRUE;
        f->p.native = *v;
        f->value_offset = v->offset;
        break;
    default:
        break;
    }
    return TRUE;
}

static gboolean
find_fragments(gpointer data, const walk_value *v, const GArray *extents, GError **error)
{
    finder *f = data;
    (void)error;
    if (v->depth > 0)
        return TRUE;
    f->p.present = TRUE;
    f->value_offset = v->offset;
    f->p.fragments = g_array_sized_new(FALSE, FALSE, sizeof(frame_extent), extents->len);
    g_array_append_vals(f->p.fragments, extents->data, extents->len);
    return TRUE;
}

static const walk_visitor finding = {.value = find_value, .fragments = find_fragments};

static void
append_extents(GByteArray *out, const guint8 *bytes, const GArray *extents)
{
    for (guint i = 0; i < extents->len; i++) {
        const frame_extent *e = &g_array_index(extents, frame_extent, i);
        g_byte_array_append(out, bytes + e->offset, (guint)e->length);
    }
}

static void
append_bits(GByteArray *out, const guint8 *bytes, guint64 first, guint64 count)
{
    for (guint64 at = 0; at < count; at += 8) {
        guint8 byte = 0;
        for (guint bit = 0; bit < 8 && at + bit < count; bit++) {
            guint64 n = first + at + bit;
            byte |= (guint8)((bytes[n / 8] >> n % 8 & 1) << bit);
        }
        g_byte_array_append(out, &byte, 1);
    }
}

/* Native samples without a frame table: deflated, big endian, one bit. pixels_frame_table has checked the
 * length. */
static void
append_native(frame_source *s, const pixels *p, guint32 frame)
{
    guint64 samples = (guint64)p->rows * p->columns * (p->subsampled && p->samples == 3 ? 2 : p->samples);
    guint64 bits = samples * p->bits_allocated;
    const guint8 *bytes = p->native.bytes;
    if (bits % 8 != 0) {
        append_bits(s->frame, bytes, bits * frame, bits);
        return;
    }
    g_byte_array_append(s->frame, bytes + bits / 8 * frame, (guint)(bits / 8));
    gsize word = p->bits_allocated / 8;
    for (gsize i = 0; p->native.big_endian && word > 1 && i + word <= s->frame->len; i += word)
        for (gsize b = 0; b < word / 2; b++) {
            guint8 swap = s->frame->data[i + b];
            s->frame->data[i + b] = s->frame->data[i + word - 1 - b];
            s->frame->data[i + word - 1 - b] = swap;
        }
}

static gboolean
take_frame(frame_source *s, const finder *f, const guint8 *bytes, guint32 frame, GError **error)
{
    guint32 frames;
    g_autoptr(GBytes) table = NULL;
    if (!pixels_frame_table(&f->p, s->transfer_syntax, bytes, &table, &frames, error))
        return FALSE;
    if (!table)
        return err_set(error, ERR_UNSUPPORTED, "the instance has no pixel data that can be shown");
    if (frame >= frames)
        return err_set(error, ERR_NOT_FOUND, "there is no frame %u, the image has %u", frame + 1, frames);
    guint64 decoded = (guint64)f->p.rows * f->p.columns * f->p.samples * MAX(f->p.bits_allocated, 8) / 8;
    if (decoded > FRAME_BYTES_LIMIT)
        return err_set(error, ERR_TOO_LARGE, "a frame is larger than %u bytes", FRAME_BYTES_LIMIT);
    s->frames = frames;
    s->frame = g_byte_array_new();
    g_autoptr(GArray) extents =
        frame_table_find(g_bytes_get_data(table, NULL), g_bytes_get_size(table), frame, NULL);
    if (extents)
        append_extents(s->frame, bytes, extents);
    else if (s->transfer_syntax->encapsulation == SYNTAX_NATIVE)
        append_native(s, &f->p, frame);
    else
        return err_set(error, ERR_UNSUPPORTED, "video is played, not shown frame by frame");
    return TRUE;
}

gboolean
frame_source_open(frame_source *ret, const guint8 *bytes, gsize length, guint32 frame, GError **error)
{
    g_auto(frame_source) s = {0};
    walk_input input;
    finder f = {.p = {.samples = 1}};
    if (!scan_begin(bytes, length, &input, &s.transfer_syntax, &s.inflated, error))
        return FALSE;
    g_autoptr(GArray) fragments = NULL;
    gboolean walked = walk_dataset(&input, &finding, &f, error);
    fragments = f.p.fragments;
    if (!walked || !take_frame(&s, &f, input.bytes, frame, error))
        return FALSE;
    s.dataset = input.bytes + input.start;
    s.dataset_length = f.value_offset - (input.explicit_vr ? 12 : 8) - input.start;
    s.rows = f.p.rows;
    s.columns = f.p.columns;
    s.samples = f.p.samples;
    s.bits_allocated = f.p.bits_allocated;
    s.bits_stored = f.bits_stored;
    s.is_signed = f.is_signed;
    s.planar = f.planar;
    s.subsampled = f.p.subsampled;
    *ret = s;
    memset(&s, 0, sizeof s);
    return TRUE;
}

void
frame_source_clear(frame_source *s)
{
    g_clear_pointer(&s->inflated, g_byte_array_unref);
    g_clear_pointer(&s->frame, g_byte_array_unref);
}
