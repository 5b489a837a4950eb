/* Every address of the hub. Rows are searched in order. The handlers of each part are declared in its
 * api_<noun>.h. */
#include "hub/api/routes.h"
#include "hub/api/api_session.h"
#include "hub/http/health.h"
#include "hub/http/metrics.h"
#include "hub/http/static.h"

enum { SMALL = 16 * 1024, FORM = 128 * 1024 };

const http_route routes[] = {
    {"GET", "/healthz", health_alive, HTTP_OPEN, 0},
    {"GET", "/readyz", health_ready, HTTP_OPEN, 0},
    {"GET", "/metrics", metrics_handle, HTTP_LOCAL, 0},

    {"POST", "/api/v1/session", api_session_open, HTTP_OPEN, SMALL},
    {"GET", "/api/v1/session", api_session_get, HTTP_SESSION, 0},
    {"PATCH", "/api/v1/session", api_session_change, HTTP_SESSION, SMALL},
    {"DELETE", "/api/v1/session", api_session_close, HTTP_SESSION, 0},

    {"GET", "/{path*}", static_handle, HTTP_OPEN, 0},
    {NULL, NULL, NULL, 0, 0},
};
