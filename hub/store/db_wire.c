/* One batch over one connection in pipeline mode: the messages out, and the results back in the same order. Knows
 * nothing of waiting: db_pool.c and db_conn.c call it as bytes come. */
#include "hub/store/db_internal.h"
#include <string.h>

static const char set_actor[] = "SELECT set_config('consilium.person', $1, true), set_config('consilium.organisation', $2, true), "
                                "set_config('consilium.purpose', $3, true), set_config('consilium.request', $4, true)";

/* The connection's own statements; the names cannot meet those of sql/query, which begin with a letter. */
static const struct {
    const char *name, *text;
} own[] = {{"_begin", "BEGIN"}, {"_actor", set_actor}, {"_commit", "COMMIT"}, {"_rollback", "ROLLBACK"}};
enum { OWN_BEGIN, OWN_ACTOR, OWN_COMMIT, OWN_ROLLBACK };

gboolean
wire_send_setup(PGconn *pg)
{
    for (gsize i = 0; i < G_N_ELEMENTS(own); i++)
        if (!PQsendPrepare(pg, own[i].name, own[i].text, 0, NULL))
            return FALSE;
    return PQpipelineSync(pg) == 1;
}

gboolean
wire_take_setup(const PGresult *result, gboolean *failed)
{
    if (PQresultStatus(result) == PGRES_PIPELINE_SYNC)
        return TRUE;
    if (PQresultStatus(result) != PGRES_COMMAND_OK)
        *failed = TRUE;
    return FALSE;
}

static gboolean
send_own(PGconn *pg, gsize which, int n, const char *const *params)
{
    return PQsendQueryPrepared(pg, own[which].name, n, params, NULL, NULL, 0) == 1;
}

static gboolean
send_prepares(PGconn *pg, guint8 *states, db_batch *b)
{
    for (guint i = 0; i < b->items->len; i++) {
        guint statement = g_array_index(b->items, batch_item, i).statement;
        if (states[statement] != STATEMENT_UNKNOWN)
            continue;
        if (!PQsendPrepare(pg, sql_statements[statement].name, sql_statements[statement].text, 0, NULL))
            return FALSE;
        states[statement] = STATEMENT_PREPARING;
        g_array_append_val(b->preparing, statement);
    }
    return b->preparing->len == 0 || PQpipelineSync(pg) == 1;
}

gboolean
wire_send_work(PGconn *pg, guint8 *states, db_batch *b)
{
    const char *actor[] = {b->person ? b->person : "", b->organisation ? b->organisation : "",
                           b->purpose ? b->purpose : "", b->request ? b->request : ""};
    batch_reset(b);
    b->attempts++;
    if (!send_prepares(pg, states, b))
        return FALSE;
    b->segment = b->preparing->len > 0 ? SEGMENT_PREPARE : SEGMENT_WORK;
    if (!send_own(pg, OWN_BEGIN, 0, NULL) || !send_own(pg, OWN_ACTOR, G_N_ELEMENTS(actor), actor))
        return FALSE;
    for (guint i = 0; i < b->items->len; i++) {
        const batch_item *item = &g_array_index(b->items, batch_item, i);
        if (!PQsendQueryPrepared(pg, sql_statements[item->statement].name, (int)item->n,
                                 (const char *const *)item->params, NULL, NULL, 0))
            return FALSE;
    }
    return PQpipelineSync(pg) == 1;
}

gboolean
wire_send_end(PGconn *pg, gboolean commit)
{
    return send_own(pg, commit ? OWN_COMMIT : OWN_ROLLBACK, 0, NULL) && PQpipelineSync(pg) == 1;
}

gboolean
wire_send(PGconn *pg, guint8 *states, db_batch *b)
{
    return wire_send_work(pg, states, b) && wire_send_end(pg, TRUE);
}

static const char *
current_statement(const db_batch *b)
{
    if (b->segment == SEGMENT_PREPARE && b->index < b->preparing->len)
        return sql_statements[g_array_index(b->preparing, guint, b->index)].name;
    if (b->segment == SEGMENT_WORK && b->index >= 2 && b->index - 2 < b->items->len)
        return sql_statements[g_array_index(b->items, batch_item, b->index - 2).statement].name;
    return b->segment == SEGMENT_COMMIT ? "COMMIT" : "BEGIN";
}

static void
take_error(db_batch *b, const PGresult *result)
{
    const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    /* a statement that cannot be prepared fails again as 26000 when executed; the first error is the one to tell.
     * Without SQLSTATE it is libpq's own word for a lost connection: wire_lost decides then. */
    if (b->error || !sqlstate)
        return;
    b->error = db_error_of(result, current_statement(b));
    b->retry = db_error_is_retryable(sqlstate);
    b->terminated = b->segment != SEGMENT_COMMIT && db_error_is_termination(sqlstate);
}

static void
take_result(guint8 *states, db_batch *b, PGresult *result)
{
    g_autoptr(PGresult) mine = result;
    ExecStatusType status = PQresultStatus(mine);
    gboolean ok = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
    if (!ok && status != PGRES_PIPELINE_ABORTED)
        take_error(b, mine);
    if (b->segment == SEGMENT_PREPARE && b->index < b->preparing->len)
        states[g_array_index(b->preparing, guint, b->index)] = ok ? STATEMENT_PREPARED : STATEMENT_UNKNOWN;
    if (b->segment == SEGMENT_WORK && ok && b->index >= 2 && b->index - 2 < b->items->len)
        g_array_index(b->items, batch_item, b->index - 2).rows = g_steal_pointer(&mine);
    if (b->segment == SEGMENT_COMMIT && ok && !b->error)
        b->committed = TRUE;
    b->index++;
}

gboolean
wire_take(guint8 *states, db_batch *b, PGresult *result)
{
    if (PQresultStatus(result) != PGRES_PIPELINE_SYNC) {
        take_result(states, b, result);
        return FALSE;
    }
    PQclear(result);
    b->segment++;
    b->index = 0;
    return b->segment == SEGMENT_END;
}

void
wire_lost(db_batch *b, gboolean later_than_termination)
{
    if (b->committed) /* only the last Sync is missing: the work is done, and must not be done twice */
        return;
    if (b->error && !b->terminated)
        return; /* it had failed before; without COMMIT nothing of it stays */
    b->retry = b->repeatable || b->terminated || later_than_termination;
    if (!b->error)
        b->error = err_new(ERR_UNAVAILABLE, "the database connection was lost; whether the change was made is unknown");
}
