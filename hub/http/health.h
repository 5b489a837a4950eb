/* /healthz and /readyz: components register a question, the handlers ask all of them. */
#pragma once
#include "hub/http/http.h"

typedef struct health health;

health *health_new(void);
void health_free(health *h);
/** ready is asked at each /readyz: TRUE, or FALSE with a reason (caller frees; ids and numbers only). name is
 * not copied. */
void health_add(health *h, const char *name, gboolean (*ready)(gpointer user_data, char **ret_reason),
                gpointer user_data);

/** GET /healthz: the loop turns. */
void health_alive(http_request *r);
/** GET /readyz: 200 when every component is ready, else 503; JSON naming each. */
void health_ready(http_request *r);
