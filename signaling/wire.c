#include "signaling/wire.h"
#include <string.h>

void
wire_outbox_init(wire_outbox *o, gsize byte_limit, guint text_limit)
{
    memset(o, 0, sizeof *o);
    g_queue_init(&o->texts);
    o->byte_limit = byte_limit;
    o->text_limit = text_limit;
}

void
wire_outbox_clear(wire_outbox *o)
{
    GByteArray *text;
    while ((text = g_queue_pop_head(&o->texts)))
        g_byte_array_unref(text);
    o->bytes = 0;
}

gboolean
wire_outbox_put(wire_outbox *o, const char *text)
{
    static const guint8 padding[LWS_PRE];
    gsize length = strlen(text);
    if (o->texts.length >= o->text_limit || o->bytes + length > o->byte_limit)
        return FALSE;
    GByteArray *framed = g_byte_array_sized_new((guint)(LWS_PRE + length));
    g_byte_array_append(framed, padding, LWS_PRE);
    g_byte_array_append(framed, (const guint8 *)text, (guint)length);
    g_queue_push_tail(&o->texts, framed);
    o->bytes += length;
    return TRUE;
}

gboolean
wire_outbox_send(wire_outbox *o, struct lws *wsi)
{
    g_autoptr(GByteArray) framed = g_queue_pop_head(&o->texts);
    if (!framed)
        return TRUE;
    gsize length = framed->len - LWS_PRE;
    o->bytes -= length;
    if (lws_write(wsi, framed->data + LWS_PRE, length, LWS_WRITE_TEXT) < (int)length)
        return FALSE;
    if (!g_queue_is_empty(&o->texts))
        lws_callback_on_writable(wsi);
    return TRUE;
}

gboolean
wire_outbox_is_empty(const wire_outbox *o)
{
    return o->texts.length == 0;
}

wire_state
wire_receive(GString *text, struct lws *wsi, const void *in, gsize length)
{
    if (lws_frame_is_binary(wsi))
        return WIRE_BINARY;
    if (text->len + length > RPC_MESSAGE_LIMIT)
        return WIRE_TOO_LARGE;
    g_string_append_len(text, in, (gssize)length);
    return lws_is_final_fragment(wsi) && lws_remaining_packet_payload(wsi) == 0 ? WIRE_COMPLETE : WIRE_MORE;
}
