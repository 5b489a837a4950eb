/* The relay from outside: rooms, offers, what reaches whom, and what an attacker or a broken peer does not
 * reach. */
#include "media/relay/bridge.h"
#include "media/rtc/stun.h"
#include "tests/unit/media/relay_rig.h"
#include <string.h>

static const guint8 keyframe[] = "\x10\x00"
                                 "key";
static const guint8 delta[] = "\x10\x01"
                              "delta";

static void
send_video(peer *p, guint64 index, gboolean key)
{
    peer_send_rtp(p, PEER_VIDEO_SSRC, 96, index, (guint32)index * 3000, key ? keyframe : delta,
                  key ? sizeof keyframe - 1 : sizeof delta - 1);
}

static void
send_audio(peer *p, guint64 index)
{
    peer_send_rtp(p, PEER_AUDIO_SSRC, 111, index, (guint32)index * 960, (const guint8 *)"sound", 5);
}

/* The next RTP packet of a payload type; FALSE: none within wait_ms. */
static gboolean
next_rtp(peer *p, guint8 payload_type, rtp_packet *ret_packet, int wait_ms)
{
    gint64 end = g_get_monotonic_time() + wait_ms * 1000;
    do {
        peer_datagram kind = peer_receive(p, wait_ms);
        g_assert_cmpint(kind, !=, PEER_FORGED);
        if (kind == PEER_RTP && rtp_parse(ret_packet, p->bytes, p->length) &&
            ret_packet->payload_type == payload_type)
            return TRUE;
    } while (g_get_monotonic_time() < end);
    return FALSE;
}

/* ---- what should happen ---- */

static void
test_forward(relay_rig *r, gconstpointer data)
{
    (void)data;
    g_autoptr(peer) from = relay_rig_publisher(r, "doctor", "up", NULL);
    g_autoptr(peer) player = relay_rig_player(r, "viewer", "down", NULL);
    g_autoptr(peer) subscriber = relay_rig_subscriber(r, "nurse", "sub");
    peer *to[] = {player, subscriber};
    rtp_packet p;
    send_video(from, 100, FALSE); /* nobody can begin here */
    send_audio(from, 7);
    send_video(from, 101, TRUE);
    relay_rig_expect(r, "live-video doctor");
    for (guint i = 0; i < G_N_ELEMENTS(to); i++) {
        const char *audio_mid = i == 0 ? "a" : "0", *video_mid = i == 0 ? "v" : "1";
        g_assert_true(next_rtp(to[i], 111, &p, PEER_WAIT_MS));
        g_assert_cmpmem(p.payload, p.payload_length, "sound", 5);
        g_assert_cmpuint(p.ssrc, ==, sdp_find(to[i]->remote, audio_mid)->ssrc);
        g_assert_true(next_rtp(to[i], 96, &p, PEER_WAIT_MS));
        g_assert_cmpmem(p.payload, p.payload_length, keyframe, sizeof keyframe - 1);
        g_assert_cmpuint(p.ssrc, ==, sdp_find(to[i]->remote, video_mid)->ssrc);
        g_assert_cmpuint(p.sequence, <=, 32768);
    }
    g_assert_false(relay_rig_has(r, "renegotiate sub"));
    g_assert_false(next_rtp(from, 96, &p, 50)); /* nobody hears himself */
}

/* The relay asks the publisher for keyframes: at the join of somebody, not more than twice a second. */
static void
test_keyframes_are_throttled(relay_rig *r, gconstpointer data)
{
    (void)data;
    g_autoptr(peer) from = relay_rig_publisher(r, "doctor", "up", NULL);
    send_video(from, 100, TRUE);
    relay_rig_expect(r, "live-video doctor");
    g_autoptr(peer) to = relay_rig_player(r, "viewer", "down", NULL);
    guint32 ssrc = sdp_find(to->remote, "v")->ssrc;
    gint64 begin = g_get_monotonic_time();
    guint requests = 0;
    for (guint i = 0; i < 40; i++) {
        guint8 area[RTCP_LIMIT + SRTP_OVERHEAD];
        buf_writer w = buf_writer_of(area, RTCP_LIMIT);
        rtcp_put_pli(&w, 77, ssrc);
        peer_send_rtcp(to, area, buf_written(&w));
        for (peer_datagram kind; (kind = peer_receive(from, 20)) != PEER_NOTHING;) {
            buf_reader c = buf_reader_of(from->bytes, from->length);
            rtcp_packet p;
            while (kind == PEER_RTCP && rtcp_next(&c, &p))
                requests += p.type == RTCP_PSFB && p.format == RTCP_PLI && p.media == PEER_VIDEO_SSRC;
        }
        send_video(from, 101 + i, TRUE);
    }
    gint64 seconds = (g_get_monotonic_time() - begin) / G_USEC_PER_SEC;
    g_assert_cmpuint(requests, >=, 1);
    g_assert_cmpuint(requests, <=, 2 * seconds + 3);
}

static void
test_mute(relay_rig *r, gconstpointer data)
{
    (void)data;
    rtp_packet p;
    g_autoptr(peer) from = relay_rig_publisher(r, "doctor", "up", NULL);
    g_autofree char *audio = g_strdup(g_ptr_array_index(r->tracks, 0));
    g_autoptr(peer) to = relay_rig_player(r, "viewer", "down", NULL);
    send_audio(from, 10);
    g_assert_true(next_rtp(to, 111, &p, PEER_WAIT_MS));
    guint16 before = p.sequence;
    relay_mute(r->relay, audio, TRUE, relay_rig_done, r);
    g_assert_true(relay_rig_wait(r));
    for (guint i = 11; i < 20; i++)
        send_audio(from, i);
    g_assert_false(next_rtp(to, 111, &p, 100));
    relay_mute(r->relay, audio, FALSE, relay_rig_done, r);
    g_assert_true(relay_rig_wait(r));
    send_audio(from, 20);
    g_assert_true(next_rtp(to, 111, &p, PEER_WAIT_MS));
    g_assert_cmpuint(p.sequence, ==, before + 1u); /* no gap to ask for */
    relay_mute(r->relay, "no such track", TRUE, relay_rig_done, r);
    g_assert_false(relay_rig_wait(r));
    g_assert_true(err_is(r->error, ERR_NOT_FOUND));
}

/* A player follows the speaker: SSRC, payload type and numbering do not show it, and the time goes on. */
static void
test_player_follows_speaker(relay_rig *r, gconstpointer data)
{
    (void)data;
    rtp_packet p;
    g_autoptr(peer) one = relay_rig_publisher(r, "one", "up-one", NULL);
    g_autoptr(peer) two = relay_rig_publisher(r, "two", "up-two", NULL);
    g_autoptr(peer) to = relay_rig_player(r, "viewer", "down", NULL);
    send_audio(one, 10);
    g_assert_true(next_rtp(to, 111, &p, PEER_WAIT_MS));
    guint32 ssrc = p.ssrc, timestamp = p.timestamp;
    guint16 sequence = p.sequence;
    guint64 index = 5000;
    gint64 end = g_get_monotonic_time() + 10 * G_USEC_PER_SEC;
    while (!relay_rig_has(r, "speaker two")) {
        g_assert_cmpint(g_get_monotonic_time(), <, end);
        send_audio(two, index++);
        relay_rig_stats(r);
        g_usleep(5000); /* the pace of a microphone */
    }
    send_audio(two, index);
    g_assert_true(next_rtp(to, 111, &p, PEER_WAIT_MS));
    g_assert_cmpuint(p.ssrc, ==, ssrc);
    g_assert_cmpuint(p.sequence, ==, (guint16)(sequence + 1));
    g_assert_cmpint((gint32)(p.timestamp - timestamp), >, 0);
    g_assert_cmpint((gint32)(p.timestamp - timestamp), <, 20 * 48000);
}

static void
test_tracks_come_and_go(relay_rig *r, gconstpointer data)
{
    (void)data;
    rtp_packet p;
    g_autoptr(peer) to = relay_rig_subscriber(r, "nurse", "sub");
    g_assert_cmpuint(r->tracks->len, ==, 0);
    g_autoptr(peer) from = relay_rig_publisher(r, "doctor", "up", NULL);
    relay_rig_expect(r, "renegotiate sub");
    relay_subscribe(r->relay, "room", "nurse", "sub", FALSE, relay_rig_done, r);
    g_assert_true(relay_rig_wait(r));
    g_assert_cmpuint(r->tracks->len, ==, 2);
    gint64 version = r->version;
    relay_subscribe(r->relay, "room", "nurse", "sub", FALSE, relay_rig_done, r);
    g_assert_false(relay_rig_wait(r));
    g_assert_true(err_is(r->error, ERR_CONFLICT)); /* never two offers at once */
    relay_subscribe(r->relay, "room", "nurse", "sub", TRUE, relay_rig_done, r);
    g_assert_true(relay_rig_wait(r)); /* but a restart replaces it */
    g_autofree char *answer = peer_answer(to, r->sdp);
    relay_answer(r->relay, "sub", version, answer, relay_rig_done, r);
    g_assert_false(relay_rig_wait(r));
    g_assert_true(err_is(r->error, ERR_STALE));
    relay_answer(r->relay, "sub", version + 1, answer, relay_rig_done, r);
    g_assert_true(relay_rig_wait(r));
    g_assert_true(peer_check(to, TRUE)); /* with the new credentials; keys as before */
    send_video(from, 100, TRUE);
    g_assert_true(next_rtp(to, 96, &p, PEER_WAIT_MS));

    g_ptr_array_set_size(r->events, 0);
    relay_close(r->relay, "up", relay_rig_done, r);
    g_assert_true(relay_rig_wait(r));
    relay_rig_expect(r, "ended-video doctor");
    relay_rig_expect(r, "renegotiate sub");
    relay_subscribe(r->relay, "room", "nurse", "sub", FALSE, relay_rig_done, r);
    g_assert_true(relay_rig_wait(r));
    g_assert_cmpuint(r->tracks->len, ==, 0);
    peer_set_remote(to, r->sdp);
    g_assert_cmpuint(to->remote->media->len, ==, 2); /* m-lines keep their places */
    g_assert_cmpint(sdp_find(to->remote, "1")->direction, ==, SDP_INACTIVE);
}

static void
test_bad_offers(relay_rig *r, gconstpointer data)
{
    (void)data;
    g_autoptr(peer) p = peer_new(relay_port(r->relay), NULL);
    g_autofree char *good = peer_offer(p, "sendonly");
    g_auto(GStrv) parts = g_strsplit(good, "opus", -1);
    g_autofree char *other_audio = g_strjoinv("speex", parts);
    g_auto(GStrv) video_parts = g_strsplit(other_audio, "VP8", -1);
    g_autofree char *no_codec = g_strjoinv("H263", video_parts);
    g_auto(GStrv) mux_parts = g_strsplit(good, "a=rtcp-mux\r\n", -1);
    g_autofree char *no_mux = g_strjoinv("", mux_parts);
    g_autofree char *huge = g_strnfill(SDP_LIMIT + 1, 'v');
    const struct {
        const char *sdp;
        err_code code;
    } wrong[] = {
        {"hello", ERR_INVALID}, {no_codec, ERR_NOT_ACCEPTABLE}, {no_mux, ERR_INVALID}, {huge, ERR_TOO_LARGE}};
    for (guint i = 0; i < G_N_ELEMENTS(wrong); i++) {
        relay_publish(r->relay, "room", "doctor", "up", wrong[i].sdp, NULL, relay_rig_done, r);
        g_assert_false(relay_rig_wait(r));
        g_assert_true(err_is(r->error, wrong[i].code));
    }
    relay_stats stats = relay_rig_stats(r);
    g_assert_cmpuint(stats.sessions + stats.rooms + stats.tracks, ==, 0); /* nothing is left of them */
    relay_close(r->relay, "up", relay_rig_done, r);
    g_assert_false(relay_rig_wait(r));
    g_assert_true(err_is(r->error, ERR_NOT_FOUND));
}

/* Real browsers' offers are taken. */
static void
test_browser_offers(relay_rig *r, gconstpointer name)
{
    g_autofree char *path = g_strdup_printf("tests/data/webrtc/%s", (const char *)name);
    g_autofree char *offer = NULL;
    g_assert_true(g_file_get_contents(path, &offer, NULL, NULL));
    relay_publish(r->relay, "room", "doctor", "up", offer, NULL, relay_rig_done, r);
    g_assert_true(relay_rig_wait(r));
    g_assert_cmpuint(r->tracks->len, ==, 2);
    g_autoptr(sdp_description) a = sdp_parse(r->sdp, strlen(r->sdp), NULL);
    g_assert_cmpuint(a->media->len, ==, 4);
    static const sdp_direction want[] = {SDP_RECVONLY, SDP_RECVONLY, SDP_INACTIVE};
    for (guint i = 0; i < G_N_ELEMENTS(want); i++) {
        const sdp_media *m = g_ptr_array_index(a->media, i);
        g_assert_false(m->rejected);
        g_assert_cmpint(m->direction, ==, want[i]);
        g_assert_cmpint(m->transport.setup, ==, SDP_PASSIVE);
    }
    g_assert_true(((sdp_media *)g_ptr_array_index(a->media, 3))->rejected); /* data channel */
    g_assert_true(a->ice_lite);
    g_assert_null(strstr(r->sdp, "simulcast"));
    g_assert_null(strstr(r->sdp, "video-orientation"));
    /* rtcp-rsize only where it was offered: Firefox's audio has none */
    const sdp_media *audio = g_ptr_array_index(a->media, 1);
    g_assert_true(audio->rtcp_rsize == (strstr(name, "chromium") != NULL));
}

static void
test_publisher_ice_restart(relay_rig *r, gconstpointer data)
{
    (void)data;
    rtp_packet p;
    g_autoptr(peer) from = relay_rig_publisher(r, "doctor", "up", NULL);
    g_autoptr(peer) to = relay_rig_player(r, "viewer", "down", NULL);
    send_audio(from, 10);
    g_assert_true(next_rtp(to, 111, &p, PEER_WAIT_MS));
    g_autofree char *old = g_strdup(from->remote_ufrag);
    peer_restart(from);
    g_autofree char *offer = peer_offer(from, "sendonly");
    relay_publish(r->relay, "room", "doctor", "up", offer, NULL, relay_rig_done, r);
    g_assert_true(relay_rig_wait(r));
    send_audio(from, 11); /* the old way works until the new one is there */
    g_assert_true(next_rtp(to, 111, &p, PEER_WAIT_MS));
    peer_set_remote(from, r->sdp);
    g_assert_cmpstr(from->remote_ufrag, !=, old);
    peer_move(from);
    g_assert_true(peer_check(from, TRUE));
    send_audio(from, 12); /* keys and numbers as before */
    g_assert_true(next_rtp(to, 111, &p, PEER_WAIT_MS));
    g_assert_cmpuint(relay_rig_stats(r).tracks, ==, 2);
}

static void
test_player_patch(relay_rig *r, gconstpointer data)
{
    (void)data;
    rtp_packet p;
    g_autoptr(peer) from = relay_rig_publisher(r, "doctor", "up", NULL);
    g_autoptr(peer) to = relay_rig_player(r, "viewer", "down", NULL);
    relay_patch(r->relay, "down",
                "m=audio 9 RTP/AVP 0\r\na=mid:a\r\na=candidate:1 1 UDP 1 192.0.2.1 1 typ host\r\n",
                relay_rig_done, r);
    g_assert_true(relay_rig_wait(r));
    g_assert_null(r->sdp); /* trickle: no fragment */
    peer_restart(to);
    g_autofree char *fragment =
        g_strdup_printf("a=ice-ufrag:%s\r\na=ice-pwd:%s\r\n", to->ufrag, to->password);
    relay_patch(r->relay, "down", fragment, relay_rig_done, r);
    g_assert_true(relay_rig_wait(r));
    char ufrag[ICE_CREDENTIAL_LIMIT + 1], password[ICE_CREDENTIAL_LIMIT + 1];
    g_assert_true(sdp_fragment_credentials(r->sdp, ufrag, password, NULL));
    g_strlcpy(to->remote_ufrag, ufrag, sizeof to->remote_ufrag);
    g_strlcpy(to->remote_password, password, sizeof to->remote_password);
    peer_move(to);
    g_assert_true(peer_check(to, TRUE));
    send_audio(from, 10);
    g_assert_true(next_rtp(to, 111, &p, PEER_WAIT_MS)); /* to the new address */
}

/* ---- time ---- */

/* As if no check had come for so long. */
static void
age_consent(core *c, gpointer data)
{
    GHashTableIter i;
    gpointer value;
    g_hash_table_iter_init(&i, c->sessions);
    while (g_hash_table_iter_next(&i, NULL, &value))
        ((session *)value)->ice.consent_us -= GPOINTER_TO_INT(data) * G_USEC_PER_SEC;
}

static void
test_consent(relay_rig *r, gconstpointer data)
{
    (void)data;
    g_autoptr(peer) from = relay_rig_publisher(r, "doctor", "up", NULL);
    relay_sync(r->relay, age_consent, GINT_TO_POINTER(6));
    relay_rig_expect(r, "disconnected up");
    g_ptr_array_set_size(r->events, 0);
    g_assert_true(peer_check(from, TRUE));
    relay_rig_expect(r, "connected up");
    relay_sync(r->relay, age_consent, GINT_TO_POINTER(6));
    relay_rig_expect(r, "disconnected up");
    g_ptr_array_set_size(r->events, 0);
    static const guint8 forged[40] = {0x80, 111};
    guint64 dropped = relay_rig_stats(r).dropped_in;
    peer_send(from, forged, sizeof forged);
    while (relay_rig_stats(r).dropped_in == dropped)
        continue;
    g_assert_false(relay_rig_has(r, "connected up"));
    send_audio(from, 1); /* as good as a check */
    relay_rig_expect(r, "connected up");
    relay_sync(r->relay, age_consent, GINT_TO_POINTER(31));
    relay_rig_expect(r, "failed up");
    relay_rig_expect(r, "ended-audio doctor");
    g_assert_cmpuint(relay_rig_stats(r).sessions, ==, 0);
}

/* The hub knows none of them any more. */
static void
test_end_sessions(relay_rig *r, gconstpointer data)
{
    (void)data;
    g_autoptr(peer) from = relay_rig_publisher(r, "doctor", "up", NULL);
    G_GNUC_UNUSED g_autoptr(peer) to = relay_rig_player(r, "viewer", "down", NULL);
    send_audio(from, 1);
    relay_rig_expect(r, "live-audio doctor");
    relay_end_sessions(r->relay);
    relay_stats stats = relay_rig_stats(r);
    g_assert_cmpuint(stats.sessions + stats.rooms + stats.tracks, ==, 0);
    g_assert_false(relay_rig_has(r, "failed up"));
    G_GNUC_UNUSED g_autoptr(peer) again = relay_rig_publisher(r, "doctor", "up", NULL);
    g_assert_cmpuint(relay_rig_stats(r).sessions, ==, 1);
}

static void
age_start(core *c, gpointer data)
{
    GHashTableIter i;
    gpointer value;
    (void)data;
    g_hash_table_iter_init(&i, c->sessions);
    while (g_hash_table_iter_next(&i, NULL, &value))
        ((session *)value)->created_us -= SESSION_START_US;
}

static void
test_never_connected(relay_rig *r, gconstpointer data)
{
    (void)data;
    g_autoptr(peer) p = peer_new(relay_port(r->relay), NULL);
    g_autofree char *offer = peer_offer(p, "sendonly");
    relay_publish(r->relay, "room", "doctor", "up", offer, NULL, relay_rig_done, r);
    g_assert_true(relay_rig_wait(r));
    relay_sync(r->relay, age_start, NULL);
    relay_rig_expect(r, "failed up");
    g_assert_cmpuint(relay_rig_stats(r).rooms, ==, 0);
}

static void
test_goodbye(relay_rig *r, gconstpointer data)
{
    (void)data;
    g_autoptr(peer) from = relay_rig_publisher(r, "doctor", "up", NULL);
    dtls_client_close(from->dtls);
    relay_rig_expect(r, "failed up");
    g_assert_cmpuint(relay_rig_stats(r).sessions, ==, 0);
}

/* ---- what must not happen (media.md's list of pitfalls) ---- */

/* A ClientHello from an address that ICE has not validated never reaches OpenSSL. */
static void
test_dtls_only_from_valid_address(relay_rig *r, gconstpointer data)
{
    (void)data;
    g_autoptr(peer) p = peer_new(relay_port(r->relay), NULL);
    g_autofree char *offer = peer_offer(p, "sendonly");
    relay_publish(r->relay, "room", "doctor", "up", offer, NULL, relay_rig_done, r);
    g_assert_true(relay_rig_wait(r));
    peer_set_remote(p, r->sdp);
    g_autoptr(peer) attacker = peer_new(relay_port(r->relay), NULL);
    dtls_client_tick(attacker->dtls);
    g_assert_cmpint(peer_receive(attacker, 200), ==, PEER_NOTHING);
    g_assert_true(peer_connect(p)); /* the race is not lost */
    dtls_client_tick(attacker->dtls);
    g_assert_cmpint(peer_receive(attacker, 100), ==, PEER_NOTHING);
}

static void
test_bad_stun_is_silent(relay_rig *r, gconstpointer data)
{
    (void)data;
    rtp_packet p;
    g_autoptr(peer) from = relay_rig_publisher(r, "doctor", "up", NULL);
    g_autoptr(peer) to = relay_rig_player(r, "viewer", "down", NULL);
    g_autoptr(peer) attacker = peer_new(relay_port(r->relay), NULL);
    static const guint8 transaction[STUN_TRANSACTION_ID] = {3};
    guint8 request[STUN_MESSAGE_LIMIT];
    g_autofree char *name = g_strdup_printf("%s:%s", to->remote_ufrag, to->ufrag);
    const struct {
        const char *name, *password;
    } wrong[] = {{name, "wrong password, wrong password"},
                 {"nobody:x", to->remote_password},
                 {"ABCDEFGHIJKLMNOP:x", "x"}};
    for (guint i = 0; i < G_N_ELEMENTS(wrong); i++) {
        gsize length = stun_write_check(request, sizeof request, transaction, wrong[i].name,
                                        wrong[i].password, 1, TRUE, TRUE);
        peer_send(attacker, request, length);
        peer_send(attacker, request, length / 2);
        g_assert_cmpint(peer_receive(attacker, 50), ==, PEER_NOTHING);
    }
    send_audio(from, 10); /* nobody was hurt */
    g_assert_true(next_rtp(to, 111, &p, PEER_WAIT_MS));
}

/* Even with the right keys: from an unknown address nothing is taken, and the media does not move there. */
static void
test_rtp_does_not_move_the_address(relay_rig *r, gconstpointer data)
{
    (void)data;
    rtp_packet p;
    g_autoptr(peer) from = relay_rig_publisher(r, "doctor", "up", NULL);
    g_autoptr(peer) to = relay_rig_player(r, "viewer", "down", NULL);
    send_audio(from, 10);
    g_assert_true(next_rtp(to, 111, &p, PEER_WAIT_MS));
    guint64 dropped = relay_rig_stats(r).dropped_in;
    guint8 area[RTCP_LIMIT + SRTP_OVERHEAD];
    buf_writer w = buf_writer_of(area, RTCP_LIMIT);
    rtcp_put_rr(&w, 77, NULL, 0);
    g_autoptr(peer) elsewhere = peer_new(relay_port(r->relay), NULL);
    peer_send(elsewhere, area, srtp_seal_rtcp(to->srtp, area, buf_written(&w)));
    send_audio(from, 11);
    g_assert_true(next_rtp(to, 111, &p, PEER_WAIT_MS));
    g_assert_cmpint(peer_receive(elsewhere, 50), ==, PEER_NOTHING);
    g_assert_cmpuint(relay_rig_stats(r).dropped_in, ==, dropped + 1);
}

/* As if the last change of address were long ago: they are limited to one a second. */
static void
age_move(core *c, gpointer data)
{
    GHashTableIter i;
    gpointer value;
    (void)data;
    g_hash_table_iter_init(&i, c->sessions);
    while (g_hash_table_iter_next(&i, NULL, &value))
        ((session *)value)->ice.moved_us -= 2 * ICE_MOVE_INTERVAL_US;
}

/* A peer that names a victim's address as its own (which the relay, being ICE-lite, cannot check back) gets
 * it only so much. */
static void
test_unproven_address_is_capped(relay_rig *r, gconstpointer data)
{
    (void)data;
    static guint8 big[1100] = {0x10, 0x00};
    g_autoptr(peer) from = relay_rig_publisher(r, "doctor", "up", NULL);
    g_autoptr(peer) to = relay_rig_player(r, "viewer", "down", NULL);
    peer_move(to);
    relay_sync(r->relay, age_move, NULL);
    g_assert_true(peer_check(to, TRUE)); /* from now on only STUN comes from there */
    gsize received = 0;
    for (guint i = 0; i < 1000; i++) {
        peer_send_rtp(from, PEER_VIDEO_SSRC, 96, 100 + i, i * 3000, big, sizeof big);
        if (i % 20 == 19)
            relay_rig_stats(r); /* not faster than it reads */
        while (peer_receive(to, 0) == PEER_RTP)
            received += to->length;
    }
    while (peer_receive(to, 500) != PEER_NOTHING) /* until nothing comes any more */
        received += to->length;
    g_assert_cmpuint(received, >, SESSION_UNPROVEN_BYTES / 4);
    g_assert_cmpuint(received, <=, SESSION_UNPROVEN_BYTES);
    guint8 area[RTCP_LIMIT + SRTP_OVERHEAD];
    buf_writer w = buf_writer_of(area, RTCP_LIMIT);
    rtcp_put_rr(&w, 77, NULL, 0);
    peer_send_rtcp(to, area, buf_written(&w)); /* proof */
    relay_rig_stats(r);
    rtp_packet p;
    peer_send_rtp(from, PEER_VIDEO_SSRC, 96, 1100, 0, big, sizeof big);
    g_assert_true(next_rtp(to, 96, &p, PEER_WAIT_MS));
}

static void
test_wrong_certificate(relay_rig *r, gconstpointer data)
{
    (void)data;
    g_autoptr(peer) p = peer_new(relay_port(r->relay), NULL);
    g_autofree char *offer = peer_offer(p, "sendonly");
    for (char *at = offer; (at = strstr(at, "sha-256 ")); at += 8)
        at[8] = at[8] == '0' ? '1' : '0';
    relay_publish(r->relay, "room", "doctor", "up", offer, NULL, relay_rig_done, r);
    g_assert_true(relay_rig_wait(r));
    peer_set_remote(p, r->sdp);
    peer_connect(p);
    relay_rig_expect(r, "failed up");
    g_assert_false(relay_rig_has(r, "connected up"));
    g_assert_cmpuint(relay_rig_stats(r).sessions, ==, 0);
}

/* Rubbish of every length and kind from a valid address: counted, and the session goes on. */
static void
test_garbage(relay_rig *r, gconstpointer data)
{
    (void)data;
    rtp_packet p;
    static const guint8 firsts[] = {0, 1, 3, 4, 19, 20, 22, 63, 64, 127, 128, 0x90, 191, 192, 255};
    g_autoptr(GRand) chance = g_rand_new_with_seed(1);
    g_autoptr(peer) from = relay_rig_publisher(r, "doctor", "up", NULL);
    g_autoptr(peer) to = relay_rig_player(r, "viewer", "down", NULL);
    guint8 bytes[1700];
    for (guint i = 0; i < 3000; i++) {
        gsize length = (gsize)g_rand_int_range(chance, 1, i % 3 ? 64 : (gint32)sizeof bytes);
        for (gsize j = 0; j < length; j++)
            bytes[j] = (guint8)g_rand_int(chance);
        bytes[0] = firsts[i % G_N_ELEMENTS(firsts)];
        if (length > 1 && i % 2)
            bytes[1] = 200;
        peer_send(i % 5 ? from : to, bytes, length);
        if (i % 50 == 49)
            relay_rig_stats(r); /* not faster than it reads */
    }
    send_audio(from, 10);
    g_assert_true(next_rtp(to, 111, &p, PEER_WAIT_MS));
    g_assert_cmpuint(relay_rig_stats(r).dropped_in, >, 1000);
    g_assert_cmpuint(relay_rig_stats(r).sessions, ==, 2);
}

/* A publisher is asked only once for what two subscribers miss, and not at all for what the relay has. */
static void
test_nacks_are_answered_here(relay_rig *r, gconstpointer data)
{
    (void)data;
    rtp_packet p;
    g_autoptr(peer) from = relay_rig_publisher(r, "doctor", "up", NULL);
    g_autoptr(peer) to = relay_rig_player(r, "viewer", "down", NULL);
    for (guint i = 0; i < 10; i++)
        send_video(from, 100 + i, i % 5 == 0); /* keyframes do not empty the ring */
    guint16 first = 0;
    for (guint i = 0; i < 10; i++) {
        g_assert_true(next_rtp(to, 96, &p, PEER_WAIT_MS));
        first = i == 0 ? p.sequence : first;
    }
    guint8 area[RTCP_LIMIT + SRTP_OVERHEAD];
    guint16 lost[] = {first, (guint16)(first + 3)};
    buf_writer w = buf_writer_of(area, RTCP_LIMIT);
    rtcp_put_nack(&w, 77, sdp_find(to->remote, "v")->ssrc, lost, G_N_ELEMENTS(lost));
    peer_send_rtcp(to, area, buf_written(&w));
    for (guint i = 0; i < G_N_ELEMENTS(lost); i++) {
        g_assert_true(next_rtp(to, 97, &p, PEER_WAIT_MS));
        g_assert_cmpuint(p.ssrc, ==, sdp_find(to->remote, "v")->rtx_ssrc);
        g_assert_cmpuint(p.payload[0] << 8 | p.payload[1], ==, lost[i]);
    }
    g_assert_cmpuint(relay_rig_stats(r).nacks_out, ==, 0);
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(relay_rig *r, gconstpointer data);
        const char *data;
    } tests[] = {
        {"/relay/forward", test_forward, NULL},
        {"/relay/keyframes-are-throttled", test_keyframes_are_throttled, NULL},
        {"/relay/mute", test_mute, NULL},
        {"/relay/player-follows-speaker", test_player_follows_speaker, NULL},
        {"/relay/tracks-come-and-go", test_tracks_come_and_go, NULL},
        {"/relay/bad-offers", test_bad_offers, NULL},
        {"/relay/chromium-offer", test_browser_offers, "chromium-156-offer.sdp"},
        {"/relay/firefox-offer", test_browser_offers, "firefox-esr-153-offer.sdp"},
        {"/relay/publisher-ice-restart", test_publisher_ice_restart, NULL},
        {"/relay/player-patch", test_player_patch, NULL},
        {"/relay/consent", test_consent, NULL},
        {"/relay/end-sessions", test_end_sessions, NULL},
        {"/relay/never-connected", test_never_connected, NULL},
        {"/relay/goodbye", test_goodbye, NULL},
        {"/relay/dtls-only-from-valid-address", test_dtls_only_from_valid_address, NULL},
        {"/relay/bad-stun-is-silent", test_bad_stun_is_silent, NULL},
        {"/relay/rtp-does-not-move-the-address", test_rtp_does_not_move_the_address, NULL},
        {"/relay/unproven-address-is-capped", test_unproven_address_is_capped, NULL},
        {"/relay/wrong-certificate", test_wrong_certificate, NULL},
        {"/relay/garbage", test_garbage, NULL},
        {"/relay/nacks-are-answered-here", test_nacks_are_answered_here, NULL},
    };
    g_test_init(&argc, &argv, NULL);
    for (guint i = 0; i < G_N_ELEMENTS(tests); i++)
        g_test_add(tests[i].name, relay_rig, tests[i].data, relay_rig_set_up, tests[i].run,
                   relay_rig_tear_down);
    return g_test_run();
}
