/* consilium, administration on the command line. One file per noun; main.c has the table of commands. */
#pragma once
#include "hub/base/config.h"
#include "hub/store/db.h"

typedef struct {
    const char *data_before; /* --data as it stood before the command, or NULL */
    char *data;              /* data directory */
    config *config;
    gboolean as_owner; /* root and consilium-pg act as the schema's owner, the hub's user as the hub */
} cli;

/** A command: parses its own options from argv (argv[0] is its name), prints, returns FALSE with an error for
 * people. */
typedef gboolean (*cli_command)(cli *c, int argc, char **argv, GError **error);

gboolean cmd_user_add(cli *c, int argc, char **argv, GError **error);
gboolean cmd_user_list(cli *c, int argc, char **argv, GError **error);
gboolean cmd_user_passwd(cli *c, int argc, char **argv, GError **error);
gboolean cmd_user_totp(cli *c, int argc, char **argv, GError **error);
gboolean cmd_user_role(cli *c, int argc, char **argv, GError **error);
gboolean cmd_user_disable(cli *c, int argc, char **argv, GError **error);
gboolean cmd_token_create(cli *c, int argc, char **argv, GError **error);
gboolean cmd_token_list(cli *c, int argc, char **argv, GError **error);
gboolean cmd_token_revoke(cli *c, int argc, char **argv, GError **error);
gboolean cmd_ae_add(cli *c, int argc, char **argv, GError **error);
gboolean cmd_ae_certificate(cli *c, int argc, char **argv, GError **error);
gboolean cmd_ae_list(cli *c, int argc, char **argv, GError **error);
gboolean cmd_ae_remove(cli *c, int argc, char **argv, GError **error);
gboolean cmd_device_add(cli *c, int argc, char **argv, GError **error);
gboolean cmd_device_list(cli *c, int argc, char **argv, GError **error);
gboolean cmd_device_remove(cli *c, int argc, char **argv, GError **error);
gboolean cmd_org_add(cli *c, int argc, char **argv, GError **error);
gboolean cmd_org_list(cli *c, int argc, char **argv, GError **error);
gboolean cmd_org_department(cli *c, int argc, char **argv, GError **error);
gboolean cmd_org_agree(cli *c, int argc, char **argv, GError **error);
gboolean cmd_migrate(cli *c, int argc, char **argv, GError **error);
gboolean cmd_demo(cli *c, int argc, char **argv, GError **error);
gboolean cmd_check(cli *c, int argc, char **argv, GError **error);
gboolean cmd_backup(cli *c, int argc, char **argv, GError **error);
gboolean cmd_restore(cli *c, int argc, char **argv, GError **error);
gboolean cmd_audit_verify(cli *c, int argc, char **argv, GError **error);

/** Parses options; leftover arguments are an error. --data is among them for every command; one that stood
 * before the command counts as well. */
gboolean cli_options(cli *c, const GOptionEntry *entries, int argc, char **argv, GError **error);
/** Sets ERR_INVALID naming the option when value is NULL. */
gboolean cli_need(const char *value, const char *option, GError **error);

/** libpq connection string for a role of this instance. Caller frees. */
char *cli_conninfo(const cli *c, const char *role);
/** A connection as the owner or, for who may not be that, as the hub. NULL with error. */
db_conn *cli_connect(cli *c, GError **error);
/** A new unit of work with purpose administration. */
db_batch *cli_batch(void);
/** Adds the audit row of a change. detail (may be NULL) is stolen; ids and codes only. */
void cli_audit(db_batch *batch, const char *action, const char *object, json_t *detail);
/** Connects and runs. */
gboolean cli_run(cli *c, db_batch *batch, GError **error);
/** Prints result index as a table under headings (NULL-terminated), by display width. */
void cli_print_table(const db_batch *batch, guint index, const char *const *headings);

/** A password: the first line of standard input; asked for twice without echo on a terminal. Caller frees. */
char *cli_read_password(GError **error);
