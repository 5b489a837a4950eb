#include "media/rtc/transport_cc.h"
#include <string.h>

/* What the reader reports, put back onto a time line. */
typedef struct {
    guint count, received;
    gint64 at_us;
    gint64 arrival_us[65536]; /* by sequence number; -1: lost */
} reading;

static void
on_packet(guint16 sequence, gboolean received, gint64 delta_us, gpointer user_data)
{
    reading *r = user_data;
    r->count++;
    r->received += received;
    r->at_us += delta_us;
    r->arrival_us[sequence] = received ? r->at_us : -1;
}

static transport_cc_header
write_and_read(transport_cc *t, reading *into)
{
    guint8 area[RTCP_LIMIT];
    transport_cc_header h;
    rtcp_packet p;
    buf_writer w = buf_writer_of(area, sizeof area);
    g_assert_true(transport_cc_put(t, &w, 1, 2));
    g_assert_true(rtcp_is_valid(area, buf_written(&w)));
    buf_reader r = buf_reader_of(area, buf_written(&w));
    g_assert_true(rtcp_next(&r, &p));
    rtcp_packet peek = p;
    buf_skip(&peek.body, 4);
    into->at_us = (gint64)buf_be24(&peek.body) * 64000; /* reference time */
    g_assert_true(transport_cc_read(&p, &h, on_packet, into));
    return h;
}

/* Loss, reordering, pauses and all wraps: what is read back is what came, to the tick of 250 us. */
static void
test_round_trip(void)
{
    g_autofree reading *r = g_new0(reading, 1);
    g_autofree transport_cc *t = g_new0(transport_cc, 1);
    g_autoptr(GRand) chance = g_rand_new_with_seed(3);
    gint64 now =
        ((gint64)1 << 24) * 64000 - 5 * G_USEC_PER_SEC; /* the 24-bit reference time wraps in the run */
    const gint64 cycle = ((gint64)1 << 24) * 64000;
    guint16 sequence = 65000; /* and so does the sequence number */
    guint8 feedback = 0;
    for (guint round = 0; round < 300; round++) { /* and the count of feedbacks */
        gint64 came[64];
        guint16 first = sequence;
        guint count = (guint)g_rand_int_range(chance, 1, 60);
        for (guint i = 0; i < count; i++, sequence++) {
            now += g_rand_int_range(chance, 0, 30) == 0 ? 200000 : g_rand_int_range(chance, 0, 4000);
            gboolean lost = i + 1 < count && g_rand_int_range(chance, 0, 4) == 0;
            came[i] = lost ? -1 : now;
            if (!lost)
                g_assert_false(transport_cc_note(t, sequence, now));
        }
        transport_cc_header h = write_and_read(t, r);
        g_assert_cmpuint(h.base, ==, round == 0 ? first + (guint16)0 : first);
        g_assert_cmpuint(h.feedback, ==, feedback++);
        g_assert_cmpuint(h.count, ==, count);
        for (guint i = 0; i < count; i++) {
            gint64 got = r->arrival_us[(guint16)(first + i)];
            if (came[i] < 0)
                g_assert_cmpint(got, ==, -1);
            else
                g_assert_cmpint(ABS(got % cycle - came[i] % cycle), <, 250);
        }
    }
}

static void
test_first_lost_is_unknown(void)
{
    g_autofree transport_cc *t = g_new0(transport_cc, 1);
    guint8 area[100];
    buf_writer w = buf_writer_of(area, sizeof area);
    g_assert_false(transport_cc_put(t, &w, 1, 2));
    g_assert_cmpuint(buf_written(&w), ==, 0);
}

static void
test_full_window_is_due(void)
{
    g_autofree transport_cc *t = g_new0(transport_cc, 1);
    gboolean due = FALSE;
    guint count = 0;
    while (!due && count < TRANSPORT_CC_WINDOW)
        due = transport_cc_note(t, (guint16)count, 1000000 + count), count++;
    g_assert_true(due);
    transport_cc_note(t, (guint16)(count + 5000), 2000000); /* a jump begins anew */
    g_autofree reading *r = g_new0(reading, 1);
    g_assert_cmpuint(write_and_read(t, r).count, ==, 1);
}

static void
test_malformed(void)
{
    static const guint8 wrong[][24] = {
        {0x8f, 205, 0, 4, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0xff, 0xff, 0, 0, 0, 0},          /* no chunks */
        {0x8f, 205, 0, 5, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 9, 0, 0, 0, 0, 0x20, 9, 0, 0}, /* deltas cut off */
        {0x8f, 205, 0, 5, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 9, 0, 0, 0, 0, 0x20, 0, 0, 0}, /* run of none */
    };
    g_autofree reading *into = g_new0(reading, 1);
    for (guint i = 0; i < G_N_ELEMENTS(wrong); i++) {
        transport_cc_header h;
        rtcp_packet p;
        buf_reader r = buf_reader_of(wrong[i], 4 * (wrong[i][3] + 1u));
        g_assert_true(rtcp_next(&r, &p));
        g_assert_false(transport_cc_read(&p, &h, on_packet, into));
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/transport-cc/round-trip", test_round_trip);
    g_test_add_func("/transport-cc/nothing-to-say", test_first_lost_is_unknown);
    g_test_add_func("/transport-cc/full-window-is-due", test_full_window_is_due);
    g_test_add_func("/transport-cc/malformed", test_malformed);
    return g_test_run();
}
