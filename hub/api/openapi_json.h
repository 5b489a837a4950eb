/* hub/api/openapi.yaml as JSON, made by the build (openapi_json.py). */
#pragma once
#include <glib.h>

extern const char openapi_json[];
extern const gsize openapi_json_length;
extern const char openapi_json_etag[];
