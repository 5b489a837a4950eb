/* The LISTEN connection. Notifications sent while it is down are lost, so every listener is told (payload NULL) after
 * each connection that something may have been missed. Reconnects for ever, like the pool's connections. */
#include "hub/store/db_internal.h"
#include "hub/base/clock.h"
#include "hub/base/log.h"
#include <string.h>

#define BACKOFF_FIRST_MS 100
#define BACKOFF_LAST_MS 3200
#define CONNECT_MS 10000

typedef struct {
    char *channel;
    void (*on_notify)(const char *, gpointer);
    gpointer user_data;
    gboolean told; /* since the current connection */
} listener;

typedef enum { LISTEN_DOWN, LISTEN_CONNECTING, LISTEN_ASKING, LISTEN_UP } listen_state;

struct db_listen {
    loop *l;
    char *conninfo;
    PGconn *pg;
    listen_state state;
    uv_poll_t *poll;
    loop_timer *retry; /* while down: the next try; while connecting: the time limit */
    guint backoff_ms;
    GArray *listeners; /* listener */
    guint asked;       /* listeners whose LISTEN was sent on this connection */
};

static void on_event(uv_poll_t *handle, int status, int events);
static void connect_now(db_listen *n);

static void
on_poll_closed(uv_handle_t *handle)
{
    g_free(handle);
}

static void
unwatch(db_listen *n)
{
    if (!n->poll)
        return;
    uv_poll_stop(n->poll);
    uv_close((uv_handle_t *)n->poll, on_poll_closed);
    n->poll = NULL;
}

static void
watch(db_listen *n, int events)
{
    uv_os_fd_t now = -1;
    if (n->poll && (uv_fileno((uv_handle_t *)n->poll, &now) != 0 || now != PQsocket(n->pg)))
        unwatch(n);
    if (!n->poll) {
        n->poll = g_new0(uv_poll_t, 1);
        if (uv_poll_init(loop_uv(n->l), n->poll, PQsocket(n->pg)) != 0)
            g_error("the database's socket cannot be watched");
        n->poll->data = n;
    }
    uv_poll_start(n->poll, events, on_event);
}

static void
lost(db_listen *n)
{
    g_autoptr(GError) error = db_error_of_connection(n->pg);
    log_limited(LOG_WARNING, "database", "LISTEN connection lost: %s", error->message);
    unwatch(n);
    g_clear_pointer(&n->pg, PQfinish);
    n->state = LISTEN_DOWN;
    n->asked = 0;
    loop_timer_start(n->retry, n->backoff_ms, 0);
    n->backoff_ms = MIN(n->backoff_ms * 2, BACKOFF_LAST_MS);
}

/** Sends LISTEN for the next channel that this connection does not have; FALSE when the connection broke. A channel's
 * name is our own constant; LISTEN takes no parameters, so it is quoted as an identifier. */
static gboolean
ask(db_listen *n)
{
    if (n->asked == n->listeners->len) {
        n->state = LISTEN_UP;
        return TRUE;
    }
    const char *channel = g_array_index(n->listeners, listener, n->asked).channel;
    char *quoted = PQescapeIdentifier(n->pg, channel, strlen(channel));
    g_autofree char *sql = g_strconcat("LISTEN ", quoted, NULL);
    PQfreemem(quoted);
    n->state = LISTEN_ASKING;
    n->asked++;
    return PQsendQuery(n->pg, sql) == 1 && PQflush(n->pg) >= 0;
}

/** After a LISTEN took effect: nothing is missed from here on, but before it something may have been. */
static void
tell_asked(db_listen *n)
{
    for (guint i = 0; i < n->asked; i++) {
        listener *each = &g_array_index(n->listeners, listener, i);
        if (each->told)
            continue;
        each->told = TRUE;
        each->on_notify(NULL, each->user_data);
    }
}

static void
on_notice(void *data, const PGresult *result)
{
    (void)data; /* "terminating connection": we see that anyway */
    (void)result;
}

static gboolean
step_connect(db_listen *n)
{
    switch (PQconnectPoll(n->pg)) {
    case PGRES_POLLING_READING:
        watch(n, UV_READABLE);
        return TRUE;
    case PGRES_POLLING_WRITING:
        watch(n, UV_WRITABLE);
        return TRUE;
    case PGRES_POLLING_OK:
        PQsetNoticeReceiver(n->pg, on_notice, NULL);
        loop_timer_stop(n->retry);
        n->backoff_ms = BACKOFF_FIRST_MS;
        for (guint i = 0; i < n->listeners->len; i++)
            g_array_index(n->listeners, listener, i).told = FALSE;
        watch(n, UV_READABLE);
        return PQsetnonblocking(n->pg, 1) == 0 && ask(n);
    default:
        return FALSE;
    }
}

static gboolean
step_read(db_listen *n)
{
    if (PQconsumeInput(n->pg) != 1)
        return FALSE;
    while (n->state == LISTEN_ASKING && !PQisBusy(n->pg)) {
        g_autoptr(PGresult) result = PQgetResult(n->pg);
        if (result && PQresultStatus(result) != PGRES_COMMAND_OK)
            return FALSE;
        if (result)
            continue;
        tell_asked(n);
        if (!ask(n))
            return FALSE;
    }
    PGnotify *note;
    while ((note = PQnotifies(n->pg))) {
        for (guint i = 0; i < n->listeners->len; i++) {
            const listener *each = &g_array_index(n->listeners, listener, i);
            if (strcmp(each->channel, note->relname) == 0)
                each->on_notify(note->extra, each->user_data);
        }
        PQfreemem(note);
    }
    return PQstatus(n->pg) == CONNECTION_OK;
}

static void
on_event(uv_poll_t *handle, int status, int events)
{
    db_listen *n = handle->data;
    (void)events;
    if (status < 0 || !(n->state == LISTEN_CONNECTING ? step_connect(n) : step_read(n)))
        lost(n);
}

static void
on_retry(gpointer data)
{
    db_listen *n = data;
    if (n->state == LISTEN_DOWN)
        connect_now(n);
    else if (n->state == LISTEN_CONNECTING)
        lost(n);
}

static void
connect_now(db_listen *n)
{
    n->pg = PQconnectStart(n->conninfo);
    if (!n->pg || PQstatus(n->pg) == CONNECTION_BAD) {
        lost(n);
        return;
    }
    n->state = LISTEN_CONNECTING;
    loop_timer_start(n->retry, CONNECT_MS, 0);
    watch(n, UV_WRITABLE);
}

static void
clear_listener(gpointer data)
{
    g_free(((listener *)data)->channel);
}

db_listen *
db_listen_new(loop *l, const char *conninfo)
{
    db_listen *n = g_new0(db_listen, 1);
    n->l = l;
    n->conninfo = g_strdup(conninfo);
    n->backoff_ms = BACKOFF_FIRST_MS;
    n->listeners = g_array_new(FALSE, TRUE, sizeof(listener));
    g_array_set_clear_func(n->listeners, clear_listener);
    n->retry = loop_timer_new(l, on_retry, n);
    loop_timer_start(n->retry, 0, 0);
    return n;
}

void
db_listen_free(db_listen *n)
{
    if (!n)
        return;
    unwatch(n);
    PQfinish(n->pg);
    loop_timer_free(n->retry);
    g_array_unref(n->listeners);
    g_free(n->conninfo);
    g_free(n);
}

void
db_listen_add(db_listen *n, const char *channel, void (*on_notify)(const char *, gpointer), gpointer user_data)
{
    listener added = {.channel = g_strdup(channel), .on_notify = on_notify, .user_data = user_data};
    g_array_append_val(n->listeners, added);
    if (n->state == LISTEN_UP && !ask(n))
        lost(n);
}
