/* consilium audit verify: computes the hash chain over the audit rows again, trusting nothing of the database's own
 * functions. Each sealed row's hash is SHA-256 over the hash before it (32 zero bytes at the start) and the row's fields,
 * joined by commas, each as its length in bytes, a colon and its text, or "-" for NULL. */
#include "hub/base/err.h"
#include "hub/cli/cli.h"
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

enum { COLUMN_POSITION, COLUMN_SEQ, COLUMN_HASH, COLUMN_FIRST_FIELD, COLUMN_END = 13 };

typedef struct {
    guint8 head[SHA256_DIGEST_LENGTH];
    gint64 position;
} chain;

static void
append_field(GString *line, const char *text)
{
    if (line->len)
        g_string_append_c(line, ',');
    if (text)
        g_string_append_printf(line, "%zu:%s", strlen(text), text);
    else
        g_string_append_c(line, '-');
}

static void
advance(chain *at, const db_batch *b, guint row)
{
    g_autoptr(GString) line = g_string_new(NULL);
    append_field(line, db_text(b, 0, row, COLUMN_SEQ));
    for (guint column = COLUMN_FIRST_FIELD; column < COLUMN_END; column++)
        append_field(line, db_text(b, 0, row, column));
    g_autoptr(GByteArray) input = g_byte_array_new();
    g_byte_array_append(input, at->head, sizeof at->head);
    g_byte_array_append(input, (const guint8 *)line->str, (guint)line->len);
    SHA256(input->data, input->len, at->head);
    at->position++;
}

static char *
head_text(const chain *at)
{
    GString *text = g_string_new(NULL);
    for (gsize i = 0; i < sizeof at->head; i++)
        g_string_append_printf(text, "%02x", at->head[i]);
    return g_string_free(text, FALSE);
}

static gboolean
verify_row(chain *at, const db_batch *b, guint row, GError **error)
{
    gint64 position = g_ascii_strtoll(db_text(b, 0, row, COLUMN_POSITION), NULL, 10);
    if (position != at->position + 1)
        return err_set(error, ERR_CONFLICT, "the chain has no position %" G_GINT64_FORMAT, at->position + 1);
    if (!db_text(b, 0, row, COLUMN_SEQ))
        return err_set(error, ERR_CONFLICT, "the row sealed at position %" G_GINT64_FORMAT " was removed", position);
    advance(at, b, row);
    g_autofree char *computed = head_text(at);
    if (strcmp(computed, db_text(b, 0, row, COLUMN_HASH)) != 0)
        return err_set(error, ERR_CONFLICT, "row %s at position %" G_GINT64_FORMAT " was changed after it was sealed",
                       db_text(b, 0, row, COLUMN_SEQ), position);
    return TRUE;
}

/* Verifies the next piece of the chain; *ret_rows 0 at its end. */
static gboolean
verify_piece(db_conn *conn, chain *at, guint *ret_rows, GError **error)
{
    g_autofree char *after = g_strdup_printf("%" G_GINT64_FORMAT, at->position);
    g_autoptr(db_batch) b = cli_batch();
    db_batch_add(b, "admin_audit_chain", 1, after);
    if (!db_conn_run(conn, b, error))
        return FALSE;
    *ret_rows = db_rows(b, 0);
    for (guint row = 0; row < *ret_rows; row++)
        if (!verify_row(at, b, row, error))
            return FALSE;
    return TRUE;
}

gboolean
cmd_audit_verify(cli *c, int argc, char **argv, GError **error)
{
    if (!cli_options(c, NULL, argc, argv, error))
        return FALSE;
    if (!c->as_owner)
        return err_set(error, ERR_DENIED, "this command needs root");
    g_autoptr(db_conn) conn = cli_connect(c, error);
    if (!conn)
        return FALSE;
    chain at = {0};
    for (guint rows = 1; rows > 0;)
        if (!verify_piece(conn, &at, &rows, error))
            return FALSE;
    g_autoptr(db_batch) b = cli_batch();
    guint tail = db_batch_add(b, "admin_audit_unsealed", 0);
    if (!db_conn_run(conn, b, error))
        return FALSE;
    g_autofree char *head = head_text(&at);
    printf("%" G_GINT64_FORMAT " rows sealed and unchanged, head %s\n", at.position, head);
    printf("%s rows not sealed yet", db_text(b, tail, 0, 0));
    if (strcmp(db_text(b, tail, 0, 0), "0") != 0)
        printf(", from row %s", db_text(b, tail, 0, 1));
    putchar('\n');
    return TRUE;
}
