/* chunked_next: never passes the end, and comes to the same bytes whatever the cuts. */
#include "hub/http/chunked.h"

int LLVMFuzzerTestOneInput(const guint8 *bytes, size_t length);

static GString *
decode(const guint8 *bytes, size_t length, size_t step)
{
    chunked_decoder d = {0};
    GString *out = g_string_new(NULL);
    for (size_t from = 0; from < length && d.state != CHUNKED_END; from += step) {
        const guint8 *at = bytes + from, *end = at + MIN(step, length - from), *data;
        gsize n;
        while (at < end && d.state != CHUNKED_END) {
            if (!chunked_next(&d, &at, end, &data, &n))
                return out;
            g_assert(n == 0 || (data >= bytes && data + n <= end));
            g_string_append_len(out, (const char *)data, (gssize)n);
        }
    }
    return out;
}

int
LLVMFuzzerTestOneInput(const guint8 *bytes, size_t length)
{
    if (length < 2)
        return 0;
    g_autoptr(GString) whole = decode(bytes + 1, length - 1, length);
    g_autoptr(GString) cut = decode(bytes + 1, length - 1, 1 + bytes[0] % 16);
    g_assert_true(g_string_equal(whole, cut));
    return 0;
}
