/* A cursor over bytes from strangers. Reads past the end give zero and set `bad`, so that a parser reads a
 * whole structure and checks once. Nothing is copied; the bytes must outlive the cursor. */
#pragma once
#include <glib.h>

typedef struct {
    const guint8 *at;
    const guint8 *end;
    gboolean bad; /* a read went past the end; stays set */
} buf_reader;

buf_reader buf_reader_of(const void *bytes, gsize length);
gsize buf_left(const buf_reader *r);
guint8 buf_u8(buf_reader *r);
guint16 buf_be16(buf_reader *r);
guint32 buf_be24(buf_reader *r);
guint32 buf_be32(buf_reader *r);
guint64 buf_be64(buf_reader *r);
guint16 buf_le16(buf_reader *r);
guint32 buf_le32(buf_reader *r);
/** length bytes in place, or NULL (and bad) when fewer are left. */
const guint8 *buf_bytes(buf_reader *r, gsize length);
gboolean buf_skip(buf_reader *r, gsize length);
/** A cursor over the next length bytes, which this one passes over; bad when fewer are left. */
buf_reader buf_sub(buf_reader *r, gsize length);

/* The counterpart for writing into a fixed area; a write past the end changes nothing and sets `bad`. */
typedef struct {
    guint8 *start;
    guint8 *at;
    guint8 *end;
    gboolean bad;
} buf_writer;

buf_writer buf_writer_of(void *area, gsize size);
gsize buf_written(const buf_writer *w);
void buf_put_u8(buf_writer *w, guint8 v);
void buf_put_be16(buf_writer *w, guint16 v);
void buf_put_be24(buf_writer *w, guint32 v);
void buf_put_be32(buf_writer *w, guint32 v);
void buf_put_be64(buf_writer *w, guint64 v);
void buf_put_bytes(buf_writer *w, const void *bytes, gsize length);
