#include "hub/base/buf.h"
#include <string.h>

buf_reader
buf_reader_of(const void *bytes, gsize length)
{
    const guint8 *start = bytes;
    return (buf_reader){.at = start, .end = start + length};
}

gsize
buf_left(const buf_reader *r)
{
    return (gsize)(r->end - r->at);
}

const guint8 *
buf_bytes(buf_reader *r, gsize length)
{
    if (r->bad || buf_left(r) < length) {
        r->bad = TRUE;
        return NULL;
    }
    const guint8 *here = r->at;
    r->at += length;
    return here;
}

gboolean
buf_skip(buf_reader *r, gsize length)
{
    return buf_bytes(r, length) != NULL;
}

buf_reader
buf_sub(buf_reader *r, gsize length)
{
    const guint8 *here = buf_bytes(r, length);
    if (!here)
        return (buf_reader){.bad = TRUE};
    return buf_reader_of(here, length);
}

static guint64
read_be(buf_reader *r, gsize length)
{
    const guint8 *b = buf_bytes(r, length);
    guint64 v = 0;
    for (gsize i = 0; b && i < length; i++)
        v = v << 8 | b[i];
    return v;
}

static guint64
read_le(buf_reader *r, gsize length)
{
    const guint8 *b = buf_bytes(r, length);
    guint64 v = 0;
    for (gsize i = length; b && i > 0; i--)
        v = v << 8 | b[i - 1];
    return v;
}

guint8
buf_u8(buf_reader *r)
{
    return (guint8)read_be(r, 1);
}

guint16
buf_be16(buf_reader *r)
{
    return (guint16)read_be(r, 2);
}

guint32
buf_be24(buf_reader *r)
{
    return (guint32)read_be(r, 3);
}

guint32
buf_be32(buf_reader *r)
{
    return (guint32)read_be(r, 4);
}

guint64
buf_be64(buf_reader *r)
{
    return read_be(r, 8);
}

guint16
buf_le16(buf_reader *r)
{
    return (guint16)read_le(r, 2);
}

guint32
buf_le32(buf_reader *r)
{
    return (guint32)read_le(r, 4);
}

buf_writer
buf_writer_of(void *area, gsize size)
{
    guint8 *start = area;
    return (buf_writer){.start = start, .at = start, .end = start + size};
}

gsize
buf_written(const buf_writer *w)
{
    return (gsize)(w->at - w->start);
}

void
buf_put_bytes(buf_writer *w, const void *bytes, gsize length)
{
    if (w->bad || (gsize)(w->end - w->at) < length) {
        w->bad = TRUE;
        return;
    }
    if (length)
        memcpy(w->at, bytes, length);
    w->at += length;
}

static void
put_be(buf_writer *w, guint64 v, gsize length)
{
    guint8 b[8];
    for (gsize i = 0; i < length; i++)
        b[i] = (guint8)(v >> (8 * (length - 1 - i)));
    buf_put_bytes(w, b, length);
}

void
buf_put_u8(buf_writer *w, guint8 v)
{
    put_be(w, v, 1);
}

void
buf_put_be16(buf_writer *w, guint16 v)
{
    put_be(w, v, 2);
}

void
buf_put_be24(buf_writer *w, guint32 v)
{
    put_be(w, v, 3);
}

void
buf_put_be32(buf_writer *w, guint32 v)
{
    put_be(w, v, 4);
}

void
buf_put_be64(buf_writer *w, guint64 v)
{
    put_be(w, v, 8);
}
