/* consilium backup, restore. A backup is a folder: the database as pg_dump writes it, and the files beside it.
 * The database comes first: what it names was durable on disk before it was committed, so files copied afterwards hold
 * it all. Blobs never change, so a second backup into the same folder copies only new ones. */
#include "hub/base/err.h"
#include "hub/cli/cli.h"
#include <errno.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <unistd.h>

static const char *const parts[] = {"blobs", "recordings", "tls", "consilium.conf", "demo"};

static gboolean
run_program(const char *const *argv, GError **error)
{
    int status = 0;
    g_autofree char *complaint = NULL;
    if (!g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, &complaint, &status, error))
        return FALSE;
    if (g_spawn_check_wait_status(status, NULL))
        return TRUE;
    return err_set(error, ERR_INTERNAL, "%s failed: %s", argv[0], g_strchomp(complaint));
}

static gboolean
copy_parts(const char *from, const char *to, GError **error)
{
    for (gsize i = 0; i < G_N_ELEMENTS(parts); i++) {
        g_autofree char *source = g_build_filename(from, parts[i], NULL);
        g_autofree char *target = g_strconcat(to, "/", NULL);
        if (!g_file_test(source, G_FILE_TEST_EXISTS))
            continue;
        const char *update = i == 0 ? "--no-clobber" : "--force";
        if (!run_program((const char *const[]){"cp", "-a", "--reflink=auto", update, source, target, NULL}, error))
            return FALSE;
    }
    return TRUE;
}

static gboolean
need_root(GError **error)
{
    return geteuid() == 0 || err_set(error, ERR_DENIED, "this command needs root");
}

gboolean
cmd_backup(cli *c, int argc, char **argv, GError **error)
{
    g_autofree char *to = NULL;
    GOptionEntry entries[] = {{"to", 0, 0, G_OPTION_ARG_FILENAME, &to, "", ""}, {0}};
    if (!cli_options(c, entries, argc, argv, error) || !cli_need(to, "--to", error) || !need_root(error))
        return FALSE;
    if (g_mkdir_with_parents(to, 0700) < 0)
        return err_set(error, ERR_INTERNAL, "%s: %s", to, g_strerror(errno));
    g_autofree char *dump = g_build_filename(to, "database.dump", NULL), *fresh = g_strconcat(dump, ".new", NULL);
    g_autofree char *conninfo = cli_conninfo(c, "postgres"); /* row-level security would hide everything from the owner */
    if (!run_program((const char *const[]){"pg_dump", "--format=custom", "--file", fresh, "--dbname", conninfo, NULL}, error))
        return FALSE;
    if (!copy_parts(c->data, to, error))
        return FALSE;
    if (g_rename(fresh, dump) < 0)
        return err_set(error, ERR_INTERNAL, "%s: %s", dump, g_strerror(errno));
    if (!run_program((const char *const[]){"sync", "-f", to, NULL}, error))
        return FALSE;
    printf("backed up to %s\n", to);
    return TRUE;
}

/* The files go to their places; the database is loaded by the next start of hub/up (hub/setup/prepare-database). */
gboolean
cmd_restore(cli *c, int argc, char **argv, GError **error)
{
    g_autofree char *from = NULL;
    GOptionEntry entries[] = {{"from", 0, 0, G_OPTION_ARG_FILENAME, &from, "", ""}, {0}};
    if (!cli_options(c, entries, argc, argv, error) || !cli_need(from, "--from", error) || !need_root(error))
        return FALSE;
    g_autofree char *dump = g_build_filename(from, "database.dump", NULL);
    if (!g_file_test(dump, G_FILE_TEST_EXISTS))
        return err_set(error, ERR_NOT_FOUND, "%s is no backup: it has no database.dump", from);
    g_autofree char *cluster = g_build_filename(c->data, "db", NULL);
    if (g_file_test(cluster, G_FILE_TEST_EXISTS))
        return err_set(error, ERR_CONFLICT, "%s has a database; restore into a new data directory", c->data);
    if (g_mkdir_with_parents(c->data, 0755) < 0)
        return err_set(error, ERR_INTERNAL, "%s: %s", c->data, g_strerror(errno));
    g_autofree char *waiting = g_build_filename(c->data, "restore.dump", NULL);
    if (!copy_parts(from, c->data, error) ||
        !run_program((const char *const[]){"cp", "--reflink=auto", dump, waiting, NULL}, error))
        return FALSE;
    printf("restored to %s; the database is loaded by the next hub/up --data %s\n", c->data, c->data);
    return TRUE;
}
