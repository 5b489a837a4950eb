#include "dicom/scp/listener.h"
#include "hub/base/err.h"
#include "hub/base/log.h"
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 128
#define PAUSE_MS 200      /* without accepting, when descriptors have run out */
#define REFUSALS_LIMIT 64 /* refused connections that may take their time to read why */
#define REFUSAL_MS 2000

struct scp_listener {
    loop *l;
    int fd;
    gboolean plain;
    uv_poll_t *poll; /* closes by itself, later than we do */
    loop_timer *pause;
    guint refusals;
    gboolean (*connection)(int, const char *, gpointer);
    gpointer user_data;
};

/* A refused peer: told, and given a moment, because closing at once with its request unread would reset the
 * connection before it read the refusal. Lives longer than the listener, if need be. */
typedef struct {
    uv_timer_t timer;
    int fd;
    scp_listener *owner; /* NULL: the listener is gone */
} refusal;

static void
on_refusal_closed(uv_handle_t *handle)
{
    refusal *r = handle->data;
    close(r->fd);
    g_free(r);
}

static void
on_refusal_over(uv_timer_t *timer)
{
    refusal *r = timer->data;
    r->owner->refusals--;
    uv_close((uv_handle_t *)timer, on_refusal_closed);
}

static void
refuse(scp_listener *l, int fd)
{
    /* type 3, length 4; result 2 transient, source 3 presentation, reason 2 local limit exceeded */
    static const guint8 reject[] = {3, 0, 0, 0, 0, 4, 0, 2, 3, 2};
    ssize_t sent = !l->plain ? -1 : send(fd, reject, sizeof reject, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 || l->refusals >= REFUSALS_LIMIT) {
        close(fd);
        return;
    }
    shutdown(fd, SHUT_WR);
    refusal *r = g_new0(refusal, 1);
    *r = (refusal){.fd = fd, .owner = l};
    uv_timer_init(loop_uv(l->l), &r->timer);
    r->timer.data = r;
    l->refusals++;
    uv_timer_start(&r->timer, on_refusal_over, REFUSAL_MS, 0);
}

static void
prepare(int fd)
{
    int on = 1, idle = 30, interval = 10, count = 3;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count);
}

/* An IPv4 peer of an IPv6 socket is written as the IPv4 address that it is. */
static void
address_text(const struct sockaddr_storage *peer, socklen_t length, char *text, gsize size)
{
    if (getnameinfo((const struct sockaddr *)peer, length, text, (socklen_t)size, NULL, 0, NI_NUMERICHOST) !=
        0)
        text[0] = '\0';
    if (g_str_has_prefix(text, "::ffff:"))
        memmove(text, text + 7, strlen(text + 7) + 1);
}

static void on_pause_over(gpointer data);

static void
on_listen(uv_poll_t *poll, int status, int events)
{
    scp_listener *l = poll->data;
    (void)status;
    (void)events;
    for (;;) {
        struct sockaddr_storage peer;
        socklen_t length = sizeof peer;
        int fd = accept4(l->fd, (struct sockaddr *)&peer, &length, SOCK_CLOEXEC);
        if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)) {
            log_limited(LOG_ERROR, "dimse", "cannot accept: %s", g_strerror(errno));
            uv_poll_stop(l->poll);
            loop_timer_start(l->pause, PAUSE_MS, 0);
        }
        if (fd < 0)
            return;
        char address[NI_MAXHOST];
        address_text(&peer, length, address, sizeof address);
        prepare(fd);
        if (!l->connection(fd, address, l->user_data))
            refuse(l, fd);
    }
}

static void
on_pause_over(gpointer data)
{
    scp_listener *l = data;
    uv_poll_start(l->poll, UV_READABLE, on_listen);
}

static int
open_socket(const char *host, guint16 port, GError **error)
{
    char service[8];
    snprintf(service, sizeof service, "%u", port);
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE}, *found = NULL;
    int result = getaddrinfo(host, service, &hints, &found);
    if (result != 0) {
        err_set(error, ERR_UNAVAILABLE, "cannot listen on %s: %s", host, gai_strerror(result));
        return -1;
    }
    int on = 1;
    int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    gboolean good = fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
                    bind(fd, found->ai_addr, found->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0;
    freeaddrinfo(found);
    if (good)
        return fd;
    err_set(error, ERR_UNAVAILABLE, "cannot listen on %s port %u: %s", host, port, g_strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

scp_listener *
listener_new(loop *lo, const char *host, guint16 port, gboolean plain,
             gboolean (*connection)(int, const char *, gpointer), gpointer user_data, GError **error)
{
    int fd = open_socket(host, port, error);
    if (fd < 0)
        return NULL;
    scp_listener *l = g_new0(scp_listener, 1);
    *l = (scp_listener){.l = lo, .fd = fd, .plain = plain, .connection = connection, .user_data = user_data};
    l->pause = loop_timer_new(lo, on_pause_over, l);
    l->poll = g_new0(uv_poll_t, 1);
    uv_poll_init(loop_uv(lo), l->poll, fd);
    l->poll->data = l;
    uv_poll_start(l->poll, UV_READABLE, on_listen);
    return l;
}

static void
on_poll_closed(uv_handle_t *handle)
{
    scp_listener *l = handle->data;
    close(l->fd);
    g_free(handle);
    g_free(l);
}

static void
close_refusal(uv_handle_t *handle, void *owner)
{
    if (handle->type != UV_TIMER || ((uv_timer_t *)handle)->timer_cb != on_refusal_over ||
        uv_is_closing(handle))
        return;
    refusal *r = handle->data;
    if (r->owner == owner)
        uv_close(handle, on_refusal_closed);
}

void
listener_free(scp_listener *l)
{
    if (!l)
        return;
    uv_walk(loop_uv(l->l), close_refusal, l);
    loop_timer_free(l->pause);
    uv_poll_stop(l->poll);
    uv_close((uv_handle_t *)l->poll, on_poll_closed);
}
