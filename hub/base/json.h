/* jansson (the only JSON code anywhere) with automatic cleanup and our error domain. */
#pragma once
#include <glib.h>
#include <jansson.h>

G_DEFINE_AUTOPTR_CLEANUP_FUNC(json_t, json_decref)

/** Parses one JSON text from a stranger: duplicate keys, invalid UTF-8 and nesting over jansson's limit are
 * ERR_INVALID. Returns a new reference or NULL. */
json_t *json_parse(const char *text, gsize length, GError **error);

/** Compact text. Caller frees (g_free). */
char *json_text(const json_t *value);

/** The string under key, or NULL when absent or not a string. Borrowed. */
const char *json_get_text(const json_t *object, const char *key);

/** The integer (boolean) under key, or fallback when absent or of another type. */
gint64 json_get_int(const json_t *object, const char *key, gint64 fallback);
gboolean json_get_bool(const json_t *object, const char *key, gboolean fallback);
