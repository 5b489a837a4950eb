/* Chunked bodies, ranges and cookies: what is right, what is refused, and that the cut of the input does not matter. */
#include "hub/http/chunked.h"
#include "hub/http/cookie.h"
#include "hub/http/range.h"
#include <string.h>

/* Decodes in stretches of `step` bytes; NULL when the framing is broken; *ret_end: the end was seen. */
static char *
decode(const char *text, gsize step, gboolean *ret_end)
{
    chunked_decoder d = {0};
    g_autoptr(GString) out = g_string_new(NULL);
    gsize length = strlen(text);
    for (gsize at = 0; at < length && d.state != CHUNKED_END; at += step) {
        const guint8 *p = (const guint8 *)text + at, *end = p + MIN(step, length - at), *data;
        gsize n;
        while (p < end && d.state != CHUNKED_END) {
            if (!chunked_next(&d, &p, end, &data, &n))
                return NULL;
            g_string_append_len(out, (const char *)data, (gssize)n);
        }
    }
    *ret_end = d.state == CHUNKED_END;
    return g_string_free(g_steal_pointer(&out), FALSE);
}

static void
test_chunked(void)
{
    static const struct {
        const char *text, *decoded; /* NULL: broken */
        gboolean end;
    } rows[] = {
        {"0\r\n\r\n", "", TRUE},
        {"5\r\nhello\r\n0\r\n\r\n", "hello", TRUE},
        {"5;name=value\r\nhello\r\n1\r\n!\r\n0\r\nTrailer: x\r\n\r\n", "hello!", TRUE},
        {"A\r\n0123456789\r\n0\r\n\r\nGET / HTTP/1.1", "0123456789", TRUE},
        {"5\r\nhel", "hel", FALSE},
        {"5\r\nhello\r\n0\r\n", "hello", FALSE},
        {"\r\n", NULL, FALSE},
        {"5\nhello\n", NULL, FALSE},
        {"5\r\nhelloX\r\n", NULL, FALSE},
        {"-1\r\n", NULL, FALSE},
        {"0x5\r\nhello\r\n", NULL, FALSE},
        {"1000000000000000\r\n", NULL, FALSE},
        {"g\r\n", NULL, FALSE},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++)
        for (gsize step = 1; step <= 64; step++) {
            gboolean end = FALSE;
            g_autofree char *decoded = decode(rows[i].text, step, &end);
            g_assert_cmpstr(decoded, ==, rows[i].decoded);
            g_assert_cmpint(end, ==, rows[i].end);
        }
}

static void
test_range(void)
{
    static const struct {
        const char *header;
        range_kind kind;
        guint64 offset, length;
    } rows[] = {
        {NULL, RANGE_WHOLE, 0, 0},
        {"bytes=0-0", RANGE_PART, 0, 1},
        {"bytes=10-19", RANGE_PART, 10, 10},
        {"bytes=90-", RANGE_PART, 90, 10},
        {"bytes=90-1000", RANGE_PART, 90, 10},
        {"bytes=-10", RANGE_PART, 90, 10},
        {"bytes=-1000", RANGE_PART, 0, 100},
        {"bytes=100-", RANGE_UNSATISFIABLE, 0, 0},
        {"bytes=-0", RANGE_UNSATISFIABLE, 0, 0},
        {"bytes=5-4", RANGE_WHOLE, 0, 0},
        {"bytes=0-1,5-6", RANGE_WHOLE, 0, 0},
        {"bytes=a-b", RANGE_WHOLE, 0, 0},
        {"bytes=-", RANGE_WHOLE, 0, 0},
        {"bytes=", RANGE_WHOLE, 0, 0},
        {"lines=0-1", RANGE_WHOLE, 0, 0},
        {"bytes=99999999999999999999999-", RANGE_WHOLE, 0, 0},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        guint64 offset = 0, length = 0;
        g_assert_cmpint(range_parse(rows[i].header, 100, &offset, &length), ==, rows[i].kind);
        g_assert_cmpuint(offset, ==, rows[i].offset);
        g_assert_cmpuint(length, ==, rows[i].length);
    }
}

static void
test_cookie(void)
{
    static const struct {
        const char *header, *value;
    } rows[] = {
        {NULL, NULL},
        {"", NULL},
        {"session=abc", "abc"},
        {"a=b; session=abc", "abc"},
        {"a=b;session=\"abc\"; c=d", "abc"},
        {"xsession=abc", NULL},
        {"session", NULL},
        {"session=", ""},
        {"sessions=abc; session=1; session=2", "1"},
        {";;; ;session=abc;", "abc"},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *value = cookie_value(rows[i].header, "session");
        g_assert_cmpstr(value, ==, rows[i].value);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/http/chunked", test_chunked);
    g_test_add_func("/http/range", test_range);
    g_test_add_func("/http/cookie", test_cookie);
    return g_test_run();
}
