#include "dicom/scan/frame_table.h"
#include "hub/base/err.h"

static void
expect_extent(GArray *extents, guint i, guint64 offset, guint64 length)
{
    g_assert_cmpuint(i, <, extents->len);
    frame_extent *e = &g_array_index(extents, frame_extent, i);
    g_assert_cmpuint(e->offset, ==, offset);
    g_assert_cmpuint(e->length, ==, length);
}

static GArray *
find(GBytes *table, guint32 frame)
{
    g_autoptr(GError) error = NULL;
    GArray *extents = frame_table_find(g_bytes_get_data(table, NULL), g_bytes_get_size(table), frame, &error);
    g_assert_no_error(error);
    return extents;
}

static void
test_native(void)
{
    g_autoptr(GBytes) table = frame_table_native(3, 0x123456789, 512 * 512 * 2);
    frame_kind kind;
    guint32 frames;
    g_assert_true(frame_table_info(g_bytes_get_data(table, NULL), g_bytes_get_size(table), &kind, &frames));
    g_assert_cmpint(kind, ==, FRAMES_NATIVE);
    g_assert_cmpuint(frames, ==, 3);
    g_autoptr(GArray) last = find(table, 2);
    g_assert_cmpuint(last->len, ==, 1);
    expect_extent(last, 0, 0x123456789 + 2 * 524288, 524288);
}

static void
test_encapsulated(void)
{
    const guint32 counts[] = {1, 3, 0, 1};
    const frame_extent extents[] = {{1000, 300}, {1308, 128}, {1444, 5}, {1500, 70000}, {900000, 2}};
    g_autoptr(GBytes) table = frame_table_encapsulated(4, counts, extents);
    g_autoptr(GArray) first = find(table, 0), second = find(table, 1), third = find(table, 2),
                      last = find(table, 3);
    g_assert_cmpuint(first->len, ==, 1);
    expect_extent(first, 0, 1000, 300);
    g_assert_cmpuint(second->len, ==, 3);
    expect_extent(second, 0, 1308, 128);
    expect_extent(second, 2, 1500, 70000);
    g_assert_cmpuint(third->len, ==, 0);
    expect_extent(last, 0, 900000, 2);
}

static void
expect_error(GBytes *table, gsize length, guint32 frame, err_code code)
{
    g_autoptr(GError) error = NULL;
    g_assert_null(frame_table_find(g_bytes_get_data(table, NULL), length, frame, &error));
    g_assert_error(error, CONSILIUM_ERROR, (int)code);
}

static void
test_errors(void)
{
    const guint32 counts[] = {1, 1};
    const frame_extent extents[] = {{1000, 300}, {1308, 128}};
    g_autoptr(GBytes) table = frame_table_encapsulated(2, counts, extents);
    g_autoptr(GBytes) opaque = frame_table_opaque(5);
    expect_error(table, g_bytes_get_size(table), 2, ERR_NOT_FOUND);
    expect_error(opaque, g_bytes_get_size(opaque), 0, ERR_UNSUPPORTED);
    expect_error(opaque, g_bytes_get_size(opaque), 5, ERR_NOT_FOUND);
    for (gsize cut = 0; cut < g_bytes_get_size(table); cut++)
        expect_error(table, cut, 1, ERR_INTERNAL);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/frame_table/native", test_native);
    g_test_add_func("/frame_table/encapsulated", test_encapsulated);
    g_test_add_func("/frame_table/errors", test_errors);
    return g_test_run();
}
