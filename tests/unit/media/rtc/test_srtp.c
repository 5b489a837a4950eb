/* Includes the source: the RFC's vectors start from session keys, which the interface does not show. */
#include "media/rtc/srtp.c"
#include "media/rtc/rtp.h"

static dtls_keys
make_keys(srtp_profile profile)
{
    dtls_keys k = {.profile = profile, .salt_length = profile == SRTP_PROFILE_AEAD_AES_128_GCM ? 12 : 14};
    for (guint i = 0; i < 16; i++) {
        k.client_key[i] = (guint8)(i * 7 + 1);
        k.server_key[i] = (guint8)(i * 11 + 3);
    }
    for (guint i = 0; i < k.salt_length; i++) {
        k.client_salt[i] = (guint8)(i * 5 + 9);
        k.server_salt[i] = (guint8)(i * 3 + 8);
    }
    return k;
}

static srtp_t
make_oracle(const dtls_keys *k, gboolean inbound_of_server)
{
    guint8 joined[30];
    srtp_policy_t policy = {.ssrc.type = inbound_of_server ? ssrc_any_outbound : ssrc_any_inbound,
                            .key = joined,
                            .window_size = 1024,
                            .allow_repeat_tx = 1};
    srtp_t made;
    memcpy(joined, inbound_of_server ? k->client_key : k->server_key, 16);
    memcpy(joined + 16, inbound_of_server ? k->client_salt : k->server_salt, k->salt_length);
    if (k->profile == SRTP_PROFILE_AEAD_AES_128_GCM) {
        srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtp);
        srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtcp);
    } else {
        srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&policy.rtp);
        srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&policy.rtcp);
    }
    srtp_init();
    g_assert_cmpint(srtp_create(&made, &policy), ==, srtp_err_status_ok);
    return made;
}

static gsize
make_rtp(guint8 *packet, guint32 ssrc, guint64 index, gsize payload)
{
    rtp_writer w = rtp_begin(packet, 96, TRUE, (guint16)index, 1234, ssrc);
    rtp_put_extension(&w, 4, (const guint8 *)"1", 1);
    gsize header = rtp_end(&w);
    for (gsize i = 0; i < payload; i++)
        packet[header + i] = (guint8)(i + index);
    return header + payload;
}

static gsize
seal(srtp_session *s, guint64 index, const guint8 *packet, gsize length, guint8 *out)
{
    gsize header = rtp_header_length(packet, length);
    gsize first = MIN(length - header, 2);
    return srtp_seal_rtp(s, index, packet, header, packet + header, first, packet + header + first,
                         length - header - first, out);
}

/* RFC 7714 16.1.1 */
static void
test_rfc7714(void)
{
    static const guint8 key[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    static const guint8 salt[] = {0x51, 0x75, 0x69, 0x64, 0x20, 0x70, 0x72, 0x6f, 0x20, 0x71, 0x75, 0x6f};
    static const guint8 packet[] =
        "\x80\x40\xf1\x7b\x80\x41\xf8\xd3\x55\x01\xa0\xb2Gallia est omnis divisa in partes tres";
    static const guint8 want[] = "\xf2\x4d\xe3\xa3\xfb\x34\xde\x6c\xac\xba\x86\x1c\x9d\x7e\x4b\xca\xbe\x63"
                                 "\x3b\xd5\x0d\x29\x4e\x6f\x42\xa5\xf4"
                                 "\x7a\x51\xc7\xd1\x9b\x36\xde\x3a\xdf\x88\x33\x89\x9d\x7f\x27\xbe\xb1\x6a"
                                 "\x91\x52\xcf\x76\x5e\xe4\x39\x0c\xce";
    guint8 out[200];
    dtls_keys k = make_keys(SRTP_PROFILE_AEAD_AES_128_GCM);
    g_autoptr(srtp_session) s = srtp_session_new(&k, FALSE);
    EVP_CIPHER_CTX_free(s->out.rtp);
    s->out.rtp = keyed_context(key, TRUE);
    memcpy(s->out.rtp_salt, salt, sizeof salt);
    gsize length = seal(s, 0xf17b, packet, sizeof packet - 1, out);
    g_assert_cmpmem(out, 12, packet, 12);
    g_assert_cmpmem(out + 12, length - 12, want, sizeof want - 1);
}

/* Ours against libsrtp2's, both directions, RTP and RTCP. */
static void
test_oracle(gconstpointer data)
{
    dtls_keys k = make_keys(GPOINTER_TO_INT(data));
    g_autoptr(srtp_session) s = srtp_session_new(&k, FALSE);
    srtp_t sender = make_oracle(&k, TRUE), receiver = make_oracle(&k, FALSE);
    guint8 plain[300], sealed[400];
    for (guint64 index = 65000; index < 66500; index++) {
        gsize length = make_rtp(plain, 77, index, index % 200);
        int size = (int)seal(s, index, plain, length, sealed);
        g_assert_cmpint(srtp_unprotect(receiver, sealed, &size), ==, srtp_err_status_ok);
        g_assert_cmpmem(sealed, (gsize)size, plain, length);
        memcpy(sealed, plain, length);
        size = (int)length;
        g_assert_cmpint(srtp_protect(sender, sealed, &size), ==, srtp_err_status_ok);
        gsize opened = srtp_open_rtp(s, sealed, (gsize)size, rtp_header_length(sealed, (gsize)size));
        g_assert_cmpmem(sealed, opened, plain, length);
    }
    for (guint i = 0; i < 100; i++) {
        guint8 rtcp[100] = {0x80, 201, 0, 7, 0, 0, 0, (guint8)(i % 3)};
        guint8 copy[100];
        memcpy(copy, rtcp, 32);
        int size = (int)srtp_seal_rtcp(s, rtcp, 32);
        g_assert_cmpint(srtp_unprotect_rtcp(receiver, rtcp, &size), ==, srtp_err_status_ok);
        g_assert_cmpmem(rtcp, (gsize)size, copy, 32);
        g_assert_cmpint(srtp_protect_rtcp(sender, rtcp, &size), ==, srtp_err_status_ok);
        g_assert_cmpuint(srtp_open_rtcp(s, rtcp, (gsize)size), ==, 32);
        g_assert_cmpmem(rtcp, 32, copy, 32);
    }
    srtp_dealloc(sender);
    srtp_dealloc(receiver);
}

/* A third of all packets is lost, neighbours change places, and the counter rolls over: none of ours is
 * refused. */
static void
test_rollover_with_loss(void)
{
    dtls_keys k = make_keys(SRTP_PROFILE_AEAD_AES_128_GCM);
    g_autoptr(srtp_session) a = srtp_session_new(&k, TRUE);
    g_autoptr(srtp_session) b = srtp_session_new(&k, FALSE);
    g_autoptr(GRand) chance = g_rand_new_with_seed(7);
    guint8 plain[100], sealed[200], held[200];
    gsize held_length = 0;
    guint accepted = 0, sent = 0;
    for (guint64 index = 30000; index < 3 * 65536; index += (guint64)g_rand_int_range(chance, 1, 4)) {
        gsize length = seal(a, index, plain, make_rtp(plain, 5, index, 20), sealed);
        sent++;
        if (held_length == 0 && g_rand_int_range(chance, 0, 5) == 0) {
            memcpy(held, sealed, held_length = length);
            continue;
        }
        accepted += srtp_open_rtp(b, sealed, length, 20) > 0;
        if (held_length > 0) {
            accepted += srtp_open_rtp(b, held, held_length, 20) > 0;
            held_length = 0;
        }
    }
    g_assert_cmpuint(accepted + (held_length > 0), ==, sent);
}

static void
test_replay_and_forgery(void)
{
    dtls_keys k = make_keys(SRTP_PROFILE_AEAD_AES_128_GCM);
    g_autoptr(srtp_session) a = srtp_session_new(&k, TRUE);
    g_autoptr(srtp_session) b = srtp_session_new(&k, FALSE);
    guint8 plain[100], sealed[200], copy[200];
    gsize length = seal(a, 100, plain, make_rtp(plain, 5, 100, 20), sealed);
    for (gsize byte = 0; byte < length; byte++) {
        memcpy(copy, sealed, length);
        copy[byte] ^= 0x20;
        gsize header = rtp_header_length(copy, length);
        g_assert_cmpuint(header ? srtp_open_rtp(b, copy, length, header) : 0, ==, 0);
    }
    memcpy(copy, sealed, length);
    g_assert_cmpuint(srtp_open_rtp(b, copy, length, 20), >, 0);
    memcpy(copy, sealed, length);
    g_assert_cmpuint(srtp_open_rtp(b, copy, length, 20), ==, 0); /* replay */
    gsize late = seal(a, 100 + SRTP_WINDOW, plain, make_rtp(plain, 5, 100 + SRTP_WINDOW, 20), copy);
    g_assert_cmpuint(srtp_open_rtp(b, copy, late, 20), >, 0);
    late = seal(a, 99, plain, make_rtp(plain, 5, 99, 20), copy);
    g_assert_cmpuint(srtp_open_rtp(b, copy, late, 20), ==, 0); /* older than the window */
    guint8 rtcp[100] = {0x80, 201, 0, 1};
    gsize size = srtp_seal_rtcp(a, rtcp, 8);
    memcpy(copy, rtcp, size);
    g_assert_cmpuint(srtp_open_rtcp(b, rtcp, size), ==, 8);
    g_assert_cmpuint(srtp_open_rtcp(b, copy, size), ==, 0);
}

/* A forger cannot fill the table of SSRCs; a peer can open only so many. */
static void
test_ssrc_limit(void)
{
    dtls_keys k = make_keys(SRTP_PROFILE_AEAD_AES_128_GCM);
    g_autoptr(srtp_session) a = srtp_session_new(&k, TRUE);
    g_autoptr(srtp_session) b = srtp_session_new(&k, FALSE);
    guint8 plain[100], sealed[200];
    guint accepted = 0;
    for (guint ssrc = 1; ssrc <= 2 * SRTP_SSRC_LIMIT; ssrc++) {
        gsize length = seal(a, 1, plain, make_rtp(plain, ssrc, 1, 20), sealed);
        accepted += srtp_open_rtp(b, sealed, length, 20) > 0;
    }
    g_assert_cmpuint(accepted, ==, SRTP_SSRC_LIMIT);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/srtp/rfc7714", test_rfc7714);
    g_test_add_data_func("/srtp/oracle-gcm", GINT_TO_POINTER(SRTP_PROFILE_AEAD_AES_128_GCM), test_oracle);
    g_test_add_data_func("/srtp/oracle-sha1", GINT_TO_POINTER(SRTP_PROFILE_AES128_CM_SHA1_80), test_oracle);
    g_test_add_func("/srtp/rollover-with-loss", test_rollover_with_loss);
    g_test_add_func("/srtp/replay-and-forgery", test_replay_and_forgery);
    g_test_add_func("/srtp/ssrc-limit", test_ssrc_limit);
    return g_test_run();
}
