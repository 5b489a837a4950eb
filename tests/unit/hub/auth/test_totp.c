/* The vectors of RFC 6238 appendix B (SHA-1, last six digits), and that a code is taken once. */
#include "hub/auth/throttle.h"
#include "hub/auth/totp.h"

static const guint8 secret[] = "12345678901234567890";

static void
test_vectors(void)
{
    static const struct {
        gint64 time;
        guint code;
    } rows[] = {{59, 287082}, {1111111109, 81804}, {1111111111, 50471}, {1234567890, 5924}, {2000000000, 279037}};
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++)
        g_assert_cmpuint(totp_code(secret, 20, rows[i].time / 30), ==, rows[i].code);
}

static void
test_window(void)
{
    gint64 step = 0;
    g_assert_true(totp_verify(secret, 20, "287082", 59, -1, &step));
    g_assert_cmpint(step, ==, 1);
    g_assert_false(totp_verify(secret, 20, "287082", 59, 1, &step)); /* taken already */
    g_assert_true(totp_verify(secret, 20, "287082", 89, -1, &step)); /* a step late */
    g_assert_true(totp_verify(secret, 20, "287082", 29, -1, &step)); /* a step early */
    g_assert_false(totp_verify(secret, 20, "287082", 120, -1, &step));
    g_assert_false(totp_verify(secret, 20, "28708", 59, -1, &step));
    g_assert_false(totp_verify(secret, 20, "28708a", 59, -1, &step));
    g_assert_false(totp_verify(secret, 20, NULL, 59, -1, &step));
}

static void
test_throttle(void)
{
    throttle *t = throttle_new(2);
    g_assert_true(throttle_enter(t, "a"));
    g_assert_true(throttle_enter(t, "a"));
    g_assert_false(throttle_enter(t, "a"));
    g_assert_true(throttle_enter(t, "b"));
    throttle_leave(t, "a");
    g_assert_true(throttle_enter(t, "a"));
    throttle_free(t);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/totp/vectors", test_vectors);
    g_test_add_func("/totp/window", test_window);
    g_test_add_func("/throttle/parallel", test_throttle);
    return g_test_run();
}
