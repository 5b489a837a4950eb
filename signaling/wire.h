/* What both ends of a WebSocket do with bytes: a bounded queue of texts to send, and pieces put together to one
 * message. The only users are client.c and transport.c; libwebsockets is not seen above them. */
#pragma once
#include "signaling/rpc.h"
#include <libwebsockets.h>

typedef struct {
    GQueue texts; /* GByteArray with LWS_PRE bytes in front */
    gsize bytes;
    gsize byte_limit;
    guint text_limit;
} wire_outbox;

void wire_outbox_init(wire_outbox *o, gsize byte_limit, guint text_limit);
void wire_outbox_clear(wire_outbox *o);
/** FALSE: the queue is full (the text is not queued). The caller asks for the writeable callback. */
gboolean wire_outbox_put(wire_outbox *o, const char *text);
/** From the writeable callback: sends one text; asks for the callback again when more is left. FALSE: close. */
gboolean wire_outbox_send(wire_outbox *o, struct lws *wsi);
gboolean wire_outbox_is_empty(const wire_outbox *o);

typedef enum { WIRE_MORE, WIRE_COMPLETE, WIRE_TOO_LARGE, WIRE_BINARY } wire_state;
/** From the receive callback: adds a piece to text. After WIRE_COMPLETE the caller takes the text and empties it. */
wire_state wire_receive(GString *text, struct lws *wsi, const void *in, gsize length);
