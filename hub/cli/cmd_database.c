/* consilium migrate, demo. */
#include "hub/auth/password.h"
#include "hub/base/err.h"
#include "hub/cli/cli.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define DEMO_PASSWORD "consilium-demo"

gboolean
cmd_migrate(cli *c, int argc, char **argv, GError **error)
{
    if (!cli_options(c, NULL, argc, argv, error))
        return FALSE;
    g_autofree char *conninfo = cli_conninfo(c, "consilium_owner");
    int applied = db_migrate(conninfo, error);
    if (applied > 0)
        printf("consilium: applied %d schema files\n", applied);
    return applied >= 0;
}

/* The demo accounts share one password and so one hash. A new hash is made only when the password is another one. */
static gboolean
password_differs(cli *c, const char *password, gboolean *ret_differs, GError **error)
{
    g_autoptr(db_batch) b = cli_batch();
    guint hashes = db_batch_add(b, "demo_password_hashes", 0);
    if (!cli_run(c, b, error))
        return FALSE;
    *ret_differs = db_rows(b, hashes) != 1 || !password_verify(password, db_text(b, hashes, 0, 0));
    return TRUE;
}

static gboolean
load_demo(cli *c, const char *hash, GError **error)
{
    static const char *const statements[] = {"demo_organisations", "demo_parents",     "demo_consortium", "demo_members",
                                             "demo_agreements",    "demo_departments", "demo_people",     "demo_roles",
                                             "demo_aes"};
    g_autoptr(db_batch) b = cli_batch();
    for (gsize i = 0; i < G_N_ELEMENTS(statements); i++) {
        if (!strcmp(statements[i], "demo_people"))
            db_batch_add(b, statements[i], 1, hash);
        else
            db_batch_add(b, statements[i], 0);
    }
    db_batch_add(b, "admin_ae_notify", 0);
    cli_audit(b, "demo.load", "", NULL);
    return cli_run(c, b, error);
}

static gboolean
set_demo_password(cli *c, const char *hash, GError **error)
{
    g_autoptr(db_batch) b = cli_batch();
    db_batch_add(b, "demo_password_set", 1, hash);
    cli_audit(b, "demo.password", "", NULL);
    return cli_run(c, b, error);
}

static gboolean
demo_is_loaded(cli *c, gboolean *ret_loaded, GError **error)
{
    g_autoptr(db_batch) b = cli_batch();
    guint count = db_batch_add(b, "demo_people_count", 0);
    if (!cli_run(c, b, error))
        return FALSE;
    *ret_loaded = !strcmp(db_text(b, count, 0, 0), "12");
    return TRUE;
}

/* Without a password, what is loaded stays as it is: an own password survives restarts. */
gboolean
cmd_demo(cli *c, int argc, char **argv, GError **error)
{
    g_autofree char *password = NULL, *hash = NULL;
    gboolean from_stdin = FALSE, loaded = FALSE, differs = FALSE;
    GOptionEntry entries[] = {{"password", 0, 0, G_OPTION_ARG_STRING, &password, "", ""},
                              {"password-stdin", 0, 0, G_OPTION_ARG_NONE, &from_stdin, "", ""},
                              {0}};
    if (!cli_options(c, entries, argc, argv, error))
        return FALSE;
    if (from_stdin && !(password = cli_read_password(error)))
        return FALSE;
    if (!demo_is_loaded(c, &loaded, error))
        return FALSE;
    if (loaded && !password)
        return TRUE;
    const char *wanted = password ? password : DEMO_PASSWORD;
    if (loaded && !password_differs(c, wanted, &differs, error))
        return FALSE;
    if (loaded && !differs)
        return TRUE;
    hash = password_hash(wanted, error);
    if (!hash || (!loaded && !load_demo(c, hash, error)))
        return FALSE;
    return !password || set_demo_password(c, hash, error);
}
