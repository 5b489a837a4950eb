/* GET /metrics: Prometheus text exposition. Parts register a value with the function that reads it. */
#pragma once
#include "hub/http/http.h"

struct http_server;
typedef struct metrics metrics;

metrics *metrics_new(void);
void metrics_free(metrics *m);
/** name: "consilium_…", type: "counter" or "gauge"; name with labels: "consilium_x{kind=\"y\"}" (equal names
 * stand together). Strings are copied. */
void metrics_add(metrics *m, const char *name, const char *type, const char *help,
                 double (*read)(gpointer user_data), gpointer user_data);
/** Registers what the server counts itself. */
void metrics_add_http(metrics *m, struct http_server *s);

void metrics_handle(http_request *r);
