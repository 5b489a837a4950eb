#include "media/record/sequence.h"

static void
push(sequence *s, guint16 number, gint64 wall_us, gboolean fits)
{
    guint8 packet[12] = {0x80, 96, (guint8)(number >> 8), (guint8)number};
    g_assert_true(sequence_push(s, packet, sizeof packet, wall_us) == fits);
}

static void
pop(sequence *s, gboolean at_end, guint16 number, guint lost)
{
    guint ret_lost = 99;
    g_autoptr(GBytes) packet = sequence_pop(s, at_end, &ret_lost);
    g_assert_nonnull(packet);
    const guint8 *bytes = g_bytes_get_data(packet, NULL);
    g_assert_cmpuint((guint)(bytes[2] << 8 | bytes[3]), ==, number);
    g_assert_cmpuint(ret_lost, ==, lost);
}

static void
none(sequence *s, gboolean at_end)
{
    guint lost;
    g_assert_null(sequence_pop(s, at_end, &lost));
}

static void
test_reorders_over_the_wrap(void)
{
    g_autoptr(sequence) s = sequence_new();
    push(s, 65534, 0, TRUE);
    push(s, 0, 0, TRUE);
    push(s, 65535, 0, TRUE);
    push(s, 0, 0, TRUE); /* a repeat */
    push(s, 1, 0, TRUE);
    for (guint16 n = 65534; n != 2; n++)
        pop(s, FALSE, n, 0);
    none(s, TRUE);
    push(s, 65535, 0, TRUE); /* far too late */
    none(s, TRUE);
}

static void
test_waits_for_a_retransmission(void)
{
    g_autoptr(sequence) s = sequence_new();
    push(s, 10, 0, TRUE);
    push(s, 12, 0, TRUE);
    pop(s, FALSE, 10, 0);
    none(s, FALSE);
    push(s, 13, 2 * G_USEC_PER_SEC, TRUE);
    none(s, FALSE);
    push(s, 11, 2 * G_USEC_PER_SEC, TRUE);
    pop(s, FALSE, 11, 0);
    pop(s, FALSE, 12, 0);
    pop(s, FALSE, 13, 0);
    push(s, 16, 3 * G_USEC_PER_SEC, TRUE);
    push(s, 17, 7 * G_USEC_PER_SEC, TRUE); /* 16 has waited long enough */
    pop(s, FALSE, 16, 2);
    pop(s, FALSE, 17, 0);
}

static void
test_jumps_beyond_the_window(void)
{
    g_autoptr(sequence) s = sequence_new();
    push(s, 1, 0, TRUE);
    push(s, 1 + SEQUENCE_WINDOW, 0, FALSE);
    pop(s, TRUE, 1, 0);
    push(s, 1 + SEQUENCE_WINDOW, 0, TRUE);
    pop(s, TRUE, 1 + SEQUENCE_WINDOW, SEQUENCE_WINDOW - 1);
    push(s, 9000, 0, TRUE);
    pop(s, FALSE, 9000, 9000 - 2 - SEQUENCE_WINDOW);
}

static void
test_refuses_what_is_no_rtp(void)
{
    g_autoptr(sequence) s = sequence_new();
    const guint8 other[12] = {0};
    g_assert_true(sequence_push(s, other, sizeof other, 0));
    g_assert_true(sequence_push(s, (const guint8 *)"\x80", 1, 0));
    none(s, TRUE);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/sequence/reorders-over-the-wrap", test_reorders_over_the_wrap);
    g_test_add_func("/sequence/waits-for-a-retransmission", test_waits_for_a_retransmission);
    g_test_add_func("/sequence/jumps-beyond-the-window", test_jumps_beyond_the_window);
    g_test_add_func("/sequence/refuses-what-is-no-rtp", test_refuses_what_is_no_rtp);
    return g_test_run();
}
