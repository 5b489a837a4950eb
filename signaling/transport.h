/* The WebSocket connections themselves: browsers on the TLS vhost, workers on the Unix socket. */
#pragma once
#include "signaling/signaling.h"

typedef struct transport transport;
transport *transport_new(signaling *s);
void transport_free(transport *t);
const struct lws_protocols *transport_browser_protocols(transport *t);
const struct lws_protocols *transport_worker_protocols(transport *t);
/** Closes every browser's connection with code. */
void transport_close_browsers(transport *t, guint code, const char *reason);
