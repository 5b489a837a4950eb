/* Sealing is a statement (consilium.audit_seal_next in 0004_audit.sql, which tells how); this file calls it. */
#include "hub/domain/audit.h"
#include "hub/base/log.h"

#define SEAL_EVERY_MS 500
#define SEAL_ROWS "1000"
#define HEAD_EVERY_US (G_TIME_SPAN_HOUR)

struct audit_writer {
    db_pool *db;
    loop_timer *timer;
    gboolean busy, freed;
    gint64 head_logged_us;
};

static void
on_sealed(db_batch *batch, const GError *error, gpointer data)
{
    audit_writer *w = data;
    w->busy = FALSE;
    if (w->freed) {
        g_free(w);
        return;
    }
    if (error) {
        log_limited(LOG_WARNING, "audit", "sealing failed: %s", error->message);
        return;
    }
    const char *sealed = db_text(batch, 0, 0, 0), *position = db_text(batch, 0, 0, 1), *hash = db_text(batch, 0, 0, 2);
    if (!hash || g_strcmp0(sealed, "0") == 0)
        return;
    /* the log is kept elsewhere than the database: a chain that was replaced whole does not match it */
    if (g_get_monotonic_time() - w->head_logged_us >= HEAD_EVERY_US) {
        w->head_logged_us = g_get_monotonic_time();
        log_line(LOG_INFO, "audit", "sealed up to %s, %s", position, hash);
    }
}

static void
on_seal_timer(gpointer data)
{
    audit_writer *w = data;
    if (w->busy || !db_pool_is_up(w->db))
        return;
    w->busy = TRUE;
    db_batch *batch = db_batch_new(NULL);
    db_batch_add(batch, "audit_seal_next", 1, SEAL_ROWS);
    db_pool_run(w->db, batch, on_sealed, w);
}

audit_writer *
audit_writer_new(loop *l, db_pool *db)
{
    audit_writer *w = g_new0(audit_writer, 1);
    w->db = db;
    w->head_logged_us = g_get_monotonic_time() - HEAD_EVERY_US;
    w->timer = loop_timer_new(l, on_seal_timer, w);
    loop_timer_start(w->timer, SEAL_EVERY_MS, SEAL_EVERY_MS);
    return w;
}

void
audit_writer_free(audit_writer *w)
{
    if (!w)
        return;
    loop_timer_free(w->timer);
    w->freed = TRUE;
    if (!w->busy)
        g_free(w);
}
