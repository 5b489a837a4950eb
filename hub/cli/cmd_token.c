/* consilium token …: bearer tokens of programs. Only their hash is stored; the token is printed once. */
#include "hub/base/err.h"
#include "hub/base/id.h"
#include "hub/cli/cli.h"
#include <stdio.h>
#include <string.h>

#define TOKEN_BYTES 32
#define DEFAULT_DAYS 90
#define MAX_DAYS 3650

static gboolean
check_scope(const char *scope, GError **error)
{
    static const char *const known[] = {"dicomweb", "api", "fhir", NULL};
    g_auto(GStrv) words = g_strsplit(scope, ",", -1);
    for (char **word = words; *word; word++)
        if (!g_strv_contains(known, *word))
            return err_set(error, ERR_INVALID, "\"%s\" is no scope; there are dicomweb, api, fhir", *word);
    return words[0] != NULL || err_set(error, ERR_INVALID, "--scope is empty");
}

gboolean
cmd_token_create(cli *c, int argc, char **argv, GError **error)
{
    g_autofree char *user = NULL, *org = NULL, *scope = NULL;
    int days = DEFAULT_DAYS;
    GOptionEntry entries[] = {{"user", 0, 0, G_OPTION_ARG_STRING, &user, "", ""},
                              {"org", 0, 0, G_OPTION_ARG_STRING, &org, "", ""},
                              {"scope", 0, 0, G_OPTION_ARG_STRING, &scope, "", ""},
                              {"days", 0, 0, G_OPTION_ARG_INT, &days, "", ""},
                              {0}};
    if (!cli_options(c, entries, argc, argv, error) || !cli_need(user, "--user", error))
        return FALSE;
    if (!scope)
        scope = g_strdup("dicomweb,api,fhir");
    if (!check_scope(scope, error))
        return FALSE;
    if (days < 1 || days > MAX_DAYS)
        return err_set(error, ERR_INVALID, "--days is 1 to %d", MAX_DAYS);
    g_autofree char *token = id_secret_new(TOKEN_BYTES), *days_text = g_strdup_printf("%d", days);
    g_autofree char *hash = id_sha256_hex(token, strlen(token));
    g_autoptr(db_batch) b = cli_batch();
    db_batch_add(b, "admin_user_expect", 1, user);
    db_batch_add(b, "admin_token_expect", 2, user, org);
    db_batch_add(b, "admin_token_create", 5, user, org, hash, scope, days_text);
    cli_audit(b, "token.create", user, json_pack("{s:s,s:i}", "scope", scope, "days", days));
    if (!cli_run(c, b, error))
        return FALSE;
    printf("%s\n", token);
    return TRUE;
}

gboolean
cmd_token_list(cli *c, int argc, char **argv, GError **error)
{
    static const char *const headings[] = {"ID", "USER", "ORGANISATION", "SCOPE", "CREATED", "EXPIRES", "STATE", NULL};
    g_autofree char *user = NULL;
    GOptionEntry entries[] = {{"user", 0, 0, G_OPTION_ARG_STRING, &user, "", ""}, {0}};
    if (!cli_options(c, entries, argc, argv, error))
        return FALSE;
    g_autoptr(db_batch) b = cli_batch();
    guint list = db_batch_add(b, "admin_token_list", 1, user);
    if (!cli_run(c, b, error))
        return FALSE;
    cli_print_table(b, list, headings);
    return TRUE;
}

gboolean
cmd_token_revoke(cli *c, int argc, char **argv, GError **error)
{
    g_autofree char *id = NULL, *user = NULL;
    GOptionEntry entries[] = {{"id", 0, 0, G_OPTION_ARG_STRING, &id, "", ""},
                              {"user", 0, 0, G_OPTION_ARG_STRING, &user, "", ""},
                              {0}};
    if (!cli_options(c, entries, argc, argv, error))
        return FALSE;
    if (!id == !user)
        return err_set(error, ERR_INVALID, "give --id or --user");
    if (id && !id_is_valid(id))
        return err_set(error, ERR_INVALID, "\"%s\" is no id", id);
    g_autoptr(db_batch) b = cli_batch();
    if (user)
        db_batch_add(b, "admin_user_expect", 1, user);
    guint done = db_batch_add(b, id ? "admin_token_revoke" : "admin_token_revoke_all", 1, id ? id : user);
    cli_audit(b, "token.revoke", id ? id : user, NULL);
    if (!cli_run(c, b, error))
        return FALSE;
    if (id && db_rows(b, done) == 0)
        return err_set(error, ERR_NOT_FOUND, "there is no live token %s", id);
    printf("%u revoked\n", db_rows(b, done));
    return TRUE;
}
