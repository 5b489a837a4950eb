#include "dicom/rewrite/output.h"
#include "hub/base/err.h"
#include <string.h>
#include <zlib.h>

#define TAG_ITEM 0xfffee000u
#define TAG_ITEM_END 0xfffee00du
#define TAG_SEQUENCE_END 0xfffee0ddu
#define PIECE (16 * 1024)        /* bytes of deflated output at a time */
#define DEFLATE_INPUT (1u << 30) /* bytes given to zlib at a time; its counter has 32 bits */

struct output {
    const rewrite_sink *sink;
    gboolean explicit_vr, big_endian;
    z_stream *deflating; /* NULL: bytes go out as they are */
    GError *error;
};

output *
output_new(const rewrite_sink *sink, gboolean explicit_vr, gboolean big_endian)
{
    output *o = g_new0(output, 1);
    *o = (output){.sink = sink, .explicit_vr = explicit_vr, .big_endian = big_endian};
    return o;
}

void
output_free(output *o)
{
    if (!o)
        return;
    if (o->deflating)
        deflateEnd(o->deflating);
    g_free(o->deflating);
    g_clear_error(&o->error);
    g_free(o);
}

gboolean
output_failed(const output *o)
{
    return o->error != NULL;
}

void
output_fail(output *o, GError *error)
{
    if (o->error)
        g_error_free(error);
    else
        o->error = error;
}

static void
sink_write(output *o, const guint8 *bytes, gsize length)
{
    if (!o->error && length > 0)
        o->sink->write(o->sink->data, bytes, length, &o->error);
}

/* What zlib has ready; with Z_FINISH, all of it. */
static void
drain(output *o, int flush)
{
    guint8 piece[PIECE];
    int status = Z_OK;
    do {
        o->deflating->next_out = piece;
        o->deflating->avail_out = sizeof piece;
        status = deflate(o->deflating, flush);
        sink_write(o, piece, sizeof piece - o->deflating->avail_out);
    } while (!o->error && status != Z_STREAM_END && o->deflating->avail_out == 0);
}

void
output_deflate(output *o)
{
    o->deflating = g_new0(z_stream, 1);
    if (deflateInit2(o->deflating, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) !=
        Z_OK)
        g_error("zlib is not available");
}

gboolean
output_finish(output *o, GError **error)
{
    if (o->deflating && !o->error)
        drain(o, Z_FINISH);
    if (!o->error)
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&o->error));
    return FALSE;
}

void
output_bytes(output *o, gconstpointer bytes, gsize length)
{
    const guint8 *at = bytes;
    if (!o->deflating) {
        sink_write(o, at, length);
        return;
    }
    while (length > 0 && !o->error) {
        gsize take = MIN(length, DEFLATE_INPUT);
        o->deflating->next_in = (Bytef *)(guintptr)at; /* zlib only reads it */
        o->deflating->avail_in = (uInt)take;
        drain(o, Z_NO_FLUSH);
        at += take;
        length -= take;
    }
}

static void
put_u16(const output *o, guint8 *to, guint value)
{
    to[o->big_endian ? 1 : 0] = (guint8)value;
    to[o->big_endian ? 0 : 1] = (guint8)(value >> 8);
}

static void
put_u32(const output *o, guint8 *to, guint32 value)
{
    put_u16(o, to + (o->big_endian ? 2 : 0), value & 0xffff);
    put_u16(o, to + (o->big_endian ? 0 : 2), value >> 16);
}

static void
put_tag(const output *o, guint8 *to, guint32 tag)
{
    put_u16(o, to, tag >> 16);
    put_u16(o, to + 2, tag & 0xffff);
}

/* PS3.5 table 7.1-2: those with a length of 16 bits. */
static gboolean
has_short_length(const char *vr)
{
    static const char list[] = "AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US";
    return strlen(vr) == 2 && strstr(list, vr) != NULL;
}

void
output_header(output *o, guint32 tag, const char *vr, guint32 length)
{
    guint8 head[12] = {0};
    put_tag(o, head, tag);
    if (!o->explicit_vr) {
        put_u32(o, head + 4, length);
        output_bytes(o, head, 8);
        return;
    }
    gboolean is_short = has_short_length(vr) && length <= G_MAXUINT16;
    memcpy(head + 4, has_short_length(vr) && !is_short ? "UN" : vr, 2);
    if (is_short)
        put_u16(o, head + 6, length);
    else
        put_u32(o, head + 8, length);
    output_bytes(o, head, is_short ? 8 : 12);
}

void
output_text(output *o, guint32 tag, const char *vr, const char *text)
{
    gsize length = strlen(text), padded = length + length % 2;
    if (padded > (has_short_length(vr) ? G_MAXUINT16 : OUTPUT_UNDEFINED - 1)) {
        output_fail(o, err_new(ERR_TOO_LARGE, "the text of (%04X,%04X) is too long for its VR", tag >> 16,
                               tag & 0xffff));
        return;
    }
    output_header(o, tag, vr, (guint32)padded);
    output_bytes(o, text, length);
    if (padded > length)
        output_bytes(o, strcmp(vr, "UI") ? " " : "", 1);
}

void
output_mark(output *o, guint32 tag, guint32 length)
{
    guint8 head[8];
    put_tag(o, head, tag);
    put_u32(o, head + 4, length);
    output_bytes(o, head, sizeof head);
}

void
output_items(output *o, const rewrite_element *sequence)
{
    for (guint i = 0; i < sequence->item_count; i++) {
        output_mark(o, TAG_ITEM, OUTPUT_UNDEFINED);
        for (guint n = 0; n < sequence->items[i].count; n++)
            output_element(o, &sequence->items[i].elements[n]);
        output_mark(o, TAG_ITEM_END, 0);
    }
}

void
output_element(output *o, const rewrite_element *element)
{
    if (element->text) {
        output_text(o, element->tag, element->vr, element->text);
        return;
    }
    output_header(o, element->tag, "SQ", OUTPUT_UNDEFINED);
    output_items(o, element);
    output_mark(o, TAG_SEQUENCE_END, 0);
}
