#include "tests/unit/media/peer.h"
#include "hub/base/id.h"
#include "media/rtc/stun.h"
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void
on_dtls_send(const guint8 *bytes, gsize length, gpointer user_data)
{
    peer_send(user_data, bytes, length);
}

static int
open_socket(guint16 relay_port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(relay_port)};
    int size = 4 << 20;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    g_assert_cmpint(connect(fd, (struct sockaddr *)&to, sizeof to), ==, 0);
    return fd;
}

static void
make_credentials(peer *p)
{
    static guint count;
    g_free(p->ufrag);
    g_free(p->password);
    p->ufrag = g_strdup_printf("peer%u", count++);
    p->password = g_strdup("abcdefghijklmnopqrstuvwx");
}

peer *
peer_new(guint16 relay_port, const char *profiles)
{
    peer *p = g_new0(peer, 1);
    p->port = relay_port;
    p->socket = open_socket(relay_port);
    make_credentials(p);
    p->dtls = dtls_client_new(profiles ? profiles : "SRTP_AEAD_AES_128_GCM:SRTP_AES128_CM_SHA1_80",
                              on_dtls_send, p);
    return p;
}

void
peer_free(peer *p)
{
    if (!p)
        return;
    dtls_client_free(p->dtls);
    srtp_session_free(p->srtp);
    sdp_free(p->remote);
    close(p->socket);
    g_free(p->ufrag);
    g_free(p->password);
    g_free(p);
}

void
peer_restart(peer *p)
{
    make_credentials(p);
}

void
peer_move(peer *p)
{
    close(p->socket);
    p->socket = open_socket(p->port);
}

static void
put_transport(GString *s, const peer *p, const char *setup)
{
    g_string_append_printf(s,
                           "c=IN IP4 0.0.0.0\r\na=ice-ufrag:%s\r\na=ice-pwd:%s\r\n"
                           "a=fingerprint:sha-256 %s\r\na=setup:%s\r\na=rtcp-mux\r\na=rtcp-rsize\r\n",
                           p->ufrag, p->password, dtls_client_fingerprint(p->dtls), setup);
}

char *
peer_offer(const peer *p, const char *direction)
{
    gboolean sends = g_str_equal(direction, "sendonly");
    GString *s = g_string_new("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE a v\r\n");
    g_string_append(s, "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n");
    put_transport(s, p, "actpass");
    g_string_append_printf(s,
                           "a=mid:a\r\na=%s\r\na=extmap:1 " RTP_EXT_AUDIO_LEVEL
                           "\r\na=extmap:3 " RTP_EXT_TRANSPORT_CC
                           "\r\na=rtpmap:111 opus/48000/2\r\na=rtcp-fb:111 transport-cc\r\n",
                           direction);
    if (sends)
        g_string_append_printf(s, "a=ssrc:%u cname:x\r\n", PEER_AUDIO_SSRC);
    g_string_append(s, "m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\n");
    put_transport(s, p, "actpass");
    g_string_append_printf(s,
                           "a=mid:v\r\na=%s\r\na=extmap:3 " RTP_EXT_TRANSPORT_CC
                           "\r\na=rtpmap:96 VP8/90000\r\n"
                           "a=rtcp-fb:96 nack\r\na=rtcp-fb:96 nack pli\r\na=rtcp-fb:96 transport-cc\r\n"
                           "a=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n",
                           direction);
    if (sends)
        g_string_append_printf(s, "a=ssrc-group:FID %u %u\r\na=ssrc:%u cname:x\r\na=ssrc:%u cname:x\r\n",
                               PEER_VIDEO_SSRC, PEER_RTX_SSRC, PEER_VIDEO_SSRC, PEER_RTX_SSRC);
    return g_string_free(s, FALSE);
}

/* Of each m-line of the offer what an answer repeats. */
char *
peer_answer(peer *p, const char *offer)
{
    GString *s = g_string_new("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n");
    g_auto(GStrv) lines = g_strsplit(offer, "\r\n", -1);
    peer_set_remote(p, offer);
    for (char **l = lines; *l; l++) {
        if (g_str_has_prefix(*l, "a=group:"))
            g_string_append_printf(s, "%s\r\n", *l);
        if (g_str_has_prefix(*l, "m=")) {
            g_string_append_printf(s, "%s\r\n", *l);
            put_transport(s, p, "active");
            g_string_append(s, "a=recvonly\r\n");
        }
        if (g_str_has_prefix(*l, "a=mid:") || g_str_has_prefix(*l, "a=rtpmap:") ||
            g_str_has_prefix(*l, "a=fmtp:") || g_str_has_prefix(*l, "a=rtcp-fb:") ||
            g_str_has_prefix(*l, "a=extmap:"))
            g_string_append_printf(s, "%s\r\n", *l);
    }
    return g_string_free(s, FALSE);
}

void
peer_set_remote(peer *p, const char *sdp)
{
    g_autoptr(GError) error = NULL;
    sdp_free(p->remote);
    p->remote = sdp_parse(sdp, strlen(sdp), &error);
    g_assert_no_error(error);
    const sdp_transport *t = sdp_bundle_transport(p->remote, &error);
    g_assert_no_error(error);
    g_strlcpy(p->remote_ufrag, t->ufrag, sizeof p->remote_ufrag);
    g_strlcpy(p->remote_password, t->password, sizeof p->remote_password);
}

void
peer_send(peer *p, const void *bytes, gsize length)
{
    while (send(p->socket, bytes, length, 0) < 0 && errno == EAGAIN)
        poll(&(struct pollfd){.fd = p->socket, .events = POLLOUT}, 1, 100);
}

static void
send_check(peer *p, gboolean nominate)
{
    static const guint8 transaction[STUN_TRANSACTION_ID] = {7};
    guint8 request[STUN_MESSAGE_LIMIT];
    g_autofree char *name = g_strdup_printf("%s:%s", p->remote_ufrag, p->ufrag);
    gsize length =
        stun_write_check(request, sizeof request, transaction, name, p->remote_password, 1, TRUE, nominate);
    peer_send(p, request, length);
}

peer_datagram
peer_receive(peer *p, int wait_ms)
{
    struct pollfd wait = {.fd = p->socket, .events = POLLIN};
    if (poll(&wait, 1, wait_ms) <= 0)
        return PEER_NOTHING;
    ssize_t count = recv(p->socket, p->bytes, sizeof p->bytes, 0);
    if (count <= 0)
        return PEER_NOTHING;
    p->length = (gsize)count;
    if (p->bytes[0] < 4)
        return PEER_STUN;
    if (p->bytes[0] < 64)
        return PEER_DTLS;
    if (!p->srtp)
        return PEER_FORGED;
    gboolean rtcp = p->bytes[1] >= 192 && p->bytes[1] < 224;
    gsize header = rtcp ? 0 : rtp_header_length(p->bytes, p->length);
    p->length = rtcp ? srtp_open_rtcp(p->srtp, p->bytes, p->length)
                     : srtp_open_rtp(p->srtp, p->bytes, p->length, header);
    if (p->length == 0)
        return PEER_FORGED;
    return rtcp ? PEER_RTCP : PEER_RTP;
}

gboolean
peer_check(peer *p, gboolean nominate)
{
    gint64 end = g_get_monotonic_time() + PEER_WAIT_MS * 1000;
    stun_message m;
    send_check(p, nominate);
    while (g_get_monotonic_time() < end)
        if (peer_receive(p, 50) == PEER_STUN && stun_parse(&m, p->bytes, p->length) && m.type == STUN_SUCCESS)
            return stun_integrity_ok(&m, p->remote_password);
    return FALSE;
}

gboolean
peer_connect(peer *p)
{
    gint64 end = g_get_monotonic_time() + PEER_WAIT_MS * 1000;
    dtls_keys keys;
    if (!peer_check(p, TRUE))
        return FALSE;
    while (!dtls_client_done(p->dtls)) {
        if (g_get_monotonic_time() > end)
            return FALSE;
        dtls_client_tick(p->dtls);
        while (!dtls_client_done(p->dtls) && peer_receive(p, 100) == PEER_DTLS)
            dtls_client_input(p->dtls, p->bytes, p->length);
    }
    if (!dtls_client_keys(p->dtls, &keys))
        return FALSE;
    p->srtp = srtp_session_new(&keys, TRUE);
    return p->srtp != NULL;
}

void
peer_send_rtp(peer *p, guint32 ssrc, guint8 payload_type, guint64 index, guint32 timestamp,
              const guint8 *payload, gsize length)
{
    guint8 header[RTP_HEADER_LIMIT], out[2048];
    static guint16 transport;
    rtp_writer w = rtp_begin(header, payload_type, TRUE, (guint16)index, timestamp, ssrc);
    guint8 number[2] = {(guint8)(transport >> 8), (guint8)transport};
    transport++;
    rtp_put_extension(&w, 3, number, 2);
    if (payload_type == 111)
        rtp_put_extension(&w, 1, (const guint8 *)"\x8a", 1); /* voice, -10 dBov */
    gsize size = srtp_seal_rtp(p->srtp, index, header, rtp_end(&w), NULL, 0, payload, length, out);
    g_assert_cmpuint(size, >, 0);
    peer_send(p, out, size);
}

void
peer_send_rtcp(peer *p, guint8 *packet, gsize length)
{
    peer_send(p, packet, srtp_seal_rtcp(p->srtp, packet, length));
}
