/* The HTTPS server of the hub: one libwebsockets context on the loop, with a TLS vhost (HTTP/1.1 and
 * WebSocket) and a Unix-socket vhost for the workers. Handlers see hub/http/http.h only. */
#pragma once
#include "hub/http/http.h"
#include "hub/base/config.h"

struct auth;
struct lws_protocols;
typedef struct http_server http_server;

typedef struct {
    loop *loop;
    const config *config;
    const http_route *routes; /* ends with {NULL}; searched in order, the first match wins */
    struct auth *auth;        /* NULL: only HTTP_OPEN and HTTP_LOCAL routes can be reached (tests) */
    db_pool *db;              /* for Idempotency-Key and refusal audit rows; may be NULL (tests) */
    struct hub *hub;          /* what http_hub returns */
    /* WebSocket protocols by vhost, from signaling/transport; each ends with {NULL}. NULL: none. The TLS
     * vhost upgrades at /signal only. user pointers are the protocols' own. */
    const struct lws_protocols *tls_protocols;
    const struct lws_protocols *unix_protocols;
} http_server_options;

/** Listens at once. NULL with ERR_INVALID (certificate, address, port in use). Options are copied; pointers
 * are borrowed. */
http_server *http_server_new(const http_server_options *options, GError **error);
/** Stops accepting, lets requests in flight end for at most grace_ms, then calls done (once, on the loop). */
void http_server_stop(http_server *s, guint grace_ms, void (*done)(gpointer user_data), gpointer user_data);
/** Closes all sockets, after the loop has stopped. Results that come for their requests later are dropped.
 * NULL is allowed. */
void http_server_close(http_server *s);
/** Closes if that was not done, and frees: after the database pool, whose last results still reach requests.
 * NULL is allowed. */
void http_server_free(http_server *s);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(http_server, http_server_free)

typedef struct {
    guint64 requests; /* answered, by status class 0..5 below */
    guint64 by_class[6];
    guint64 bytes_out, bytes_in;
    guint64 refused; /* connections over a cap */
    guint connections, in_flight;
    guint64 microseconds; /* summed from the end of the headers to the last byte handed to the socket */
} http_statistics;
http_statistics http_server_statistics(const http_server *s);

/** The peer's address of a WebSocket or HTTP connection of this server, as text; for signaling/transport (wsi
 * is struct lws *). */
const char *http_server_peer(http_server *s, void *wsi);
