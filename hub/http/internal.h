/* What the files of hub/http share. Nothing outside of hub/http includes this. */
#pragma once
#include "hub/http/chunked.h"
#include "hub/http/http.h"
#include "hub/http/server.h"
#include "hub/auth/auth.h"
#include <libwebsockets.h>

#define HTTP_HEADER_LIMIT (16 * 1024) /* more is 431 */
#define HTTP_HEADER_AREA (48 * 1024)  /* what libwebsockets keeps; beyond, the connection is dropped */
#define HTTP_CHUNKED_LIMIT (100 * 1024 * 1024) /* libwebsockets ends a body without length here */
#define HTTP_WRITE_SIZE (64 * 1024)            /* one write, one TLS record run */
#define HTTP_WRITES 4                          /* of them, before others have their turn */
#define HTTP_READ_SIZE (16 * 1024)
#define HTTP_DISCARD_LIMIT (1024 * 1024) /* bytes of a refused body read so that the answer arrives */
#define HTTP_QUERY_LIMIT 64              /* parameters */
#define HTTP_KEEPALIVE_SECONDS 65
#define HTTP_SILENCE_SECONDS 20    /* handshake, headers, or a body that sends nothing */
#define HTTP_STALL_SECONDS 120     /* a client that takes nothing of its answer */
#define HTTP_BODY_GRACE_SECONDS 10 /* before body-rate is looked at */

enum {
#define HEADER(id, name, token) HEADER_##id,
#include "hub/http/headers.def"
#undef HEADER
    HEADER_COUNT
};

typedef enum {
    BODY_NONE, /* none announced, or read to its end and taken */
    BODY_READING,
    BODY_ENDED,   /* complete; waits for the handler */
    BODY_DISCARD, /* refused: read and dropped, up to HTTP_DISCARD_LIMIT */
} body_state;

struct body {
    body_state state;
    gboolean chunked;
    guint64 declared;  /* Content-Length */
    guint64 received;  /* framed bytes seen */
    gint64 started_us; /* when reading began; paused time is added */
    gint64 paused_us;  /* since when paused, 0: not */
    chunked_decoder decoder;
    GByteArray *memory;   /* in-memory body, or bytes that came while paused */
    gboolean ended_early; /* the end came while paused: told at resume */
    const http_body_sink *sink;
    gpointer sink_data;
};

struct connection {
    GList link; /* in http_server.connections */
    http_server *server;
    struct lws *wsi;
    http_request *request; /* the one in flight (owned reference), NULL between requests */
    char address[64];
    gboolean counted;      /* in http_server.addresses */
    guint64 wire_mark;     /* bytes read from the socket when the last request ended */
    gboolean receive_mark; /* SO_RCVLOWAT is raised, against a client that pipelines */
};

struct http_server {
    http_server_options options;
    struct lws_context *lws;
    struct lws_vhost *tls;
    struct lws_protocols tls_protocols[4], unix_protocols[4];
    GList *connections;    /* struct connection.link */
    GHashTable *addresses; /* address (owned) -> GUINT count */
    guint limit, limit_per_address, body_rate;
    char **cors_origins; /* NULL-terminated */
    char *default_host;  /* "host:port" */
    loop_timer *sweep;   /* once a second over connections */
    guint8 *out;         /* LWS_PRE + HTTP_WRITE_SIZE */
    gboolean stopping;
    gint64 stop_by_us;
    void (*stopped)(gpointer);
    gpointer stopped_data;
    http_statistics statistics;
};

struct http_request {
    gint refs;
    http_server *server;
    struct connection *connection; /* NULL: the client has gone */
    char id[37];
    const char *method; /* static */
    char *path;
    char *headers[HEADER_COUNT];
    GPtrArray *query; /* name, value, name, value … (owned) */
    const http_route *route;
    GPtrArray *params; /* name, value … (owned) */
    char *base_url;
    char *origin_allowed; /* CORS: echoed */
    struct identity *who;
    db_actor actor;
    struct body body;
    GBytes *whole;       /* the in-memory body */
    gboolean dispatched; /* the handler has run */
    gboolean identified; /* identity is decided, the body may end */
    gboolean head, close;
    gboolean held; /* reading is off while the handler takes long; until the reply starts */
    char *idempotency_hash; /* of method, path and body; set while a key is in use */
    gint64 started_us;
    gint64 waiting_us; /* since when nothing moved, for the sweep */
    /* reply */
    GString *reply_headers; /* handler's, each line ended by CRLF */
    gboolean has_cache_control, has_etag;
    char *reply_etag;
    guint status;        /* 0: not replied yet */
    GString *reply_head; /* status line and headers, until written */
    http_parts *parts;   /* NULL: no body */
    guint64 left;        /* of parts */
    gboolean written;    /* all is with libwebsockets */
};

/* request.c */
http_request *request_new(struct connection *c, const char *method, char *path);
/** Takes headers and query from libwebsockets; FALSE: over a limit (HEADERS) or malformed (INVALID). */
gboolean request_take(http_request *r, struct lws *wsi, GError **error);
const char *request_header(const http_request *r, guint header);

/* router.c */
const http_route *route_find(const http_route *routes, const char *method, const char *path,
                             GPtrArray **ret_params, char **ret_allow);
void request_begin(http_request *r); /* routing, identity; then body */
void request_ready(http_request *r); /* identity and body are there: run the handler */
void request_identify(http_request *r);

/* body.c */
gboolean body_begin(http_request *r); /* FALSE: replied already */
/** Framed bytes from the socket. FALSE: close the connection. */
gboolean body_bytes(http_request *r, const guint8 *bytes, gsize length);
void body_framing_end(http_request *r); /* libwebsockets counted to the end */
void body_abort(http_request *r);
void body_clear(struct body *b);
gboolean body_too_slow(const http_request *r, gint64 now_us);

/* reply.c */
/** Fills the area with the next bytes of the reply; -1: a file failed, close. */
gssize reply_fill(http_request *r, guint8 *area, gsize size);
gboolean reply_is_done(const http_request *r);
/** bytes (may be NULL) stay the caller's. */
void reply_send(http_request *r, guint status, const char *content_type, GBytes *bytes, gboolean rangeable);
void reply_start(http_request *r);

/* parts.c */
guint64 parts_length(const http_parts *p);
gboolean parts_open_first(http_parts *p, GError **error);
gssize parts_read(http_parts *p, guint8 *area, gsize size);
void parts_cut(http_parts *p, guint64 offset, guint64 length);
void parts_add_fd(http_parts *p, int fd, guint64 offset, guint64 length);

/* cors.c */
void cors_request(http_request *r);
void cors_preflight(http_request *r, const char *allow);

/* idempotency.c: TRUE when the handler is not to run now (it will be, or the stored answer was given). */
gboolean idempotency_begin(http_request *r);
/** TRUE: the answer is being kept and will be sent by reply_send when that is done. */
gboolean idempotency_holds(http_request *r, guint status, const char *content_type, GBytes *body, gboolean rangeable);

/* server.c */
void connection_wake(http_request *r); /* there is something to write */
void connection_pause(http_request *r, gboolean pause);
void connection_continue(http_request *r); /* 100 Continue */
gboolean request_from_loopback(const http_request *r);
