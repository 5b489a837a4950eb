/* From the request line to the handler: route, CORS, identity, CSRF, body, in this order. */
#include "hub/http/internal.h"
#include "hub/http/cookie.h"
#include "hub/base/log.h"
#include <string.h>

/* Matches one path against a pattern; params (name, value …) are appended on success. */
static gboolean
pattern_matches(const char *pattern, const char *path, GPtrArray *params)
{
    guint before = params->len;
    while (*pattern && *path) {
        if (*pattern != '{') {
            if (*pattern++ != *path++)
                break;
            continue;
        }
        const char *close = strchr(pattern, '}');
        gboolean rest = close[-1] == '*';
        gsize length = rest ? strlen(path) : strcspn(path, "/");
        if (length == 0)
            break;
        g_ptr_array_add(params, g_strndup(pattern + 1, (gsize)(close - pattern) - (rest ? 2 : 1)));
        g_ptr_array_add(params, g_strndup(path, length));
        pattern = close + 1;
        path += length;
    }
    /* an empty rest matches {name*} too */
    if (!*path && g_str_has_prefix(pattern, "{") && g_str_has_suffix(pattern, "*}")) {
        g_ptr_array_add(params, g_strndup(pattern + 1, strlen(pattern) - 3));
        g_ptr_array_add(params, g_strdup(""));
        return TRUE;
    }
    if (!*pattern && !*path)
        return TRUE;
    g_ptr_array_set_size(params, (int)before);
    return FALSE;
}

static gboolean
method_matches(const http_route *route, const char *method)
{
    return !strcmp(route->method, method) || (!strcmp(method, "HEAD") && !strcmp(route->method, "GET"));
}

/* The first row of that path and method. With no such method but such a path: NULL and ret_allow. */
const http_route *
route_find(const http_route *routes, const char *method, const char *path, GPtrArray **ret_params,
           char **ret_allow)
{
    g_autoptr(GPtrArray) params = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GString) allow = g_string_new(NULL);
    for (const http_route *route = routes; route->method; route++) {
        if (!pattern_matches(route->pattern, path, params))
            continue;
        if (method_matches(route, method)) {
            *ret_params = g_steal_pointer(&params);
            return route;
        }
        /* a catch-all of the web client does not make every unknown path a place where GET is possible */
        if (!strstr(route->pattern, "*}") && !strstr(allow->str, route->method)) {
            g_string_append_printf(allow, "%s%s", allow->len ? ", " : "", route->method);
            if (!strcmp(route->method, "GET"))
                g_string_append(allow, ", HEAD");
        }
        g_ptr_array_set_size(params, 0);
    }
    *ret_allow = allow->len ? g_strdup(allow->str) : NULL;
    return NULL;
}

static gboolean
changes_state(const http_request *r)
{
    return strcmp(r->method, "GET") && strcmp(r->method, "HEAD") && strcmp(r->method, "OPTIONS");
}

/* A refusal of somebody we know leaves an audit row; the answer does not wait for it. */
static void
on_refusal_written(db_batch *batch, const GError *error, gpointer data)
{
    (void)batch;
    (void)data;
    if (error)
        log_limited(LOG_WARNING, "audit", "a refusal could not be written: %s", error->message);
}

static void
refuse(http_request *r, const char *why, const char *detail)
{
    if (r->server->options.db) {
        db_batch *batch = db_batch_new(&r->actor);
        db_batch_add(batch, "audit_append", 4, r->connection->address, "access.refused", r->path, why);
        db_pool_run(r->server->options.db, batch, on_refusal_written, NULL);
    }
    http_reply_problem(r, ERR_DENIED, "%s", detail);
}

static void
identity_take(http_request *r, identity *who)
{
    r->who = identity_ref(who);
    r->actor = (db_actor){
        .person = who->person, .organisation = who->organisation, .purpose = "treatment", .request = r->id};
}

/* What the row wants of whom; FALSE: refused and replied. */
static gboolean
check_access(http_request *r)
{
    guint wanted = r->route->access & HTTP_DICOMWEB ? AUTH_DICOMWEB : AUTH_API;
    if (!r->who->is_session && !(r->route->access & HTTP_LOCAL) && !(r->who->scopes & wanted)) {
        refuse(r, "{\"why\":\"scope\"}", "the token's scope does not reach here");
        return FALSE;
    }
    if (r->who->is_session && changes_state(r) && g_strcmp0(r->headers[HEADER_CONSILIUM], "1") != 0) {
        refuse(r, "{\"why\":\"csrf\"}", "the header X-Consilium: 1 is missing");
        return FALSE;
    }
    return TRUE;
}

static void
on_identified(identity *who, const GError *error, gpointer data)
{
    g_autoptr(http_request) r = data;
    if (http_cancelled(r) || r->status)
        return;
    if (!who) {
        http_reply_error(r, error);
        return;
    }
    identity_take(r, who);
    if (!check_access(r))
        return;
    r->identified = TRUE;
    request_ready(r);
}

/* The token after "Bearer ", or NULL. */
static const char *
bearer_of(const http_request *r)
{
    const char *header = r->headers[HEADER_AUTHORIZATION];
    if (!header || g_ascii_strncasecmp(header, "bearer ", 7) != 0)
        return NULL;
    header += 7;
    while (*header == ' ')
        header++;
    return header;
}

/* TRUE when identity is decided at once. */
static gboolean
identify(http_request *r)
{
    guint access = r->route->access;
    if (!(access & (HTTP_SESSION | HTTP_DICOMWEB | HTTP_LOCAL)) ||
        ((access & HTTP_LOCAL) && request_from_loopback(r)))
        return TRUE;
    const char *bearer = bearer_of(r);
    g_autofree char *cookie =
        bearer || r->origin_allowed ? NULL : cookie_value(r->headers[HEADER_COOKIE], "consilium_session");
    if (!r->server->options.auth || (!bearer && !cookie)) {
        http_reply_problem(r, ERR_UNAUTHENTICATED, "sign in, or send a bearer token");
        return FALSE;
    }
    g_autoptr(identity) who = auth_cached(r->server->options.auth, cookie, bearer);
    if (!who) {
        auth_identify(r->server->options.auth, cookie, bearer, on_identified, http_ref(r));
        return FALSE;
    }
    identity_take(r, who);
    return check_access(r);
}

/* Headers are there: decides everything that can be decided before the body. */
void
request_begin(http_request *r)
{
    g_autofree char *allow = NULL;
    r->route = route_find(r->server->options.routes, r->method, r->path, &r->params, &allow);
    cors_request(r);
    if (!strcmp(r->method, "OPTIONS") && !r->route) {
        cors_preflight(r, allow);
        return;
    }
    if (!r->route) {
        if (allow) {
            http_reply_header(r, "Allow", allow);
            http_reply_problem(r, ERR_METHOD, "%s is not possible here", r->method);
        } else {
            http_reply_problem(r, ERR_NOT_FOUND, "%s", "");
        }
        return;
    }
    r->actor.request = r->id;
    r->actor.purpose = "system";
    if (!body_begin(r))
        return;
    if (!identify(r))
        return;
    r->identified = TRUE;
    request_ready(r);
}

/* Runs the handler once, when identity and (unless streamed) the whole body are there. */
void
request_ready(http_request *r)
{
    if (r->dispatched || r->status || !r->identified)
        return;
    gboolean streamed = r->route->access & HTTP_STREAM_BODY;
    if (!streamed && r->body.state == BODY_READING)
        return;
    if (!streamed) {
        r->whole = r->body.memory ? g_byte_array_free_to_bytes(g_steal_pointer(&r->body.memory))
                                  : g_bytes_new_static("", 0);
        if (idempotency_begin(r))
            return;
    }
    r->dispatched = TRUE;
    r->route->handle(r);
}
