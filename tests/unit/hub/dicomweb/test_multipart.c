/* Multipart bodies cut at every place must give the same parts. */
#include "hub/dicomweb/multipart.h"
#include "hub/base/err.h"
#include <string.h>

static gboolean
on_begin(const char *content_type, gpointer data)
{
    g_string_append_printf(data, "[%s|", content_type ? content_type : "");
    return TRUE;
}

static gboolean
on_data(const guint8 *bytes, gsize length, gpointer data)
{
    g_string_append_len(data, (const char *)bytes, (gssize)length);
    return TRUE;
}

static gboolean
on_end(gpointer data)
{
    g_string_append_c(data, ']');
    return TRUE;
}

static const multipart_sink sink = {on_begin, on_data, on_end};

static const struct {
    const char *body, *parts; /* parts NULL: malformed */
    gboolean complete;
} rows[] = {
    {"--B\r\n\r\nhello\r\n--B--\r\n", "[|hello]", TRUE},
    {"--B\r\nContent-Type: application/dicom\r\n\r\nhello\r\n--B--", "[application/dicom|hello]", TRUE},
    {"preamble\r\n--B\r\nA: b\r\ncontent-type:x\r\n\r\none\r\n--B  \r\n\r\ntwo\r\n--B--epilogue\r\n--B", "[x|one][|two]", TRUE},
    {"--B\r\n\r\n\r\n--B--", "[|]", TRUE},
    {"--B\r\n\r\n--B--", "[|]", TRUE},
    {"--B\r\n\r\n-\r\n-\r\n--\r\n--A\r\r\n\r\n--B--", "[|-\r\n-\r\n--\r\n--A\r\r\n]", TRUE},
    {"--B\r\n\r\n\r\r\n--B--", "[|\r]", TRUE},
    {"--B\r\n\r\n--A\r\n--B--", "[|--A]", TRUE},
    {"--B\r\n\r\nhalf", "[|half", FALSE},
    {"--B\r\n\r\nhalf\r\n--", "[|half", FALSE},
    {"nothing", "", FALSE},
    {"--BX\r\n\r\nx\r\n--B--", NULL, FALSE},
    {"--B\r\n\r\nx\r\n--B-\r\n", NULL, FALSE},
};

static void
test_cuts(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++)
        for (gsize step = 1; step <= strlen(rows[i].body); step++) {
            g_autofree char *type = NULL;
            g_autoptr(GString) parts = g_string_new(NULL);
            g_autoptr(multipart) m = multipart_new("multipart/related; type=\"application/dicom\"; boundary=B", &sink, parts,
                                                   &type, NULL);
            gboolean going = TRUE;
            gsize length = strlen(rows[i].body);
            for (gsize at = 0; going && at < length; at += step)
                going = multipart_feed(m, (const guint8 *)rows[i].body + at, MIN(step, length - at));
            g_assert_cmpstr(type, ==, "application/dicom");
            g_assert_cmpint(going, ==, rows[i].parts != NULL);
            g_assert_cmpint(multipart_is_broken(m), ==, rows[i].parts == NULL);
            g_assert_cmpint(multipart_is_complete(m), ==, rows[i].complete);
            if (rows[i].parts)
                g_assert_cmpstr(parts->str, ==, rows[i].parts);
        }
}

static void
test_types(void)
{
    static const struct {
        const char *type;
        int code; /* -1: good */
    } types[] = {
        {"multipart/related; boundary=B", -1},
        {"Multipart/Related;BOUNDARY=\"a b\"", -1},
        {"multipart/related; xboundary=no; boundary=B", -1},
        {"multipart/related; type=\"a;boundary=no\"; boundary=B", -1},
        {"multipart/related", ERR_INVALID},
        {"multipart/related; boundary=", ERR_INVALID},
        {"multipart/related; boundary=12345678901234567890123456789012345678901234567890123456789012345678901", ERR_INVALID},
        {"multipart/form-data; boundary=B", ERR_UNSUPPORTED},
        {NULL, ERR_UNSUPPORTED},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(types); i++) {
        g_autofree char *type = NULL;
        g_autoptr(GError) error = NULL;
        g_autoptr(multipart) m = multipart_new(types[i].type, &sink, NULL, &type, &error);
        g_assert_cmpint(error ? error->code : -1, ==, types[i].code);
        g_assert_true((m != NULL) == (types[i].code == -1));
    }
}

static void
test_header_limit(void)
{
    g_autofree char *type = NULL;
    g_autoptr(GString) parts = g_string_new(NULL);
    g_autoptr(multipart) m = multipart_new("multipart/related; boundary=B", &sink, parts, &type, NULL);
    g_autofree char *flood = g_strnfill(MULTIPART_HEADERS_LIMIT + 1, 'a');
    g_assert_true(multipart_feed(m, (const guint8 *)"--B\r\n", 5));
    g_assert_false(multipart_feed(m, (const guint8 *)flood, strlen(flood)));
    g_assert_true(multipart_is_broken(m));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/multipart/cuts", test_cuts);
    g_test_add_func("/multipart/types", test_types);
    g_test_add_func("/multipart/header-limit", test_header_limit);
    return g_test_run();
}
