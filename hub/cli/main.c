/* consilium [NOUN] VERB [options]: finds the command and reports its error. */
#include "hub/base/err.h"
#include "hub/cli/cli.h"
#include <locale.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *noun, *verb, *usage;
    cli_command run;
} commands[] = {
    {"user", "add", "--login L --name N --org CODE --role R [--department D] [--title T] [--language L]", cmd_user_add},
    {"user", "list", "", cmd_user_list},
    {"user", "passwd", "--login L            (asks, or takes the first line of standard input)", cmd_user_passwd},
    {"user", "totp", "--login L [--off]    (prints the key for an authenticator)", cmd_user_totp},
    {"user", "role", "--login L --org CODE --role R [--department D] [--remove]", cmd_user_role},
    {"user", "disable", "--login L [--enable]", cmd_user_disable},
    {"token", "create", "--user L [--org CODE] [--scope dicomweb,api,fhir] [--days N]", cmd_token_create},
    {"token", "list", "[--user L]", cmd_token_list},
    {"token", "revoke", "--id ID | --user L", cmd_token_revoke},
    {"ae", "add", "--org CODE --aet TITLE [--host IP] [--port N] [--cert-cn CN] [--associations N] [--rate N] [--object-limit BYTES]",
     cmd_ae_add},
    {"ae", "certificate", "--aet TITLE --out DIR [--request CSR.pem] [--cn CN] [--days N] | --aet TITLE --register CERT.pem",
     cmd_ae_certificate},
    {"ae", "list", "", cmd_ae_list},
    {"ae", "remove", "--aet TITLE", cmd_ae_remove},
    {"device", "add", "--org CODE --name N --url rtsp://…", cmd_device_add},
    {"device", "list", "", cmd_device_list},
    {"device", "remove", "--org CODE --name N", cmd_device_remove},
    {"org", "add", "--code CODE --name N --kind lead|county|township|partner|panel [--parent CODE] [--consortium N] [--timezone Z]",
     cmd_org_add},
    {"org", "list", "", cmd_org_list},
    {"org", "department", "--org CODE --code D --name N", cmd_org_department},
    {"org", "agree", "--from CODE --to CODE --scope consult,referral,teaching,recognition", cmd_org_agree},
    {"audit", "verify", "", cmd_audit_verify},
    {"migrate", NULL, "", cmd_migrate},
    {"demo", NULL, "[--password P | --password-stdin]", cmd_demo},
    {"backup", NULL, "--to DIR", cmd_backup},
    {"restore", NULL, "--from DIR           (into a --data that does not exist yet)", cmd_restore},
    {"check", NULL, "[--keys]", cmd_check},
};

static void
print_usage(FILE *to)
{
    fputs("consilium [--data DIR] COMMAND …\n", to);
    for (gsize i = 0; i < G_N_ELEMENTS(commands); i++)
        fprintf(to, "  %-7s %-10s %s\n", commands[i].noun, commands[i].verb ? commands[i].verb : "", commands[i].usage);
}

static gssize
find_command(int argc, char **argv)
{
    for (gsize i = 0; i < G_N_ELEMENTS(commands); i++) {
        gboolean fits = argc >= 2 && !strcmp(argv[1], commands[i].noun) &&
                        (!commands[i].verb || (argc >= 3 && !strcmp(argv[2], commands[i].verb)));
        if (fits)
            return (gssize)i;
    }
    return -1;
}

/* Takes --data DIR or --data=DIR from in front of the command. */
static void
take_data(cli *c, int *argc, char ***argv)
{
    char **at = *argv;
    int used = 0;
    if (*argc >= 2 && g_str_has_prefix(at[1], "--data=")) {
        c->data_before = at[1] + strlen("--data=");
        used = 1;
    } else if (*argc >= 3 && !strcmp(at[1], "--data")) {
        c->data_before = at[2];
        used = 2;
    }
    *argc -= used;
    *argv += used;
}

int
main(int argc, char **argv)
{
    setlocale(LC_ALL, "C.UTF-8");
    cli c = {0};
    take_data(&c, &argc, &argv);
    gssize found = find_command(argc, argv);
    if (found < 0) {
        gboolean asked = argc >= 2 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "help"));
        print_usage(asked ? stdout : stderr);
        return asked ? 0 : 2;
    }
    int used = commands[found].verb ? 2 : 1;
    g_autoptr(GError) error = NULL;
    gboolean done = commands[found].run(&c, argc - used, argv + used, &error);
    if (!done)
        fprintf(stderr, "consilium: %s\n", error ? error->message : "it failed");
    g_clear_pointer(&c.config, config_free);
    g_free(c.data);
    return done ? 0 : 1;
}
