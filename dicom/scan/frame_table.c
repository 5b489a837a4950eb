/* Writer and reader of the format told in frame_table.h. The reader trusts nothing: a damaged table is an
 * error, never a read outside of it, and offsets are not checked against a file (the one who reads the file
 * does). */
#include "dicom/scan/frame_table.h"
#include "hub/base/buf.h"
#include "hub/base/err.h"

#define HEADER_BYTES 8
#define NATIVE_BYTES 24
#define VARINT_BYTES 10 /* of a 64-bit number */

static void
put_le(GByteArray *out, guint64 value, guint bytes)
{
    for (guint i = 0; i < bytes; i++) {
        guint8 byte = (guint8)(value >> (8 * i));
        g_byte_array_append(out, &byte, 1);
    }
}

static void
put_varint(GByteArray *out, guint64 value)
{
    do {
        guint8 byte = (guint8)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
        g_byte_array_append(out, &byte, 1);
        value >>= 7;
    } while (value);
}

static guint64
read_varint(buf_reader *r)
{
    guint64 value = 0;
    for (guint i = 0; i < VARINT_BYTES; i++) {
        guint8 byte = buf_u8(r);
        value |= (guint64)(byte & 0x7f) << (7 * i);
        if (!(byte & 0x80))
            return value;
    }
    r->bad = TRUE;
    return 0;
}

static GByteArray *
begin_table(frame_kind kind, guint32 frames)
{
    GByteArray *out = g_byte_array_new();
    put_le(out, 'F' | 'T' << 8 | 1 << 16 | kind << 24, 4);
    put_le(out, frames, 4);
    return out;
}

GBytes *
frame_table_native(guint32 frames, guint64 offset, guint64 frame_bytes)
{
    GByteArray *out = begin_table(FRAMES_NATIVE, frames);
    put_le(out, offset, 8);
    put_le(out, frame_bytes, 8);
    return g_byte_array_free_to_bytes(out);
}

GBytes *
frame_table_opaque(guint32 frames)
{
    return g_byte_array_free_to_bytes(begin_table(FRAMES_OPAQUE, frames));
}

GBytes *
frame_table_encapsulated(guint32 frames, const guint32 *counts, const frame_extent *extents)
{
    GByteArray *out = begin_table(FRAMES_ENCAPSULATED, frames);
    guint64 end = 0;
    for (guint32 frame = 0; frame < frames; frame++) {
        put_varint(out, counts[frame]);
        for (guint32 i = 0; i < counts[frame]; i++, extents++) {
            put_varint(out, extents->offset - end);
            put_varint(out, extents->length);
            end = extents->offset + extents->length;
        }
    }
    return g_byte_array_free_to_bytes(out);
}

static gboolean
read_header(buf_reader *r, frame_kind *ret_kind, guint32 *ret_frames)
{
    guint8 magic_f = buf_u8(r), magic_t = buf_u8(r), version = buf_u8(r), kind = buf_u8(r);
    guint32 frames = buf_le32(r);
    if (r->bad || magic_f != 'F' || magic_t != 'T' || version != 1 || frames == 0 ||
        frames > FRAME_TABLE_FRAMES_LIMIT)
        return FALSE;
    if (kind < FRAMES_NATIVE || kind > FRAMES_OPAQUE)
        return FALSE;
    *ret_kind = (frame_kind)kind;
    *ret_frames = frames;
    return TRUE;
}

gboolean
frame_table_info(const void *table, gsize length, frame_kind *ret_kind, guint32 *ret_frames)
{
    buf_reader r = buf_reader_of(table, length);
    return read_header(&r, ret_kind, ret_frames);
}

static guint64
read_le64(buf_reader *r)
{
    guint64 low = buf_le32(r);
    return low | (guint64)buf_le32(r) << 32;
}

static gboolean
find_native(buf_reader *r, guint32 frame, GArray *out)
{
    frame_extent e = {.offset = read_le64(r), .length = read_le64(r)};
    guint64 skip;
    if (r->bad || __builtin_mul_overflow(e.length, (guint64)frame, &skip) ||
        __builtin_add_overflow(e.offset, skip, &e.offset))
        return FALSE;
    g_array_append_val(out, e);
    return TRUE;
}

static gboolean
find_encapsulated(buf_reader *r, guint32 frame, GArray *out)
{
    guint64 end = 0;
    for (guint32 at = 0; at <= frame; at++) {
        guint64 count = read_varint(r);
        if (r->bad || count > buf_left(r)) /* an extent takes two bytes at least */
            return FALSE;
        for (guint64 i = 0; i < count; i++) {
            frame_extent e = {.offset = read_varint(r), .length = read_varint(r)};
            if (r->bad || __builtin_add_overflow(end, e.offset, &e.offset) ||
                __builtin_add_overflow(e.offset, e.length, &end))
                return FALSE;
            if (at == frame)
                g_array_append_val(out, e);
        }
    }
    return TRUE;
}

GArray *
frame_table_find(const void *table, gsize length, guint32 frame, GError **error)
{
    buf_reader r = buf_reader_of(table, length);
    frame_kind kind;
    guint32 frames;
    if (!read_header(&r, &kind, &frames)) {
        err_set(error, ERR_INTERNAL, "the frame table is damaged");
        return NULL;
    }
    if (frame >= frames) {
        err_set(error, ERR_NOT_FOUND, "there is no frame %u, the image has %u", frame + 1, frames);
        return NULL;
    }
    if (kind == FRAMES_OPAQUE) {
        err_set(error, ERR_UNSUPPORTED, "the frames are no ranges of the file");
        return NULL;
    }
    g_autoptr(GArray) out = g_array_new(FALSE, FALSE, sizeof(frame_extent));
    gboolean found = kind == FRAMES_NATIVE ? find_native(&r, frame, out) : find_encapsulated(&r, frame, out);
    if (!found) {
        err_set(error, ERR_INTERNAL, "the frame table is damaged");
        return NULL;
    }
    return g_steal_pointer(&out);
}
