/* The Cookie request header (RFC 6265 section 4.2). */
#pragma once
#include <glib.h>

/** The value of the first cookie of that name, without surrounding quotes, or NULL. Caller frees. header may
 * be NULL. */
char *cookie_value(const char *header, const char *name);
