/* consilium user … */
#include "hub/auth/password.h"
#include "hub/base/err.h"
#include "hub/base/id.h"
#include "hub/cli/cli.h"
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TOTP_BYTES 20 /* RFC 4226 4: the length of SHA-1 */
#define GENERATED_BYTES 12

/* A password given on standard input, or a generated one, which is printed. */
static char *
first_password(GError **error)
{
    if (!isatty(STDIN_FILENO)) {
        char *given = cli_read_password(NULL);
        if (given && *given)
            return given;
        g_free(given);
    }
    char *generated = id_secret_new(GENERATED_BYTES);
    if (!generated)
        err_set(error, ERR_INTERNAL, "no randomness");
    else
        printf("password: %s\n", generated);
    return generated;
}

gboolean
cmd_user_add(cli *c, int argc, char **argv, GError **error)
{
    g_autofree char *login = NULL, *name = NULL, *org = NULL, *role = NULL, *department = NULL, *title = NULL, *language = NULL;
    GOptionEntry entries[] = {{"login", 0, 0, G_OPTION_ARG_STRING, &login, "", ""},
                              {"name", 0, 0, G_OPTION_ARG_STRING, &name, "", ""},
                              {"org", 0, 0, G_OPTION_ARG_STRING, &org, "", ""},
                              {"role", 0, 0, G_OPTION_ARG_STRING, &role, "", ""},
                              {"department", 0, 0, G_OPTION_ARG_STRING, &department, "", ""},
                              {"title", 0, 0, G_OPTION_ARG_STRING, &title, "", ""},
                              {"language", 0, 0, G_OPTION_ARG_STRING, &language, "", ""},
                              {0}};
    if (!cli_options(c, entries, argc, argv, error) || !cli_need(login, "--login", error) ||
        !cli_need(name, "--name", error) || !cli_need(org, "--org", error) || !cli_need(role, "--role", error))
        return FALSE;
    g_autofree char *password = first_password(error);
    g_autofree char *hash = password ? password_hash(password, error) : NULL;
    if (!hash)
        return FALSE;
    g_autoptr(db_batch) b = cli_batch();
    db_batch_add(b, "admin_org_expect", 1, org);
    db_batch_add(b, "admin_department_expect", 2, org, department);
    db_batch_add(b, "admin_user_add", 5, login, name, title, language, hash);
    db_batch_add(b, "admin_role_add", 4, login, org, role, department);
    cli_audit(b, "user.add", login, json_pack("{s:s,s:s}", "organisation", org, "role", role));
    return cli_run(c, b, error);
}

gboolean
cmd_user_list(cli *c, int argc, char **argv, GError **error)
{
    static const char *const headings[] = {"LOGIN", "ORGANISATION", "ROLES", "DEPARTMENTS", "NAME", NULL};
    if (!cli_options(c, NULL, argc, argv, error))
        return FALSE;
    g_autoptr(db_batch) b = cli_batch();
    guint list = db_batch_add(b, "admin_user_list", 0);
    if (!cli_run(c, b, error))
        return FALSE;
    cli_print_table(b, list, headings);
    return TRUE;
}

gboolean
cmd_user_passwd(cli *c, int argc, char **argv, GError **error)
{
    g_autofree char *login = NULL;
    GOptionEntry entries[] = {{"login", 0, 0, G_OPTION_ARG_STRING, &login, "", ""}, {0}};
    if (!cli_options(c, entries, argc, argv, error) || !cli_need(login, "--login", error))
        return FALSE;
    g_autofree char *password = cli_read_password(error);
    g_autofree char *hash = password ? password_hash(password, error) : NULL;
    if (!hash)
        return FALSE;
    g_autoptr(db_batch) b = cli_batch();
    db_batch_add(b, "admin_user_expect", 1, login);
    db_batch_add(b, "admin_user_password", 2, login, hash);
    db_batch_add(b, "admin_sessions_end", 1, login);
    cli_audit(b, "user.password", login, NULL);
    return cli_run(c, b, error);
}

/* RFC 4648 base 32 without padding, as authenticators want it. */
static char *
base32(const guint8 *bytes, gsize length)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    GString *text = g_string_new(NULL);
    guint32 bits = 0;
    guint held = 0;
    for (gsize i = 0; i < length; i++) {
        bits = (bits << 8) | bytes[i];
        for (held += 8; held >= 5; held -= 5)
            g_string_append_c(text, digits[(bits >> (held - 5)) & 31]);
    }
    if (held)
        g_string_append_c(text, digits[(bits << (5 - held)) & 31]);
    return g_string_free(text, FALSE);
}

static char *
hex(const guint8 *bytes, gsize length)
{
    GString *text = g_string_new(NULL);
    for (gsize i = 0; i < length; i++)
        g_string_append_printf(text, "%02x", bytes[i]);
    return g_string_free(text, FALSE);
}

gboolean
cmd_user_totp(cli *c, int argc, char **argv, GError **error)
{
    g_autofree char *login = NULL, *secret = NULL, *shown = NULL;
    gboolean off = FALSE;
    GOptionEntry entries[] = {{"login", 0, 0, G_OPTION_ARG_STRING, &login, "", ""},
                              {"off", 0, 0, G_OPTION_ARG_NONE, &off, "", ""},
                              {0}};
    if (!cli_options(c, entries, argc, argv, error) || !cli_need(login, "--login", error))
        return FALSE;
    if (!off) {
        guint8 bytes[TOTP_BYTES];
        if (RAND_bytes(bytes, sizeof bytes) != 1)
            return err_set(error, ERR_INTERNAL, "no randomness");
        secret = hex(bytes, sizeof bytes);
        shown = base32(bytes, sizeof bytes);
    }
    g_autoptr(db_batch) b = cli_batch();
    db_batch_add(b, "admin_user_expect", 1, login);
    db_batch_add(b, "admin_user_totp", 2, login, secret);
    cli_audit(b, off ? "user.totp.off" : "user.totp.on", login, NULL);
    if (!cli_run(c, b, error))
        return FALSE;
    if (shown)
        printf("%s\notpauth://totp/Consilium:%s?secret=%s&issuer=Consilium\n", shown, login, shown);
    return TRUE;
}

gboolean
cmd_user_role(cli *c, int argc, char **argv, GError **error)
{
    g_autofree char *login = NULL, *org = NULL, *role = NULL, *department = NULL;
    gboolean remove = FALSE;
    GOptionEntry entries[] = {{"login", 0, 0, G_OPTION_ARG_STRING, &login, "", ""},
                              {"org", 0, 0, G_OPTION_ARG_STRING, &org, "", ""},
                              {"role", 0, 0, G_OPTION_ARG_STRING, &role, "", ""},
                              {"department", 0, 0, G_OPTION_ARG_STRING, &department, "", ""},
                              {"remove", 0, 0, G_OPTION_ARG_NONE, &remove, "", ""},
                              {0}};
    if (!cli_options(c, entries, argc, argv, error) || !cli_need(login, "--login", error) ||
        !cli_need(org, "--org", error) || !cli_need(role, "--role", error))
        return FALSE;
    g_autoptr(db_batch) b = cli_batch();
    db_batch_add(b, "admin_user_expect", 1, login);
    db_batch_add(b, "admin_org_expect", 1, org);
    db_batch_add(b, "admin_department_expect", 2, org, department);
    db_batch_add(b, remove ? "admin_role_remove" : "admin_role_add", 4, login, org, role, department);
    cli_audit(b, remove ? "user.role.remove" : "user.role.add", login,
              json_pack("{s:s,s:s}", "organisation", org, "role", role));
    return cli_run(c, b, error);
}

gboolean
cmd_user_disable(cli *c, int argc, char **argv, GError **error)
{
    g_autofree char *login = NULL;
    gboolean enable = FALSE;
    GOptionEntry entries[] = {{"login", 0, 0, G_OPTION_ARG_STRING, &login, "", ""},
                              {"enable", 0, 0, G_OPTION_ARG_NONE, &enable, "", ""},
                              {0}};
    if (!cli_options(c, entries, argc, argv, error) || !cli_need(login, "--login", error))
        return FALSE;
    g_autoptr(db_batch) b = cli_batch();
    db_batch_add(b, "admin_user_expect", 1, login);
    db_batch_add(b, "admin_user_disable", 2, login, enable ? "false" : "true");
    if (!enable)
        db_batch_add(b, "admin_sessions_end", 1, login);
    cli_audit(b, enable ? "user.enable" : "user.disable", login, NULL);
    return cli_run(c, b, error);
}
