/* The only file of the hub's signaling that sees libwebsockets. A link is one connection; it is made when the WebSocket is
 * established and freed when it is closed. What is above (peer, worker) may close a link at any time: the link then
 * forgets it, says its close code from the writeable callback, and is killed after a while when that does not come. */
#include "signaling/transport.h"
#include "signaling/internal.h"
#include "signaling/wire.h"
#include "signaling/workers.h"
#include "hub/base/clock.h"
#include "hub/base/log.h"
#include <string.h>
#include <sys/socket.h>

#define WORKER_QUEUE_BYTES (64 * 1024 * 1024)
#define WORKER_QUEUE_TEXTS 65536
#define RECEIVE_BUFFER 65536
#define HEADER_LIMIT 8192
#define SWEEP_MS 5000
#define PING_SECONDS 15 /* silence after which a browser is pinged … */
#define DEAD_SECONDS 40 /* … and after which it is taken for lost */
#define GOODBYE_SECONDS 3
#define WRITE_CLOSE ((enum lws_write_protocol)4) /* libwebsockets' own, not in its header */
#define REASON_LIMIT 64 /* bytes of the text in a close frame */

typedef struct {
    transport *t;
    struct lws *wsi; /* NULL: closed, only an identify call still refers to it */
    guint refs;
    GList in_list;
    wire_outbox outbox;
    GString *inbox;
    gint64 heard_us; /* monotonic */
    gboolean ping;
    guint close_code; /* set: says goodbye */
    gboolean goodbye_sent;
    char *close_reason;
    gint64 close_us;
    /* one of them */
    peer *p;
    worker *w;
    char *cookie, *authorization; /* until identified */
} link_;

/* libwebsockets' per-connection memory. */
struct session {
    link_ *link;
};

struct transport {
    signaling *s;
    GQueue links; /* link_.in_list */
    loop_timer *sweep;
    struct lws_protocols browser[2], worker_[2];
};

static link_ *
link_ref(link_ *k)
{
    k->refs++;
    return k;
}

static void
link_unref(link_ *k)
{
    if (--k->refs > 0)
        return;
    wire_outbox_clear(&k->outbox);
    g_string_free(k->inbox, TRUE);
    g_free(k->close_reason);
    g_free(k->cookie);
    g_free(k->authorization);
    g_free(k);
}

static link_ *
link_open(transport *t, struct lws *wsi, gsize bytes, guint texts)
{
    link_ *k = g_new0(link_, 1);
    k->t = t;
    k->wsi = wsi;
    k->refs = 1;
    k->in_list.data = k;
    k->inbox = g_string_new(NULL);
    k->heard_us = clock_monotonic_us();
    wire_outbox_init(&k->outbox, bytes, texts);
    g_queue_push_tail_link(&t->links, &k->in_list);
    return k;
}

/* --- what peers and workers do with their link -------------------------------------------------------------------------- */

static gboolean
link_send(gpointer link, const char *text)
{
    link_ *k = link;
    if (!k->wsi || k->close_code)
        return TRUE; /* it is going; nobody will miss this */
    if (!wire_outbox_put(&k->outbox, text))
        return FALSE;
    lws_callback_on_writable(k->wsi);
    return TRUE;
}

static void
say_goodbye(link_ *k, guint code, const char *reason)
{
    if (!k->wsi || k->close_code)
        return;
    k->close_code = code;
    k->close_reason = g_strdup(reason);
    k->close_us = clock_monotonic_us();
    wire_outbox_clear(&k->outbox);
    lws_callback_on_writable(k->wsi);
}

static void
peer_link_close(gpointer link, guint code, const char *reason)
{
    link_ *k = link;
    g_clear_pointer(&k->p, peer_unref);
    say_goodbye(k, code, reason);
}

static void
peer_link_move(gpointer link, peer *to)
{
    link_ *k = link;
    peer *from = k->p;
    k->p = peer_ref(to);
    peer_unref(from);
}

static void
worker_link_close(gpointer link, guint code, const char *reason)
{
    say_goodbye(link, code, reason);
}

static const peer_link_ops peer_ops = {link_send, peer_link_close, peer_link_move};
static const worker_link_ops worker_ops = {link_send, worker_link_close};

/* --- browsers ----------------------------------------------------------------------------------------------------------- */

static const char unauthorized[] = "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer realm=\"consilium\"\r\n"
                                   "Content-Length: 0\r\nConnection: close\r\n\r\n";
static const char forbidden[] = "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

static char *
copy_header(struct lws *wsi, enum lws_token_indexes token)
{
    int length = lws_hdr_total_length(wsi, token);
    if (length <= 0 || length >= HEADER_LIMIT)
        return NULL;
    g_autofree char *text = g_malloc((gsize)length + 1);
    return lws_hdr_copy(wsi, text, length + 1, token) == length ? g_steal_pointer(&text) : NULL;
}

/** A page of another origin could open a socket with the user's cookie; the browser says where the page is from. */
static gboolean
is_same_origin(struct lws *wsi)
{
    g_autofree char *origin = copy_header(wsi, WSI_TOKEN_ORIGIN);
    g_autofree char *host = copy_header(wsi, WSI_TOKEN_HOST);
    g_autofree char *own = g_strconcat("https://", host ? host : "", NULL);
    return host && origin && g_ascii_strcasecmp(origin, own) == 0;
}

static int
refuse_upgrade(struct lws *wsi, const char *answer)
{
    g_autofree guint8 *framed = g_malloc(LWS_PRE + strlen(answer) + 1);
    memcpy(framed + LWS_PRE, answer, strlen(answer) + 1);
    lws_write(wsi, framed + LWS_PRE, strlen(answer), LWS_WRITE_RAW);
    return -1;
}

/** Before the upgrade: is there anything to identify by? Whether it is good is known a moment later. */
static int
filter_browser(struct lws *wsi)
{
    g_autofree char *bearer = copy_header(wsi, WSI_TOKEN_HTTP_AUTHORIZATION);
    if (bearer)
        return 0;
    if (lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_COOKIE) <= 0)
        return refuse_upgrade(wsi, unauthorized);
    return is_same_origin(wsi) ? 0 : refuse_upgrade(wsi, forbidden);
}

static void
on_identified(caller *who, const GError *error, gpointer data)
{
    link_ *k = data;
    if (k->wsi && error) {
        gboolean away = err_is(error, ERR_UNAVAILABLE);
        say_goodbye(k, away ? CLOSE_GOING : CLOSE_SIGNED_OUT, away ? "unavailable" : "signed-out");
    } else if (k->wsi && !k->close_code) {
        k->p = peer_new(k->t->s, who, &peer_ops, k);
        lws_rx_flow_control(k->wsi, 1);
    }
    link_unref(k);
}

static link_ *
open_browser(transport *t, struct lws *wsi)
{
    link_ *k = link_open(t, wsi, PEER_QUEUE_BYTES, PEER_QUEUE_TEXTS);
    k->authorization = copy_header(wsi, WSI_TOKEN_HTTP_AUTHORIZATION);
    if (!k->authorization)
        k->cookie = copy_header(wsi, WSI_TOKEN_HTTP_COOKIE);
    lws_rx_flow_control(wsi, 0); /* nothing is read before we know who it is */
    t->s->hooks.identify(t->s->hub, k->cookie, k->authorization, on_identified, link_ref(k));
    return k;
}

/* --- workers ------------------------------------------------------------------------------------------------------------ */

static link_ *
open_worker(transport *t, struct lws *wsi)
{
    struct ucred who = {0};
    socklen_t size = sizeof who;
    if (getsockopt(lws_get_socket_fd(wsi), SOL_SOCKET, SO_PEERCRED, &who, &size) != 0)
        return NULL;
    link_ *k = link_open(t, wsi, WORKER_QUEUE_BYTES, WORKER_QUEUE_TEXTS);
    k->w = worker_new(t->s->workers, &worker_ops, k, who.uid, who.pid);
    return k;
}

/* --- both --------------------------------------------------------------------------------------------------------------- */

static void
link_closed(link_ *k)
{
    g_queue_unlink(&k->t->links, &k->in_list);
    k->wsi = NULL;
    peer *p = g_steal_pointer(&k->p);
    if (p)
        peer_link_lost(p);
    peer_unref(p);
    worker_link_lost(g_steal_pointer(&k->w));
    link_unref(k);
}

static int
link_receive(link_ *k, const void *in, size_t length)
{
    k->heard_us = clock_monotonic_us();
    if (k->close_code)
        return 0;
    gboolean good = FALSE;
    switch (wire_receive(k->inbox, k->wsi, in, length)) {
    case WIRE_MORE:
        return 0;
    case WIRE_COMPLETE:
        good = k->p ? peer_receive(k->p, k->inbox->str, k->inbox->len)
                    : k->w && worker_receive(k->w, k->inbox->str, k->inbox->len);
        break;
    default:
        break;
    }
    g_string_truncate(k->inbox, 0);
    if (good || k->close_code)
        return 0;
    peer *p = k->p;
    if (p)
        peer_end(p, CLOSE_PROTOCOL, "protocol");
    else
        say_goodbye(k, CLOSE_PROTOCOL, "protocol");
    return 0;
}

/** The close frame (RFC 6455 section 5.5.1), written by hand: lws_close_reason in libwebsockets 4.1.6 closes without one. The
 * peer answers it, and libwebsockets ends the connection then, or we do after a while. */
static int
write_goodbye(link_ *k)
{
    guint8 frame[LWS_PRE + 2 + REASON_LIMIT];
    gsize length = MIN(strlen(k->close_reason), REASON_LIMIT);
    if (k->goodbye_sent)
        return 0;
    k->goodbye_sent = TRUE;
    frame[LWS_PRE] = (guint8)(k->close_code >> 8);
    frame[LWS_PRE + 1] = (guint8)k->close_code;
    memcpy(frame + LWS_PRE + 2, k->close_reason, length);
    if (lws_write(k->wsi, frame + LWS_PRE, 2 + length, WRITE_CLOSE) < 0)
        return -1;
    lws_set_timeout(k->wsi, PENDING_TIMEOUT_USER_OK, GOODBYE_SECONDS);
    return 0;
}

static int
link_writeable(link_ *k)
{
    guint8 ping[LWS_PRE + 1] = {0};
    if (k->close_code)
        return write_goodbye(k);
    if (k->ping) {
        k->ping = FALSE;
        if (lws_write(k->wsi, ping + LWS_PRE, 1, LWS_WRITE_PING) < 0)
            return -1;
        if (!wire_outbox_is_empty(&k->outbox))
            lws_callback_on_writable(k->wsi);
        return 0;
    }
    return wire_outbox_send(&k->outbox, k->wsi) ? 0 : -1;
}

static void
on_sweep(gpointer data)
{
    transport *t = data;
    gint64 now = clock_monotonic_us();
    for (GList *at = t->links.head; at; at = at->next) {
        link_ *k = at->data;
        gint64 silent = now - k->heard_us;
        if ((k->close_code && now - k->close_us > GOODBYE_SECONDS * G_USEC_PER_SEC) || silent > DEAD_SECONDS * G_USEC_PER_SEC) {
            lws_set_timeout(k->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
        } else if (silent > PING_SECONDS * G_USEC_PER_SEC && !k->ping) {
            k->ping = TRUE;
            lws_callback_on_writable(k->wsi);
        }
    }
}

static transport *
transport_of(struct lws *wsi)
{
    return lws_get_protocol(wsi)->user;
}

static int
on_link(struct lws *wsi, enum lws_callback_reasons reason, struct session *session, void *in, size_t length)
{
    link_ *k = session ? session->link : NULL;
    switch (reason) {
    case LWS_CALLBACK_RECEIVE:
        return k ? link_receive(k, in, length) : -1;
    case LWS_CALLBACK_RECEIVE_PONG:
        if (k)
            k->heard_us = clock_monotonic_us();
        return 0;
    case LWS_CALLBACK_SERVER_WRITEABLE:
        return k ? link_writeable(k) : -1;
    case LWS_CALLBACK_CLOSED:
        if (k) {
            session->link = NULL;
            link_closed(k);
        }
        return 0;
    default:
        (void)wsi;
        return 0;
    }
}

static int
on_browser(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t length)
{
    if (reason == LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION)
        return filter_browser(wsi);
    if (reason == LWS_CALLBACK_ESTABLISHED) {
        ((struct session *)user)->link = open_browser(transport_of(wsi), wsi);
        return 0;
    }
    return on_link(wsi, reason, user, in, length);
}

static int
on_worker(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t length)
{
    if (reason == LWS_CALLBACK_ESTABLISHED) {
        ((struct session *)user)->link = open_worker(transport_of(wsi), wsi);
        return ((struct session *)user)->link ? 0 : -1;
    }
    return on_link(wsi, reason, user, in, length);
}

transport *
transport_new(signaling *s)
{
    transport *t = g_new0(transport, 1);
    t->s = s;
    g_queue_init(&t->links);
    struct lws_protocols common = {
        .name = "consilium.v1",
        .per_session_data_size = sizeof(struct session),
        .rx_buffer_size = RECEIVE_BUFFER,
        .user = t,
    };
    t->browser[0] = t->worker_[0] = common;
    t->browser[0].callback = on_browser;
    t->worker_[0].callback = on_worker;
    t->sweep = loop_timer_new(s->l, on_sweep, t);
    loop_timer_start(t->sweep, SWEEP_MS, SWEEP_MS);
    return t;
}

void
transport_free(transport *t)
{
    if (!t)
        return;
    loop_timer_free(t->sweep);
    g_free(t);
}

const struct lws_protocols *
transport_browser_protocols(transport *t)
{
    return t->browser;
}

const struct lws_protocols *
transport_worker_protocols(transport *t)
{
    return t->worker_;
}

void
transport_close_browsers(transport *t, guint code, const char *reason)
{
    for (GList *at = t->links.head; at; at = at->next) {
        link_ *k = at->data;
        if (!k->w)
            say_goodbye(k, code, reason);
    }
}
