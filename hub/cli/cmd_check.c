/* consilium check: everything that is wrong with an instance, in one go. */
#include "hub/base/err.h"
#include "hub/cli/cli.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

static const struct {
    const char *section, *key, *fallback, *help;
} keys[] = {
#define KEY(section, key, fallback, help) {section, key, fallback, help},
#include "hub/base/config.def"
#undef KEY
};

typedef struct {
    guint wrong;
} report;

static void G_GNUC_PRINTF(2, 3)
say_wrong(report *r, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    printf("wrong: %s\n", text);
    r->wrong++;
}

static void
print_keys(void)
{
    const char *section = "";
    for (gsize i = 0; i < G_N_ELEMENTS(keys); i++) {
        if (strcmp(section, keys[i].section) != 0)
            printf("%s[%s]\n", *section ? "\n" : "", keys[i].section);
        section = keys[i].section;
        printf("# %s\n#%s=%s\n", keys[i].help, keys[i].key, keys[i].fallback);
    }
}

static gssize
find_key(const char *section, const char *name)
{
    for (gsize i = 0; i < G_N_ELEMENTS(keys); i++)
        if (!strcmp(keys[i].section, section) && !strcmp(keys[i].key, name))
            return (gssize)i;
    return -1;
}

static void
check_section(report *r, GKeyFile *file, const char *path, const char *section)
{
    g_auto(GStrv) names = g_key_file_get_keys(file, section, NULL, NULL);
    for (char **name = names; name && *name; name++) {
        gssize i = find_key(section, *name);
        g_autofree char *value = g_key_file_get_string(file, section, *name, NULL);
        if (i < 0)
            say_wrong(r, "%s: [%s] %s is not a known key", path, section, *name);
        else if (g_ascii_isdigit(keys[i].fallback[0]) && !strchr(keys[i].fallback, '.') &&
                 !g_ascii_string_to_unsigned(value, 10, 0, G_MAXINT64, NULL, NULL))
            say_wrong(r, "%s: [%s] %s=%s is no whole number (%s)", path, section, *name, value, keys[i].help);
    }
}

static void
check_file(report *r, const char *path)
{
    g_autoptr(GKeyFile) file = g_key_file_new();
    g_autoptr(GError) error = NULL;
    if (!g_key_file_load_from_file(file, path, G_KEY_FILE_NONE, &error)) {
        say_wrong(r, "%s: %s", path, error->message);
        return;
    }
    g_auto(GStrv) sections = g_key_file_get_groups(file, NULL);
    for (char **section = sections; *section; section++)
        check_section(r, file, path, *section);
}

static void
check_readable(report *r, const cli *c, const char *section, const char *key)
{
    g_autofree char *path = config_path(c->config, section, key);
    if (access(path, R_OK) < 0)
        say_wrong(r, "[%s] %s: %s: %s", section, key, path, g_strerror(errno));
}

static void
check_ports(report *r, const cli *c)
{
    static const struct {
        const char *section, *key;
    } ports[] = {{"hub", "https-port"}, {"dicom", "port"}, {"dicom", "tls-port"}, {"media", "port"}};
    for (gsize i = 0; i < G_N_ELEMENTS(ports); i++) {
        gint64 port = config_int(c->config, ports[i].section, ports[i].key);
        if (port < 1 || port > G_MAXUINT16)
            say_wrong(r, "[%s] %s=%" G_GINT64_FORMAT " is no port", ports[i].section, ports[i].key, port);
        for (gsize other = 0; other < i && i < 3; other++)
            if (config_int(c->config, ports[other].section, ports[other].key) == port)
                say_wrong(r, "[%s] %s and [%s] %s are the same port", ports[i].section, ports[i].key, ports[other].section,
                          ports[other].key);
    }
    const char *host = config_text(c->config, "hub", "host");
    if ((!strcmp(host, "0.0.0.0") || !strcmp(host, "::")) && !*config_text(c->config, "hub", "announce"))
        say_wrong(r, "[hub] host=%s needs [hub] announce: the address that browsers are told", host);
}

static void
check_disk(report *r, const cli *c)
{
    struct statvfs v;
    guint64 floor = (guint64)config_int(c->config, "store", "disk-floor");
    if (statvfs(c->data, &v) < 0)
        say_wrong(r, "%s: %s", c->data, g_strerror(errno));
    else if ((guint64)v.f_bavail * v.f_frsize < floor)
        say_wrong(r, "%s has %" G_GUINT64_FORMAT " bytes left, less than [store] disk-floor", c->data,
                  (guint64)v.f_bavail * v.f_frsize);
}

static void
check_database(report *r, cli *c)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(db_conn) conn = cli_connect(c, &error);
    if (!conn || !db_migrations_complete(conn, &error))
        say_wrong(r, "database: %s", error->message);
}

gboolean
cmd_check(cli *c, int argc, char **argv, GError **error)
{
    gboolean want_keys = FALSE;
    GOptionEntry entries[] = {{"keys", 0, 0, G_OPTION_ARG_NONE, &want_keys, "", ""}, {0}};
    g_autoptr(GError) broken = NULL;
    if (!cli_options(c, entries, argc, argv, &broken) && !c->data) {
        g_propagate_error(error, g_steal_pointer(&broken));
        return FALSE;
    }
    if (want_keys) {
        print_keys();
        return TRUE;
    }
    report r = {0};
    g_autofree char *path = g_build_filename(c->data, "consilium.conf", NULL);
    if (g_file_test(path, G_FILE_TEST_EXISTS))
        check_file(&r, path);
    if (!c->config && r.wrong == 0)
        say_wrong(&r, "%s", broken->message);
    if (c->config) {
        check_ports(&r, c);
        check_readable(&r, c, "hub", "certificate");
        check_readable(&r, c, "hub", "private-key");
        check_disk(&r, c);
        check_database(&r, c);
    }
    if (r.wrong)
        return err_set(error, ERR_INVALID, "%u wrong", r.wrong);
    printf("all is well with %s\n", c->data);
    return TRUE;
}
