/* Cross-origin callers: configured origins only, with a bearer token only; a cookie is never looked at for
 * them. */
#include "hub/http/internal.h"
#include <string.h>

void
cors_request(http_request *r)
{
    const char *origin = r->headers[HEADER_ORIGIN];
    if (origin && r->server->cors_origins &&
        g_strv_contains((const char *const *)r->server->cors_origins, origin))
        r->origin_allowed = g_strdup(origin);
}

void
cors_preflight(http_request *r, const char *allow)
{
    if (!allow) {
        http_reply_problem(r, ERR_NOT_FOUND, "%s", "");
        return;
    }
    g_autofree char *methods = g_strconcat(allow, ", OPTIONS", NULL);
    http_reply_header(r, "Allow", methods);
    if (g_str_has_prefix(r->path, "/whip/") || g_str_has_prefix(r->path, "/whep/"))
        http_reply_header(r, "Accept-Post", "application/sdp");
    if (r->origin_allowed && r->headers[HEADER_AC_METHOD]) {
        http_reply_header(r, "Access-Control-Allow-Methods", methods);
        http_reply_header(
            r, "Access-Control-Allow-Headers",
            "Authorization, Content-Type, Accept, If-Match, If-None-Match, Idempotency-Key, Range");
        http_reply_header(r, "Access-Control-Max-Age", "600");
    }
    http_reply_empty(r, 204);
}
