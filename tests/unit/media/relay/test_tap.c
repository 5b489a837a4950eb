/* Taps and sources through a real relay. */
#include "media/relay/source.h"
#include "media/relay/tap.h"
#include "tests/unit/media/relay_rig.h"
#include <string.h>

typedef struct {
    GMutex lock;
    GCond changed;
    GString *log; /* "track audio", "packet 5 sound", "clock", "muted 1", "ended" */
    guint packets;
    gint64 last_received_us;
    char *track;
    gboolean hold; /* packet() waits while it is set */
    guint64 lost;
} listener;

static void note(listener *l, const char *format, ...) G_GNUC_PRINTF(2, 3);

static void
note(listener *l, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_mutex_lock(&l->lock);
    g_string_append_vprintf(l->log, format, args);
    g_string_append_c(l->log, '\n');
    g_cond_broadcast(&l->changed);
    g_mutex_unlock(&l->lock);
    va_end(args);
}

static gpointer
on_track(const tap_track *info, gpointer user_data)
{
    listener *l = user_data;
    note(l, "track %s %s %s pt %u rate %u", info->participant, relay_kind_name(info->kind), info->codec,
         info->payload_type, info->clock_rate);
    if (info->kind == RELAY_VIDEO) {
        g_free(l->track);
        l->track = g_strdup(info->track);
    }
    return info->kind == RELAY_AUDIO ? "audio" : "video";
}

static gpointer
on_track_video_only(const tap_track *info, gpointer user_data)
{
    on_track(info, user_data);
    return info->kind == RELAY_VIDEO ? "video" : NULL;
}

static void
on_packet(gpointer track, const guint8 *bytes, gsize length, gint64 received_us, gpointer user_data)
{
    listener *l = user_data;
    rtp_packet p;
    g_assert_true(rtp_parse(&p, bytes, length));
    g_mutex_lock(&l->lock);
    l->packets++;
    l->last_received_us = received_us;
    while (l->hold)
        g_cond_wait(&l->changed, &l->lock);
    g_mutex_unlock(&l->lock);
    if (p.payload_length < 20)
        note(l, "packet %s %u %.*s", (char *)track, p.sequence, (int)p.payload_length - 2, p.payload + 2);
}

static void
on_clock(gpointer track, guint32 rtp_time, gint64 wall_us, gpointer user_data)
{
    g_assert_cmpint(ABS(wall_us - g_get_real_time()), <, 10 * G_USEC_PER_SEC); /* on our clock */
    note(user_data, "clock %s %u", (char *)track, rtp_time);
}

static void
on_muted(gpointer track, gboolean muted, gpointer user_data)
{
    note(user_data, "muted %s %d", (char *)track, muted);
}

static void
on_ended(gpointer track, gpointer user_data)
{
    note(user_data, "ended %s", (char *)track);
}

static void
on_lost(guint64 packets, gpointer user_data)
{
    listener *l = user_data;
    l->lost += packets;
    note(l, "lost");
}

static const tap_callbacks callbacks = {on_track, on_packet, on_clock, on_muted, on_ended, on_lost};

static listener *
listener_new(void)
{
    listener *l = g_new0(listener, 1);
    g_mutex_init(&l->lock);
    g_cond_init(&l->changed);
    l->log = g_string_new(NULL);
    return l;
}

static void
listener_free(listener *l)
{
    g_mutex_clear(&l->lock);
    g_cond_clear(&l->changed);
    g_string_free(l->log, TRUE);
    g_free(l->track);
    g_free(l);
}

static void
wait_for(listener *l, const char *text)
{
    gint64 end = g_get_monotonic_time() + 10 * G_USEC_PER_SEC;
    g_mutex_lock(&l->lock);
    while (!strstr(l->log->str, text))
        if (!g_cond_wait_until(&l->changed, &l->lock, end))
            g_error("no '%s' in:\n%s", text, l->log->str);
    g_mutex_unlock(&l->lock);
}

static void
send_video(peer *p, guint64 index, gboolean key)
{
    peer_send_rtp(p, PEER_VIDEO_SSRC, 96, index, (guint32)index * 3000,
                  (const guint8 *)(key ? "\x10\x00"
                                         "key"
                                       : "\x10\x01"
                                         "delta"),
                  key ? 5 : 7);
}

static void
send_report(peer *p, guint32 rtp_time)
{
    guint8 area[RTCP_LIMIT + SRTP_OVERHEAD];
    rtcp_sender_info info = {
        .ntp = rtcp_ntp_of(1000000), .rtp_time = rtp_time, .packets = 1, .bytes = 1}; /* 1970 */
    buf_writer w = buf_writer_of(area, RTCP_LIMIT);
    rtcp_put_sr(&w, PEER_VIDEO_SSRC, &info, NULL, 0);
    peer_send_rtcp(p, area, buf_written(&w));
}

/* The whole life of a track as a recorder sees it; a late tap is told what is there. */
static void
test_tap(relay_rig *r, gconstpointer data)
{
    (void)data;
    listener *early = listener_new(), *late = listener_new();
    tap_callbacks video_only = callbacks;
    tap *first = tap_new(r->relay, "room", &callbacks, early); /* before there is a room */
    g_autoptr(peer) from = relay_rig_publisher(r, "doctor", "up", NULL);
    g_autofree char *video = g_strdup(g_ptr_array_index(r->tracks, 1));
    wait_for(early, "track doctor audio opus pt 111 rate 48000");
    wait_for(early, "track doctor video VP8 pt 96 rate 90000");
    send_video(from, 100, TRUE);
    wait_for(early, "packet video 100 key");
    g_assert_cmpint(ABS(g_get_monotonic_time() - early->last_received_us), <, 10 * G_USEC_PER_SEC);
    send_report(from, 4711);
    wait_for(early, "clock video 4711");

    video_only.track = on_track_video_only;
    tap *second = tap_new(r->relay, "room", &video_only, late);
    wait_for(late, "clock video 4711");
    peer_send_rtp(from, PEER_AUDIO_SSRC, 111, 5, 960, (const guint8 *)"..sound", 7);
    wait_for(early, "packet audio 5 sound");
    send_video(from, 101, FALSE);
    wait_for(late, "packet video 101 delta");
    g_assert_null(strstr(late->log->str, "sound")); /* it did not want audio */

    tap_request_keyframe(second, late->track);
    gboolean asked = FALSE;
    for (guint i = 0; i < 100 && !asked; i++) {
        peer_datagram kind = peer_receive(from, 100);
        buf_reader c = buf_reader_of(from->bytes, from->length);
        rtcp_packet p;
        while (kind == PEER_RTCP && rtcp_next(&c, &p))
            asked |= p.type == RTCP_PSFB && p.format == RTCP_PLI;
    }
    g_assert_true(asked);
    relay_mute(r->relay, video, TRUE, relay_rig_done, r);
    g_assert_true(relay_rig_wait(r));
    wait_for(early, "muted video 1");
    relay_close(r->relay, "up", relay_rig_done, r);
    g_assert_true(relay_rig_wait(r));
    wait_for(early, "ended video");
    wait_for(early, "ended audio");
    tap_free(first);
    tap_free(second);
    g_assert_cmpuint(relay_rig_stats(r).rooms, ==, 0);
    g_assert_null(strstr(early->log->str, "lost"));
    listener_free(early);
    listener_free(late);
}

/* A reader that sleeps loses packets, hears how many, and hurts nobody; no news is lost. */
static void
test_slow_tap(relay_rig *r, gconstpointer data)
{
    (void)data;
    static guint8 big[1200] = {0x10, 0x00};
    listener *l = listener_new();
    tap *t = tap_new(r->relay, "room", &callbacks, l);
    g_autoptr(peer) from = relay_rig_publisher(r, "doctor", "up", NULL);
    wait_for(l, "track doctor video");
    l->hold = TRUE;
    guint sent = 0;
    while (relay_rig_stats(r).tap_lost == 0)
        for (guint i = 0; i < 50; i++, sent++)
            peer_send_rtp(from, PEER_VIDEO_SSRC, 96, 100 + sent, sent * 3000, big, sizeof big);
    relay_close(r->relay, "up", relay_rig_done, r);
    g_assert_true(relay_rig_wait(r));
    g_mutex_lock(&l->lock);
    l->hold = FALSE;
    g_cond_broadcast(&l->changed);
    g_mutex_unlock(&l->lock);
    tap_free(t);
    g_assert_nonnull(strstr(l->log->str, "ended video"));
    g_assert_cmpuint(l->lost, ==, relay_rig_stats(r).tap_lost);
    g_assert_cmpuint(l->packets, >, TAP_RING_BYTES / 2 / sizeof big);
    listener_free(l);
}

static void
on_keyframe_wanted(gpointer user_data)
{
    relay_rig *r = user_data;
    (void)r;
}

static gpointer
push_packets(gpointer data)
{
    guint8 packet[RTP_HEADER_LIMIT + 10];
    for (guint i = 0; i < 50; i++) {
        rtp_writer w =
            rtp_begin(packet, 33, TRUE, (guint16)(65530 + i), i * 3000, 9); /* its own PT and SSRC */
        gsize header = rtp_end(&w);
        memcpy(packet + header, "\x67\x42sps", 5);
        while (!source_push(data, packet, header + 5))
            g_thread_yield();
    }
    return NULL;
}

/* An H.264 machine in a room: a track like any other, for subscribers and taps. */
static void
test_source(relay_rig *r, gconstpointer data)
{
    (void)data;
    source_description machine = {.kind = RELAY_VIDEO,
                                  .source = RELAY_DEVICE,
                                  .codec = "H264",
                                  .fmtp = "packetization-mode=1;profile-level-id=42e01f"};
    listener *l = listener_new();
    rtp_packet p;
    tap *t = tap_new(r->relay, "room", &callbacks, l);
    source *s = source_new(r->relay, "room", "ultrasound", &machine, on_keyframe_wanted, relay_rig_done, r);
    g_assert_true(relay_rig_wait(r));
    g_assert_cmpstr(g_ptr_array_index(r->tracks, 0), ==, source_track(s));
    g_autoptr(peer) to = relay_rig_subscriber(r, "nurse", "sub");
    GThread *pusher = g_thread_new("pusher", push_packets, s);
    for (guint i = 0, last = 0; i < 50; i++) {
        while (peer_receive(to, 1000) != PEER_RTP)
            ;
        g_assert_true(rtp_parse(&p, to->bytes, to->length));
        g_assert_cmpuint(p.payload_type, ==, 102);
        g_assert_cmpmem(p.payload, p.payload_length, "\x67\x42sps", 5);
        g_assert_true(i == 0 || p.sequence == last + 1);
        last = p.sequence;
    }
    g_thread_join(pusher);
    source_clock(s, 7, g_get_real_time());
    wait_for(l, "clock video 7");
    guint8 wrong[SOURCE_PACKET_LIMIT + 1] = {0x80};
    g_assert_false(source_push(s, wrong, sizeof wrong));
    g_assert_false(source_push(s, wrong, 5));
    source_free(s);
    wait_for(l, "ended video");
    relay_rig_expect(r, "renegotiate sub");
    tap_free(t);
    listener_free(l);

    machine.codec = "theora";
    s = source_new(r->relay, "room", "ultrasound", &machine, NULL, relay_rig_done, r);
    g_assert_false(relay_rig_wait(r));
    g_assert_true(err_is(r->error, ERR_NOT_ACCEPTABLE));
    source_free(s);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add("/tap/life", relay_rig, NULL, relay_rig_set_up, test_tap, relay_rig_tear_down);
    g_test_add("/tap/slow", relay_rig, NULL, relay_rig_set_up, test_slow_tap, relay_rig_tear_down);
    g_test_add("/source/life", relay_rig, NULL, relay_rig_set_up, test_source, relay_rig_tear_down);
    return g_test_run();
}
