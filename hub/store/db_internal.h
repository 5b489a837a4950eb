/* What the files of hub/store share: the body of a batch and how it goes over a connection. Not for others.
 *
 * On the wire a batch is up to three pipeline segments, each ended by a Sync:
 *   1. PARSE of the statements that this connection has not prepared yet (absent when there are none)
 *   2. BEGIN, the actor's settings, the statements
 *   3. COMMIT, or ROLLBACK when db_batch_before_commit says so
 * An error in 2 skips the rest of 2; COMMIT then ends the failed transaction as a rollback, so the next batch, which
 * may be in flight already, finds the connection clean. */
#pragma once
#include "hub/store/db.h"
#include "hub/base/err.h"
#include "hub/store/sql.h"
#include <libpq-fe.h>

#define DB_ATTEMPTS 3            /* runs of one batch, the first included */
#define DB_BATCH_STATEMENTS 4096 /* statements of one batch */

G_DEFINE_AUTOPTR_CLEANUP_FUNC(PGresult, PQclear)

typedef struct {
    guint statement; /* index into sql_statements */
    guint n;
    char **params;  /* n, may hold NULLs */
    PGresult *rows; /* NULL until it succeeded */
} batch_item;

typedef enum { SEGMENT_PREPARE, SEGMENT_WORK, SEGMENT_COMMIT, SEGMENT_END } batch_segment;

struct db_batch {
    char *person, *organisation, *purpose, *request;
    gboolean repeatable;
    GArray *items; /* batch_item */
    /* where its results stand on the connection that runs it */
    batch_segment segment;
    guint index;         /* results seen in this segment */
    GArray *preparing;   /* guint: statements of its prepare segment */
    GError *error;       /* the first one */
    gboolean retry;      /* the error is one that another attempt may not see */
    gboolean committed;  /* COMMIT succeeded */
    gboolean terminated; /* the server said that it ended the session, before COMMIT was reached */
    guint attempts;
    /* blocking connections only */
    gboolean (*ready)(gpointer user_data, GError **error);
    gpointer ready_data;
    /* pool only */
    db_done done;
    gpointer user_data;
    gint64 queued_us; /* monotonic; when db_pool_run took it */
    gint64 sent_us;   /* monotonic; when it went to a connection */
};

/* db_batch.c */
/** Forgets results and error, for another attempt. */
void batch_reset(db_batch *b);

/* db_wire.c */
typedef enum { STATEMENT_UNKNOWN = 0, STATEMENT_PREPARING, STATEMENT_PREPARED } statement_state;

/** Prepares the connection's own statements, blocking on a fresh connection in neither mode: queues them in the
 * pipeline as one segment that wire_take_setup reads. */
gboolean wire_send_setup(PGconn *pg);
/** TRUE when result ends the setup segment; sets failed when one of its commands failed. */
gboolean wire_take_setup(const PGresult *result, gboolean *failed);
/** Queues the whole batch in the pipeline. states has sql_statement_count entries. FALSE: the connection is broken. */
gboolean wire_send(PGconn *pg, guint8 *states, db_batch *b);
/** The same in two steps. commit FALSE: ROLLBACK. */
gboolean wire_send_work(PGconn *pg, guint8 *states, db_batch *b);
gboolean wire_send_end(PGconn *pg, gboolean commit);
/** Takes the next result for the batch (takes ownership). TRUE when it was the batch's last. */
gboolean wire_take(guint8 *states, db_batch *b, PGresult *result);
/** Called when the connection broke with this batch in flight: decides between done, retry and error. */
void wire_lost(db_batch *b, gboolean later_than_termination);

/* db_error.c */
GError *db_error_of(const PGresult *result, const char *statement);
/** May the same work succeed when it is simply done again? */
gboolean db_error_is_retryable(const char *sqlstate);
/** Is this the server's notice that it ends the session (so nothing after it was executed)? */
gboolean db_error_is_termination(const char *sqlstate);
GError *db_error_of_connection(PGconn *pg);

/* db_listen.c: the pool's LISTEN connection. */
typedef struct db_listen db_listen;
db_listen *db_listen_new(loop *l, const char *conninfo);
void db_listen_free(db_listen *listen);
void db_listen_add(db_listen *listen, const char *channel, void (*on_notify)(const char *payload, gpointer user_data),
                   gpointer user_data);
