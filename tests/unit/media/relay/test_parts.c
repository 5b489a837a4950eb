/* The relay's small parts: ring, loss list, sender, queue between threads, speaker. */
#include "media/relay/nack.h"
#include "media/relay/ring.h"
#include "media/relay/sender.h"
#include "media/relay/speaker.h"
#include "media/relay/spsc.h"
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- ring ---- */

static void
put(packet_ring *r, guint64 index, gsize length)
{
    guint8 payload[1500];
    ring_entry e = {.index = index, .length = (guint16)length, .keyframe = index % 10 == 0};
    memset(payload, (int)index, sizeof payload);
    ring_put(r, &e, payload);
}

static guint
held(const packet_ring *r, guint64 last)
{
    guint count = 0;
    for (const ring_entry *e; count <= last && (e = ring_get(r, last - count)); count++)
        for (guint i = 0; i < e->length; i++)
            g_assert_cmpuint(ring_payload(r, e)[i], ==, (guint8)e->index);
    return count;
}

static void
test_ring(void)
{
    packet_ring r;
    ring_init(&r, 64, 8192);
    for (guint64 i = 0; i < 1000; i++)
        put(&r, i, 100);
    g_assert_cmpuint(held(&r, 999), ==, 64); /* by count; keyframes empty nothing */
    for (guint64 i = 1000; i < 2000; i++)
        put(&r, i, 1000);
    g_assert_cmpuint(held(&r, 1999), ==, 8); /* by bytes: 8192 less what did not fit before the end */
    for (guint second = 0; second < 8; second++) {
        ring_tick(&r); /* a second's worth does not fit: grows */
        for (guint64 i = 0; i < 60; i++)
            put(&r, 2000 + second * 60 + i, 1000);
    }
    g_assert_cmpuint(held(&r, 2479), >=, 60);
    put(&r, 2500, 1000); /* a gap */
    g_assert_null(ring_get(&r, 2490));
    g_assert_nonnull(ring_get(&r, 2479));
    ring_forget(&r);
    g_assert_null(ring_get(&r, 2479));
    ring_clear(&r);
}

/* ---- loss list ---- */

static void
test_nack(void)
{
    nack_list l = {0};
    guint16 numbers[NACK_BATCH];
    gboolean given_up;
    g_assert_true(nack_add(&l, 65534, 65537, 0));
    g_assert_cmpuint(nack_due(&l, NACK_FIRST_US - 1, numbers, &given_up), ==,
                     0); /* reordering may bring them */
    g_assert_false(nack_remove(&l, 65535));
    g_assert_cmpuint(nack_due(&l, NACK_FIRST_US, numbers, &given_up), ==, 3);
    g_assert_true(numbers[0] == 65534 && numbers[1] == 0 && numbers[2] == 1);
    g_assert_cmpuint(nack_due(&l, NACK_FIRST_US + 1, numbers, &given_up), ==, 0);
    g_assert_true(nack_remove(&l, 65536));
    g_assert_false(nack_remove(&l, 65536));
    for (guint i = 1; i < NACK_TRIES; i++)
        g_assert_cmpuint(nack_due(&l, NACK_FIRST_US + i * NACK_REPEAT_US, numbers, &given_up), ==, 2);
    g_assert_false(given_up);
    g_assert_cmpuint(nack_due(&l, G_USEC_PER_SEC, numbers, &given_up), ==, 0);
    g_assert_true(given_up && nack_is_empty(&l));
    g_assert_false(nack_add(&l, 1, NACK_LIMIT + 1, 0)); /* a gap that nobody can fill */
    g_assert_true(nack_is_empty(&l));
    nack_clear(&l);
}

/* ---- sender ---- */

static int
open_receiver(send_address *ret_address)
{
    int size = 4 << 20;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    ret_address->v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    ret_address->length = sizeof ret_address->v4;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    g_assert_cmpint(bind(fd, &ret_address->any, ret_address->length), ==, 0);
    getsockname(fd, &ret_address->any, &ret_address->length);
    return fd;
}

static void
commit(sender *s, const send_address *to, guint number, gsize length)
{
    guint8 *at = sender_reserve(s);
    memset(at, (int)number, length);
    sender_commit(s, to, length);
}

/* Borders and order of datagrams survive, with and without segmentation, for runs of all shapes. */
static void
test_sender(gconstpointer segments)
{
    send_address to[2];
    int receivers[2] = {open_receiver(&to[0]), open_receiver(&to[1])};
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    g_autoptr(GRand) chance = g_rand_new_with_seed(5);
    sender *s = sender_new(fd);
    guint8 got[2000];
    if (!segments)
        sender_disable_segments(s);
    for (guint round = 0; round < 200; round++) {
        gsize lengths[2][150];
        guint counts[2] = {0, 0};
        guint count = (guint)g_rand_int_range(chance, 1, 150);
        guint which = 0;
        gsize length = 100;
        for (guint i = 0; i < count; i++) {
            which = g_rand_int_range(chance, 0, 10) == 0 ? 1 - which : which;
            length = g_rand_int_range(chance, 0, 5) == 0 ? (gsize)g_rand_int_range(chance, 1, 1300) : length;
            commit(s, &to[which], counts[which], length);
            lengths[which][counts[which]++] = length;
        }
        sender_flush(s);
        for (which = 0; which < 2; which++)
            for (guint i = 0; i < counts[which]; i++) {
                ssize_t size = recv(receivers[which], got, sizeof got, 0);
                g_assert_cmpint(size, ==, (gssize)lengths[which][i]);
                g_assert_true(got[0] == (guint8)i && got[size - 1] == (guint8)i);
            }
    }
    g_assert_cmpuint(sender_get_stats(s)->dropped, ==, 0);
    g_assert_true(sender_segments(s) == (segments != NULL));
    sender_free(s);
    close(fd);
    close(receivers[0]);
    close(receivers[1]);
}

/* More than the area or the table of runs holds: flushed on the way. */
static void
test_sender_overflow(void)
{
    send_address to;
    int receiver = open_receiver(&to), fd = socket(AF_INET, SOCK_DGRAM, 0);
    sender *s = sender_new(fd);
    guint8 got[2000];
    guint next = 0;
    for (guint i = 0; i < 1000; i++) {
        commit(s, &to, i, 10 + i % 50 * 20); /* growing: each is a run of its own */
        for (; recv(receiver, got, sizeof got, 0) > 0; next++)
            g_assert_cmpuint(got[0], ==, (guint8)next);
    }
    sender_flush(s);
    for (; recv(receiver, got, sizeof got, 0) > 0; next++)
        g_assert_cmpuint(got[0], ==, (guint8)next);
    g_assert_cmpuint(next, ==, 1000);
    sender_free(s);
    close(fd);
    close(receiver);
}

/* Where segmentation is refused, nothing is lost. A socket whose checksums are off refuses it (EIO). */
static void
test_sender_fallback(void)
{
    send_address to;
    int one = 1;
    int receiver = open_receiver(&to), fd = socket(AF_INET, SOCK_DGRAM, 0);
    guint8 got[2000];
    sender *s = sender_new(fd);
    setsockopt(fd, SOL_SOCKET, SO_NO_CHECK, &one, sizeof one);
    for (guint i = 0; i < 10; i++)
        commit(s, &to, i, i == 9 ? 50 : 100);
    sender_flush(s);
    for (guint i = 0; i < 10; i++)
        g_assert_cmpint(recv(receiver, got, sizeof got, 0), ==, i == 9 ? 50 : 100);
    g_assert_false(sender_segments(s)); /* and is not tried again */
    sender_free(s);
    close(fd);
    close(receiver);
}

/* ---- queue between two threads ---- */

#define RECORDS 200000

static gpointer
write_records(gpointer data)
{
    spsc *s = data;
    guint8 body[300];
    for (guint32 i = 0; i < RECORDS; i++) {
        memset(body, (int)i, sizeof body);
        while (!spsc_write(s, &i, sizeof i, body, i % sizeof body))
            g_thread_yield();
    }
    return NULL;
}

static void
test_spsc(void)
{
    spsc *s = spsc_new(4096);
    GThread *writer = g_thread_new("writer", write_records, s);
    for (guint32 i = 0; i < RECORDS;) {
        gsize length;
        guint32 number;
        const guint8 *record = spsc_peek(s, &length);
        if (!record) {
            g_thread_yield();
            continue;
        }
        memcpy(&number, record, sizeof number);
        g_assert_cmpuint(number, ==, i);
        g_assert_cmpuint(length, ==, sizeof number + i % 300);
        for (gsize j = sizeof number; j < length; j++)
            g_assert_cmpuint(record[j], ==, (guint8)i);
        spsc_release(s);
        i++;
    }
    g_thread_join(writer);
    g_autofree guint8 *large = g_malloc0(4096);
    g_assert_false(spsc_write(s, NULL, 0, large, 4096));
    spsc_free(s);
}

/* ---- speaker ---- */

static double
ticks(speaker_level *l, guint count, guint8 level)
{
    double score = 0;
    for (guint i = 0; i < count; i++) {
        for (guint frame = 0; frame < 15; frame++)
            speaker_note(l, level);
        score = speaker_tick(l);
    }
    return score;
}

static void
test_speaker(void)
{
    speaker_level a = {0}, b = {0};
    g_assert_false(speaker_overtakes(ticks(&a, 5, 127), 0)); /* silence takes no floor */
    double talking = ticks(&a, 5, 0x80 | 15);
    g_assert_true(speaker_overtakes(talking, 0));
    g_assert_false(
        speaker_overtakes(ticks(&b, 5, 0x80 | 16), talking)); /* as loud as the speaker: no change */
    double pause = ticks(&a, 1, 127);
    g_assert_true(pause > talking / 2); /* a breath does not lose it */
    speaker_level cough = {0};
    speaker_note(&cough, 0);
    for (guint i = 0; i < 14; i++)
        speaker_note(&cough, 127);
    g_assert_false(speaker_overtakes(speaker_tick(&cough), 0));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ring", test_ring);
    g_test_add_func("/nack", test_nack);
    g_test_add_data_func("/sender/segments", "yes", test_sender);
    g_test_add_data_func("/sender/singly", NULL, test_sender);
    g_test_add_func("/sender/overflow", test_sender_overflow);
    g_test_add_func("/sender/fallback", test_sender_fallback);
    g_test_add_func("/spsc", test_spsc);
    g_test_add_func("/speaker", test_speaker);
    return g_test_run();
}
