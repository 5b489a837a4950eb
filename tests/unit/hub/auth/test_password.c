#include "hub/auth/password.h"
#include "hub/base/err.h"
#include <string.h>

static void
test_round_trip(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *encoded = password_hash("correct horse 马", &error);
    g_assert_no_error(error);
    g_assert_true(g_str_has_prefix(encoded, "$argon2id$v=19$"));
    g_assert_true(password_verify("correct horse 马", encoded));
    g_assert_false(password_verify("correct horse", encoded));
    g_assert_false(password_verify("", encoded));
    g_autofree char *again = password_hash("correct horse 马", &error);
    g_assert_cmpstr(again, !=, encoded); /* another salt */
}

static void
test_bad_hashes_never_match(void)
{
    g_assert_false(password_verify("anything", NULL));
    g_assert_false(password_verify("anything", ""));
    g_assert_false(password_verify("anything", "$argon2id$v=19$m=19456,t=3,p=1$"));
    g_assert_false(password_verify("anything", "$2b$12$abcdefghijklmnopqrstuv"));
}

static void
test_limits(void)
{
    g_autofree char *at_limit = g_strnfill(PASSWORD_MAX_LENGTH, 'x');
    g_autofree char *longer = g_strnfill(PASSWORD_MAX_LENGTH + 1, 'x');
    g_autoptr(GError) error = NULL;
    g_autofree char *encoded = password_hash(at_limit, &error);
    g_assert_no_error(error);
    g_assert_true(password_verify(at_limit, encoded));
    g_assert_false(password_verify(longer, encoded));
    for (const char *const *bad = (const char *const[]){"short", longer, "broken utf-8 \xff", NULL}; *bad; bad++) {
        g_assert_null(password_hash(*bad, &error));
        g_assert_true(err_is(error, ERR_INVALID));
        g_clear_error(&error);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/password/round-trip", test_round_trip);
    g_test_add_func("/password/bad-hashes-never-match", test_bad_hashes_never_match);
    g_test_add_func("/password/limits", test_limits);
    return g_test_run();
}
