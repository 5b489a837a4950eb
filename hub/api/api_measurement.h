/* Handlers of /api/v1/studies/{id}/measurements; see routes.c and openapi.yaml. */
#pragma once
#include "hub/http/http.h"

void api_measurement_list(http_request *r);
void api_measurement_put(http_request *r);
void api_measurement_delete(http_request *r);
