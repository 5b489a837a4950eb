/* The pool: `size` connections in pipeline mode on the loop, one queue of batches that wait for one.
 *
 * Invariants:
 * - A batch is in exactly one place: the queue, one connection's in-flight list (in the order of their bytes on the
 *   wire), or the finished list. Its `done` runs from the finished list only, so never inside db_pool_run, and once.
 * - A batch leaves a connection when its last Sync was read, or when the connection is lost; a committed one whose
 *   Sync is missing is a success.
 * - Connections come and go by themselves: back-off 100 ms … 3.2 s, for ever. While none is up, batches wait in the
 *   queue, at most POOL_QUEUE of them and each at most POOL_WAIT_US. */
#include "hub/store/db_internal.h"
#include "hub/base/clock.h"
#include "hub/base/log.h"
#include <string.h>

#define POOL_QUEUE 4096
#define POOL_WAIT_US (10 * G_USEC_PER_SEC)
#define POOL_ANSWER_US (60 * G_USEC_PER_SEC) /* silence of a connection that owes us results: it is dead */
#define POOL_DEPTH 8                         /* batches in flight on one connection */
#define BACKOFF_FIRST_MS 100
#define BACKOFF_LAST_MS 3200

typedef enum { CONN_DOWN, CONN_CONNECTING, CONN_SETTING_UP, CONN_UP } conn_state;

typedef struct {
    db_pool *pool;
    PGconn *pg;
    conn_state state;
    uv_poll_t *poll; /* freed by its close callback */
    loop_timer *retry;
    guint backoff_ms;
    gint64 since_us; /* when connecting began */
    gboolean setup_failed;
    guint8 *states;  /* statement_state per entry of sql_statements */
    GQueue inflight; /* db_batch, oldest first */
} pool_conn;

struct db_pool {
    loop *l;
    char *conninfo;
    guint size;
    pool_conn *conns;
    GQueue queue;    /* db_batch that wait for a connection */
    GQueue finished; /* db_batch whose done has to be called */
    loop_timer *soon; /* calls them outside of db_pool_run */
    loop_timer *tick; /* every second: deadlines */
    db_listen *listen;
    gboolean closing;
};

static void conn_connect(pool_conn *c);
static void conn_lost(pool_conn *c, const char *why);
static void pool_dispatch(db_pool *pool);

/* --- finishing batches --------------------------------------------------------------------------------------- */

static void
finish(db_pool *pool, db_batch *b)
{
    g_queue_push_tail(&pool->finished, b);
}

static void
fail(db_pool *pool, db_batch *b, const char *why)
{
    g_clear_error(&b->error);
    b->error = err_new(ERR_UNAVAILABLE, "%s", why);
    finish(pool, b);
}

/** Only now is user code called; it may run new batches, whose end comes later. */
static void
deliver(db_pool *pool)
{
    db_batch *b;
    while ((b = g_queue_pop_head(&pool->finished))) {
        b->done(b, b->error, b->user_data);
        db_batch_free(b);
    }
}

static void
on_soon(gpointer data)
{
    deliver(data);
}

/** A batch that ran: its results, or another attempt, or its error. */
static void
settle(db_pool *pool, db_batch *b)
{
    if (b->error && b->retry && b->attempts < DB_ATTEMPTS && !pool->closing)
        g_queue_push_head(&pool->queue, b);
    else
        finish(pool, b);
}

/* --- one connection ------------------------------------------------------------------------------------------ */

static void
on_poll_closed(uv_handle_t *handle)
{
    g_free(handle);
}

static void
conn_close(pool_conn *c)
{
    if (c->poll) {
        uv_poll_stop(c->poll);
        uv_close((uv_handle_t *)c->poll, on_poll_closed);
        c->poll = NULL;
    }
    g_clear_pointer(&c->pg, PQfinish);
    memset(c->states, STATEMENT_UNKNOWN, sql_statement_count);
    c->state = CONN_DOWN;
}

static void
on_retry(gpointer data)
{
    conn_connect(data);
}

/** The connection is gone: what it had in flight is done, tried again or failed, and a new one is made later. */
static void
conn_lost(pool_conn *c, const char *why)
{
    db_pool *pool = c->pool;
    GQueue again = G_QUEUE_INIT;
    gboolean terminated = FALSE;
    db_batch *b;

    if (c->state != CONN_DOWN && !pool->closing)
        log_limited(LOG_WARNING, "database", "connection lost: %s", why);
    conn_close(c);
    while ((b = g_queue_pop_head(&c->inflight))) {
        wire_lost(b, terminated);
        terminated |= b->terminated;
        /* when the server went away, each of the pool's other connections may be dead as well */
        if (b->error && b->retry && b->attempts < DB_ATTEMPTS + pool->size && !pool->closing)
            g_queue_push_tail(&again, b);
        else
            finish(pool, b);
    }
    while ((b = g_queue_pop_tail(&again)))
        g_queue_push_head(&pool->queue, b);
    if (pool->closing)
        return;
    loop_timer_start(c->retry, c->backoff_ms, 0);
    c->backoff_ms = MIN(c->backoff_ms * 2, BACKOFF_LAST_MS);
}

static void on_conn_event(uv_poll_t *handle, int status, int events);

static void
conn_watch(pool_conn *c, int events)
{
    if (!c->poll) {
        c->poll = g_new0(uv_poll_t, 1);
        if (uv_poll_init(loop_uv(c->pool->l), c->poll, PQsocket(c->pg)) != 0)
            g_error("the database's socket cannot be watched");
        c->poll->data = c;
    }
    uv_poll_start(c->poll, events, on_conn_event);
}

/** Sends what libpq holds; asks for writability only while something is left. */
static gboolean
conn_flush(pool_conn *c)
{
    int left = PQflush(c->pg);
    if (left < 0)
        return FALSE;
    conn_watch(c, UV_READABLE | (left ? UV_WRITABLE : 0));
    return TRUE;
}

static void
conn_connect(pool_conn *c)
{
    c->pg = PQconnectStart(c->pool->conninfo);
    c->state = CONN_CONNECTING;
    c->since_us = clock_monotonic_us();
    c->setup_failed = FALSE;
    if (!c->pg || PQstatus(c->pg) == CONNECTION_BAD) {
        g_autoptr(GError) error = db_error_of_connection(c->pg);
        conn_lost(c, error->message);
        return;
    }
    conn_watch(c, UV_WRITABLE);
}

/** The socket may be another one after each step (several addresses). */
static void
conn_rewatch(pool_conn *c, int events)
{
    uv_os_fd_t now = -1;
    if (c->poll && (uv_fileno((uv_handle_t *)c->poll, &now) != 0 || now != PQsocket(c->pg))) {
        uv_poll_stop(c->poll);
        uv_close((uv_handle_t *)c->poll, on_poll_closed);
        c->poll = NULL;
    }
    conn_watch(c, events);
}

static void
on_notice(void *data, const PGresult *result)
{
    (void)data; /* notices may quote data, and none is of use to us */
    (void)result;
}

static void
conn_step_connect(pool_conn *c)
{
    switch (PQconnectPoll(c->pg)) {
    case PGRES_POLLING_READING:
        conn_rewatch(c, UV_READABLE);
        return;
    case PGRES_POLLING_WRITING:
        conn_rewatch(c, UV_WRITABLE);
        return;
    case PGRES_POLLING_OK:
        PQsetNoticeReceiver(c->pg, on_notice, NULL);
        if (PQsetnonblocking(c->pg, 1) == 0 && PQenterPipelineMode(c->pg) && wire_send_setup(c->pg)) {
            c->state = CONN_SETTING_UP;
            conn_rewatch(c, UV_READABLE);
            if (conn_flush(c))
                return;
        }
        break;
    default:
        break;
    }
    g_autoptr(GError) error = db_error_of_connection(c->pg);
    conn_lost(c, error->message);
}

static void
conn_take(pool_conn *c, PGresult *result)
{
    if (c->state == CONN_SETTING_UP) {
        if (wire_take_setup(result, &c->setup_failed) && !c->setup_failed) {
            c->state = CONN_UP;
            c->backoff_ms = BACKOFF_FIRST_MS;
        }
        PQclear(result);
        return;
    }
    db_batch *b = g_queue_peek_head(&c->inflight);
    if (!b) { /* a message out of turn: the server is ending the session */
        PQclear(result);
        return;
    }
    if (wire_take(c->states, b, result)) {
        g_queue_pop_head(&c->inflight);
        settle(c->pool, b);
    }
}

/** Reads the results that are there. FALSE: the connection is lost. */
static gboolean
conn_read(pool_conn *c)
{
    gboolean open = PQconsumeInput(c->pg) == 1;
    guint nothing = 0;
    /* between two commands PQgetResult gives one NULL; two in a row: nothing more is there */
    while (nothing < 2 && (c->state == CONN_SETTING_UP || !g_queue_is_empty(&c->inflight)) && !PQisBusy(c->pg)) {
        PGresult *result = PQgetResult(c->pg);
        nothing = result ? 0 : nothing + 1;
        if (result)
            conn_take(c, result);
    }
    return open && PQstatus(c->pg) == CONNECTION_OK && !c->setup_failed;
}

static void
on_conn_event(uv_poll_t *handle, int status, int events)
{
    pool_conn *c = handle->data;
    db_pool *pool = c->pool;
    if (c->state == CONN_CONNECTING) {
        conn_step_connect(c);
    } else if (status < 0 || ((events & UV_READABLE) && !conn_read(c)) || !conn_flush(c)) {
        g_autoptr(GError) error = db_error_of_connection(c->pg);
        conn_lost(c, error->message);
    }
    pool_dispatch(pool);
    deliver(pool);
}

/* --- the queue ------------------------------------------------------------------------------------------------ */

/** The connection with the least to do, NULL when all are full or down. */
static pool_conn *
least_busy(db_pool *pool)
{
    pool_conn *best = NULL;
    for (guint i = 0; i < pool->size; i++) {
        pool_conn *c = &pool->conns[i];
        if (c->state == CONN_UP && c->inflight.length < POOL_DEPTH &&
            (!best || c->inflight.length < best->inflight.length))
            best = c;
    }
    return best;
}

static void
pool_dispatch(db_pool *pool)
{
    pool_conn *c;
    while (!g_queue_is_empty(&pool->queue) && (c = least_busy(pool))) {
        db_batch *b = g_queue_pop_head(&pool->queue);
        b->sent_us = clock_monotonic_us();
        g_queue_push_tail(&c->inflight, b);
        if (!wire_send(c->pg, c->states, b) || !conn_flush(c)) {
            g_autoptr(GError) error = db_error_of_connection(c->pg);
            conn_lost(c, error->message);
        }
    }
}

static void
on_tick(gpointer data)
{
    db_pool *pool = data;
    gint64 now = clock_monotonic_us();
    for (GList *at = pool->queue.head, *next; at; at = next) {
        next = at->next;
        db_batch *b = at->data;
        if (now - b->queued_us < POOL_WAIT_US)
            continue;
        g_queue_delete_link(&pool->queue, at);
        fail(pool, b, "the database did not become available in time");
    }
    for (guint i = 0; i < pool->size; i++) {
        pool_conn *c = &pool->conns[i];
        const db_batch *b = g_queue_peek_head(&c->inflight);
        gboolean slow_connect = (c->state == CONN_CONNECTING || c->state == CONN_SETTING_UP) && now - c->since_us > POOL_WAIT_US;
        if (slow_connect || (b && now - b->sent_us > POOL_ANSWER_US))
            conn_lost(c, "it did not answer in time");
    }
    deliver(pool);
}

/* --- the interface -------------------------------------------------------------------------------------------- */

db_pool *
db_pool_new(loop *l, const char *conninfo, guint size)
{
    g_assert(size > 0);
    db_pool *pool = g_new0(db_pool, 1);
    pool->l = l;
    pool->conninfo = g_strdup(conninfo);
    pool->size = size;
    pool->soon = loop_timer_new(l, on_soon, pool);
    pool->tick = loop_timer_new(l, on_tick, pool);
    loop_timer_start(pool->tick, 1000, 1000);
    pool->conns = g_new0(pool_conn, size);
    for (guint i = 0; i < size; i++) {
        pool_conn *c = &pool->conns[i];
        c->pool = pool;
        c->states = g_new0(guint8, sql_statement_count + 1);
        c->backoff_ms = BACKOFF_FIRST_MS;
        c->retry = loop_timer_new(l, on_retry, c);
        conn_connect(c);
    }
    return pool;
}

void
db_pool_free(db_pool *pool)
{
    if (!pool)
        return;
    pool->closing = TRUE;
    db_listen_free(pool->listen);
    for (guint i = 0; i < pool->size; i++) {
        pool_conn *c = &pool->conns[i];
        conn_lost(c, "closing");
        loop_timer_free(c->retry);
    }
    db_batch *b;
    while ((b = g_queue_pop_head(&pool->queue)))
        fail(pool, b, "the program is stopping");
    deliver(pool);
    loop_timer_free(pool->soon);
    loop_timer_free(pool->tick);
    for (guint i = 0; i < pool->size; i++)
        g_free(pool->conns[i].states);
    g_free(pool->conns);
    g_free(pool->conninfo);
    g_free(pool);
}

gboolean
db_pool_is_up(const db_pool *pool)
{
    for (guint i = 0; i < pool->size; i++)
        if (pool->conns[i].state == CONN_UP)
            return TRUE;
    return FALSE;
}

void
db_pool_listen(db_pool *pool, const char *channel, void (*on_notify)(const char *payload, gpointer user_data),
               gpointer user_data)
{
    if (!pool->listen)
        pool->listen = db_listen_new(pool->l, pool->conninfo);
    db_listen_add(pool->listen, channel, on_notify, user_data);
}

void
db_pool_run(db_pool *pool, db_batch *b, db_done done, gpointer user_data)
{
    b->done = done;
    b->user_data = user_data;
    b->attempts = 0;
    b->queued_us = clock_monotonic_us();
    if (pool->closing || pool->queue.length >= POOL_QUEUE) {
        fail(pool, b, pool->closing ? "the program is stopping" : "too much work waits for the database");
    } else {
        g_queue_push_tail(&pool->queue, b);
        pool_dispatch(pool);
    }
    if (!g_queue_is_empty(&pool->finished))
        loop_timer_start(pool->soon, 0, 0);
}
