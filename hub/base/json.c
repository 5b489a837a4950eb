#include "hub/base/json.h"
#include "hub/base/err.h"
#include <stdlib.h>

json_t *
json_parse(const char *text, gsize length, GError **error)
{
    json_error_t why;
    json_t *value = json_loadb(text, length, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &why);
    if (!value)
        err_set(error, ERR_INVALID, "not valid JSON: %s (line %d, column %d)", why.text, why.line, why.column);
    return value;
}

char *
json_text(const json_t *value)
{
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    char *copy = g_strdup(text);
    free(text);
    return copy;
}

const char *
json_get_text(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

gint64
json_get_int(const json_t *object, const char *key, gint64 fallback)
{
    const json_t *value = json_object_get(object, key);
    return json_is_integer(value) ? json_integer_value(value) : fallback;
}

gboolean
json_get_bool(const json_t *object, const char *key, gboolean fallback)
{
    const json_t *value = json_object_get(object, key);
    return json_is_boolean(value) ? json_is_true(value) : fallback;
}
