/* Replies: status line and headers as one text, the body as parts; sent from the writeable callback in
 * server.c. Conditional and range requests are decided here, for every handler alike. */
#include "hub/http/internal.h"
#include "hub/http/range.h"
#include "hub/base/log.h"
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct {
    guint status;
    const char *reason;
} reasons[] = {
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {206, "Partial Content"},
    {302, "Found"},
    {304, "Not Modified"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {422, "Unprocessable Content"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {503, "Service Unavailable"},
    {507, "Insufficient Storage"},
};

static const char *
reason_of(guint status)
{
    for (gsize i = 0; i < G_N_ELEMENTS(reasons); i++)
        if (reasons[i].status == status)
            return reasons[i].reason;
    return "Status";
}

static const char security_headers[] = "Strict-Transport-Security: max-age=31536000; includeSubDomains\r\n"
                                       "X-Content-Type-Options: nosniff\r\n"
                                       "Referrer-Policy: no-referrer\r\n"
                                       "Cross-Origin-Resource-Policy: same-origin\r\n";

/* For everything but the client's own pages: an answer is data, never a document that may run something. */
static const char data_policy[] = "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n";

static const char page_policy[] =
    "Content-Security-Policy: default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self' "
    "'unsafe-inline'; "
    "img-src 'self' data: blob:; media-src 'self' blob:; font-src 'self'; connect-src 'self'; worker-src "
    "'self' blob:; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'\r\n"
    "Cross-Origin-Opener-Policy: same-origin\r\n"
    "X-Frame-Options: DENY\r\n"
    "Permissions-Policy: camera=(self), microphone=(self), display-capture=(self), geolocation=()\r\n";

/* Header values never carry a line end, whoever made them. */
void
http_reply_header(http_request *r, const char *name, const char *value)
{
    if (!r->reply_headers)
        r->reply_headers = g_string_new(NULL);
    g_autofree char *clean = g_strdup(value);
    g_strdelimit(clean, "\r\n", ' ');
    g_string_append_printf(r->reply_headers, "%s: %s\r\n", name, clean);
    if (!g_ascii_strcasecmp(name, "cache-control"))
        r->has_cache_control = TRUE;
    if (!g_ascii_strcasecmp(name, "etag")) {
        g_free(r->reply_etag);
        r->reply_etag = g_strdup(clean);
    }
}

/* "Sun, 06 Nov 1994 08:49:37 GMT", made once a second. */
static const char *
date_text(void)
{
    static gint64 second;
    static char text[40];
    gint64 now = g_get_real_time() / G_USEC_PER_SEC;
    if (now != second) {
        g_autoptr(GDateTime) t = g_date_time_new_from_unix_utc(now);
        static const char *const days[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
        static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                             "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
        g_snprintf(text, sizeof text, "%s, %02d %s %04d %02d:%02d:%02d GMT",
                   days[g_date_time_get_day_of_week(t) - 1], g_date_time_get_day_of_month(t),
                   months[g_date_time_get_month(t) - 1], g_date_time_get_year(t), g_date_time_get_hour(t),
                   g_date_time_get_minute(t), g_date_time_get_second(t));
        second = now;
    }
    return text;
}

static void
write_head(http_request *r, guint status, const char *content_type, guint64 length)
{
    GString *h = g_string_sized_new(1024);
    g_string_append_printf(h, "HTTP/1.1 %u %s\r\nDate: %s\r\n", status, reason_of(status), date_text());
    if (status != 204 && status != 304) {
        if (content_type)
            g_string_append_printf(h, "Content-Type: %s\r\n", content_type);
        g_string_append_printf(h, "Content-Length: %" G_GUINT64_FORMAT "\r\n", length);
    }
    if (r->reply_headers)
        g_string_append_len(h, r->reply_headers->str, (gssize)r->reply_headers->len);
    if (!r->has_cache_control)
        g_string_append(h, "Cache-Control: no-store\r\n");
    if (r->origin_allowed)
        g_string_append_printf(
            h,
            "Access-Control-Allow-Origin: %s\r\nVary: Origin\r\nAccess-Control-Expose-Headers: "
            "Location, ETag, Retry-After, Warning, Content-Location, Link, Accept-Patch\r\n",
            r->origin_allowed);
    g_string_append(h, security_headers);
    g_string_append(h,
                    content_type && g_str_has_prefix(content_type, "text/html") ? page_policy : data_policy);
    if (r->close)
        g_string_append(h, "Connection: close\r\n");
    g_string_append(h, "\r\n");
    r->reply_head = h;
}

/* Does a list of entity tags (If-None-Match, If-Match) name this one? Weak comparison. */
static gboolean
tag_listed(const char *list, const char *etag)
{
    if (!list || !etag)
        return FALSE;
    if (!strcmp(list, "*"))
        return TRUE;
    const char *plain = g_str_has_prefix(etag, "W/") ? etag + 2 : etag;
    const char *at = strstr(list, plain);
    return at && *plain == '"' && (at == list || strchr(", /", at[-1]));
}

static gboolean
is_read(const http_request *r)
{
    return !strcmp(r->method, "GET") || r->head;
}

/* Range of a whole 200 answer: cuts parts, changes status. */
static guint
apply_range(http_request *r, guint status, http_parts *parts)
{
    const char *range = r->headers[HEADER_RANGE], *condition = r->headers[HEADER_IF_RANGE];
    guint64 size = parts_length(parts), offset = 0, length = 0;
    http_reply_header(r, "Accept-Ranges", "bytes");
    if (!range || !is_read(r) || (condition && g_strcmp0(condition, r->reply_etag) != 0))
        return status;
    g_autofree char *text = NULL;
    switch (range_parse(range, size, &offset, &length)) {
    case RANGE_WHOLE:
        return status;
    case RANGE_UNSATISFIABLE:
        text = g_strdup_printf("bytes */%" G_GUINT64_FORMAT, size);
        http_reply_header(r, "Content-Range", text);
        parts_cut(parts, 0, 0);
        return 416;
    default:
        text = g_strdup_printf("bytes %" G_GUINT64_FORMAT "-%" G_GUINT64_FORMAT "/%" G_GUINT64_FORMAT, offset,
                               offset + length - 1, size);
        http_reply_header(r, "Content-Range", text);
        parts_cut(parts, offset, length);
        return 206;
    }
}

/* Every reply ends here. Takes parts (may be NULL). */
static void
finish(http_request *r, guint status, const char *content_type, http_parts *parts, gboolean rangeable)
{
    if (http_cancelled(r) || r->status) {
        if (r->status && !http_cancelled(r))
            log_line(LOG_ERROR, r->id, "a second reply (%u after %u) was dropped", status, r->status);
        http_parts_free(parts);
        return;
    }
    if (r->body.state == BODY_READING) {
        if (status < 300) {
            log_line(LOG_ERROR, r->id, "success before the end of the body is an error of the handler");
            status = 500;
            g_clear_pointer(&parts, http_parts_free);
        }
        r->body.state = BODY_DISCARD;
        r->body.sink = NULL;
        r->close = TRUE;
    }
    if (status == 200 && is_read(r) && tag_listed(r->headers[HEADER_IF_NONE_MATCH], r->reply_etag)) {
        status = 304;
        g_clear_pointer(&parts, http_parts_free);
    }
    if (status == 200 && rangeable && parts)
        status = apply_range(r, status, parts);
    r->status = status;
    write_head(r, status, content_type, parts_length(parts));
    if (r->head || status == 304 || status == 204)
        g_clear_pointer(&parts, http_parts_free);
    r->parts = parts;
    r->left = parts_length(parts);
    reply_start(r);
}

void
reply_start(http_request *r)
{
    http_statistics *s = &r->server->statistics;
    s->requests++;
    s->by_class[MIN(r->status / 100, 5)]++;
    if (r->body.paused_us || r->held) {
        r->body.paused_us = 0;
        r->held = FALSE;
        connection_pause(r, FALSE); /* a paused connection would not become writeable either */
    }
    connection_wake(r);
}

gboolean
reply_is_done(const http_request *r)
{
    return r->status && !r->reply_head && r->left == 0;
}

gssize
reply_fill(http_request *r, guint8 *area, gsize size)
{
    gsize done = 0;
    if (r->reply_head) {
        done = MIN(r->reply_head->len, size);
        memcpy(area, r->reply_head->str, done);
        g_string_erase(r->reply_head, 0, (gssize)done);
        if (r->reply_head->len > 0)
            return (gssize)done;
        g_string_free(g_steal_pointer(&r->reply_head), TRUE);
    }
    if (r->left > 0) {
        gssize got = parts_read(r->parts, area + done, size - done);
        if (got < 0)
            return -1;
        r->left -= (guint64)got;
        done += (gsize)got;
    }
    return (gssize)done;
}

void
reply_send(http_request *r, guint status, const char *content_type, GBytes *bytes, gboolean rangeable)
{
    http_parts *parts = bytes ? http_parts_new() : NULL;
    if (bytes)
        http_parts_add_bytes(parts, bytes);
    finish(r, status, content_type, parts, rangeable);
}

static void
reply_whole(http_request *r, guint status, const char *content_type, GBytes *bytes, gboolean rangeable)
{
    if (!idempotency_holds(r, status, content_type, bytes, rangeable))
        reply_send(r, status, content_type, bytes, rangeable);
}

void
http_reply_empty(http_request *r, guint status)
{
    reply_whole(r, status, NULL, NULL, FALSE);
}

void
http_reply_json(http_request *r, guint status, json_t *body)
{
    char *text = json_text(body);
    json_decref(body);
    g_autoptr(GBytes) bytes = g_bytes_new_take(text, strlen(text));
    reply_whole(r, status, "application/json", bytes, FALSE);
}

void
http_reply_json_text(http_request *r, guint status, const char *text)
{
    g_autoptr(GBytes) bytes = g_bytes_new(text, strlen(text));
    reply_whole(r, status, "application/json", bytes, FALSE);
}

void
http_reply_bytes(http_request *r, guint status, const char *content_type, GBytes *bytes)
{
    reply_whole(r, status, content_type, bytes, TRUE);
}

void
http_reply_file(http_request *r, guint status, const char *content_type, int fd, guint64 offset,
                gint64 length)
{
    struct stat st;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || (guint64)st.st_size < offset) {
        close(fd);
        http_reply_problem(r, ERR_INTERNAL, "a file cannot be read");
        return;
    }
    if (length < 0)
        length = (gint64)((guint64)st.st_size - offset);
    http_parts *parts = http_parts_new();
    parts_add_fd(parts, fd, offset, (guint64)length);
    finish(r, status, content_type, parts, TRUE);
}

void
http_reply_parts(http_request *r, guint status, const char *content_type, http_parts *parts)
{
    g_autoptr(GError) error = NULL;
    if (!http_cancelled(r) && !parts_open_first(parts, &error)) {
        http_parts_free(parts);
        http_reply_error(r, error);
        return;
    }
    finish(r, status, content_type, parts, !strstr(content_type, "multipart/"));
}

void
http_reply_fields(http_request *r, const GError *error, json_t *fields)
{
    err_code code = err_code_of(error);
    guint status = (guint)err_http_status(code);
    if (code == ERR_INTERNAL)
        log_line(LOG_ERROR, r->id, "%s %s: %s", r->method, r->route ? r->route->pattern : "", error->message);
    json_t *body = json_pack("{s:s, s:s, s:i, s:s, s:s}", "type", "about:blank", "title", err_title(code),
                             "status", (int)status, "code", err_name(code), "request", r->id);
    if (code != ERR_INTERNAL && error->message && *error->message)
        json_object_set_new(body, "detail", json_string(error->message));
    if (fields)
        json_object_set(body, "errors", fields);
    if (code == ERR_UNAUTHENTICATED && !http_cancelled(r))
        http_reply_header(r, "WWW-Authenticate", "Bearer realm=\"consilium\"");
    char *text = json_text(body);
    json_decref(body);
    g_autoptr(GBytes) bytes = g_bytes_new_take(text, strlen(text));
    g_clear_pointer(&r->reply_etag, g_free);
    reply_whole(r, status, "application/problem+json", bytes, FALSE);
}

void
http_reply_error(http_request *r, const GError *error)
{
    http_reply_fields(r, error, NULL);
}

void
http_reply_problem(http_request *r, err_code code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *message = g_strdup_vprintf(format, args);
    va_end(args);
    g_autoptr(GError) error = err_new(code, "%s", message);
    http_reply_error(r, error);
}

/* --- preconditions
 * -------------------------------------------------------------------------------------------- */
void
http_reply_version(http_request *r, gint64 version)
{
    g_autofree char *etag = g_strdup_printf("\"%" G_GINT64_FORMAT "\"", version);
    http_reply_header(r, "ETag", etag);
}

gboolean
http_if_match(http_request *r, gint64 *ret_version)
{
    const char *header = r->headers[HEADER_IF_MATCH];
    if (!header) {
        http_reply_problem(r, ERR_PRECONDITION, "send the ETag that you read as If-Match");
        return FALSE;
    }
    if (!strcmp(header, "*")) {
        *ret_version = -1;
        return TRUE;
    }
    char *end = NULL;
    if (header[0] == '"' && g_ascii_isdigit(header[1])) {
        *ret_version = g_ascii_strtoll(header + 1, &end, 10);
        if (!strcmp(end, "\""))
            return TRUE;
    }
    http_reply_problem(r, ERR_STALE, "If-Match does not name the present version");
    return FALSE;
}

gboolean
http_not_modified(http_request *r, const char *etag)
{
    http_reply_header(r, "ETag", etag);
    if (!is_read(r) || !tag_listed(r->headers[HEADER_IF_NONE_MATCH], etag))
        return FALSE;
    finish(r, 200, NULL, NULL, FALSE); /* becomes 304 */
    return TRUE;
}
