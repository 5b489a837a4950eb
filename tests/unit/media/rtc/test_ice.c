#include "media/rtc/ice.h"
#include "media/rtc/stun.h"
#include <string.h>

#define S G_USEC_PER_SEC

static const char remote_password[] = "abcdefghijklmnopqrstuvwx";

static ice_agent
agent_with_remote(void)
{
    ice_agent a;
    ice_init(&a);
    g_assert_true(ice_set_remote(&a, "peer", remote_password));
    return a;
}

static net_address
address_of(guint16 port)
{
    return (net_address){.family = 4, .ip = {127, 0, 0, 1}, .port = port};
}

static ice_result
check(ice_agent *a, const ice_credentials *c, const char *remote, guint16 port, gint64 now, gboolean nominate)
{
    static const guint8 transaction[STUN_TRANSACTION_ID] = {1};
    guint8 request[STUN_MESSAGE_LIMIT], reply[STUN_MESSAGE_LIMIT];
    g_autofree char *username = g_strdup_printf("%s:%s", c->ufrag, remote);
    net_address from = address_of(port);
    gsize length =
        stun_write_check(request, sizeof request, transaction, username, c->password, 1, TRUE, nominate);
    return ice_input(a, request, length, &from, now, reply, sizeof reply);
}

static void
test_first_valid_then_nominated(void)
{
    ice_agent a = agent_with_remote();
    g_assert_null(ice_selected(&a));
    ice_result r = check(&a, &a.local, "peer", 1, S, FALSE);
    g_assert_cmpint(r.outcome, ==, ICE_ANSWERED);
    g_assert_true(r.added && r.moved);
    g_assert_cmpuint(ice_selected(&a)->port, ==, 1);
    r = check(&a, &a.local, "peer", 2, S, FALSE); /* valid, but media stays */
    g_assert_true(r.added && !r.moved);
    g_assert_true(check(&a, &a.local, "peer", 2, S, TRUE).moved);
    g_assert_cmpuint(ice_selected(&a)->port, ==, 2);
    g_assert_cmpint(a.consent_us, ==, S);
}

static void
test_bad_integrity_is_silent(void)
{
    ice_agent a = agent_with_remote();
    ice_agent before = a;
    ice_credentials wrong = a.local;
    wrong.password[0] ^= 1;
    ice_result r = check(&a, &wrong, "peer", 1, S, TRUE);
    g_assert_cmpint(r.outcome, ==, ICE_IGNORED);
    g_assert_cmpuint(r.reply_length, ==, 0);
    g_assert_cmpint(check(&a, &a.local, "other", 1, S, TRUE).outcome, ==, ICE_IGNORED);
    g_assert_null(ice_selected(&a));
    g_assert_cmpint(a.consent_us, ==, before.consent_us);
    g_assert_false(ice_is_valid(&a, &(net_address){.family = 4, .ip = {127, 0, 0, 1}, .port = 1}));
}

static void
test_role_conflict(void)
{
    static const guint8 transaction[STUN_TRANSACTION_ID] = {1};
    guint8 request[STUN_MESSAGE_LIMIT], reply[STUN_MESSAGE_LIMIT];
    ice_agent a = agent_with_remote();
    stun_message m;
    net_address from = address_of(1);
    g_autofree char *username = g_strdup_printf("%s:peer", a.local.ufrag);
    gsize length =
        stun_write_check(request, sizeof request, transaction, username, a.local.password, 1, FALSE, TRUE);
    ice_result r = ice_input(&a, request, length, &from, S, reply, sizeof reply);
    g_assert_cmpint(r.outcome, ==, ICE_REFUSED);
    g_assert_true(stun_parse(&m, reply, r.reply_length));
    g_assert_cmpuint(m.error, ==, 487);
    g_assert_null(ice_selected(&a));
}

/* A peer that names ever new addresses moves the media at most once a second, and keeps at most eight. */
static void
test_moves_are_limited(void)
{
    ice_agent a = agent_with_remote();
    guint moves = 0, evictions = 0;
    for (guint i = 0; i < 40; i++) {
        ice_result r = check(&a, &a.local, "peer", (guint16)(100 + i), S + i * 50000, TRUE);
        moves += r.moved;
        evictions += r.has_evicted;
        g_assert_cmpuint(a.tuple_count, <=, ICE_TUPLES);
    }
    g_assert_cmpuint(moves, <=, 3);
    g_assert_cmpuint(evictions, ==, 40 - ICE_TUPLES);
    g_assert_true(ice_is_valid(&a, ice_selected(&a)));
}

static void
test_checks_are_limited(void)
{
    ice_agent a = agent_with_remote();
    guint answered = 0;
    for (guint i = 0; i < 200; i++)
        answered += check(&a, &a.local, "peer", 1, S + i, FALSE).outcome == ICE_ANSWERED;
    g_assert_cmpuint(answered, ==, ICE_CHECKS_PER_SECOND);
    g_assert_cmpint(check(&a, &a.local, "peer", 1, 3 * S, FALSE).outcome, ==, ICE_ANSWERED);
}

static void
test_restart(void)
{
    ice_agent a = agent_with_remote();
    ice_credentials old = a.local;
    check(&a, &old, "peer", 1, S, TRUE);
    ice_restart(&a);
    g_assert_true(ice_set_remote(&a, "newp", remote_password));
    g_assert_cmpstr(a.local.ufrag, !=, old.ufrag);
    g_assert_cmpuint(ice_selected(&a)->port, ==, 1);
    g_assert_cmpint(check(&a, &old, "peer", 1, S, TRUE).outcome, ==, ICE_ANSWERED);
    ice_result r = check(&a, &a.local, "newp", 7, S + 1, TRUE);
    g_assert_true(r.restarted && r.moved);
    g_assert_cmpuint(ice_selected(&a)->port, ==, 7);
    g_assert_cmpint(check(&a, &old, "peer", 1, S + 2, TRUE).outcome, ==, ICE_IGNORED);
}

static void
test_remote_syntax(void)
{
    ice_agent a;
    ice_init(&a);
    g_assert_cmpuint(strlen(a.local.ufrag), ==, ICE_UFRAG);
    g_assert_cmpuint(strlen(a.local.password), ==, ICE_PASSWORD);
    g_assert_false(ice_set_remote(&a, "abc", remote_password));
    g_assert_false(ice_set_remote(&a, "abcd", "short"));
    g_assert_false(ice_set_remote(&a, "ab:d", remote_password));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ice/first-valid-then-nominated", test_first_valid_then_nominated);
    g_test_add_func("/ice/bad-integrity-is-silent", test_bad_integrity_is_silent);
    g_test_add_func("/ice/role-conflict", test_role_conflict);
    g_test_add_func("/ice/moves-are-limited", test_moves_are_limited);
    g_test_add_func("/ice/checks-are-limited", test_checks_are_limited);
    g_test_add_func("/ice/restart", test_restart);
    g_test_add_func("/ice/remote-syntax", test_remote_syntax);
    return g_test_run();
}
