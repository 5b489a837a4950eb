/* The request's body: announced length or chunked, into memory or to a sink, never more than allowed.
 * A body is complete only when its framing said so; nothing may answer success before (reply.c checks). */
#include "hub/http/internal.h"
#include <string.h>

#define PAUSED_LIMIT                                                                                         \
    (1024 * 1024) /* bytes that may still arrive after a pause: what had been read already                   \
                   */

/* Strictly digits: RFC 9110 section 8.6. A repeated header comes joined by a space and is refused here. */
static gboolean
parse_length(const char *text, guint64 *ret)
{
    if (strspn(text, "0123456789") != strlen(text) || strlen(text) > 18 || !*text)
        return FALSE;
    *ret = g_ascii_strtoull(text, NULL, 10);
    return TRUE;
}

static gboolean
refuse(http_request *r, err_code code, const char *why)
{
    r->close = TRUE;
    http_reply_problem(r, code, "%s", why);
    return FALSE;
}

static gboolean
parse_framing(http_request *r)
{
    struct body *b = &r->body;
    const char *length = r->headers[HEADER_CONTENT_LENGTH], *coding = r->headers[HEADER_TRANSFER_ENCODING];
    if (length && coding)
        return refuse(r, ERR_INVALID, "Content-Length and Transfer-Encoding together");
    if (coding) {
        if (g_ascii_strcasecmp(coding, "chunked") != 0)
            return refuse(r, ERR_INVALID, "the only transfer coding understood is chunked");
        b->chunked = TRUE;
        r->close = TRUE; /* libwebsockets cannot find the next request behind it */
    } else if (length && !parse_length(length, &b->declared)) {
        return refuse(r, ERR_INVALID, "Content-Length is not one whole number");
    }
    if (!length && !coding &&
        (!strcmp(r->method, "POST") || !strcmp(r->method, "PUT") || !strcmp(r->method, "PATCH")))
        r->close = TRUE; /* libwebsockets waits for a body that never comes */
    return TRUE;
}

gboolean
body_begin(http_request *r)
{
    struct body *b = &r->body;
    if (!parse_framing(r))
        return FALSE;
    if (!b->chunked && b->declared == 0)
        return TRUE;
    gboolean streamed = r->route->access & HTTP_STREAM_BODY;
    b->state = BODY_READING;
    b->started_us = g_get_monotonic_time();
    if (!streamed && (b->declared > r->route->body_limit || r->route->body_limit == 0))
        return refuse(r, ERR_TOO_LARGE,
                      r->route->body_limit ? "the body is too large" : "no body is taken here");
    if (streamed)
        http_body_resume(r, FALSE); /* until the handler is there */
    else
        connection_continue(r);
    return TRUE;
}

void
body_clear(struct body *b)
{
    g_clear_pointer(&b->memory, g_byte_array_unref);
    b->sink = NULL;
}

static gboolean
keep(http_request *r, const guint8 *bytes, gsize length, gsize limit)
{
    struct body *b = &r->body;
    if (!b->memory)
        b->memory = g_byte_array_sized_new((guint)MIN(MAX(b->declared, length), 65536));
    if (b->memory->len + length > limit) {
        b->state = BODY_DISCARD;
        return refuse(r, ERR_TOO_LARGE, "the body is too large");
    }
    g_byte_array_append(b->memory, bytes, (guint)length);
    return TRUE;
}

static gboolean
deliver(http_request *r, const guint8 *bytes, gsize length)
{
    struct body *b = &r->body;
    if (!(r->route->access & HTTP_STREAM_BODY))
        return keep(r, bytes, length, r->route->body_limit);
    if (b->paused_us || !b->sink)
        return keep(r, bytes, length, PAUSED_LIMIT);
    if (b->sink->data(r, bytes, length, b->sink_data))
        return TRUE;
    b->state = BODY_DISCARD;
    b->sink = NULL;
    return FALSE;
}

static void
body_end(http_request *r)
{
    struct body *b = &r->body;
    if (b->state != BODY_READING)
        return;
    if (r->route->access & HTTP_STREAM_BODY) {
        if (b->paused_us || !b->sink) {
            b->ended_early = TRUE;
            return;
        }
        b->state = BODY_ENDED;
        b->sink->end(r, b->sink_data);
        return;
    }
    b->state = BODY_ENDED;
    request_ready(r);
}

static void
bytes_chunked(http_request *r, const guint8 *at, const guint8 *end)
{
    struct body *b = &r->body;
    while (at < end && b->state == BODY_READING && !b->ended_early) {
        const guint8 *data;
        gsize length;
        if (!chunked_next(&b->decoder, &at, end, &data, &length)) {
            const http_body_sink *sink = b->sink;
            b->state = BODY_DISCARD;
            b->sink = NULL;
            if (sink)
                sink->aborted(r, b->sink_data);
            if (!r->status)
                refuse(r, ERR_INVALID, "the chunked body is malformed");
            return;
        }
        if (length > 0 && !deliver(r, data, length))
            return;
        if (b->decoder.state == CHUNKED_END)
            body_end(r);
    }
}

gboolean
body_bytes(http_request *r, const guint8 *bytes, gsize length)
{
    struct body *b = &r->body;
    b->received += length;
    r->server->statistics.bytes_in += length;
    if (b->state == BODY_DISCARD)
        return b->received <= HTTP_DISCARD_LIMIT + (r->written ? 0 : HTTP_CHUNKED_LIMIT);
    if (b->state != BODY_READING)
        return TRUE;
    r->waiting_us = g_get_monotonic_time();
    if (b->chunked)
        bytes_chunked(r, bytes, bytes + length);
    else if (length > 0)
        deliver(r, bytes, length);
    return TRUE;
}

void
body_framing_end(http_request *r)
{
    struct body *b = &r->body;
    if (b->state != BODY_READING || b->ended_early)
        return;
    if (!b->chunked) {
        body_end(r);
        return;
    }
    const http_body_sink *sink = b->sink;
    b->state = BODY_DISCARD;
    b->sink = NULL;
    if (sink)
        sink->aborted(r, b->sink_data);
    if (!r->status)
        refuse(r, ERR_TOO_LARGE, "a chunked body may have 100 MiB; send a larger one with Content-Length");
}

void
body_abort(http_request *r)
{
    struct body *b = &r->body;
    const http_body_sink *sink = b->sink;
    if (b->state != BODY_READING || !sink)
        return;
    b->state = BODY_DISCARD;
    b->sink = NULL;
    sink->aborted(r, b->sink_data);
}

gboolean
body_too_slow(const http_request *r, gint64 now_us)
{
    const struct body *b = &r->body;
    if (b->state != BODY_READING || b->paused_us || b->ended_early)
        return FALSE;
    gint64 elapsed = now_us - b->started_us;
    if (elapsed < HTTP_BODY_GRACE_SECONDS * G_USEC_PER_SEC)
        return FALSE;
    return b->received < (guint64)(elapsed / G_USEC_PER_SEC) * r->server->body_rate;
}

void
http_body_stream(http_request *r, const http_body_sink *sink, gpointer user_data)
{
    struct body *b = &r->body;
    b->sink = sink;
    b->sink_data = user_data;
    if (b->state == BODY_NONE) { /* an empty body has ended before it began */
        b->state = BODY_ENDED;
        sink->end(r, user_data);
        return;
    }
    if (!b->ended_early)
        connection_continue(r);
    http_body_resume(r, TRUE);
}

/* Gives what came in the meantime, then lets the socket go on. */
static void
resume(http_request *r)
{
    struct body *b = &r->body;
    if (!b->paused_us)
        return;
    b->started_us += g_get_monotonic_time() - b->paused_us;
    b->paused_us = 0;
    g_autoptr(GByteArray) kept = g_steal_pointer(&b->memory);
    if (kept && kept->len > 0 && !deliver(r, kept->data, kept->len))
        return;
    if (b->paused_us) /* the sink is busy again */
        return;
    if (b->ended_early) {
        b->ended_early = FALSE;
        body_end(r);
        return;
    }
    connection_pause(r, FALSE);
}

void
http_body_resume(http_request *r, gboolean go_on)
{
    G_GNUC_UNUSED g_autoptr(http_request) keep_alive = http_ref(r);
    struct body *b = &r->body;
    if (http_cancelled(r) || b->state != BODY_READING)
        return;
    if (go_on) {
        resume(r);
    } else if (!b->paused_us) {
        b->paused_us = g_get_monotonic_time();
        if (!b->ended_early)
            connection_pause(r, TRUE);
    }
}
