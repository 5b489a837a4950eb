/* Payloads of the channel consilium_changed. */
#include "hub/domain/notify.h"
#include "hub/base/err.h"

static void
test_parse(void)
{
    g_auto(notify_change) change = {0};
    g_assert_true(notify_parse(&change, "{\"kind\":\"consult\",\"id\":\"c1\",\"version\":3,\"organisations\":[\"o1\",\"o2\"],"
                                        "\"persons\":[]}", NULL));
    g_assert_cmpstr(change.kind, ==, "consult");
    g_assert_cmpstr(change.id, ==, "c1");
    g_assert_cmpint(change.version, ==, 3);
    g_assert_true(notify_concerns(&change, "p", "o2"));
    g_assert_false(notify_concerns(&change, "p", "o3"));
    g_assert_false(notify_concerns(&change, "p", NULL));
}

static void
test_persons_narrow_it(void)
{
    g_auto(notify_change) change = {0};
    g_assert_true(notify_parse(&change, "{\"kind\":\"teaching\",\"id\":\"t\",\"organisations\":[\"o1\"],\"persons\":[\"p1\"]}", NULL));
    g_assert_true(notify_concerns(&change, "p1", "o9"));
    g_assert_false(notify_concerns(&change, "p2", "o1"));
    g_assert_false(notify_concerns(&change, NULL, "o1"));
}

static void
test_others_are_refused(void)
{
    static const char *const texts[] = {"", "x", "[]", "{}", "{\"kind\":\"consult\"}", "{\"kind\":1,\"id\":\"x\"}"};
    for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_auto(notify_change) change = {0};
        g_autoptr(GError) error = NULL;
        g_assert_false(notify_parse(&change, texts[i], &error));
        g_assert_true(err_is(error, ERR_INVALID));
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/notify/parse", test_parse);
    g_test_add_func("/notify/persons", test_persons_narrow_it);
    g_test_add_func("/notify/others", test_others_are_refused);
    return g_test_run();
}
