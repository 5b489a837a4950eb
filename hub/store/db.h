/* PostgreSQL for everyone: a pool of pipelined connections on the loop, and one blocking connection for programs
 * without a loop of their own (consilium, migrations, tests). The only libpq user anywhere.
 *
 * A unit of work is a db_batch: BEGIN, the actor's settings (read by row-level security), the named prepared
 * statements in order, COMMIT, all sent in one pipeline: one round trip. If any statement fails, all is rolled back
 * and the batch completes with one error. Serialization failures and sessions that the server ended before COMMIT are
 * retried (3 attempts in all); a loss that leaves unknown whether COMMIT was reached is ERR_UNAVAILABLE, unless the
 * batch is db_batch_repeatable.
 *
 * SQL is in sql/query/<noun>.sql, each statement under a line `-- name: <noun>_<verb>`; the build makes the table of
 * names from it, and every connection prepares a statement at its first use. Parameters and results are text.
 *
 * Statements report expected refusals by raising SQLSTATE 'CN' + three digits of the HTTP status (CN404, CN409, CN412…,
 * see function consilium.refuse in the schema); db_error.c maps these and PostgreSQL's own codes. */
#pragma once
#include "hub/base/json.h"
#include "hub/base/loop.h"

/** Who acts. Strings are copied by db_batch_new; NULL fields become empty settings. */
typedef struct {
    const char *person;       /* UUID */
    const char *organisation; /* UUID: the one this session or token acts for */
    const char *purpose;      /* treatment, consult, referral, teaching, audit, administration, system */
    const char *request;      /* request id, for audit rows and logs */
} db_actor;

typedef struct db_pool db_pool;
typedef struct db_batch db_batch;

/** Called exactly once, on the loop, never inside db_pool_run. The batch is freed after it returns. */
typedef void (*db_done)(db_batch *batch, const GError *error, gpointer user_data);

/** Connects in the background and keeps `size` connections; requests wait (bounded) until one is there. */
db_pool *db_pool_new(loop *l, const char *conninfo, guint size);
/** In-flight batches complete with ERR_UNAVAILABLE first. */
void db_pool_free(db_pool *pool);
/** TRUE while at least one connection is up: for /readyz. */
gboolean db_pool_is_up(const db_pool *pool);
/** Calls back for each NOTIFY on channel; also once with payload NULL after every (re)connection, when anything
 * may have been missed. */
void db_pool_listen(db_pool *pool, const char *channel, void (*on_notify)(const char *payload, gpointer user_data),
                    gpointer user_data);

/** actor NULL: no one; sees only what row-level security leaves to nobody. */
db_batch *db_batch_new(const db_actor *actor);
void db_batch_free(db_batch *batch);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(db_batch, db_batch_free)
/** Adds the named statement with n text parameters (const char *, NULL is SQL NULL), copied. Returns its index, for
 * reading its result. An unknown name is a programming error. */
guint db_batch_add(db_batch *batch, const char *statement, guint n, ...);
guint db_batch_add_array(db_batch *batch, const char *statement, guint n, const char *const *params);
/** Says that doing the whole batch twice does no harm (reads, and their audit rows): then it is also run again when
 * the connection was lost without the server having said how far it came. */
void db_batch_repeatable(db_batch *batch);
/** ready is called between the statements and COMMIT, while the server works on them; it may block. FALSE with error:
 * the batch is rolled back and fails with that. For blocking connections only. */
void db_batch_before_commit(db_batch *batch, gboolean (*ready)(gpointer user_data, GError **error), gpointer user_data);
/** Runs the batch on the next free connection; takes ownership. */
void db_pool_run(db_pool *pool, db_batch *batch, db_done done, gpointer user_data);

/* Results, valid inside db_done (or until db_batch_free on a blocking connection). */
guint db_rows(const db_batch *batch, guint index);
/** Rows that an INSERT, UPDATE or DELETE touched. */
guint db_affected(const db_batch *batch, guint index);
/** Borrowed text of one field, NULL when SQL NULL or when there is no such row. */
const char *db_text(const db_batch *batch, guint index, guint row, guint column);
gsize db_length(const db_batch *batch, guint index, guint row, guint column);
/** The field parsed as JSON (a new reference), NULL when SQL NULL or no such row. */
json_t *db_json(const db_batch *batch, guint index, guint row, guint column);
/** The field's bytes from the text form of bytea (new GBytes), NULL when SQL NULL. */
GBytes *db_bytes(const db_batch *batch, guint index, guint row, guint column);

/* Blocking, one connection, not for the loop's thread of a server. */
typedef struct db_conn db_conn;
db_conn *db_conn_open(const char *conninfo, GError **error);
void db_conn_close(db_conn *conn);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(db_conn, db_conn_close)
/** Runs the batch, which stays the caller's for reading results. Reconnects once when the connection was lost. */
gboolean db_conn_run(db_conn *conn, db_batch *batch, GError **error);

/** Applies the numbered files built in from sql/schema that the database does not have yet, under an advisory lock, one transaction
 * each. conninfo must be the owner's. Returns the number applied, -1 on error. */
int db_migrate(const char *conninfo, GError **error);
/** TRUE when the database has every migration that this program was built with. Blocking. */
gboolean db_migrations_complete(db_conn *conn, GError **error);
