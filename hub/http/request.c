/* A request: what libwebsockets parsed, copied once, with accessors. */
#include "hub/http/internal.h"
#include "hub/base/id.h"
#include <string.h>

static const struct {
    const char *name;
    int token;
} known[HEADER_COUNT] = {
#define HEADER(id, name, token) [HEADER_##id] = {name, token},
#include "hub/http/headers.def"
#undef HEADER
};

http_request *
request_new(struct connection *c, const char *method, char *path)
{
    http_request *r = g_new0(http_request, 1);
    r->refs = 1;
    r->server = c->server;
    r->connection = c;
    r->method = method;
    r->path = path;
    r->head = !strcmp(method, "HEAD");
    g_autofree char *id = id_new();
    g_strlcpy(r->id, id, sizeof r->id);
    r->started_us = r->waiting_us = g_get_monotonic_time();
    return r;
}

http_request *
http_ref(http_request *r)
{
    r->refs++;
    return r;
}

void
http_unref(http_request *r)
{
    if (!r || --r->refs > 0)
        return;
    for (guint i = 0; i < HEADER_COUNT; i++)
        g_free(r->headers[i]);
    g_free(r->path);
    g_clear_pointer(&r->query, g_ptr_array_unref);
    g_clear_pointer(&r->params, g_ptr_array_unref);
    g_free(r->base_url);
    g_free(r->origin_allowed);
    g_clear_pointer(&r->who, identity_unref);
    g_clear_pointer(&r->whole, g_bytes_unref);
    body_clear(&r->body);
    g_free(r->idempotency_hash);
    g_free(r->reply_etag);
    if (r->reply_headers)
        g_string_free(r->reply_headers, TRUE);
    if (r->reply_head)
        g_string_free(r->reply_head, TRUE);
    http_parts_free(r->parts);
    g_free(r);
}

/* The value of a header, all its lines joined by libwebsockets with a space. NULL when absent. */
static char *
take_header(struct lws *wsi, guint i, gsize *total)
{
    if (known[i].token) {
        int length = lws_hdr_total_length(wsi, (enum lws_token_indexes)known[i].token);
        if (length <= 0)
            return NULL;
        char *value = g_malloc((gsize)length + 1);
        if (lws_hdr_copy(wsi, value, length + 1, (enum lws_token_indexes)known[i].token) < 0)
            value[0] = '\0';
        *total += (gsize)length;
        return g_strchomp(value);
    }
    g_autofree char *name = g_strconcat(known[i].name, ":", NULL);
    int length = lws_hdr_custom_length(wsi, name, (int)strlen(name));
    if (length < 0)
        return NULL;
    char *value = g_malloc0((gsize)length + 1);
    lws_hdr_custom_copy(wsi, value, length + 1, name, (int)strlen(name));
    *total += (gsize)length;
    return g_strchomp(value);
}

/* libwebsockets has split the query at & and decoded the percent signs: fragments "name=value". */
static gboolean
take_query(http_request *r, struct lws *wsi, gsize *total, GError **error)
{
    r->query = g_ptr_array_new_with_free_func(g_free);
    for (int i = 0;; i++) {
        int length = lws_hdr_fragment_length(wsi, WSI_TOKEN_HTTP_URI_ARGS, i);
        if (length <= 0 && i > 0)
            break;
        if (length <= 0)
            return TRUE;
        if (i == HTTP_QUERY_LIMIT)
            return err_set(error, ERR_INVALID, "more than %d query parameters", HTTP_QUERY_LIMIT);
        g_autofree char *pair = g_malloc0((gsize)length + 1);
        if (lws_hdr_copy_fragment(wsi, pair, length + 1, WSI_TOKEN_HTTP_URI_ARGS, i) < 0)
            continue;
        *total += (gsize)length;
        if (!g_utf8_validate(pair, -1, NULL))
            return err_set(error, ERR_INVALID, "the query is not UTF-8");
        char *equals = strchr(pair, '=');
        g_ptr_array_add(r->query, equals ? g_strndup(pair, (gsize)(equals - pair)) : g_strdup(pair));
        g_ptr_array_add(r->query, g_strdup(equals ? equals + 1 : ""));
    }
    return TRUE;
}

gboolean
request_take(http_request *r, struct lws *wsi, GError **error)
{
    gsize total = strlen(r->path);
    for (guint i = 0; i < HEADER_COUNT; i++)
        r->headers[i] = take_header(wsi, i, &total);
    if (!take_query(r, wsi, &total, error))
        return FALSE;
    if (total > HTTP_HEADER_LIMIT)
        return err_set(error, ERR_HEADERS, "the headers are larger than %d bytes", HTTP_HEADER_LIMIT);
    if (!g_utf8_validate(r->path, -1, NULL))
        return err_set(error, ERR_INVALID, "the path is not UTF-8");
    return TRUE;
}

const char *
request_header(const http_request *r, guint header)
{
    return r->headers[header];
}

const char *
http_method(const http_request *r)
{
    return r->method;
}

const char *
http_path(const http_request *r)
{
    return r->path;
}

const char *
http_param_maybe(const http_request *r, const char *name)
{
    for (guint i = 0; r->params && i + 1 < r->params->len; i += 2)
        if (!strcmp(r->params->pdata[i], name))
            return r->params->pdata[i + 1];
    return NULL;
}

const char *
http_param(const http_request *r, const char *name)
{
    const char *value = http_param_maybe(r, name);
    if (!value)
        g_error("the route of %s has no {%s}", r->route ? r->route->pattern : "?", name);
    return value;
}

const char *
http_query(const http_request *r, const char *name)
{
    for (guint i = 0; r->query && i + 1 < r->query->len; i += 2)
        if (!strcmp(r->query->pdata[i], name))
            return r->query->pdata[i + 1];
    return NULL;
}

void
http_query_each(const http_request *r, void (*fn)(const char *, const char *, gpointer), gpointer data)
{
    for (guint i = 0; r->query && i + 1 < r->query->len; i += 2)
        fn(r->query->pdata[i], r->query->pdata[i + 1], data);
}

const char *
http_header(const http_request *r, const char *name)
{
    for (guint i = 0; i < HEADER_COUNT; i++)
        if (!strcmp(known[i].name, name))
            return r->headers[i];
    g_error("the header %s is not kept; add it to hub/http/headers.def", name);
}

GBytes *
http_body(const http_request *r)
{
    return r->whole;
}

json_t *
http_body_json(http_request *r)
{
    const char *type = r->headers[HEADER_CONTENT_TYPE];
    if (!type || g_ascii_strncasecmp(type, "application/json", 16) != 0 ||
        (type[16] && !strchr("; \t", type[16]))) {
        http_reply_problem(r, ERR_UNSUPPORTED, "the body must be application/json");
        return NULL;
    }
    gsize length;
    const char *text = g_bytes_get_data(r->whole, &length);
    g_autoptr(GError) error = NULL;
    g_autoptr(json_t) value = json_parse(text ? text : "", length, &error);
    if (!value) {
        http_reply_error(r, error);
        return NULL;
    }
    if (!json_is_object(value)) {
        http_reply_problem(r, ERR_INVALID, "the body must be a JSON object");
        return NULL;
    }
    return g_steal_pointer(&value);
}

const db_actor *
http_actor(const http_request *r)
{
    return &r->actor;
}

const identity *
http_identity(const http_request *r)
{
    return r->who;
}

const char *const *
http_roles(const http_request *r)
{
    static const char *const none[] = {NULL};
    return r->who ? (const char *const *)r->who->roles : none;
}

gboolean
http_has_role(const http_request *r, const char *role)
{
    return r->who && identity_has_role(r->who, role);
}

/* Only what can stand in a URL's authority; anything else is answered with our own name. */
static gboolean
is_host(const char *host)
{
    if (!host || !*host || strlen(host) > 255)
        return FALSE;
    return strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:[]") ==
           strlen(host);
}

const char *
http_base_url(const http_request *r)
{
    http_request *mutable = (http_request *)r;
    if (!r->base_url) {
        const char *host = r->headers[HEADER_HOST];
        mutable->base_url = g_strconcat("https://", is_host(host) ? host : r->server->default_host, NULL);
    }
    return r->base_url;
}

const char *
http_id(const http_request *r)
{
    return r->id;
}

const char *
http_peer(const http_request *r)
{
    return r->connection ? r->connection->address : "";
}

struct hub *
http_hub(const http_request *r)
{
    return r->server->options.hub;
}

gboolean
http_cancelled(const http_request *r)
{
    return r->connection == NULL;
}

/* --- the database on behalf of a request
 * ---------------------------------------------------------------------- */
struct db_call {
    http_request *request;
    void (*on_rows)(http_request *, db_batch *);
};

static void
on_batch(db_batch *batch, const GError *error, gpointer data)
{
    g_autofree struct db_call *call = data;
    g_autoptr(http_request) r = call->request;
    /* With an Idempotency-Key the work goes on to its end: who comes again asks for the answer. */
    if (http_cancelled(r) && !r->idempotency_hash)
        return;
    if (error)
        http_reply_error(r, error);
    else
        call->on_rows(r, batch);
}

void
http_db(http_request *r, db_batch *batch, void (*on_rows)(http_request *, db_batch *))
{
    struct db_call *call = g_new0(struct db_call, 1);
    call->request = http_ref(r);
    call->on_rows = on_rows;
    db_pool_run(r->server->options.db, batch, on_batch, call);
}
