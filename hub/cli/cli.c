/* What the commands share: options, the instance they work on, the connection, tables, passwords. */
#include "hub/cli/cli.h"
#include "hub/base/err.h"
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define PASSWORD_LINE 1024

/* Without --data: the environment, then var/ of the checkout this program was built in, then the installed
 * place. */
static char *
default_data(void)
{
    const char *given = g_getenv("CONSILIUM_HUB_DATA_DIR");
    if (given)
        return g_strdup(given);
    g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
    if (self) {
        g_autofree char *bin = g_path_get_dirname(self);
        g_autofree char *var = g_canonicalize_filename("../../var", bin);
        if (g_file_test(var, G_FILE_TEST_IS_DIR))
            return g_steal_pointer(&var);
    }
    return g_strdup("/var/lib/consilium");
}

static gboolean
load_config(cli *c, GError **error)
{
    g_autofree char *file = g_build_filename(c->data, "consilium.conf", NULL);
    gboolean there = g_file_test(file, G_FILE_TEST_EXISTS);
    g_setenv("CONSILIUM_HUB_DATA_DIR", c->data, TRUE);
    c->config = config_load(there ? file : NULL, error);
    return c->config != NULL;
}

gboolean
cli_options(cli *c, const GOptionEntry *entries, int argc, char **argv, GError **error)
{
    g_autofree char *data = NULL;
    GOptionEntry common[] = {{"data", 0, 0, G_OPTION_ARG_FILENAME, &data, "data directory", "DIR"}, {0}};
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);
    g_option_context_add_main_entries(context, common, NULL);
    if (entries)
        g_option_context_add_main_entries(context, entries, NULL);
    g_autoptr(GError) broken = NULL;
    if (!g_option_context_parse(context, &argc, &argv, &broken))
        return err_set(error, ERR_INVALID, "%s", broken->message);
    if (argc > 1)
        return err_set(error, ERR_INVALID, "unexpected \"%s\"", argv[1]);
    g_autofree char *place = data             ? g_steal_pointer(&data)
                             : c->data_before ? g_strdup(c->data_before)
                                              : default_data();
    c->data = g_canonicalize_filename(place, NULL);
    struct passwd *me = getpwuid(geteuid());
    c->as_owner = geteuid() == 0 || (me && !strcmp(me->pw_name, "consilium-pg"));
    return load_config(c, error);
}

gboolean
cli_need(const char *value, const char *option, GError **error)
{
    return (value && *value) || err_set(error, ERR_INVALID, "%s is needed", option);
}

char *
cli_conninfo(const cli *c, const char *role)
{
    const char *configured = config_text(c->config, "store", "conninfo");
    if (*configured)
        return g_strdup_printf("%s user=%s", configured, role);
    return g_strdup_printf("host='%s/run/pg' dbname=consilium user=%s", c->data, role);
}

db_conn *
cli_connect(cli *c, GError **error)
{
    g_autofree char *conninfo = cli_conninfo(c, c->as_owner ? "consilium_owner" : "consilium_hub");
    return db_conn_open(conninfo, error);
}

db_batch *
cli_batch(void)
{
    return db_batch_new(&(db_actor){.purpose = "administration", .request = "consilium"});
}

void
cli_audit(db_batch *batch, const char *action, const char *object, json_t *detail)
{
    struct passwd *me = getpwuid(getuid());
    g_autofree char *actor = g_strdup_printf("consilium:%s", me ? me->pw_name : "?");
    g_autoptr(json_t) owned = detail;
    g_autofree char *text = owned ? json_text(owned) : NULL;
    db_batch_add(batch, "admin_audit", 4, actor, action, object, text);
}

gboolean
cli_run(cli *c, db_batch *batch, GError **error)
{
    g_autoptr(db_conn) conn = cli_connect(c, error);
    if (!conn)
        return FALSE;
    if (db_conn_run(conn, batch, error))
        return TRUE;
    if (error && !c->as_owner && err_is(*error, ERR_DENIED))
        g_prefix_error(error, "this command needs root: ");
    return FALSE;
}

/* Columns on a terminal: wide characters of East Asia take two. */
static glong
display_width(const char *text)
{
    glong width = 0;
    for (const char *p = text; *p; p = g_utf8_next_char(p))
        width += g_unichar_iswide(g_utf8_get_char(p)) ? 2 : 1;
    return width;
}

static void
print_cell(const char *text, glong width, gboolean last)
{
    printf("%s%*s", text, last ? 0 : (int)(width - display_width(text) + 2), "");
}

void
cli_print_table(const db_batch *batch, guint index, const char *const *headings)
{
    guint columns = g_strv_length((char **)headings), rows = db_rows(batch, index);
    g_autofree glong *widths = g_new0(glong, columns);
    for (guint column = 0; column < columns; column++) {
        widths[column] = display_width(headings[column]);
        for (guint row = 0; row < rows; row++)
            widths[column] = MAX(widths[column], display_width(db_text(batch, index, row, column)));
    }
    for (guint row = 0; row <= rows; row++) {
        fputs("  ", stdout);
        for (guint column = 0; column < columns; column++)
            print_cell(row ? db_text(batch, index, row - 1, column) : headings[column], widths[column],
                       column + 1 == columns);
        putchar('\n');
    }
}

static char *
read_line(const char *prompt, GError **error)
{
    struct termios before;
    gboolean terminal = tcgetattr(STDIN_FILENO, &before) == 0;
    if (terminal) {
        struct termios quiet = before;
        quiet.c_lflag &= (tcflag_t)~ECHO;
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
        fprintf(stderr, "%s: ", prompt);
    }
    char line[PASSWORD_LINE];
    gboolean got = fgets(line, sizeof line, stdin) != NULL;
    if (terminal) {
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
        fputc('\n', stderr);
    }
    if (!got) {
        err_set(error, ERR_INVALID, "no password on standard input");
        return NULL;
    }
    line[strcspn(line, "\r\n")] = 0;
    return g_strdup(line);
}

char *
cli_read_password(GError **error)
{
    g_autofree char *password = read_line("New password", error);
    if (!password || !isatty(STDIN_FILENO))
        return g_steal_pointer(&password);
    g_autofree char *again = read_line("Once more", error);
    if (!again)
        return NULL;
    if (strcmp(password, again) != 0) {
        err_set(error, ERR_INVALID, "the two are not the same");
        return NULL;
    }
    return g_steal_pointer(&password);
}
