/* multipart_feed: the first byte says how the rest is cut; whatever the cuts, the parts must be the same. */
#include "hub/dicomweb/multipart.h"

int LLVMFuzzerTestOneInput(const guint8 *bytes, size_t length);

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

static GString *
parse(const guint8 *bytes, size_t length, size_t step)
{
    static const multipart_sink sink = {on_begin, on_data, on_end};
    g_autofree char *type = NULL;
    GString *parts = g_string_new(NULL);
    g_autoptr(multipart) m = multipart_new("multipart/related; boundary=B", &sink, parts, &type, NULL);
    gboolean going = TRUE;
    for (size_t at = 0; going && at < length; at += step)
        going = multipart_feed(m, bytes + at, MIN(step, length - at));
    return parts;
}

int
LLVMFuzzerTestOneInput(const guint8 *bytes, size_t length)
{
    if (length < 2)
        return 0;
    g_autoptr(GString) whole = parse(bytes + 1, length - 1, length);
    g_autoptr(GString) cut = parse(bytes + 1, length - 1, 1 + bytes[0] % 16);
    g_assert_true(g_string_equal(whole, cut));
    return 0;
}
