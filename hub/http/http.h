/* The HTTP side of the hub as its handlers see it: routes, requests, replies. libwebsockets is not visible
 * here.
 *
 * A request is one op: it is referenced by whoever waits for something on its behalf, and ends in exactly one
 * http_reply_*. When the client has gone, replies are dropped silently and cancelled is TRUE. Handlers run on
 * the loop; they never block. Identity, CSRF header, scope and body limits are checked by the server before
 * the handler runs, as the route's row says. */
#pragma once
#include "hub/base/err.h"
#include "hub/base/json.h"
#include "hub/base/loop.h"
#include "hub/store/db.h"

typedef struct http_request http_request;

typedef enum {
    HTTP_OPEN = 0,          /* anybody: health, sign-in, static files */
    HTTP_SESSION = 1 << 0,  /* cookie session or bearer token with scope api; 401 otherwise */
    HTTP_DICOMWEB = 1 << 1, /* cookie session or bearer token with scope dicomweb */
    HTTP_STREAM_BODY =
        1 << 2, /* the handler runs at the end of the headers and takes the body by http_body_stream */
    HTTP_LOCAL = 1 << 3, /* loopback peers, or any valid token: /metrics */
} http_access;

typedef struct {
    const char *method; /* "GET" answers HEAD too */
    const char
        *pattern; /* "/api/v1/consults/{id}/messages"; {name} is one segment, {name*} the rest of the path */
    void (*handle)(http_request *request);
    guint access;     /* http_access flags */
    gsize body_limit; /* bytes of an in-memory body; 0: no body allowed. Larger is 413 */
} http_route;

/* --- what was asked
 * ------------------------------------------------------------------------------------------ */
const char *http_method(const http_request *r);
const char *http_path(const http_request *r);
/** A {name} of the pattern, percent-decoded; never NULL for a name that is in the pattern. */
const char *http_param(const http_request *r, const char *name);
/** The same, NULL when the pattern has no such name. */
const char *http_param_maybe(const http_request *r, const char *name);
/** First value of a query parameter, percent-decoded, or NULL. */
const char *http_query(const http_request *r, const char *name);
/** All query parameters in order: calls fn(name, value). */
void http_query_each(const http_request *r, void (*fn)(const char *name, const char *value, gpointer data),
                     gpointer data);
/** A header (lower-case name without colon), or NULL. Only headers listed in http/headers.def are kept. */
const char *http_header(const http_request *r, const char *name);
/** The in-memory body; empty GBytes when there was none. Borrowed. */
GBytes *http_body(const http_request *r);
/** The in-memory body as a JSON object (new reference); NULL after having replied 400 or 415 itself. */
json_t *http_body_json(http_request *r);
/** Who asks, for db_batch_new. Valid as long as the request. */
const db_actor *http_actor(const http_request *r);
/** The identity behind the actor (hub/auth/auth.h), NULL on an open route. Borrowed. */
const struct identity *http_identity(const http_request *r);
/** The peer's address as text, "" when it has gone. */
const char *http_peer(const http_request *r);
/** The person's roles in the acting organisation, e.g. "specialist"; NULL-terminated. */
const char *const *http_roles(const http_request *r);
gboolean http_has_role(const http_request *r, const char *role);
/** "https://host:port" as the client wrote it (Host header, or the configured one), for absolute URLs. */
const char *http_base_url(const http_request *r);
/** Unique id of this request, in its logs and problem documents. */
const char *http_id(const http_request *r);
/** The program-wide services, set once by main.c (struct hub, hub/hub.h). */
struct hub *http_hub(const http_request *r);

/* --- a streamed body
 * ------------------------------------------------------------------------------------------ */
typedef struct {
    /** Bytes of the decoded body. Return FALSE (having replied) to stop reading. */
    gboolean (*data)(http_request *r, const guint8 *bytes, gsize length, gpointer user_data);
    /** The body ended as its framing promised. Only now may success be answered. */
    void (*end)(http_request *r, gpointer user_data);
    /** The client went away, was too slow, or the framing broke: undo. Nothing can be answered any more. */
    void (*aborted)(http_request *r, gpointer user_data);
} http_body_sink;
/** From the handler of an HTTP_STREAM_BODY route, before it returns. */
void http_body_stream(http_request *r, const http_body_sink *sink, gpointer user_data);
/** Stops reading from the client while user code is busy (FALSE), and goes on (TRUE). data or end may be
 * called before http_body_resume(TRUE) returns, with what had been read already: make it the last thing you
 * do. */
void http_body_resume(http_request *r, gboolean resume);

/* --- replies: exactly one per request
 * ---------------------------------------------------------------------------- */
/** Adds a header to the coming reply. */
void http_reply_header(http_request *r, const char *name, const char *value);
/** status with no body. */
void http_reply_empty(http_request *r, guint status);
/** Takes the reference. Content-Type application/json. */
void http_reply_json(http_request *r, guint status, json_t *body);
/** JSON text made by PostgreSQL, as it is. */
void http_reply_json_text(http_request *r, guint status, const char *text);
/** Honours Range for status 200 when the type is served whole (single range: 206/416). Takes no ownership of
 * bytes. */
void http_reply_bytes(http_request *r, guint status, const char *content_type, GBytes *bytes);
/** length bytes of fd from offset (length -1: to the end); closes fd. Honours Range. */
void http_reply_file(http_request *r, guint status, const char *content_type, int fd, guint64 offset,
                     gint64 length);
/** Problem document (RFC 9457) for error; logs ERR_INTERNAL once. detail never carries patient data. */
void http_reply_error(http_request *r, const GError *error);
/** The same with its member "errors": [{field, problem}], borrowed, may be NULL. */
void http_reply_fields(http_request *r, const GError *error, json_t *fields);
void http_reply_problem(http_request *r, err_code code, const char *format, ...) G_GNUC_PRINTF(3, 4);

/* --- preconditions: versions as ETag "N"
 * --------------------------------------------------------------------------- */
/** The version named by If-Match (-1 for *). FALSE after having replied 428 (absent) or 412 (no version).
 * Give the version to the statement, which refuses a stale one with CN412. */
gboolean http_if_match(http_request *r, gint64 *ret_version);
/** Adds ETag: "version" to the coming reply. */
void http_reply_version(http_request *r, gint64 version);
/** Adds ETag (with its quotes); TRUE after having replied 304 because If-None-Match names it. Any 200 reply
 * with an ETag becomes 304 in that case; this saves making it. */
gboolean http_not_modified(http_request *r, const char *etag);

/** A reply made of pieces: memory and file ranges in order, with the total length known, sent with bounded
 * memory. */
typedef struct http_parts http_parts;
http_parts *http_parts_new(void);
void http_parts_add_bytes(http_parts *p, GBytes *bytes);
/** The file at path is opened only when its turn comes; path is copied. */
void http_parts_add_file(http_parts *p, const char *path, guint64 offset, guint64 length);
/** Parts that were not replied. NULL is allowed. */
void http_parts_free(http_parts *p);
/** Takes ownership of parts. A missing first file is 404 or 500. Range is honoured unless the type is
 * multipart. */
void http_reply_parts(http_request *r, guint status, const char *content_type, http_parts *parts);

http_request *http_ref(http_request *r);
void http_unref(http_request *r);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(http_request, http_unref)
gboolean http_cancelled(const http_request *r);

/** Runs a batch for this request: holds a reference until done, maps an error to a problem reply by itself
 * when on_rows is not to see it, and drops the result when the client has gone. The usual way from a handler
 * to the database. */
void http_db(http_request *r, db_batch *batch, void (*on_rows)(http_request *r, db_batch *batch));
