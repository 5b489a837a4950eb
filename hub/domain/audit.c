/* Sealing is a statement (consilium.audit_seal_next); this file calls it and, for verifying, computes the chain anew by
 * itself: the SHA-256 of the hash before (32 zero bytes at first) and of the row's fields in the order of audit_line in
 * 0004_audit.sql, each as "LENGTH:TEXT", NULL as "-", joined by commas. */
#include "hub/domain/audit.h"
#include "hub/base/log.h"
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEAL_EVERY_MS 500
#define SEAL_ROWS "1000"
#define VERIFY_ROWS 2000
#define HEAD_EVERY_US (G_TIME_SPAN_HOUR)

/* Columns of the statement audit_chain. */
enum { COLUMN_POSITION, COLUMN_SEALED_SEQ, COLUMN_HASH, COLUMN_SEQ, COLUMN_END = 14 };

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

static void
hash_row(const db_batch *batch, guint row, guint8 head[SHA256_DIGEST_LENGTH])
{
    g_autoptr(GString) line = g_string_new(NULL);
    for (guint column = COLUMN_SEQ; column < COLUMN_END; column++) {
        const char *text = db_text(batch, 0, row, column);
        if (column > COLUMN_SEQ)
            g_string_append_c(line, ',');
        if (text)
            g_string_append_printf(line, "%zu:%s", strlen(text), text);
        else
            g_string_append_c(line, '-');
    }
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    g_byte_array_append(bytes, head, SHA256_DIGEST_LENGTH);
    g_byte_array_append(bytes, (const guint8 *)line->str, (guint)line->len);
    SHA256(bytes->data, bytes->len, head);
}

static void
to_hex(const guint8 *bytes, char *ret_text)
{
    for (guint i = 0; i < SHA256_DIGEST_LENGTH; i++)
        snprintf(ret_text + 2 * i, 3, "%02x", bytes[i]);
}

static void
broken(audit_report *report, guint64 position, const char *why)
{
    report->broken_at = position;
    report->why = g_strdup(why);
}

/* Follows the rows of one page; FALSE at the first that does not fit. */
static gboolean
follow(const db_batch *batch, audit_report *report, guint8 head[SHA256_DIGEST_LENGTH])
{
    for (guint row = 0; row < db_rows(batch, 0); row++) {
        guint64 expected = report->sealed + 1;
        guint64 position = g_ascii_strtoull(db_text(batch, 0, row, COLUMN_POSITION), NULL, 10);
        if (position != expected) {
            broken(report, expected, "a link of the chain is missing");
            return FALSE;
        }
        if (!db_text(batch, 0, row, COLUMN_SEQ)) {
            broken(report, expected, "the row was deleted");
            return FALSE;
        }
        hash_row(batch, row, head);
        to_hex(head, report->head);
        if (g_strcmp0(report->head, db_text(batch, 0, row, COLUMN_HASH)) != 0) {
            broken(report, expected, "the row or its link was changed");
            return FALSE;
        }
        report->sealed = position;
    }
    return TRUE;
}

static gboolean
count_unsealed(db_conn *conn, audit_report *report, GError **error)
{
    g_autoptr(db_batch) batch = db_batch_new(NULL);
    db_batch_add(batch, "audit_unsealed", 0);
    if (!db_conn_run(conn, batch, error))
        return FALSE;
    report->unsealed = g_ascii_strtoull(db_text(batch, 0, 0, 0), NULL, 10);
    const char *age = db_text(batch, 0, 0, 2);
    report->unsealed_seconds = age ? g_ascii_strtoll(age, NULL, 10) : 0;
    return TRUE;
}

gboolean
audit_verify(db_conn *conn, audit_report *ret_report, GError **error)
{
    guint8 head[SHA256_DIGEST_LENGTH] = {0};
    *ret_report = (audit_report){0};
    to_hex(head, ret_report->head);
    for (;;) {
        g_autoptr(db_batch) batch = db_batch_new(NULL);
        g_autofree char *from = g_strdup_printf("%" G_GUINT64_FORMAT, ret_report->sealed);
        db_batch_add(batch, "audit_chain", 2, from, G_STRINGIFY(VERIFY_ROWS));
        if (!db_conn_run(conn, batch, error)) {
            audit_report_clear(ret_report);
            return FALSE;
        }
        if (!follow(batch, ret_report, head) || db_rows(batch, 0) < VERIFY_ROWS)
            break;
    }
    return count_unsealed(conn, ret_report, error);
}

void
audit_report_clear(audit_report *report)
{
    g_clear_pointer(&report->why, g_free);
}
