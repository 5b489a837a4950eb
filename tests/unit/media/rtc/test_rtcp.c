#include "media/rtc/rtcp.h"
#include <string.h>

static guint8 area[RTCP_LIMIT];

static rtcp_packet
next(buf_reader *compound)
{
    rtcp_packet p;
    g_assert_true(rtcp_next(compound, &p));
    return p;
}

static void
test_compound(void)
{
    rtcp_sender_info info = {.ntp = 0x0102030405060708, .rtp_time = 9, .packets = 10, .bytes = 11};
    rtcp_report report = {
        .ssrc = 7, .fraction_lost = 128, .total_lost = -3, .highest_sequence = 70000, .last_sr = 5};
    guint16 lost[] = {65534, 65535, 2, 14, 15, 40};
    guint16 first, mask;
    rtcp_report got;
    buf_writer w = buf_writer_of(area, sizeof area);
    rtcp_put_sr(&w, 1, &info, &report, 1);
    rtcp_put_cname(&w, 1, "abc");
    rtcp_put_pli(&w, 1, 7);
    rtcp_put_nack(&w, 1, 7, lost, G_N_ELEMENTS(lost));
    rtcp_put_bye(&w, 1);
    g_assert_false(w.bad);
    g_assert_true(rtcp_is_valid(area, buf_written(&w)));

    buf_reader r = buf_reader_of(area, buf_written(&w));
    rtcp_packet p = next(&r);
    g_assert_true(p.type == RTCP_SR && p.sender == 1 && p.info.ntp == info.ntp && p.info.bytes == 11);
    g_assert_true(rtcp_next_report(&p, &got));
    g_assert_cmpint(got.total_lost, ==, -3);
    g_assert_cmpuint(got.highest_sequence, ==, 70000);
    g_assert_false(rtcp_next_report(&p, &got));
    g_assert_cmpint(next(&r).type, ==, RTCP_SDES);
    p = next(&r);
    g_assert_true(p.type == RTCP_PSFB && p.format == RTCP_PLI && p.media == 7);
    p = next(&r);
    g_assert_true(rtcp_next_nack(&p, &first, &mask));
    g_assert_true(first == 65534 && mask == (1u | 1u << 3 | 1u << 15));
    g_assert_true(rtcp_next_nack(&p, &first, &mask));
    g_assert_true(first == 15 && mask == 0);
    g_assert_true(rtcp_next_nack(&p, &first, &mask));
    g_assert_true(first == 40 && mask == 0);
    g_assert_false(rtcp_next_nack(&p, &first, &mask));
    g_assert_cmpint(next(&r).type, ==, RTCP_BYE);
    g_assert_false(rtcp_next(&r, &p));
}

/* More reports, items and lengths promised than there are: nothing is read behind the packet. */
static void
test_bounds(void)
{
    static const struct {
        const char *bytes;
        gsize length;
    } wrong[] = {
        {"\x9f\xc9\x00\x01\x00\x00\x00\x01", 8},                  /* RR of 31 reports without any */
        {"\x80\xc8\x00\x01\x00\x00\x00\x01", 8},                  /* SR without its body */
        {"\x81\xca\x00\x02\x00\x00\x00\x01\x01\xff\x61\x62", 12}, /* SDES item of 255 bytes */
        {"\x81\xcd\x00\x01\x00\x00\x00\x01", 8},                  /* NACK without media SSRC */
        {"\x81\xcd\xff\xff\x00\x00\x00\x01", 8},                  /* length behind the end */
        {"\xa0\xc9\x00\x01\x00\x00\x00\xff", 8},                  /* padding longer than the packet */
        {"\x84\xce\x00\x03\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01", 16}, /* half a FIR entry */
    };
    for (guint i = 0; i < G_N_ELEMENTS(wrong); i++) {
        g_autofree guint8 *exact = g_memdup2(wrong[i].bytes, wrong[i].length);
        buf_reader r = buf_reader_of(exact, wrong[i].length);
        rtcp_packet p;
        rtcp_report report;
        guint16 a, b;
        guint32 ssrc;
        guint8 sequence;
        while (rtcp_next(&r, &p)) {
            g_assert_false(rtcp_next_report(&p, &report));
            g_assert_false(rtcp_next_nack(&p, &a, &b));
            g_assert_false(rtcp_next_fir(&p, &ssrc, &sequence));
        }
    }
    g_assert_false(rtcp_is_valid((const guint8 *)"\x81\xcd\xff\xff\x00\x00\x00\x01", 8));
    g_assert_false(rtcp_is_valid((const guint8 *)"\x81\xcd\x00", 3));
}

static void
test_no_room(void)
{
    guint8 small[20];
    guint16 lost[] = {1, 100, 200, 300};
    buf_writer w = buf_writer_of(small, sizeof small);
    rtcp_put_nack(&w, 1, 2, lost, G_N_ELEMENTS(lost));
    g_assert_true(w.bad);
}

static void
test_ntp(void)
{
    gint64 wall = 1700000000123456;
    g_assert_cmpint(ABS(rtcp_wall_of(rtcp_ntp_of(wall)) - wall), <=, 1);
    g_assert_cmpuint(rtcp_ntp_of(0) >> 32, ==, 2208988800u);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/rtcp/compound", test_compound);
    g_test_add_func("/rtcp/bounds", test_bounds);
    g_test_add_func("/rtcp/no-room", test_no_room);
    g_test_add_func("/rtcp/ntp", test_ntp);
    return g_test_run();
}
