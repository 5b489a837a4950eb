#include "media/relay/sender.h"
#include <errno.h>
#include <netinet/udp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

/* One message: count datagrams of segment bytes, the last may be shorter. */
typedef struct {
    send_address address;
    gsize offset, bytes;
    guint16 segment;
    guint16 count;
    gboolean closed; /* a shorter one was the last */
} run;

typedef union {
    struct cmsghdr header;
    char space[CMSG_SPACE(sizeof(guint16))];
} segment_control;

struct sender {
    int socket;
    gboolean segments;
    gsize used;
    guint run_count;
    run runs[SENDER_RUNS];
    struct mmsghdr messages[SENDER_RUNS];
    struct iovec parts[SENDER_RUNS];
    segment_control controls[SENDER_RUNS];
    sender_stats stats;
    guint8 area[SENDER_AREA];
};

sender *
sender_new(int socket)
{
    sender *s = g_new0(sender, 1);
    s->socket = socket;
    s->segments = TRUE;
    return s;
}

void
sender_free(sender *s)
{
    g_free(s);
}

guint8 *
sender_reserve(sender *s)
{
    if (s->used + SENDER_PACKET > SENDER_AREA)
        sender_flush(s);
    return s->area + s->used;
}

static gboolean
fits_run(const sender *s, const run *r, const send_address *address, gsize length)
{
    return s->segments && !r->closed && length <= r->segment && r->count < SENDER_SEGMENTS &&
           r->bytes + length <= SENDER_RUN_BYTES && r->address.length == address->length &&
           memcmp(&r->address.any, &address->any, address->length) == 0;
}

void
sender_commit(sender *s, const send_address *address, gsize length)
{
    run *last = s->run_count > 0 ? &s->runs[s->run_count - 1] : NULL;
    if (last && fits_run(s, last, address, length)) {
        last->closed = length < last->segment;
        last->bytes += length;
        last->count++;
    } else {
        if (s->run_count == SENDER_RUNS) {
            gsize offset = s->used;
            sender_flush(s);
            memmove(s->area, s->area + offset, length);
        }
        s->runs[s->run_count++] = (run){
            .address = *address, .offset = s->used, .bytes = length, .segment = (guint16)length, .count = 1};
    }
    s->used += length;
}

static void
fill_message(sender *s, guint i)
{
    run *r = &s->runs[i];
    struct msghdr *h = &s->messages[i].msg_hdr;
    s->parts[i] = (struct iovec){.iov_base = s->area + r->offset, .iov_len = r->bytes};
    *h = (struct msghdr){.msg_name = &r->address.any,
                         .msg_namelen = r->address.length,
                         .msg_iov = &s->parts[i],
                         .msg_iovlen = 1};
    if (r->count == 1)
        return;
    struct cmsghdr *c = &s->controls[i].header;
    h->msg_control = c;
    h->msg_controllen = sizeof s->controls[i];
    c->cmsg_level = SOL_UDP;
    c->cmsg_type = UDP_SEGMENT;
    c->cmsg_len = CMSG_LEN(sizeof(guint16));
    memcpy(CMSG_DATA(c), &r->segment, sizeof r->segment);
}

/* Each datagram of a run by itself. */
static void
send_singly(sender *s, const run *r)
{
    for (gsize at = 0; at < r->bytes; at += r->segment) {
        gsize length = MIN(r->segment, r->bytes - at);
        if (sendto(s->socket, s->area + r->offset + at, length, 0, &r->address.any, r->address.length) < 0)
            s->stats.dropped++;
        else
            s->stats.packets++;
    }
    s->stats.bytes += r->bytes;
}

/* The message was refused: either segmentation is not to be had here, or this one cannot be sent. */
static void
on_refused(sender *s, const run *r, int why)
{
    if (r->count > 1 && (why == EINVAL || why == EIO || why == ENOPROTOOPT || why == EMSGSIZE)) {
        s->segments =
            s->segments && why == EMSGSIZE; /* a path of small MTU is no reason to give up for all */
        send_singly(s, r);
    } else {
        s->stats.dropped += r->count;
    }
}

/* The socket's buffer is full. A moment's wait costs less than lost packets that are asked for again; but the
 * thread has other things to do. FALSE: it has waited enough. */
static gboolean
wait_for_room(sender *s, guint *waits)
{
    struct pollfd p = {.fd = s->socket, .events = POLLOUT};
    if ((*waits)++ >= SENDER_WAITS)
        return FALSE;
    poll(&p, 1, 1);
    return TRUE;
}

void
sender_flush(sender *s)
{
    guint waits = 0;
    for (guint i = 0; i < s->run_count; i++)
        fill_message(s, i);
    for (guint at = 0; at < s->run_count;) {
        int sent = sendmmsg(s->socket, s->messages + at, s->run_count - at, 0);
        if (sent < 0 && (errno == EINTR || (errno == EAGAIN && wait_for_room(s, &waits))))
            continue;
        if (sent <= 0) {
            on_refused(s, &s->runs[at++], errno);
            continue;
        }
        for (int i = 0; i < sent; i++, at++) {
            s->stats.packets += s->runs[at].count;
            s->stats.bytes += s->runs[at].bytes;
        }
    }
    s->run_count = 0;
    s->used = 0;
}

const sender_stats *
sender_get_stats(const sender *s)
{
    return &s->stats;
}

gboolean
sender_segments(const sender *s)
{
    return s->segments;
}

void
sender_disable_segments(sender *s)
{
    s->segments = FALSE;
}
