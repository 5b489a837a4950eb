/* The worker's end of the connection with the hub. One connection at a time; when it breaks, calls in flight fail and
 * requests from the hub that are still being worked on lose their answer (the hub has failed them as well). */
#include "signaling/client.h"
#include "hub/base/log.h"
#include "signaling/pending.h"
#include "signaling/wire.h"
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKOFF_FIRST_MS 100
#define BACKOFF_LAST_MS 3200
#define OUTBOX_BYTES (32 * 1024 * 1024)
#define OUTBOX_TEXTS 16384
#define CALL_MS 30000
#define PING_SECONDS 4 /* silence after which the hub is pinged … */
#define DESTROY_TURNS 8 /* of the loop, for closing handles */
#define DEAD_SECONDS 8 /* … and after which it is taken for dead */

struct rpc_client {
    loop *l;
    char *address; /* "+/path": what lws calls a Unix socket */
    char *worker;
    json_t *hello_params;
    const rpc_method *methods;
    void (*on_state)(gboolean, gpointer);
    gpointer user_data;
    struct lws_context *context;
    struct lws *wsi; /* NULL while there is no connection */
    gboolean established; /* the WebSocket is open */
    gboolean welcome;     /* the hub accepted the hello */
    guint64 generation;   /* of the connection */
    loop_timer *retry;
    guint backoff_ms;
    wire_outbox outbox;
    GString *inbox;
    rpc_pending *pending;
    GQueue calls; /* rpc_call: requests of the hub that wait for our answer */
};

struct rpc_call {
    rpc_client *client; /* NULL after rpc_client_free */
    guint64 generation;
    gint64 id;
};

static int on_lws(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t length);

static const struct lws_protocols protocols[] = {
    {.name = "consilium.v1", .callback = on_lws, .rx_buffer_size = 65536},
    {0},
};

static const lws_retry_bo_t keepalive = {.secs_since_valid_ping = PING_SECONDS, .secs_since_valid_hangup = DEAD_SECONDS};

static void
try_later(rpc_client *c)
{
    loop_timer_start(c->retry, c->backoff_ms, 0);
    c->backoff_ms = MIN(c->backoff_ms * 2, BACKOFF_LAST_MS);
}

/* libwebsockets 4.1.6 never gives back the poll handle of a connection that is refused at once, and a worker whose hub
 * is away tries for ever: ask the socket itself first. */
static gboolean
hub_listens(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (g_strlcpy(address.sun_path, path, sizeof address.sun_path) >= sizeof address.sun_path)
        return FALSE;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    gboolean listens = fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof address) == 0;
    if (fd >= 0)
        close(fd);
    return listens;
}

static void
on_retry(gpointer data)
{
    rpc_client *c = data;
    if (!hub_listens(c->address + 1)) { /* after the '+' by which lws knows a Unix socket */
        try_later(c);
        return;
    }
    struct lws_client_connect_info info = {
        .context = c->context,
        .address = c->address,
        .path = "/",
        .host = "hub",
        .origin = "hub",
        .protocol = protocols[0].name,
        .local_protocol_name = protocols[0].name,
        .retry_and_idle_policy = &keepalive,
        .opaque_user_data = c,
        .pwsi = &c->wsi,
    };
    c->generation++;
    /* NULL is all that lws says about a dead Unix socket: no callback follows */
    if (!lws_client_connect_via_info(&info)) {
        c->wsi = NULL;
        try_later(c);
    }
}

static void
lost(rpc_client *c)
{
    gboolean was_welcome = c->welcome;
    c->wsi = NULL;
    c->established = c->welcome = FALSE;
    wire_outbox_clear(&c->outbox);
    g_string_truncate(c->inbox, 0);
    rpc_pending_lost(c->pending);
    if (was_welcome)
        c->on_state(FALSE, c->user_data);
    try_later(c);
}

/** Queues text; a hub that does not read any more is left. Takes text. */
static gboolean
send_text(rpc_client *c, char *text)
{
    g_autofree char *mine = text;
    if (!c->established)
        return FALSE;
    if (!wire_outbox_put(&c->outbox, mine)) {
        log_limited(LOG_WARNING, "hub", "the hub does not read; leaving it");
        lws_set_timeout(c->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
        return FALSE;
    }
    lws_callback_on_writable(c->wsi);
    return TRUE;
}

static void
on_hello(json_t *result, const GError *error, gpointer data)
{
    rpc_client *c = data;
    (void)result;
    if (error) {
        if (c->established) {
            log_limited(LOG_WARNING, "hub", "the hub refused this worker: %s", error->message);
            lws_set_timeout(c->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
        }
        return;
    }
    c->welcome = TRUE;
    c->backoff_ms = BACKOFF_FIRST_MS;
    c->on_state(TRUE, c->user_data);
}

static void
call_now(rpc_client *c, gboolean ready, const char *method, json_t *params, rpc_done done, gpointer user_data)
{
    g_autoptr(json_t) mine = params;
    gint64 id = rpc_pending_add(c->pending, CALL_MS, done, user_data);
    if (ready && send_text(c, rpc_text_request(id, method, mine)))
        return;
    g_autoptr(GError) error = err_new(ERR_UNAVAILABLE, "there is no connection with the hub");
    rpc_pending_fail_soon(c->pending, id, error);
}

static void
say_hello(rpc_client *c)
{
    json_t *params = json_pack("{s:s,s:i,s:i}", "worker", c->worker, "pid", (int)getpid(), "version", 1);
    json_object_update_missing(params, c->hello_params);
    c->established = TRUE;
    call_now(c, TRUE, "worker.hello", params, on_hello, c);
}

/* --- requests of the hub ----------------------------------------------------------------------------------------- */

static void
end_call(rpc_call *call, char *text)
{
    rpc_client *c = call->client;
    if (c)
        g_queue_remove(&c->calls, call);
    if (c && call->id >= 0 && call->generation == c->generation)
        send_text(c, g_steal_pointer(&text));
    g_free(text);
    g_free(call);
}

void
rpc_call_result(rpc_call *call, json_t *result)
{
    end_call(call, rpc_text_result(call->id, result));
    json_decref(result);
}

void
rpc_call_error(rpc_call *call, const GError *error)
{
    end_call(call, rpc_text_error(call->id, error));
}

static void
handle_call(rpc_client *c, const rpc_message *m)
{
    rpc_call *call = g_new0(rpc_call, 1);
    call->client = c;
    call->generation = c->generation;
    call->id = m->kind == RPC_REQUEST ? m->id : -1; /* the answer to a notification goes nowhere */
    g_queue_push_tail(&c->calls, call);
    for (const rpc_method *each = c->methods; each->method; each++)
        if (strcmp(each->method, m->method) == 0) {
            each->handle(call, m->params, c->user_data);
            return;
        }
    g_autoptr(GError) error = err_new(ERR_METHOD, "this worker knows no method %s", m->method);
    rpc_call_error(call, error);
}

static gboolean
handle_text(rpc_client *c)
{
    g_auto(rpc_message) m = {0};
    g_autoptr(GError) error = NULL;
    gboolean ok = rpc_message_parse(&m, c->inbox->str, c->inbox->len, &error);
    g_string_truncate(c->inbox, 0);
    if (!ok) {
        log_limited(LOG_WARNING, "hub", "not a message: %s", error->message);
        return FALSE;
    }
    if (m.kind == RPC_REQUEST || m.kind == RPC_NOTIFICATION)
        handle_call(c, &m);
    else
        rpc_pending_answer(c->pending, &m);
    return TRUE;
}

/* --- libwebsockets ------------------------------------------------------------------------------------------------- */

static int
on_lws(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t length)
{
    rpc_client *c = wsi ? lws_get_opaque_user_data(wsi) : NULL;
    (void)user;
    if (!c) /* the client is being freed, or the reason belongs to no connection */
        return 0;
    switch (reason) {
    case LWS_CALLBACK_CLIENT_ESTABLISHED:
        c->wsi = wsi;
        say_hello(c);
        return 0;
    case LWS_CALLBACK_CLIENT_RECEIVE:
        switch (wire_receive(c->inbox, wsi, in, length)) {
        case WIRE_MORE:
            return 0;
        case WIRE_COMPLETE:
            return handle_text(c) ? 0 : -1;
        default:
            return -1;
        }
    case LWS_CALLBACK_CLIENT_WRITEABLE:
        return wire_outbox_send(&c->outbox, wsi) ? 0 : -1;
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
    case LWS_CALLBACK_CLIENT_CLOSED:
        lws_set_opaque_user_data(wsi, NULL);
        lost(c);
        return 0;
    default:
        return 0;
    }
}

static void
on_lws_log(int level, const char *line)
{
    g_autofree char *text = g_strchomp(g_strdup(line));
    log_line(level & LLL_ERR ? LOG_WARNING : LOG_DEBUG, "lws", "%s", text);
}

rpc_client *
rpc_client_new(loop *l, const char *socket_path, const char *worker, json_t *hello_params, const rpc_method *methods,
               void (*on_state)(gboolean connected, gpointer user_data), gpointer user_data)
{
    rpc_client *c = g_new0(rpc_client, 1);
    c->l = l;
    c->address = g_strconcat("+", socket_path, NULL);
    c->worker = g_strdup(worker);
    c->hello_params = hello_params ? json_incref(hello_params) : json_object();
    c->methods = methods;
    c->on_state = on_state;
    c->user_data = user_data;
    c->backoff_ms = BACKOFF_FIRST_MS;
    c->inbox = g_string_new(NULL);
    c->pending = rpc_pending_new(l);
    c->retry = loop_timer_new(l, on_retry, c);
    wire_outbox_init(&c->outbox, OUTBOX_BYTES, OUTBOX_TEXTS);

    void *loops[] = {loop_uv(l)};
    lws_set_log_level(LLL_ERR | LLL_WARN, on_lws_log);
    c->context = lws_create_context(&(struct lws_context_creation_info){
        .port = CONTEXT_PORT_NO_LISTEN,
        .protocols = protocols,
        .options = LWS_SERVER_OPTION_LIBUV,
        .foreign_loops = loops,
        .gid = (gid_t)-1,
        .uid = (uid_t)-1,
    });
    if (!c->context)
        g_error("libwebsockets cannot start (is libwebsockets-evlib-uv installed?)");
    loop_timer_start(c->retry, 0, 0);
    return c;
}

/* On a foreign libuv loop lws_context_destroy only begins; once the handles have closed, in later turns of the loop, it has to
 * be called again for the memory. */
struct destroyer {
    uv_idle_t turn;
    struct lws_context *context;
    guint turns;
};

static void
on_destroyer_closed(uv_handle_t *handle)
{
    g_free(handle->data);
}

static void
on_turn(uv_idle_t *handle)
{
    struct destroyer *d = handle->data;
    if (d->turns++ < DESTROY_TURNS)
        return;
    uv_idle_stop(handle);
    lws_context_destroy(d->context);
    uv_close((uv_handle_t *)handle, on_destroyer_closed);
}

static void
destroy_context(loop *l, struct lws_context *context)
{
    struct destroyer *d = g_new0(struct destroyer, 1);
    d->context = context;
    d->turn.data = d;
    lws_context_destroy(context);
    uv_idle_init(loop_uv(l), &d->turn);
    uv_idle_start(&d->turn, on_turn);
}

void
rpc_client_free(rpc_client *c)
{
    if (!c)
        return;
    loop_timer_free(c->retry);
    if (c->wsi)
        lws_set_opaque_user_data(c->wsi, NULL);
    for (GList *at = c->calls.head; at; at = at->next)
        ((rpc_call *)at->data)->client = NULL;
    g_queue_clear(&c->calls);
    rpc_pending_free(c->pending);
    destroy_context(c->l, c->context);
    wire_outbox_clear(&c->outbox);
    g_string_free(c->inbox, TRUE);
    json_decref(c->hello_params);
    g_free(c->worker);
    g_free(c->address);
    g_free(c);
}

void
rpc_client_call(rpc_client *c, const char *method, json_t *params,
                void (*done)(json_t *result, const GError *error, gpointer user_data), gpointer user_data)
{
    call_now(c, c->welcome, method, params, done, user_data);
}

void
rpc_client_notify(rpc_client *c, const char *method, json_t *params)
{
    g_autoptr(json_t) mine = params;
    if (c->welcome)
        send_text(c, rpc_text_notification(method, mine));
}
