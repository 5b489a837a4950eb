/* Values live in one table "section.key" -> text, filled from default, file, environment in this order. */
#include "hub/base/config.h"
#include "hub/base/err.h"
#include <string.h>

struct config {
    GHashTable *values; /* "section.key" (owned) -> text (owned) */
    char *data_dir;     /* absolute */
};

static const struct {
    const char *section, *key, *fallback, *help;
} keys[] = {
#define KEY(section, key, fallback, help) {section, key, fallback, help},
#include "hub/base/config.def"
#undef KEY
};

static char *
name_of(const char *section, const char *key)
{
    return g_strdup_printf("%s.%s", section, key);
}

static char *
environment_name(const char *section, const char *key)
{
    g_autofree char *joined = g_strdup_printf("consilium_%s_%s", section, key);
    g_strdelimit(joined, "-", '_');
    return g_ascii_strup(joined, -1);
}

/* A key whose default is a number takes numbers only. */
static gboolean
check_value(gsize i, const char *value, GError **error)
{
    if (!g_ascii_isdigit(keys[i].fallback[0]) || strchr(keys[i].fallback, '.'))
        return TRUE;
    if (g_ascii_string_to_unsigned(value, 10, 0, G_MAXINT64, NULL, NULL))
        return TRUE;
    return err_set(error, ERR_INVALID, "configuration: [%s] %s = \"%s\" is no whole number (%s)", keys[i].section,
                   keys[i].key, value, keys[i].help);
}

static gboolean
check_names(GKeyFile *file, const char *path, GError **error)
{
    g_auto(GStrv) sections = g_key_file_get_groups(file, NULL);
    for (char **section = sections; *section; section++) {
        g_auto(GStrv) names = g_key_file_get_keys(file, *section, NULL, NULL);
        for (char **name = names; name && *name; name++) {
            gboolean known = FALSE;
            for (gsize i = 0; i < G_N_ELEMENTS(keys); i++)
                known |= !strcmp(keys[i].section, *section) && !strcmp(keys[i].key, *name);
            if (!known)
                return err_set(error, ERR_INVALID, "%s: [%s] %s is not a known key", path, *section, *name);
        }
    }
    return TRUE;
}

config *
config_load(const char *path, GError **error)
{
    g_autoptr(GKeyFile) file = g_key_file_new();
    if (path && !g_key_file_load_from_file(file, path, G_KEY_FILE_NONE, error))
        return NULL;
    if (!check_names(file, path, error))
        return NULL;
    g_autoptr(config) c = g_new0(config, 1);
    c->values = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    for (gsize i = 0; i < G_N_ELEMENTS(keys); i++) {
        g_autofree char *environment = environment_name(keys[i].section, keys[i].key);
        char *value = g_strdup(g_getenv(environment));
        if (!value)
            value = g_key_file_get_string(file, keys[i].section, keys[i].key, NULL);
        if (!value)
            value = g_strdup(keys[i].fallback);
        g_hash_table_insert(c->values, name_of(keys[i].section, keys[i].key), value);
        if (!check_value(i, value, error))
            return NULL;
    }
    c->data_dir = g_canonicalize_filename(config_text(c, "hub", "data-dir"), NULL);
    return g_steal_pointer(&c);
}

void
config_free(config *c)
{
    if (!c)
        return;
    g_clear_pointer(&c->values, g_hash_table_unref);
    g_free(c->data_dir);
    g_free(c);
}

const char *
config_text(const config *c, const char *section, const char *key)
{
    g_autofree char *name = name_of(section, key);
    const char *value = g_hash_table_lookup(c->values, name);
    if (!value)
        g_error("configuration key %s is not listed in config.def", name);
    return value;
}

gint64
config_int(const config *c, const char *section, const char *key)
{
    return g_ascii_strtoll(config_text(c, section, key), NULL, 10);
}

char *
config_path(const config *c, const char *section, const char *key)
{
    return g_canonicalize_filename(config_text(c, section, key), c->data_dir);
}

const char *
config_data_dir(const config *c)
{
    return c->data_dir;
}
