/* consilium org …: organisations, their departments, consortium and agreements. */
#include "hub/base/err.h"
#include "hub/cli/cli.h"

gboolean
cmd_org_add(cli *c, int argc, char **argv, GError **error)
{
    g_autofree char *code = NULL, *name = NULL, *kind = NULL, *parent = NULL, *consortium = NULL, *zone = NULL;
    GOptionEntry entries[] = {{"code", 0, 0, G_OPTION_ARG_STRING, &code, "", ""},
                              {"name", 0, 0, G_OPTION_ARG_STRING, &name, "", ""},
                              {"kind", 0, 0, G_OPTION_ARG_STRING, &kind, "", ""},
                              {"parent", 0, 0, G_OPTION_ARG_STRING, &parent, "", ""},
                              {"consortium", 0, 0, G_OPTION_ARG_STRING, &consortium, "", ""},
                              {"timezone", 0, 0, G_OPTION_ARG_STRING, &zone, "", ""},
                              {0}};
    if (!cli_options(c, entries, argc, argv, error) || !cli_need(code, "--code", error) ||
        !cli_need(name, "--name", error) || !cli_need(kind, "--kind", error))
        return FALSE;
    g_autoptr(db_batch) b = cli_batch();
    db_batch_add(b, "admin_org_expect", 1, parent);
    db_batch_add(b, "admin_org_add", 5, code, name, kind, parent, zone);
    if (consortium) {
        db_batch_add(b, "admin_consortium_add", 1, consortium);
        db_batch_add(b, "admin_consortium_join", 2, consortium, code);
    }
    cli_audit(b, "organisation.add", code, NULL);
    return cli_run(c, b, error);
}

gboolean
cmd_org_list(cli *c, int argc, char **argv, GError **error)
{
    static const char *const headings[] = {"CODE", "KIND", "PARENT", "DEPARTMENTS", "NAME", NULL};
    if (!cli_options(c, NULL, argc, argv, error))
        return FALSE;
    g_autoptr(db_batch) b = cli_batch();
    guint list = db_batch_add(b, "admin_org_list", 0);
    if (!cli_run(c, b, error))
        return FALSE;
    cli_print_table(b, list, headings);
    return TRUE;
}

gboolean
cmd_org_department(cli *c, int argc, char **argv, GError **error)
{
    g_autofree char *org = NULL, *code = NULL, *name = NULL;
    GOptionEntry entries[] = {{"org", 0, 0, G_OPTION_ARG_STRING, &org, "", ""},
                              {"code", 0, 0, G_OPTION_ARG_STRING, &code, "", ""},
                              {"name", 0, 0, G_OPTION_ARG_STRING, &name, "", ""},
                              {0}};
    if (!cli_options(c, entries, argc, argv, error) || !cli_need(org, "--org", error) ||
        !cli_need(code, "--code", error) || !cli_need(name, "--name", error))
        return FALSE;
    g_autoptr(db_batch) b = cli_batch();
    db_batch_add(b, "admin_org_expect", 1, org);
    db_batch_add(b, "admin_department_add", 3, org, code, name);
    cli_audit(b, "department.add", code, json_pack("{s:s}", "organisation", org));
    return cli_run(c, b, error);
}

static gboolean
check_scope(const char *scope, GError **error)
{
    static const char *const known[] = {"consult", "referral", "teaching", "recognition", NULL};
    g_auto(GStrv) words = g_strsplit(scope, ",", -1);
    for (char **word = words; *word; word++)
        if (!g_strv_contains(known, *word))
            return err_set(error, ERR_INVALID, "\"%s\" is nothing to agree on; there are consult, referral, teaching, recognition",
                           *word);
    return TRUE;
}

gboolean
cmd_org_agree(cli *c, int argc, char **argv, GError **error)
{
    g_autofree char *from = NULL, *to = NULL, *scope = NULL;
    GOptionEntry entries[] = {{"from", 0, 0, G_OPTION_ARG_STRING, &from, "", ""},
                              {"to", 0, 0, G_OPTION_ARG_STRING, &to, "", ""},
                              {"scope", 0, 0, G_OPTION_ARG_STRING, &scope, "", ""},
                              {0}};
    if (!cli_options(c, entries, argc, argv, error) || !cli_need(from, "--from", error) ||
        !cli_need(to, "--to", error) || !cli_need(scope, "--scope", error) || !check_scope(scope, error))
        return FALSE;
    g_autoptr(db_batch) b = cli_batch();
    db_batch_add(b, "admin_org_expect", 1, from);
    db_batch_add(b, "admin_org_expect", 1, to);
    db_batch_add(b, "admin_agreement_set", 3, from, to, scope);
    cli_audit(b, "agreement.set", from, json_pack("{s:s,s:s}", "to", to, "scope", scope));
    return cli_run(c, b, error);
}
