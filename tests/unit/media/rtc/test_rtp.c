#include "media/rtc/codec.h"
#include "media/rtc/rtp.h"
#include <string.h>

static const rtp_extension_ids ids = {.of = {[RTP_MID] = 4, [RTP_TRANSPORT_CC] = 3, [RTP_AUDIO_LEVEL] = 1}};

static void
test_round_trip(void)
{
    guint8 packet[200];
    rtp_packet p;
    rtp_extension_values v;
    rtp_writer w = rtp_begin(packet, 111, TRUE, 65535, 0xfffffffe, 0x80000001);
    rtp_put_extension(&w, 3, (const guint8 *)"\x12\x34", 2);
    rtp_put_extension(&w, 0, (const guint8 *)"x", 1); /* not agreed */
    rtp_put_extension(&w, 4, (const guint8 *)"mid", 3);
    gsize header = rtp_end(&w);
    g_assert_cmpuint(header % 4, ==, 0);
    memcpy(packet + header, "payload", 7);
    g_assert_cmpuint(rtp_header_length(packet, header + 7), ==, header);
    g_assert_true(rtp_parse(&p, packet, header + 7));
    g_assert_true(p.payload_type == 111 && p.marker && p.sequence == 65535 && p.timestamp == 0xfffffffe &&
                  p.ssrc == 0x80000001);
    g_assert_cmpmem(p.payload, p.payload_length, "payload", 7);
    rtp_read_extensions(&p, &ids, &v);
    g_assert_cmpmem(v.value[RTP_MID], v.length[RTP_MID], "mid", 3);
    g_assert_cmpmem(v.value[RTP_TRANSPORT_CC], v.length[RTP_TRANSPORT_CC], "\x12\x34", 2);
    g_assert_null(v.value[RTP_AUDIO_LEVEL]);
}

static void
test_two_byte_form(void)
{
    static const guint8 packet[] = "\x90\x60\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01\x10\x00\x00\x02"
                                   "\x04\x03mid\x00\x01\x00payload";
    rtp_packet p;
    rtp_extension_values v;
    g_assert_true(rtp_parse(&p, packet, sizeof packet - 1));
    rtp_read_extensions(&p, &ids, &v);
    g_assert_cmpmem(v.value[RTP_MID], v.length[RTP_MID], "mid", 3);
    g_assert_cmpmem(p.payload, p.payload_length, "payload", 7);
}

/* Counts that promise more than there is. */
static void
test_bounds(void)
{
    static const struct {
        const char *bytes;
        gsize length;
    } wrong[] = {
        {"\x80\x60\x00\x01\x00\x00\x00\x00\x00\x00\x00", 11},             /* short */
        {"\x40\x60\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01", 12},         /* version 1 */
        {"\x8f\x60\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01", 12},         /* 15 CSRCs */
        {"\x90\x60\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01\xbe\xde", 14}, /* half an extension header */
        {"\x90\x60\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01\xbe\xde\xff\xff\x00\x00\x00\x00", 20},
        {"\xa0\x60\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01", 12},         /* padding of nothing */
        {"\xa0\x60\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01\x00\x03", 14}, /* longer than the payload */
        {"\xa0\x60\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00", 14}, /* of length 0 */
    };
    rtp_packet p;
    for (guint i = 0; i < G_N_ELEMENTS(wrong); i++) {
        g_autofree guint8 *exact =
            g_memdup2(wrong[i].bytes, wrong[i].length); /* so that a sanitizer sees an over-read */
        g_assert_false(rtp_parse(&p, exact, wrong[i].length));
    }
    static const guint8 cut[] =
        "\x90\x60\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01\xbe\xde\x00\x01\x4f\x01\x02\x03";
    rtp_extension_values v;
    g_autofree guint8 *exact = g_memdup2(cut, sizeof cut - 1);
    g_assert_true(rtp_parse(&p, exact, sizeof cut - 1));
    rtp_read_extensions(&p, &ids, &v); /* 16 bytes promised, 3 there */
    g_assert_null(v.value[RTP_MID]);
}

static void
test_writer_limit(void)
{
    guint8 area[RTP_HEADER_LIMIT];
    rtp_writer w = rtp_begin(area, 1, FALSE, 1, 1, 1);
    for (guint i = 1; i < 15; i++)
        rtp_put_extension(&w, (guint8)i, (const guint8 *)"0123456789abcdef", 16);
    g_assert_cmpuint(rtp_end(&w), <=, sizeof area);
}

static void
test_unwrap(void)
{
    g_assert_cmpuint(rtp_unwrap(65535, 0), ==, 65536);
    g_assert_cmpuint(rtp_unwrap(65536, 65535), ==, 65535);
    g_assert_cmpuint(rtp_unwrap(10 * 65536 + 5, 65530), ==, 10 * 65536 - 6);
    g_assert_cmpuint(rtp_unwrap(3, 65530), ==, 65530);
}

static void
test_keyframes(void)
{
    g_assert_true(codec_starts_keyframe(CODEC_VP8, (const guint8 *)"\x10\x00", 2));
    g_assert_false(codec_starts_keyframe(CODEC_VP8, (const guint8 *)"\x10\x01", 2));
    g_assert_false(codec_starts_keyframe(CODEC_VP8, (const guint8 *)"\x00\x00",
                                         2)); /* not the first packet of the frame */
    g_assert_true(codec_starts_keyframe(CODEC_VP8, (const guint8 *)"\x90\xe0\x81\x02\x03\x04\x10", 7));
    g_assert_false(codec_starts_keyframe(CODEC_VP8, (const guint8 *)"\x90\x80\x81", 3)); /* cut off */
    g_assert_true(codec_starts_keyframe(CODEC_H264, (const guint8 *)"\x67\x42", 2));
    g_assert_true(codec_starts_keyframe(CODEC_H264, (const guint8 *)"\x78\x00\x02\x67\x42\x00\x01\x68", 8));
    g_assert_true(codec_starts_keyframe(CODEC_H264, (const guint8 *)"\x7c\x85", 2));
    g_assert_false(codec_starts_keyframe(CODEC_H264, (const guint8 *)"\x7c\x05", 2));
    g_assert_false(codec_starts_keyframe(CODEC_H264, (const guint8 *)"\x61\x00", 2));
    g_assert_true(codec_format_fits(
        CODEC_H264, "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"));
    g_assert_false(codec_format_fits(CODEC_H264, "packetization-mode=1;profile-level-id=640032"));
    g_assert_false(codec_format_fits(CODEC_H264, "packetization-mode=0;profile-level-id=42e01f"));
    g_assert_false(codec_format_fits(CODEC_VP9, "profile-id=2"));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/rtp/round-trip", test_round_trip);
    g_test_add_func("/rtp/two-byte-form", test_two_byte_form);
    g_test_add_func("/rtp/bounds", test_bounds);
    g_test_add_func("/rtp/writer-limit", test_writer_limit);
    g_test_add_func("/rtp/unwrap", test_unwrap);
    g_test_add_func("/rtp/keyframes", test_keyframes);
    return g_test_run();
}
