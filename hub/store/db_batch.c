/* A unit of work as its author builds it, and its results as they are read. */
#include "hub/store/db_internal.h"
#include <stdlib.h>
#include <string.h>

static void
clear_item(gpointer data)
{
    batch_item *item = data;
    for (guint i = 0; i < item->n; i++)
        g_free(item->params[i]);
    g_free(item->params);
    PQclear(item->rows);
}

db_batch *
db_batch_new(const db_actor *actor)
{
    db_batch *b = g_new0(db_batch, 1);
    if (actor) {
        b->person = g_strdup(actor->person);
        b->organisation = g_strdup(actor->organisation);
        b->purpose = g_strdup(actor->purpose);
        b->request = g_strdup(actor->request);
    }
    b->items = g_array_new(FALSE, TRUE, sizeof(batch_item));
    g_array_set_clear_func(b->items, clear_item);
    b->preparing = g_array_new(FALSE, FALSE, sizeof(guint));
    return b;
}

void
db_batch_free(db_batch *b)
{
    if (!b)
        return;
    g_free(b->person);
    g_free(b->organisation);
    g_free(b->purpose);
    g_free(b->request);
    g_array_unref(b->items);
    g_array_unref(b->preparing);
    g_clear_error(&b->error);
    g_free(b);
}

void
db_batch_repeatable(db_batch *b)
{
    b->repeatable = TRUE;
}

void
db_batch_before_commit(db_batch *b, gboolean (*ready)(gpointer user_data, GError **error), gpointer user_data)
{
    b->ready = ready;
    b->ready_data = user_data;
}

static int
compare_names(const void *key, const void *element)
{
    return strcmp(key, ((const sql_statement *)element)->name);
}

static guint
find_statement(const char *name)
{
    const sql_statement *found =
        bsearch(name, sql_statements, sql_statement_count, sizeof *sql_statements, compare_names);
    if (!found)
        g_error("there is no statement %s in sql/query", name);
    return (guint)(found - sql_statements);
}

guint
db_batch_add_array(db_batch *b, const char *statement, guint n, const char *const *params)
{
    g_assert(b->items->len < DB_BATCH_STATEMENTS);
    batch_item item = {.statement = find_statement(statement), .n = n, .params = g_new0(char *, n)};
    for (guint i = 0; i < n; i++)
        item.params[i] = g_strdup(params[i]);
    g_array_append_val(b->items, item);
    return b->items->len - 1;
}

guint
db_batch_add(db_batch *b, const char *statement, guint n, ...)
{
    g_autofree const char **params = g_new0(const char *, n);
    va_list args;
    va_start(args, n);
    for (guint i = 0; i < n; i++)
        params[i] = va_arg(args, const char *);
    va_end(args);
    return db_batch_add_array(b, statement, n, params);
}

void
batch_reset(db_batch *b)
{
    for (guint i = 0; i < b->items->len; i++)
        g_clear_pointer(&g_array_index(b->items, batch_item, i).rows, PQclear);
    g_array_set_size(b->preparing, 0);
    g_clear_error(&b->error);
    b->index = 0;
    b->retry = b->committed = b->terminated = FALSE;
}

static const PGresult *
rows_of(const db_batch *b, guint index)
{
    return index < b->items->len ? g_array_index(b->items, batch_item, index).rows : NULL;
}

guint
db_rows(const db_batch *b, guint index)
{
    const PGresult *rows = rows_of(b, index);
    return rows ? (guint)PQntuples(rows) : 0;
}

guint
db_affected(const db_batch *b, guint index)
{
    PGresult *rows = (PGresult *)rows_of(b, index); /* PQcmdTuples takes no const, and changes nothing */
    return rows ? (guint)g_ascii_strtoull(PQcmdTuples(rows), NULL, 10) : 0;
}

const char *
db_text(const db_batch *b, guint index, guint row, guint column)
{
    const PGresult *rows = rows_of(b, index);
    if (!rows || row >= (guint)PQntuples(rows) || column >= (guint)PQnfields(rows) ||
        PQgetisnull(rows, (int)row, (int)column))
        return NULL;
    return PQgetvalue(rows, (int)row, (int)column);
}

gsize
db_length(const db_batch *b, guint index, guint row, guint column)
{
    return db_text(b, index, row, column) ? (gsize)PQgetlength(rows_of(b, index), (int)row, (int)column) : 0;
}

json_t *
db_json(const db_batch *b, guint index, guint row, guint column)
{
    const char *text = db_text(b, index, row, column);
    return text ? json_parse(text, db_length(b, index, row, column), NULL) : NULL;
}

GBytes *
db_bytes(const db_batch *b, guint index, guint row, guint column)
{
    const char *text = db_text(b, index, row, column);
    if (!text)
        return NULL;
    size_t length = 0;
    guint8 *bytes = PQunescapeBytea((const unsigned char *)text, &length);
    if (!bytes)
        g_error("out of memory");
    return g_bytes_new_with_free_func(bytes, length, PQfreemem, bytes);
}
