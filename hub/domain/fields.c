/* Checking JSON against tables of fields. Lengths are counted in characters, as the schema's length() does. */
#include "hub/domain/fields.h"
#include "hub/base/id.h"
#include <string.h>

void
fields_error(json_t *errors, const char *name, const char *problem)
{
    json_array_append_new(errors, json_pack("{s:s, s:s}", "field", name, "problem", problem));
}

static const char *
wrong_text(const json_t *value, const field *f)
{
    if (!json_is_string(value))
        return "text";
    glong length = g_utf8_strlen(json_string_value(value), (gssize)json_string_length(value));
    if (strlen(json_string_value(value)) != json_string_length(value))
        return "form"; /* U+0000 cannot be stored */
    if (length > (glong)f->max)
        return "too-long";
    if (f->min == 0)
        return NULL;
    g_autofree char *stripped = g_strstrip(g_strdup(json_string_value(value)));
    return *stripped ? NULL : "required";
}

static gboolean
is_date(const char *text)
{
    int year, month, day, end = 0;
    return strlen(text) == 10 && sscanf(text, "%4d-%2d-%2d%n", &year, &month, &day, &end) == 3 && end == 10 &&
           year >= 1800 && g_date_valid_dmy((GDateDay)day, (GDateMonth)month, (GDateYear)year);
}

static gboolean
is_time(const char *text)
{
    g_autoptr(GDateTime) time = g_date_time_new_from_iso8601(text, NULL); /* without a zone: NULL */
    return time && strlen(text) <= 40 && g_date_time_get_year(time) >= 1900 && strchr(text, 'T') != NULL;
}

static const char *
wrong_ids(const json_t *value, guint max)
{
    if (!json_is_array(value))
        return "list";
    if (json_array_size(value) > max)
        return "too-many";
    for (gsize i = 0; i < json_array_size(value); i++)
        if (!id_is_valid(json_string_value(json_array_get(value, i))))
            return "id";
    return NULL;
}

static gboolean
is_choice(const json_t *value, const char *choices)
{
    if (!json_is_string(value) || strchr(json_string_value(value), ' '))
        return FALSE;
    g_autofree char *word = g_strdup_printf(" %s ", json_string_value(value));
    return strstr(choices, word) != NULL;
}

/* What is wrong with the value in one word (the web client translates it), or NULL. */
static const char *
wrong(const json_t *value, const field *f)
{
    switch (f->type) {
    case FIELD_TEXT:
        return wrong_text(value, f);
    case FIELD_ID:
        return id_is_valid(json_string_value(value)) ? NULL : "id";
    case FIELD_BOOLEAN:
        return json_is_boolean(value) ? NULL : "boolean";
    case FIELD_DATE:
        return json_is_string(value) && is_date(json_string_value(value)) ? NULL : "date";
    case FIELD_TIME:
        return json_is_string(value) && is_time(json_string_value(value)) ? NULL : "time";
    case FIELD_CHOICE:
        return is_choice(value, f->choices) ? NULL : "choice";
    case FIELD_IDS:
        return wrong_ids(value, f->max);
    case FIELD_OBJECT:
        return json_is_object(value) ? NULL : "object";
    }
    return NULL;
}

static const field *
find_field(const field *table, const char *name)
{
    for (; table->name; table++)
        if (strcmp(table->name, name) == 0)
            return table;
    return NULL;
}

gboolean
fields_check(const json_t *object, const field *table, const char *prefix, json_t *errors)
{
    gsize before = json_array_size(errors);
    for (const field *f = table; f->name; f++) {
        g_autofree char *name = g_strconcat(prefix ? prefix : "", f->name, NULL);
        const json_t *value = json_object_get(object, f->name);
        if (!value || json_is_null(value)) {
            if (f->required)
                fields_error(errors, name, "required");
            continue;
        }
        const char *problem = wrong(value, f);
        if (problem)
            fields_error(errors, name, problem);
        else if (f->type == FIELD_OBJECT) {
            g_autofree char *inner = g_strconcat(name, ".", NULL);
            fields_check(value, f->object, inner, errors);
        }
    }
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)object, key, value)
        if (!find_field(table, key)) {
            g_autofree char *name = g_strconcat(prefix ? prefix : "", key, NULL);
            fields_error(errors, name, "unknown");
        }
    return json_array_size(errors) == before;
}
