/* Schema files, applied once each in the order of their numbers. What is applied is written in consilium.migration
 * with the file's hash: a file that was changed afterwards is refused, because no database could be trusted to match it. */
#include "hub/store/db_internal.h"
#include <stdlib.h>
#include <string.h>

/* Any constant: the same in every program that migrates this schema. */
#define LOCK_SQL "SELECT pg_advisory_lock(8203471153)"

static const char table_sql[] =
    "CREATE SCHEMA IF NOT EXISTS consilium;"
    "CREATE TABLE IF NOT EXISTS consilium.migration (number integer PRIMARY KEY, name text NOT NULL,"
    " sha256 text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now());"
    "GRANT USAGE ON SCHEMA consilium TO consilium_hub, consilium_dicom;"
    "GRANT SELECT ON consilium.migration TO consilium_hub, consilium_dicom";

G_DEFINE_AUTOPTR_CLEANUP_FUNC(PGconn, PQfinish)

static void
on_notice(void *data, const PGresult *result)
{
    (void)data; /* "… already exists, skipping" */
    (void)result;
}

static gboolean
execute(PGconn *pg, const char *sql, const char *what, GError **error)
{
    g_autoptr(PGresult) result = PQexec(pg, sql);
    ExecStatusType status = PQresultStatus(result);
    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK)
        return TRUE;
    const char *line = PQresultErrorField(result, PG_DIAG_STATEMENT_POSITION);
    return err_set(error, ERR_INTERNAL, "%s: %s%s%s", what, PQresultErrorMessage(result), line ? "at character " : "",
                   line ? line : "");
}

static PGresult *
query(PGconn *pg, const char *sql, GError **error)
{
    g_autoptr(PGresult) result = PQexec(pg, sql);
    if (PQresultStatus(result) == PGRES_TUPLES_OK)
        return g_steal_pointer(&result);
    err_set(error, ERR_INTERNAL, "%s", PQresultErrorMessage(result));
    return NULL;
}

static gboolean
apply(PGconn *pg, const sql_migration *m, GError **error)
{
    g_autofree char *number = g_strdup_printf("%d", m->number);
    const char *params[] = {number, m->name, m->sha256};
    if (!execute(pg, "BEGIN", m->name, error) || !execute(pg, m->text, m->name, error))
        return FALSE;
    g_autoptr(PGresult) noted = PQexecParams(pg, "INSERT INTO consilium.migration (number, name, sha256) VALUES ($1, $2, $3)",
                                             G_N_ELEMENTS(params), NULL, params, NULL, NULL, 0);
    if (PQresultStatus(noted) != PGRES_COMMAND_OK)
        return err_set(error, ERR_INTERNAL, "%s: %s", m->name, PQresultErrorMessage(noted));
    return execute(pg, "COMMIT", m->name, error);
}

/** Compares what the database has with what this program has. Returns the number of the first one missing in the
 * database (index into sql_migrations), or -1 with error. */
static int
find_first_missing(const PGresult *applied, GError **error)
{
    guint have = (guint)PQntuples(applied);
    if (have > sql_migration_count) {
        err_set(error, ERR_CONFLICT, "the database was migrated by a newer version of this program");
        return -1;
    }
    for (guint i = 0; i < have; i++) {
        const sql_migration *m = &sql_migrations[i];
        if (atoi(PQgetvalue(applied, (int)i, 0)) != m->number) {
            err_set(error, ERR_CONFLICT, "the database has migration %s where this program has %s",
                    PQgetvalue(applied, (int)i, 1), m->name);
            return -1;
        }
        if (strcmp(PQgetvalue(applied, (int)i, 2), m->sha256) != 0) {
            err_set(error, ERR_CONFLICT, "%s was changed after the database had applied it", m->name);
            return -1;
        }
    }
    return (int)have;
}

int
db_migrate(const char *conninfo, GError **error)
{
    g_autoptr(PGconn) pg = PQconnectdb(conninfo);
    if (PQstatus(pg) != CONNECTION_OK) {
        g_propagate_error(error, db_error_of_connection(pg));
        return -1;
    }
    PQsetNoticeReceiver(pg, on_notice, NULL);
    /* a session's lock: it ends with the connection, whatever happens */
    if (!execute(pg, LOCK_SQL, "lock", error) || !execute(pg, table_sql, "table of migrations", error))
        return -1;
    g_autoptr(PGresult) applied = query(pg, "SELECT number, name, sha256 FROM consilium.migration ORDER BY number", error);
    int first = applied ? find_first_missing(applied, error) : -1;
    if (first < 0)
        return -1;
    for (const sql_migration *m = &sql_migrations[first]; m->text; m++)
        if (!apply(pg, m, error))
            return -1;
    return (int)sql_migration_count - first;
}

gboolean
db_migrations_complete(db_conn *conn, GError **error)
{
    g_autoptr(db_batch) b = db_batch_new(NULL);
    db_batch_add(b, "migration_list", 0);
    if (!db_conn_run(conn, b, error))
        return FALSE;
    guint have = db_rows(b, 0);
    if (have != sql_migration_count)
        return err_set(error, ERR_CONFLICT, "the database has %u migrations of %u", have, sql_migration_count);
    for (guint i = 0; i < have; i++)
        if (strcmp(db_text(b, 0, i, 2), sql_migrations[i].sha256) != 0)
            return err_set(error, ERR_CONFLICT, "%s was changed after the database had applied it", sql_migrations[i].name);
    return TRUE;
}
