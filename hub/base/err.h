/* Errors: one GError domain with a closed list of codes (err.def). SQLSTATE, HTTP status and JSON-RPC code
 * are derived from the code; nothing outside of err.c maps them. */
#pragma once
#include <glib.h>

#define CONSILIUM_ERROR (err_quark())

typedef enum {
#define ERR(code, name, http, rpc, title) ERR_##code,
#include "hub/base/err.def"
#undef ERR
    ERR_COUNT
} err_code;

GQuark err_quark(void);

/** Sets error (may be NULL) in our domain and returns FALSE, so that `return err_set(...)` ends a function. */
gboolean err_set(GError **error, err_code code, const char *format, ...) G_GNUC_PRINTF(3, 4);

/** A new error in our domain; the caller frees it. */
GError *err_new(err_code code, const char *format, ...) G_GNUC_PRINTF(2, 3);

/** Our code for any error; ERR_INTERNAL for errors of other domains. NULL is a programming error. */
err_code err_code_of(const GError *error);

gboolean err_is(const GError *error, err_code code);

const char *err_name(err_code code);
const char *err_title(err_code code);
int err_http_status(err_code code);
int err_rpc_code(err_code code);
/** The code that a peer's JSON-RPC error number stands for; ERR_INTERNAL when unknown. */
err_code err_from_rpc(int rpc_code);
