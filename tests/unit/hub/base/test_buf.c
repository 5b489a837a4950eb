#include "hub/base/buf.h"

static void
test_reader_stops_at_end(void)
{
    const guint8 bytes[] = {1, 2, 3, 4, 5};
    buf_reader r = buf_reader_of(bytes, sizeof bytes);
    g_assert_cmpuint(buf_be16(&r), ==, 0x0102);
    g_assert_cmpuint(buf_le16(&r), ==, 0x0403);
    g_assert_cmpuint(buf_be32(&r), ==, 0);
    g_assert_true(r.bad);
    g_assert_cmpuint(buf_u8(&r), ==, 0); /* once bad, nothing more is read */
}

static void
test_sub_reader_is_bounded(void)
{
    const guint8 bytes[] = {1, 2, 3, 4};
    buf_reader r = buf_reader_of(bytes, sizeof bytes);
    buf_reader inner = buf_sub(&r, 2);
    g_assert_cmpuint(buf_left(&inner), ==, 2);
    g_assert_cmpuint(buf_u8(&r), ==, 3);
    buf_reader too_long = buf_sub(&r, 2);
    g_assert_true(too_long.bad);
    g_assert_true(r.bad);
}

static void
test_writer_refuses_overflow(void)
{
    guint8 area[3];
    buf_writer w = buf_writer_of(area, sizeof area);
    buf_put_be16(&w, 0xabcd);
    buf_put_be16(&w, 0x1234);
    g_assert_true(w.bad);
    g_assert_cmpuint(buf_written(&w), ==, 2);
    g_assert_cmpuint(area[0], ==, 0xab);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/buf/reader-stops-at-end", test_reader_stops_at_end);
    g_test_add_func("/buf/sub-reader-is-bounded", test_sub_reader_is_bounded);
    g_test_add_func("/buf/writer-refuses-overflow", test_writer_refuses_overflow);
    return g_test_run();
}
