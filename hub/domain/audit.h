/* The audit trail's chain: sealing in the background, and verifying it. Rows are appended by the statements audit_append
 * and audit_read inside the transactions that they tell of. */
#pragma once
#include "hub/base/loop.h"
#include "hub/store/db.h"

typedef struct audit_writer audit_writer;

/** Seals new rows twice a second while there are any. Of several hubs one at a time does it. */
audit_writer *audit_writer_new(loop *l, db_pool *db);
void audit_writer_free(audit_writer *w);

typedef struct {
    guint64 sealed;       /* rows in the chain */
    char head[65];        /* hash of the last one, hexadecimal: compare it with one that was written down elsewhere */
    guint64 unsealed;     /* rows after it: what the writer has not reached, or nobody seals */
    gint64 unsealed_seconds; /* age of the oldest of them */
    guint64 broken_at;    /* position of the first row that is missing or not as it was sealed; 0: the chain holds */
    char *why;            /* of broken_at, or NULL */
} audit_report;

/** Walks the whole chain over a connection of the owner's role. FALSE: the database could not be read; a broken chain is TRUE
 * with broken_at set. */
gboolean audit_verify(db_conn *conn, audit_report *ret_report, GError **error);
void audit_report_clear(audit_report *report);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(audit_report, audit_report_clear)
