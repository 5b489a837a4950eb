/* An empty database becomes the schema; every statement of sql/query can be prepared by one of the program roles on it; a second
 * run changes nothing; a changed file is refused. */
#include "hub/store/db.h"
#include "hub/store/sql.h"
#include "tests/lib/pg_cluster.h"
#include "hub/base/err.h"
#include <libpq-fe.h>

static pg_cluster *cluster;

static void
migrates_and_does_nothing_the_second_time(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *owner = pg_cluster_conninfo(cluster, "consilium_owner");
    g_autofree char *hub = pg_cluster_conninfo(cluster, "consilium_hub");
    g_assert_cmpint(db_migrate(owner, &error), ==, (int)sql_migration_count);
    g_assert_no_error(error);
    g_assert_cmpint(db_migrate(owner, &error), ==, 0);
    g_assert_no_error(error);
    g_autoptr(db_conn) conn = db_conn_open(hub, &error);
    g_assert_no_error(error);
    g_assert_true(db_migrations_complete(conn, &error));
    g_assert_no_error(error);
}

static void
prepares_every_statement(void)
{
    g_autofree char *conninfo = pg_cluster_conninfo(cluster, "consilium_hub");
    PGconn *pg = PQconnectdb(conninfo);
    g_assert_cmpint(PQstatus(pg), ==, CONNECTION_OK);
    for (guint i = 0; i < sql_statement_count; i++) {
        PGresult *result = PQprepare(pg, sql_statements[i].name, sql_statements[i].text, 0, NULL);
        if (PQresultStatus(result) != PGRES_COMMAND_OK)
            g_test_message("%s: %s", sql_statements[i].name, PQresultErrorMessage(result));
        g_assert_cmpint(PQresultStatus(result), ==, PGRES_COMMAND_OK);
        PQclear(result);
    }
    PQfinish(pg);
}

static void
every_patient_table_forces_row_level_security(void)
{
    /* any table that has a patient, study, series or instance column, or is one of them */
    g_autofree char *open = pg_cluster_sql(
        cluster,
        "SELECT string_agg(c.relname, ',' ORDER BY c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE n.nspname = 'consilium' AND c.relkind IN ('r', 'p') AND NOT (c.relrowsecurity AND c.relforcerowsecurity) "
        "AND (c.relname IN ('patient', 'study', 'series', 'instance') OR EXISTS (SELECT FROM pg_attribute a "
        "WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped "
        "AND a.attname IN ('patient', 'study', 'series', 'instance')))");
    g_assert_cmpstr(open, ==, "");
    g_autofree char *owned = pg_cluster_sql(
        cluster, "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_roles r "
                 "ON r.oid = c.relowner WHERE n.nspname = 'consilium' AND r.rolname IN ('consilium_hub', 'consilium_dicom')");
    g_assert_cmpstr(owned, ==, "0");
}

static void
refuses_a_changed_file(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *owner = pg_cluster_conninfo(cluster, "consilium_owner");
    g_free(pg_cluster_sql(cluster, "UPDATE consilium.migration SET sha256 = 'other' WHERE number = 2"));
    g_assert_cmpint(db_migrate(owner, &error), ==, -1);
    g_assert_error(error, CONSILIUM_ERROR, ERR_CONFLICT);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    cluster = pg_cluster_new();
    g_test_add_func("/migrate/migrates", migrates_and_does_nothing_the_second_time);
    g_test_add_func("/migrate/prepares", prepares_every_statement);
    g_test_add_func("/migrate/rls", every_patient_table_forces_row_level_security);
    g_test_add_func("/migrate/changed", refuses_a_changed_file);
    int status = g_test_run();
    pg_cluster_free(cluster);
    return status;
}
