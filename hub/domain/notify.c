/* Reading the payloads of consilium.changed(). */
#include "hub/domain/notify.h"
#include "hub/base/err.h"

static char **
texts_of(const json_t *array)
{
    GPtrArray *list = g_ptr_array_new();
    for (gsize i = 0; i < json_array_size(array); i++)
        if (json_is_string(json_array_get(array, i)))
            g_ptr_array_add(list, g_strdup(json_string_value(json_array_get(array, i))));
    g_ptr_array_add(list, NULL);
    return (char **)g_ptr_array_free(list, FALSE);
}

gboolean
notify_parse(notify_change *ret_change, const char *payload, GError **error)
{
    g_autoptr(json_t) root = json_parse(payload, strlen(payload), error);
    if (!root)
        return FALSE;
    const char *kind = json_get_text(root, "kind"), *id = json_get_text(root, "id");
    if (!kind || !id)
        return err_set(error, ERR_INVALID, "a change without kind or id");
    *ret_change = (notify_change){
        .kind = g_strdup(kind),
        .id = g_strdup(id),
        .version = json_get_int(root, "version", 0),
        .organisations = texts_of(json_object_get(root, "organisations")),
        .persons = texts_of(json_object_get(root, "persons")),
    };
    return TRUE;
}

void
notify_clear(notify_change *change)
{
    g_clear_pointer(&change->kind, g_free);
    g_clear_pointer(&change->id, g_free);
    g_clear_pointer(&change->organisations, g_strfreev);
    g_clear_pointer(&change->persons, g_strfreev);
}

gboolean
notify_concerns(const notify_change *change, const char *person, const char *organisation)
{
    if (change->persons && change->persons[0])
        return person && g_strv_contains((const char *const *)change->persons, person);
    return organisation && change->organisations &&
           g_strv_contains((const char *const *)change->organisations, organisation);
}
