#include "media/rtc/stun.h"
#include <string.h>

/* RFC 5769 2.1: a sample request with long-known values. */
static const guint8 rfc5769_request[] =
    "\x00\x01\x00\x58\x21\x12\xa4\x42\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae"
    "\x80\x22\x00\x10STUN test "
    "client\x00\x24\x00\x04\x6e\x00\x01\xff\x80\x29\x00\x08\x93\x2f\xf9\xb1\x51\x26\x3b\x36"
    "\x00\x06\x00\x09\x65\x76\x74\x6a\x3a\x68\x36\x76\x59\x20\x20\x20"
    "\x00\x08\x00\x14\x9a\xea\xa7\x0c\xbf\xd8\xcb\x56\x78\x1e\xf2\xb5\xb2\xd3\xf2\x49\xc1\xb5\x71\xa2"
    "\x80\x28\x00\x04\xe5\x7a\x3b\xcf";
static const char rfc5769_password[] = "VOkJxbRl1RmTxUk/WvJxBt";

static void
test_rfc5769(void)
{
    stun_message m;
    g_assert_true(stun_parse(&m, rfc5769_request, sizeof rfc5769_request - 1));
    g_assert_cmpint(m.type, ==, STUN_REQUEST);
    g_assert_true(m.has_priority && m.controlled && m.has_fingerprint && !m.use_candidate);
    g_assert_cmpmem(m.username, m.username_length, "evtj:h6vY", 9);
    g_assert_true(stun_integrity_ok(&m, rfc5769_password));
    g_assert_false(stun_integrity_ok(&m, "VOkJxbRl1RmTxUk/WvJxBu"));
}

static void
test_every_bit_counts(void)
{
    guint8 copy[sizeof rfc5769_request - 1];
    stun_message m;
    for (gsize bit = 0; bit < 8 * sizeof copy; bit++) {
        memcpy(copy, rfc5769_request, sizeof copy);
        copy[bit / 8] ^= (guint8)(1u << bit % 8);
        g_assert_false(stun_parse(&m, copy, sizeof copy) && m.has_fingerprint &&
                       stun_integrity_ok(&m, rfc5769_password));
    }
    for (gsize length = 0; length < sizeof copy; length++)
        g_assert_false(stun_parse(&m, rfc5769_request, length));
}

static void
check_mapped(const net_address *address)
{
    static const guint8 transaction[STUN_TRANSACTION_ID] = "0123456789ab";
    guint8 request[200], reply[200];
    stun_message m, r;
    gsize length = stun_write_check(request, sizeof request, transaction, "a:b", "password", 1, TRUE, TRUE);
    g_assert_true(stun_parse(&m, request, length));
    g_assert_true(m.use_candidate && m.controlling && stun_integrity_ok(&m, "password"));
    gsize size = stun_write_success(reply, sizeof reply, &m, address, "password");
    /* No amplification: an answer is never longer than what browsers send. */
    g_assert_cmpuint(size, >, 0);
    g_assert_cmpuint(size, <=, 104);
    g_assert_true(stun_parse(&r, reply, size));
    g_assert_cmpint(r.type, ==, STUN_SUCCESS);
    g_assert_true(r.has_mapped && r.has_fingerprint && stun_integrity_ok(&r, "password"));
    g_assert_true(net_address_equal(&r.mapped, address));
    g_assert_cmpmem(r.transaction, STUN_TRANSACTION_ID, transaction, STUN_TRANSACTION_ID);
    g_assert_cmpuint(stun_write_success(reply, size - 1, &m, address, "password"), ==, 0);
}

static void
test_success(void)
{
    check_mapped(&(net_address){.family = 4, .ip = {192, 0, 2, 1}, .port = 32853});
    check_mapped(&(net_address){
        .family = 6, .ip = {0x20, 0x01, 0x0d, 0xb8, 9, 8, 7, 6, 5, 4, 3, 2, 1, 2, 3, 4}, .port = 1});
}

static void
test_error(void)
{
    static const guint8 transaction[STUN_TRANSACTION_ID] = {0};
    guint8 request[200], reply[200];
    stun_message m, r;
    gsize length = stun_write_check(request, sizeof request, transaction, "a:b", "password", 1, TRUE, FALSE);
    g_assert_true(stun_parse(&m, request, length));
    length = stun_write_error(reply, sizeof reply, &m, 487, "password");
    g_assert_true(stun_parse(&r, reply, length));
    g_assert_cmpuint(r.error, ==, 487);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/stun/rfc5769", test_rfc5769);
    g_test_add_func("/stun/every-bit-counts", test_every_bit_counts);
    g_test_add_func("/stun/success", test_success);
    g_test_add_func("/stun/error", test_error);
    return g_test_run();
}
