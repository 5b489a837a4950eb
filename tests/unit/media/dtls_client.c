#include "tests/unit/media/dtls_client.h"
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <string.h>

#define RECORD_HEADER 13

struct dtls_client {
    SSL_CTX *context;
    SSL *ssl;
    gboolean started;
    char fingerprint[100];
    void (*send)(const guint8 *bytes, gsize length, gpointer user_data);
    gpointer user_data;
};

static int
on_verify(int preverified, X509_STORE_CTX *store)
{
    (void)preverified;
    (void)store;
    return 1;
}

static void
make_certificate(dtls_client *c)
{
    guint8 digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *x = X509_new();
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    X509_gmtime_adj(X509_getm_notBefore(x), 0);
    X509_gmtime_adj(X509_getm_notAfter(x), 3600);
    X509_set_pubkey(x, key);
    X509_sign(x, key, EVP_sha256());
    g_assert_cmpint(SSL_CTX_use_certificate(c->context, x), ==, 1);
    g_assert_cmpint(SSL_CTX_use_PrivateKey(c->context, key), ==, 1);
    X509_digest(x, EVP_sha256(), digest, &size);
    for (guint i = 0; i < size; i++)
        g_snprintf(c->fingerprint + 3 * i, 4, i + 1 < size ? "%02X:" : "%02X", digest[i]);
    X509_free(x);
    EVP_PKEY_free(key);
}

dtls_client *
dtls_client_new(const char *profiles, void (*send)(const guint8 *bytes, gsize length, gpointer user_data),
                gpointer user_data)
{
    dtls_client *c = g_new0(dtls_client, 1);
    c->send = send;
    c->user_data = user_data;
    c->context = SSL_CTX_new(DTLS_client_method());
    SSL_CTX_set_verify(c->context, SSL_VERIFY_PEER, on_verify);
    g_assert_cmpint(SSL_CTX_set_tlsext_use_srtp(c->context, profiles), ==, 0);
    SSL_CTX_set_options(c->context, SSL_OP_NO_QUERY_MTU);
    make_certificate(c);
    c->ssl = SSL_new(c->context);
    SSL_set_bio(c->ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_mtu(c->ssl, DTLS_MTU);
    SSL_set_connect_state(c->ssl);
    return c;
}

void
dtls_client_free(dtls_client *c)
{
    if (!c)
        return;
    SSL_free(c->ssl);
    SSL_CTX_free(c->context);
    g_free(c);
}

const char *
dtls_client_fingerprint(const dtls_client *c)
{
    return c->fingerprint;
}

/* The memory BIO joins records; each goes out as a datagram of its own. */
static void
flush_output(dtls_client *c)
{
    char *bytes;
    long length = BIO_get_mem_data(SSL_get_wbio(c->ssl), &bytes);
    g_autofree guint8 *copy = g_memdup2(bytes, (gsize)length);
    (void)BIO_reset(SSL_get_wbio(c->ssl));
    for (long at = 0; at + RECORD_HEADER <= length;) {
        long size = RECORD_HEADER + (copy[at + 11] << 8 | copy[at + 12]);
        c->send(copy + at, (gsize)size, c->user_data);
        at += size;
    }
}

void
dtls_client_tick(dtls_client *c)
{
    if (!c->started)
        SSL_do_handshake(c->ssl);
    else if (!SSL_is_init_finished(c->ssl))
        DTLSv1_handle_timeout(c->ssl);
    c->started = TRUE;
    ERR_clear_error();
    flush_output(c);
}

void
dtls_client_input(dtls_client *c, const guint8 *bytes, gsize length)
{
    char nothing[64];
    BIO_write(SSL_get_rbio(c->ssl), bytes, (int)length);
    if (SSL_is_init_finished(c->ssl))
        SSL_read(c->ssl, nothing, sizeof nothing);
    else
        SSL_do_handshake(c->ssl);
    ERR_clear_error();
    flush_output(c);
}

gboolean
dtls_client_done(const dtls_client *c)
{
    return SSL_is_init_finished(c->ssl);
}

gboolean
dtls_client_keys(dtls_client *c, dtls_keys *ret_keys)
{
    guint8 m[2 * (DTLS_KEY_LIMIT + DTLS_SALT_LIMIT)];
    const SRTP_PROTECTION_PROFILE *p = SSL_get_selected_srtp_profile(c->ssl);
    if (!p)
        return FALSE;
    gsize salt = p->id == SRTP_AEAD_AES_128_GCM ? 12 : 14;
    *ret_keys =
        (dtls_keys){.salt_length = salt,
                    .profile = salt == 12 ? SRTP_PROFILE_AEAD_AES_128_GCM : SRTP_PROFILE_AES128_CM_SHA1_80};
    g_assert_cmpint(
        SSL_export_keying_material(c->ssl, m, 2 * (16 + salt), "EXTRACTOR-dtls_srtp", 19, NULL, 0, 0), ==, 1);
    memcpy(ret_keys->client_key, m, 16);
    memcpy(ret_keys->server_key, m + 16, 16);
    memcpy(ret_keys->client_salt, m + 32, salt);
    memcpy(ret_keys->server_salt, m + 32 + salt, salt);
    return TRUE;
}

void
dtls_client_close(dtls_client *c)
{
    SSL_shutdown(c->ssl);
    flush_output(c);
}
