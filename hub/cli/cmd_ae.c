/* consilium ae …: which scanners may call, from where, and where C-MOVE may send. Takes effect at once. */
#include "hub/base/err.h"
#include "hub/cli/cli.h"
#include <arpa/inet.h>
#include <stdio.h>

static gboolean
check_host(const char *host, GError **error)
{
    struct in6_addr address;
    if (inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1)
        return TRUE;
    return err_set(error, ERR_INVALID, "--host is an IP address; \"%s\" is none", host);
}

gboolean
cmd_ae_add(cli *c, int argc, char **argv, GError **error)
{
    g_autofree char *org = NULL, *title = NULL, *host = NULL, *cert_cn = NULL;
    int port = 0, associations = 0, rate = 0;
    gint64 object_limit = 0;
    GOptionEntry entries[] = {{"org", 0, 0, G_OPTION_ARG_STRING, &org, "", ""},
                              {"aet", 0, 0, G_OPTION_ARG_STRING, &title, "", ""},
                              {"host", 0, 0, G_OPTION_ARG_STRING, &host, "", ""},
                              {"port", 0, 0, G_OPTION_ARG_INT, &port, "", ""},
                              {"cert-cn", 0, 0, G_OPTION_ARG_STRING, &cert_cn, "", ""},
                              {"associations", 0, 0, G_OPTION_ARG_INT, &associations, "", ""},
                              {"rate", 0, 0, G_OPTION_ARG_INT, &rate, "", ""},
                              {"object-limit", 0, 0, G_OPTION_ARG_INT64, &object_limit, "", ""},
                              {0}};
    if (!cli_options(c, entries, argc, argv, error) || !cli_need(org, "--org", error) || !cli_need(title, "--aet", error))
        return FALSE;
    if (!host && !cert_cn)
        return err_set(error, ERR_INVALID, "--host is needed (or --cert-cn, for DICOM over TLS only)");
    if (host && !check_host(host, error))
        return FALSE;
    if (port < 0 || port > G_MAXUINT16)
        return err_set(error, ERR_INVALID, "--port is 1 to 65535");
    if (associations < 0 || rate < 0 || object_limit < 0)
        return err_set(error, ERR_INVALID, "limits are whole numbers from 1");
    g_autofree char *associations_text = associations ? g_strdup_printf("%d", associations) : NULL;
    g_autofree char *rate_text = rate ? g_strdup_printf("%d", rate) : NULL;
    g_autofree char *limit_text = object_limit ? g_strdup_printf("%" G_GINT64_FORMAT, object_limit) : NULL;
    g_autofree char *port_text = port ? g_strdup_printf("%d", port) : NULL;
    g_autoptr(db_batch) b = cli_batch();
    db_batch_add(b, "admin_org_expect", 1, org);
    db_batch_add(b, "admin_ae_expect", 2, title, org);
    db_batch_add(b, "admin_ae_set", 8, title, org, host, port_text, cert_cn, associations_text, rate_text, limit_text);
    db_batch_add(b, "admin_ae_notify", 0);
    cli_audit(b, "ae.add", title, json_pack("{s:s}", "organisation", org));
    return cli_run(c, b, error);
}

gboolean
cmd_ae_list(cli *c, int argc, char **argv, GError **error)
{
    static const char *const headings[] = {"AE TITLE", "ORGANISATION", "HOST", "PORT", "CERTIFICATE", NULL};
    if (!cli_options(c, NULL, argc, argv, error))
        return FALSE;
    g_autoptr(db_batch) b = cli_batch();
    guint list = db_batch_add(b, "admin_ae_list", 0);
    if (!cli_run(c, b, error))
        return FALSE;
    cli_print_table(b, list, headings);
    return TRUE;
}

gboolean
cmd_ae_remove(cli *c, int argc, char **argv, GError **error)
{
    g_autofree char *title = NULL;
    GOptionEntry entries[] = {{"aet", 0, 0, G_OPTION_ARG_STRING, &title, "", ""}, {0}};
    if (!cli_options(c, entries, argc, argv, error) || !cli_need(title, "--aet", error))
        return FALSE;
    g_autoptr(db_batch) b = cli_batch();
    guint gone = db_batch_add(b, "admin_ae_remove", 1, title);
    db_batch_add(b, "admin_ae_notify", 0);
    cli_audit(b, "ae.remove", title, NULL);
    if (!cli_run(c, b, error))
        return FALSE;
    return db_rows(b, gone) == 1 || err_set(error, ERR_NOT_FOUND, "there is no AE title %s", title);
}
