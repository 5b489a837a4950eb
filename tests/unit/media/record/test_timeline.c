#include "media/record/timeline.h"

#define SECOND G_USEC_PER_SEC

static void
test_without_reports_the_quickest_packet_counts(void)
{
    g_autoptr(timeline) t = timeline_new(90000);
    gint64 a = timeline_arrival(t, 1000, 100 * SECOND + 30000);
    gint64 b = timeline_arrival(t, 1000 + 90000, 101 * SECOND + 10000); /* 20 ms quicker than the first */
    g_assert_cmpint(timeline_wall_us(t, a), ==, 100 * SECOND + 10000);
    g_assert_cmpint(timeline_wall_us(t, b), ==, 101 * SECOND + 10000);
}

static void
test_reports_put_sound_and_picture_together(void)
{
    g_autoptr(timeline) sound = timeline_new(48000);
    g_autoptr(timeline) picture = timeline_new(90000);
    gint64 a = timeline_arrival(sound, 500, 100 * SECOND);
    gint64 v = timeline_arrival(picture, 4294967000u, 100 * SECOND + 200000); /* the same moment, but slow to come */
    timeline_clock(sound, 500 + 48000, 101 * SECOND - 50000);
    timeline_clock(picture, (guint32)(4294967000u + 90000), 101 * SECOND - 50000);
    g_assert_cmpint(timeline_wall_us(sound, a), ==, 100 * SECOND - 50000);
    g_assert_cmpint(timeline_wall_us(picture, v), ==, 100 * SECOND - 50000);
}

static void
test_unwraps_over_two_passes(void)
{
    g_autoptr(timeline) t = timeline_new(90000);
    gint64 first = timeline_arrival(t, 4294960000u, 0);
    gint64 second = timeline_arrival(t, 80000, SECOND);
    g_assert_cmpint(second - first, ==, 4294967296LL - 4294960000LL + 80000);
    timeline_rewind(t);
    g_assert_cmpint(timeline_unwrap(t, 4294960000u), ==, first);
    g_assert_cmpint(timeline_unwrap(t, 80000), ==, second);
}

static void
test_a_mad_clock_is_not_believed(void)
{
    g_autoptr(timeline) t = timeline_new(48000);
    gint64 a = timeline_arrival(t, 0, 100 * SECOND);
    timeline_clock(t, 0, 5 * SECOND);
    g_assert_cmpint(timeline_wall_us(t, a), ==, 100 * SECOND);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/timeline/quickest-packet", test_without_reports_the_quickest_packet_counts);
    g_test_add_func("/timeline/sound-and-picture", test_reports_put_sound_and_picture_together);
    g_test_add_func("/timeline/unwraps-over-two-passes", test_unwraps_over_two_passes);
    g_test_add_func("/timeline/mad-clock", test_a_mad_clock_is_not_believed);
    return g_test_run();
}
