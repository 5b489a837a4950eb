/* consilium device …: cameras and machines that speak RTSP, by the organisation whose people may bring them into a room. */
#include "hub/base/err.h"
#include "hub/cli/cli.h"

gboolean
cmd_device_add(cli *c, int argc, char **argv, GError **error)
{
    g_autofree char *org = NULL, *name = NULL, *url = NULL;
    GOptionEntry entries[] = {{"org", 0, 0, G_OPTION_ARG_STRING, &org, "", ""},
                              {"name", 0, 0, G_OPTION_ARG_STRING, &name, "", ""},
                              {"url", 0, 0, G_OPTION_ARG_STRING, &url, "", ""},
                              {0}};
    if (!cli_options(c, entries, argc, argv, error) || !cli_need(org, "--org", error) ||
        !cli_need(name, "--name", error) || !cli_need(url, "--url", error))
        return FALSE;
    if (!g_str_has_prefix(url, "rtsp://") && !g_str_has_prefix(url, "rtsps://"))
        return err_set(error, ERR_INVALID, "--url begins with rtsp:// or rtsps://");
    g_autoptr(db_batch) b = cli_batch();
    db_batch_add(b, "admin_org_expect", 1, org);
    db_batch_add(b, "admin_device_set", 3, org, name, url);
    cli_audit(b, "device.add", name, json_pack("{s:s}", "organisation", org));
    return cli_run(c, b, error);
}

gboolean
cmd_device_list(cli *c, int argc, char **argv, GError **error)
{
    static const char *const headings[] = {"ORGANISATION", "NAME", "ADDRESS", NULL};
    if (!cli_options(c, NULL, argc, argv, error))
        return FALSE;
    g_autoptr(db_batch) b = cli_batch();
    guint list = db_batch_add(b, "admin_device_list", 0);
    if (!cli_run(c, b, error))
        return FALSE;
    cli_print_table(b, list, headings);
    return TRUE;
}

gboolean
cmd_device_remove(cli *c, int argc, char **argv, GError **error)
{
    g_autofree char *org = NULL, *name = NULL;
    GOptionEntry entries[] = {{"org", 0, 0, G_OPTION_ARG_STRING, &org, "", ""},
                              {"name", 0, 0, G_OPTION_ARG_STRING, &name, "", ""},
                              {0}};
    if (!cli_options(c, entries, argc, argv, error) || !cli_need(org, "--org", error) || !cli_need(name, "--name", error))
        return FALSE;
    g_autoptr(db_batch) b = cli_batch();
    guint gone = db_batch_add(b, "admin_device_remove", 2, org, name);
    cli_audit(b, "device.remove", name, json_pack("{s:s}", "organisation", org));
    if (!cli_run(c, b, error))
        return FALSE;
    return db_rows(b, gone) == 1 || err_set(error, ERR_NOT_FOUND, "%s has no device %s", org, name);
}
