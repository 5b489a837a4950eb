/* The table of err.def, read in both directions. */
#include "hub/base/err.h"

static const struct {
    const char *name;
    int http;
    int rpc;
    const char *title;
} table[ERR_COUNT] = {
#define ERR(code, name, http, rpc, title) [ERR_##code] = {name, http, rpc, title},
#include "hub/base/err.def"
#undef ERR
};

GQuark
err_quark(void)
{
    return g_quark_from_static_string("consilium-error");
}

gboolean
err_set(GError **error, err_code code, const char *format, ...)
{
    if (error) {
        va_list args;
        va_start(args, format);
        *error = g_error_new_valist(CONSILIUM_ERROR, (gint)code, format, args);
        va_end(args);
    }
    return FALSE;
}

GError *
err_new(err_code code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    GError *error = g_error_new_valist(CONSILIUM_ERROR, (gint)code, format, args);
    va_end(args);
    return error;
}

err_code
err_code_of(const GError *error)
{
    return error->domain == CONSILIUM_ERROR ? (err_code)error->code : ERR_INTERNAL;
}

gboolean
err_is(const GError *error, err_code code)
{
    return error && err_code_of(error) == code;
}

const char *
err_name(err_code code)
{
    return table[code].name;
}

const char *
err_title(err_code code)
{
    return table[code].title;
}

int
err_http_status(err_code code)
{
    return table[code].http;
}

int
err_rpc_code(err_code code)
{
    return table[code].rpc;
}

err_code
err_from_rpc(int rpc_code)
{
    for (int i = 0; i < ERR_COUNT; i++)
        if (table[i].rpc == rpc_code)
            return (err_code)i;
    return ERR_INTERNAL;
}
