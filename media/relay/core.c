/* The media thread: one UDP socket, one epoll. A turn reads what waits, forwards it, and hands the kernel one
 * batch of sends; ten times a second time passes for sessions. No memory is taken per packet. */
#include "media/relay/core.h"
#include <arpa/inet.h>
#include <errno.h>
#include <openssl/rand.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_BATCH 64
#define READ_ROUNDS 8 /* batches of one turn */
#define DATAGRAM 2048
#define TICK_US 100000
#define NACK_TICK_US 10000

typedef struct {
    struct mmsghdr messages[READ_BATCH];
    struct iovec parts[READ_BATCH];
    send_address from[READ_BATCH];
    guint8 bytes[READ_BATCH][DATAGRAM];
} read_area;

static guint32 hash_seed; /* so that nobody can choose addresses that collide */

static guint
address_hash(gconstpointer key)
{
    const guint32 *words = key;
    guint32 h = hash_seed;
    for (guint i = 0; i < sizeof(net_address) / 4; i++) {
        h = (h ^ words[i]) * 0x9e3779b1u;
        h ^= h >> 15;
    }
    return h;
}

static gboolean
address_equal(gconstpointer a, gconstpointer b)
{
    return net_address_equal(a, b);
}

/* ---- setting up ---- */

static gboolean
parse_address(const char *text, guint16 port, send_address *ret_address)
{
    send_address a = {0};
    if (inet_pton(AF_INET, text, &a.v4.sin_addr) == 1) {
        a.v4.sin_family = AF_INET;
        a.v4.sin_port = htons(port);
        a.length = sizeof a.v4;
    } else if (inet_pton(AF_INET6, text, &a.v6.sin6_addr) == 1) {
        a.v6.sin6_family = AF_INET6;
        a.v6.sin6_port = htons(port);
        a.length = sizeof a.v6;
    } else {
        return FALSE;
    }
    *ret_address = a;
    return TRUE;
}

static void
set_buffer(int fd, int forced, int plain)
{
    int size = RELAY_BUFFER_WISH;
    if (setsockopt(fd, SOL_SOCKET, forced, &size, sizeof size) != 0)
        setsockopt(fd, SOL_SOCKET, plain, &size, sizeof size);
}

static gboolean
open_socket(core *c, const relay_config *config, GError **error)
{
    send_address a;
    if (!parse_address(config->bind_address, config->port, &a))
        return err_set(error, ERR_INVALID, "%s is not a numeric address", config->bind_address);
    c->socket = socket(a.any.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->socket < 0 || bind(c->socket, &a.any, a.length) != 0)
        return err_set(error, ERR_UNAVAILABLE, "UDP port %u of %s: %s", config->port, config->bind_address,
                       g_strerror(errno));
    set_buffer(c->socket, SO_RCVBUFFORCE, SO_RCVBUF);
    set_buffer(c->socket, SO_SNDBUFFORCE, SO_SNDBUF);
    getsockopt(c->socket, SOL_SOCKET, SO_RCVBUF, &c->receive_buffer, &(socklen_t){sizeof c->receive_buffer});
    getsockname(c->socket, &a.any, &a.length);
    c->port = ntohs(a.any.sa_family == AF_INET ? a.v4.sin_port : a.v6.sin6_port);
    return TRUE;
}

static void
watch(core *c, int fd)
{
    struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};
    epoll_ctl(c->poller, EPOLL_CTL_ADD, fd, &e);
}

core *
core_new(relay *r, const relay_config *config, dtls_context *dtls, GError **error)
{
    core *c = g_new0(core, 1);
    c->relay = r;
    c->dtls = dtls;
    c->socket = c->poller = c->wake = -1;
    c->rooms = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, room_free);
    c->sessions = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, session_free);
    c->tracks = g_hash_table_new(g_str_hash, g_str_equal);
    c->ufrags = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    c->peers = g_hash_table_new_full(address_hash, address_equal, g_free, NULL);
    c->dirty = g_ptr_array_new();
    c->sources = g_ptr_array_new();
    RAND_bytes((guint8 *)&hash_seed, sizeof hash_seed);
    if (!open_socket(c, config, error)) {
        core_free(c);
        return NULL;
    }
    c->address = g_strdup(config->announce ? config->announce : config->bind_address);
    c->sender = sender_new(c->socket);
    c->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    c->poller = epoll_create1(EPOLL_CLOEXEC);
    watch(c, c->socket);
    watch(c, c->wake);
    return c;
}

static void
close_if_open(int fd)
{
    if (fd >= 0)
        close(fd);
}

void
core_end_sessions(core *c)
{
    GHashTableIter i;
    gpointer s;
    g_hash_table_iter_init(&i, c->sessions);
    while (g_hash_table_iter_next(&i, NULL, &s)) {
        session_end(s, NULL);
        g_hash_table_iter_init(&i, c->sessions);
    }
}

void
core_free(core *c)
{
    if (!c)
        return;
    core_end_sessions(c); /* first: their tracks have forwarders of other sessions */
    if (c->sender)
        sender_flush(c->sender);
    tap_delivery_free(c->delivery);
    g_hash_table_unref(c->sessions);
    g_hash_table_unref(c->rooms);
    g_hash_table_unref(c->tracks);
    g_hash_table_unref(c->ufrags);
    g_hash_table_unref(c->peers);
    g_ptr_array_unref(c->dirty);
    g_ptr_array_unref(c->sources);
    sender_free(c->sender);
    close_if_open(c->socket);
    close_if_open(c->poller);
    close_if_open(c->wake);
    g_free(c->address);
    g_free(c);
}

void
core_wake(core *c)
{
    guint64 one = 1;
    if (write(c->wake, &one, sizeof one) < 0)
        return; /* full: it is awake anyway */
}

room *
core_room(core *c, const char *id, GError **error)
{
    room *r = g_hash_table_lookup(c->rooms, id);
    if (r)
        return r;
    if (g_hash_table_size(c->rooms) >= RELAY_ROOM_LIMIT) {
        err_set(error, ERR_LIMIT, "the relay has %d rooms already", RELAY_ROOM_LIMIT);
        return NULL;
    }
    r = room_new(c, id);
    g_hash_table_insert(c->rooms, r->id, r);
    return r;
}

void
core_drop_room_if_empty(core *c, room *r)
{
    if (r->sessions->len == 0 && r->tracks->len == 0 && r->holds == 0)
        g_hash_table_remove(c->rooms, r->id);
}

/* ---- receiving ---- */

static net_address
address_of(const send_address *a)
{
    net_address n = {0};
    if (a->any.sa_family == AF_INET) {
        n.family = 4;
        n.port = ntohs(a->v4.sin_port);
        memcpy(n.ip, &a->v4.sin_addr, 4);
    } else {
        n.family = 6;
        n.port = ntohs(a->v6.sin6_port);
        memcpy(n.ip, &a->v6.sin6_addr, 16);
    }
    return n;
}

/* A check tells its session by the local half of its user name. Nothing is answered to one that names none.
 */
static session *
session_of_check(core *c, const guint8 *bytes, gsize length)
{
    char ufrag[ICE_UFRAG + 1];
    gsize name_length;
    const char *name = ice_username_of(bytes, length, &name_length);
    if (!name || name_length != ICE_UFRAG)
        return NULL;
    memcpy(ufrag, name, ICE_UFRAG);
    ufrag[ICE_UFRAG] = '\0';
    return g_hash_table_lookup(c->ufrags, ufrag);
}

static void
receive(core *c, guint8 *bytes, gsize length, const send_address *source)
{
    c->stats.packets_in++;
    c->stats.bytes_in += length;
    if (length == 0 || length > RTP_PACKET_LIMIT) {
        c->stats.dropped_in++;
        return;
    }
    net_address from = address_of(source);
    session *s = bytes[0] < 4 ? session_of_check(c, bytes, length) : g_hash_table_lookup(c->peers, &from);
    if (s)
        session_input(s, bytes, length, &from, source);
    else
        c->stats.dropped_in++;
}

static void
read_socket(core *c, read_area *area)
{
    for (guint round = 0; round < READ_ROUNDS; round++) {
        for (guint i = 0; i < READ_BATCH; i++)
            area->messages[i].msg_hdr.msg_namelen = sizeof area->from[i].v6;
        int count = recvmmsg(c->socket, area->messages, READ_BATCH, MSG_DONTWAIT, NULL);
        for (int i = 0; i < count; i++) {
            area->from[i].length = area->messages[i].msg_hdr.msg_namelen;
            receive(c, area->bytes[i], area->messages[i].msg_len, &area->from[i]);
        }
        if (count < READ_BATCH)
            return;
    }
}

static read_area *
read_area_new(void)
{
    read_area *area = g_new0(read_area, 1);
    for (guint i = 0; i < READ_BATCH; i++) {
        struct msghdr *h = &area->messages[i].msg_hdr;
        area->parts[i] = (struct iovec){.iov_base = area->bytes[i], .iov_len = DATAGRAM};
        h->msg_iov = &area->parts[i];
        h->msg_iovlen = 1;
        h->msg_name = &area->from[i].any;
    }
    return area;
}

/* ---- forwarding and time ---- */

static void
flush_rooms(core *c)
{
    for (guint i = 0; i < c->dirty->len; i++) {
        room *r = g_ptr_array_index(c->dirty, i);
        r->dirty = FALSE;
        room_flush(r);
    }
    g_ptr_array_set_size(c->dirty, 0);
}

/* Sessions may end while time passes for them. */
static void
tick_sessions(core *c)
{
    g_autoptr(GList) sessions = g_hash_table_get_values(c->sessions);
    for (GList *i = sessions; i; i = i->next)
        session_tick(i->data);
}

static void
tick_rooms(core *c, gboolean second, gboolean speaker)
{
    GHashTableIter i;
    gpointer value;
    g_hash_table_iter_init(&i, c->rooms);
    while (g_hash_table_iter_next(&i, NULL, &value)) {
        room *r = value;
        for (guint j = 0; j < r->tracks->len; j++) {
            track *t = g_ptr_array_index(r->tracks, j);
            track_tick(t);
            if (second)
                ring_tick(&t->stream.ring);
        }
        if (speaker)
            room_tick(r);
    }
}

static void
tick_nacks(core *c)
{
    GHashTableIter i;
    gpointer value;
    c->nacks_pending = FALSE;
    g_hash_table_iter_init(&i, c->sessions);
    while (g_hash_table_iter_next(&i, NULL, &value))
        if (((session *)value)->kind == SESSION_PUBLISH)
            session_send_nacks(value);
}

static void
tick(core *c)
{
    static const guint speaker_every = SPEAKER_TICK_US / TICK_US;
    static const guint second_every = G_USEC_PER_SEC / TICK_US;
    if (c->now_us < c->next_tick_us)
        return;
    guint count = (guint)(c->next_tick_us / TICK_US);
    c->next_tick_us = (c->now_us / TICK_US + 1) * TICK_US;
    tick_sessions(c);
    tick_rooms(c, count % second_every == 0, count % speaker_every == 0);
}

static int
timeout_ms(const core *c)
{
    if (g_hash_table_size(c->sessions) == 0 && c->sources->len == 0)
        return -1;
    gint64 until_us = c->next_tick_us - c->now_us;
    if (c->nacks_pending)
        until_us = MIN(until_us, NACK_TICK_US);
    return (int)MAX(1, (until_us + 999) / 1000);
}

void
core_run(core *c)
{
    struct epoll_event events[4];
    g_autofree read_area *area = read_area_new();
    gboolean running = TRUE;
    gint64 next_nack_us = 0;
    while (running) {
        int count = epoll_wait(c->poller, events, G_N_ELEMENTS(events), timeout_ms(c));
        c->now_us = g_get_monotonic_time();
        for (int i = 0; i < count; i++) {
            if (events[i].data.fd == c->socket) {
                read_socket(c, area);
                continue;
            }
            guint64 wakes;
            if (read(c->wake, &wakes, sizeof wakes) > 0)
                running = relay_run_commands(c->relay, c);
            sources_drain(c);
        }
        flush_rooms(c);
        tick(c);
        if (c->nacks_pending && c->now_us >= next_nack_us) {
            next_nack_us = c->now_us + NACK_TICK_US;
            tick_nacks(c);
        }
        sender_flush(c->sender);
        taps_flush(c);
    }
}
