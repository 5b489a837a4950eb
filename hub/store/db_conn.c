/* One blocking connection: the same batches, waited for. */
#include "hub/store/db_internal.h"
#include <string.h>

struct db_conn {
    char *conninfo;
    PGconn *pg;
    guint8 *states;
};

G_DEFINE_AUTOPTR_CLEANUP_FUNC(PGconn, PQfinish)

static void
on_notice(void *data, const PGresult *result)
{
    (void)data;
    (void)result;
}

/** Reads results until the setup's Sync. */
static gboolean
read_setup(PGconn *pg)
{
    gboolean failed = FALSE;
    for (guint nothing = 0; nothing < 2;) {
        g_autoptr(PGresult) result = PQgetResult(pg);
        nothing = result ? 0 : nothing + 1;
        if (result && wire_take_setup(result, &failed))
            return !failed;
    }
    return FALSE;
}

static gboolean
open_again(db_conn *conn, GError **error)
{
    g_clear_pointer(&conn->pg, PQfinish);
    memset(conn->states, STATEMENT_UNKNOWN, sql_statement_count);
    g_autoptr(PGconn) pg = PQconnectdb(conn->conninfo);
    if (PQstatus(pg) != CONNECTION_OK || !PQenterPipelineMode(pg) || !wire_send_setup(pg) || !read_setup(pg)) {
        g_propagate_error(error, db_error_of_connection(pg));
        return FALSE;
    }
    PQsetNoticeReceiver(pg, on_notice, NULL);
    conn->pg = g_steal_pointer(&pg);
    return TRUE;
}

db_conn *
db_conn_open(const char *conninfo, GError **error)
{
    g_autoptr(db_conn) conn = g_new0(db_conn, 1);
    conn->conninfo = g_strdup(conninfo);
    conn->states = g_new0(guint8, sql_statement_count + 1);
    if (!open_again(conn, error))
        return NULL;
    return g_steal_pointer(&conn);
}

void
db_conn_close(db_conn *conn)
{
    if (!conn)
        return;
    PQfinish(conn->pg);
    g_free(conn->states);
    g_free(conn->conninfo);
    g_free(conn);
}

static gboolean
send_batch(db_conn *conn, db_batch *b)
{
    return wire_send_work(conn->pg, conn->states, b) &&
           wire_send_end(conn->pg, !b->ready || b->ready(b->ready_data, &b->error));
}

/** One attempt; TRUE when the connection held to the end, whatever became of the batch. */
static gboolean
run_once(db_conn *conn, db_batch *b)
{
    if (send_batch(conn, b))
        for (guint nothing = 0; nothing < 2 && PQstatus(conn->pg) == CONNECTION_OK;) {
            PGresult *result = PQgetResult(conn->pg);
            nothing = result ? 0 : nothing + 1;
            if (result && wire_take(conn->states, b, result))
                return TRUE;
        }
    wire_lost(b, FALSE);
    return FALSE;
}

gboolean
db_conn_run(db_conn *conn, db_batch *b, GError **error)
{
    b->attempts = 0;
    do {
        if (!conn->pg && !open_again(conn, error))
            return FALSE;
        if (!run_once(conn, b))
            g_clear_pointer(&conn->pg, PQfinish);
    } while (b->error && b->retry && b->attempts < DB_ATTEMPTS);
    if (b->error) {
        g_propagate_error(error, g_error_copy(b->error));
        return FALSE;
    }
    return TRUE;
}
