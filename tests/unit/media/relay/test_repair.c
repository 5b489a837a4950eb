/* Loss and reordering on both ways through a real relay, over the wrap of the sequence numbers: everything
 * arrives in the end, authentic, once, and byte for byte. */
#include "tests/unit/media/relay_rig.h"
#include <stdlib.h>
#include <string.h>

#define FIRST_INDEX 65000
#define BURST 120
#define PAYLOAD 64

typedef struct {
    peer *from, *to;
    GRand *chance;
    guint64 next;        /* index that the publisher sends next */
    guint64 rtx_next;    /* of its retransmissions */
    double lose;         /* share lost, and share overtaken, on each way */
    GHashTable *missing; /* out sequence numbers that have not come, plus 1 */
    guint8 *got;         /* by index - FIRST_INDEX */
    guint64 got_count;
    gboolean started;
    guint64 highest_out;
    guint32 ssrc;
    guint repeated; /* packets that came as retransmissions */
} line;

/* A VP8 descriptor (the first packet begins a keyframe), then the packet's number. */
static void
fill_payload(guint8 *payload, guint64 index)
{
    memset(payload, 0xa5, PAYLOAD);
    payload[0] = 0x10;
    payload[1] = index == FIRST_INDEX ? 0x00 : 0x01;
    memcpy(payload + 2, &index, sizeof index);
}

static guint64
number_of(const guint8 *payload)
{
    guint64 number;
    memcpy(&number, payload + 2, sizeof number);
    return number;
}

static gboolean
happens(line *l)
{
    return g_rand_double(l->chance) < l->lose;
}

/* ---- the publisher ---- */

static void
send_original(line *l, guint64 index)
{
    guint8 payload[PAYLOAD];
    fill_payload(payload, index);
    peer_send_rtp(l->from, PEER_VIDEO_SSRC, 96, index, (guint32)index * 3000, payload, sizeof payload);
}

static void
send_burst(line *l, guint count)
{
    gint64 held = -1;
    for (guint i = 0; i < count; i++) {
        guint64 index = l->next++;
        if (index != FIRST_INDEX && happens(l))
            continue; /* lost before the relay */
        if (held < 0 && index != FIRST_INDEX && happens(l)) {
            held = (gint64)index; /* overtaken by the next one */
            continue;
        }
        send_original(l, index);
        if (held >= 0)
            send_original(l, (guint64)held);
        held = -1;
    }
    if (held >= 0)
        send_original(l, (guint64)held);
}

/* The relay asks: the answer is a retransmission (RFC 4588), which may get lost too. */
static void
answer_nack(line *l, guint16 sequence)
{
    guint8 payload[2 + PAYLOAD] = {(guint8)(sequence >> 8), (guint8)sequence};
    guint64 index = rtp_unwrap(l->next - 1, sequence);
    g_assert_cmpuint(index - FIRST_INDEX, <, l->next - FIRST_INDEX);
    fill_payload(payload + 2, index);
    if (!happens(l))
        peer_send_rtp(l->from, PEER_RTX_SSRC, 97, l->rtx_next, (guint32)index * 3000, payload,
                      sizeof payload);
    l->rtx_next++;
}

static void
answer_nacks(line *l, rtcp_packet *p)
{
    guint16 first, mask;
    while (rtcp_next_nack(p, &first, &mask)) {
        answer_nack(l, first);
        for (guint bit = 0; bit < 16; bit++)
            if (mask >> bit & 1)
                answer_nack(l, (guint16)(first + 1 + bit));
    }
}

static void
read_publisher(line *l)
{
    peer_datagram kind;
    while ((kind = peer_receive(l->from, 0)) != PEER_NOTHING) {
        rtcp_packet p;
        buf_reader r = buf_reader_of(l->from->bytes, l->from->length);
        g_assert_cmpint(kind, !=, PEER_FORGED);
        while (kind == PEER_RTCP && rtcp_next(&r, &p))
            answer_nacks(l, &p);
    }
}

/* ---- the subscriber ---- */

static void
take_packet(line *l, guint32 timestamp, const guint8 *payload, gsize length, guint16 sequence)
{
    guint8 want[PAYLOAD];
    g_assert_cmpuint(length, ==, PAYLOAD);
    guint64 index = number_of(payload);
    fill_payload(want, index);
    g_assert_cmpmem(payload, length, want, sizeof want);
    g_assert_cmpuint(timestamp, ==, (guint32)index * 3000);
    g_assert_cmpuint(index - FIRST_INDEX, <, l->next - FIRST_INDEX);
    g_assert_cmpuint(l->got[index - FIRST_INDEX], ==, 0); /* nothing twice */
    l->got[index - FIRST_INDEX] = 1;
    l->got_count++;
    g_hash_table_remove(l->missing, GUINT_TO_POINTER(sequence + 1u));
}

static void
take_repetition(line *l, const rtp_packet *p)
{
    g_assert_cmpuint(p->payload_length, ==, 2 + PAYLOAD);
    guint16 sequence = (guint16)(p->payload[0] << 8 | p->payload[1]);
    if (!g_hash_table_contains(l->missing, GUINT_TO_POINTER(sequence + 1u)) || happens(l))
        return; /* asked for twice, or lost again */
    l->repeated++;
    take_packet(l, p->timestamp, p->payload + 2, p->payload_length - 2, sequence);
}

static void
take_rtp(line *l)
{
    rtp_packet p;
    g_assert_true(rtp_parse(&p, l->to->bytes, l->to->length));
    if (p.payload_type == 97) {
        take_repetition(l, &p);
        return;
    }
    g_assert_cmpuint(p.ssrc, ==, l->ssrc);
    if (!l->started) {
        l->started = TRUE;
        l->highest_out = RTP_SEQUENCE_CYCLE + p.sequence - 1u;
    }
    guint64 out = rtp_unwrap(l->highest_out, p.sequence);
    for (; l->highest_out < out; l->highest_out++)
        g_hash_table_insert(l->missing, GUINT_TO_POINTER((guint16)(l->highest_out + 1) + 1u), l);
    if (number_of(p.payload) != FIRST_INDEX && happens(l))
        return; /* lost behind the relay */
    take_packet(l, p.timestamp, p.payload, p.payload_length, p.sequence);
}

static void
read_subscriber(line *l, int wait_ms)
{
    peer_datagram kind;
    while ((kind = peer_receive(l->to, wait_ms)) != PEER_NOTHING) {
        g_assert_cmpint(kind, !=, PEER_FORGED);
        if (kind == PEER_RTP)
            take_rtp(l);
        wait_ms = 0;
    }
}

static int
compare_numbers(gconstpointer a, gconstpointer b)
{
    return (gint16)(*(const guint16 *)a - *(const guint16 *)b);
}

static void
ask_for_missing(line *l)
{
    guint8 area[RTCP_LIMIT + SRTP_OVERHEAD];
    guint16 numbers[100];
    guint count = 0;
    GHashTableIter i;
    gpointer key;
    g_hash_table_iter_init(&i, l->missing);
    while (count < G_N_ELEMENTS(numbers) && g_hash_table_iter_next(&i, &key, NULL))
        numbers[count++] = (guint16)(GPOINTER_TO_UINT(key) - 1u);
    if (count == 0)
        return;
    qsort(numbers, count, sizeof numbers[0], compare_numbers);
    buf_writer w = buf_writer_of(area, RTCP_LIMIT);
    rtcp_put_nack(&w, 77, l->ssrc, numbers, count);
    g_assert_false(w.bad);
    peer_send_rtcp(l->to, area, buf_written(&w));
}

/* ---- the play ---- */

static void
repair(line *l)
{
    gint64 deadline = g_get_monotonic_time() + 10 * G_USEC_PER_SEC;
    for (guint round = 0; l->got_count < l->next - FIRST_INDEX; round++) {
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
        read_subscriber(l, 5);
        read_publisher(l);
        if (l->lose > 0 && round % 4 == 3)
            ask_for_missing(l);
    }
}

/* Bursts, each repaired before the next, until count more packets are through. */
static void
play(line *l, guint64 count)
{
    gsize had = l->next - FIRST_INDEX;
    gsize room = had + count + 2 * BURST;
    l->got = g_realloc(l->got, room);
    memset(l->got + had, 0, room - had);
    for (guint64 end = l->next + count; l->next < end;) {
        send_burst(l, BURST);
        send_original(l, l->next++); /* always arrives, so that a gap before it shows */
        repair(l);
    }
}

static void
begin(line *l, relay_rig *r, const char *profiles)
{
    *l = (line){.next = FIRST_INDEX, .rtx_next = 100, .chance = g_rand_new_with_seed(11)};
    l->missing = g_hash_table_new(NULL, NULL);
    l->from = relay_rig_publisher(r, "doctor", "up", profiles);
    l->to = relay_rig_player(r, "viewer", "down", profiles);
    l->ssrc = sdp_find(l->to->remote, "v")->ssrc;
    g_assert_cmpuint(l->ssrc, !=, 0);
}

static void
finish(line *l)
{
    peer_free(l->from);
    peer_free(l->to);
    g_rand_free(l->chance);
    g_hash_table_unref(l->missing);
    g_free(l->got);
}

/* 15 % lost and 15 % overtaken on each of the two ways; the publisher's numbers wrap in the run. */
static void
test_publishers_wrap(relay_rig *r, gconstpointer profiles)
{
    line l;
    begin(&l, r, profiles);
    l.lose = 0.15;
    play(&l, 1500);
    relay_stats stats = relay_rig_stats(r);
    g_assert_cmpuint(l.repeated, >, 50);
    g_assert_cmpuint(stats.recovered, >, 50);
    g_assert_cmpuint(stats.nacks_out, >=, stats.recovered);
    g_assert_cmpuint(stats.retransmitted, >=, l.repeated);
    g_assert_cmpuint(l.next - 1, >, 65536 + 500);
    finish(&l);
}

/* The relay's own numbers begin below 2^15: carried to just before their wrap without loss, over it with
 * loss. */
static void
test_relays_wrap(relay_rig *r, gconstpointer profiles)
{
    line l;
    begin(&l, r, profiles);
    do
        play(&l, BURST);
    while ((l.highest_out & 0xffff) < 65100);
    guint64 cycle = l.highest_out >> 16;
    l.lose = 0.15;
    while (l.highest_out >> 16 == cycle || (l.highest_out & 0xffff) < 400)
        play(&l, BURST);
    g_assert_cmpuint(l.repeated, >, 30);
    finish(&l);
}

int
main(int argc, char **argv)
{
    static const char gcm[] = "SRTP_AEAD_AES_128_GCM", sha1[] = "SRTP_AES128_CM_SHA1_80";
    g_test_init(&argc, &argv, NULL);
    g_test_add("/repair/publishers-wrap/gcm", relay_rig, gcm, relay_rig_set_up, test_publishers_wrap,
               relay_rig_tear_down);
    g_test_add("/repair/publishers-wrap/sha1", relay_rig, sha1, relay_rig_set_up, test_publishers_wrap,
               relay_rig_tear_down);
    g_test_add("/repair/relays-wrap/gcm", relay_rig, gcm, relay_rig_set_up, test_relays_wrap,
               relay_rig_tear_down);
    g_test_add("/repair/relays-wrap/sha1", relay_rig, sha1, relay_rig_set_up, test_relays_wrap,
               relay_rig_tear_down);
    return g_test_run();
}
