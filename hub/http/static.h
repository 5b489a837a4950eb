/* The built web client: files with content-hashed names are cached for ever, the rest is revalidated; unknown
 * paths that look like a screen's address get index.html. */
#pragma once
#include "hub/http/http.h"

/** Handler of GET /{path*}; must be the last row of the table. */
void static_handle(http_request *r);
