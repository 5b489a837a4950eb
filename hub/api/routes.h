/* The whole route table of the hub (routes.c): one row per method and path. */
#pragma once
#include "hub/http/http.h"

extern const http_route routes[];
