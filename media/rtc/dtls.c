/* DTLS by OpenSSL. A BIO of our own keeps the borders of datagrams: it hands out the datagram being input
 * once, and sends each write as one datagram. A browser's first flight comes in two fragments, which OpenSSL
 * joins, provided that DTLSv1_listen is not used; its cookies would add nothing, because links get datagrams
 * only from addresses that ICE has authenticated. */
#include "media/rtc/dtls.h"
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <string.h>

#define CERTIFICATE_DAYS 30
#define EXPORTER_LABEL "EXTRACTOR-dtls_srtp" /* RFC 5764 4.2 */

struct dtls_context {
    SSL_CTX *ssl;
    BIO_METHOD *bio;
    char fingerprint[3 * DTLS_FINGERPRINT_SIZE + 1];
};

struct dtls_link {
    SSL *ssl;
    dtls_state state;
    const guint8 *input; /* the datagram being input, until OpenSSL has read it */
    gsize input_length;
    void (*send)(const guint8 *bytes, gsize length, gpointer user_data);
    gpointer user_data;
    gboolean has_fingerprint;
    guint8 fingerprint[DTLS_FINGERPRINT_SIZE];
};

/* ---- the BIO ---- */

static int
on_bio_write(BIO *bio, const char *bytes, int length)
{
    dtls_link *l = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    l->send((const guint8 *)bytes, (gsize)length, l->user_data);
    return length;
}

static int
on_bio_read(BIO *bio, char *bytes, int length)
{
    dtls_link *l = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (!l->input) {
        BIO_set_retry_read(bio);
        return -1;
    }
    int count = (int)MIN((gsize)length, l->input_length);
    memcpy(bytes, l->input, (gsize)count);
    l->input = NULL; /* the rest of a datagram that does not fit is lost, as with a socket */
    return count;
}

static long
on_bio_control(BIO *bio, int command, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    switch (command) {
    case BIO_CTRL_FLUSH:
        return 1;
    case BIO_CTRL_DGRAM_QUERY_MTU:
        return DTLS_MTU;
    default:
        return 0;
    }
}

static int
on_bio_create(BIO *bio)
{
    BIO_set_init(bio, 1);
    return 1;
}

static BIO_METHOD *
make_bio_method(void)
{
    BIO_METHOD *m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "datagrams");
    if (!m)
        return NULL;
    BIO_meth_set_write(m, on_bio_write);
    BIO_meth_set_read(m, on_bio_read);
    BIO_meth_set_ctrl(m, on_bio_control);
    BIO_meth_set_create(m, on_bio_create);
    return m;
}

/* ---- the context ---- */

/* Browsers' certificates are self-signed; what counts is the fingerprint, compared in verify_peer. */
static int
on_verify(int preverified, X509_STORE_CTX *store)
{
    (void)preverified;
    (void)store;
    return 1;
}

static X509 *
make_certificate(EVP_PKEY *key)
{
    X509 *x = X509_new();
    guint32 serial = 0;
    if (!x || RAND_bytes((guint8 *)&serial, sizeof serial) != 1) {
        X509_free(x);
        return NULL;
    }
    X509_set_version(x, 2);
    ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), serial);
    X509_gmtime_adj(X509_getm_notBefore(x), -24 * 3600);
    X509_gmtime_adj(X509_getm_notAfter(x), CERTIFICATE_DAYS * 24L * 3600);
    X509_NAME *name = X509_get_subject_name(x);
    gboolean made =
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const guint8 *)"consilium", -1, -1, 0) == 1 &&
        X509_set_issuer_name(x, name) == 1 && X509_set_pubkey(x, key) == 1 &&
        X509_sign(x, key, EVP_sha256()) > 0;
    if (made)
        return x;
    X509_free(x);
    return NULL;
}

static gboolean
use_new_certificate(dtls_context *c)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *x = key ? make_certificate(key) : NULL;
    guint8 digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    gboolean used = x && SSL_CTX_use_certificate(c->ssl, x) == 1 &&
                    SSL_CTX_use_PrivateKey(c->ssl, key) == 1 &&
                    X509_digest(x, EVP_sha256(), digest, &size) == 1 && size == DTLS_FINGERPRINT_SIZE;
    for (guint i = 0; used && i < size; i++)
        g_snprintf(c->fingerprint + 3 * i, 4, i + 1 < size ? "%02X:" : "%02X", digest[i]);
    X509_free(x);
    EVP_PKEY_free(key);
    return used;
}

static gboolean
set_up(dtls_context *c)
{
    SSL_CTX *s = c->ssl;
    SSL_CTX_set_options(s, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_QUERY_MTU |
                               SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_session_cache_mode(s, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(s, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_verify(s, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, on_verify);
    /* SSL_CTX_set_tlsext_use_srtp returns 0 on success. */
    return SSL_CTX_set_min_proto_version(s, DTLS1_2_VERSION) == 1 &&
           SSL_CTX_set_cipher_list(s, "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305:"
                                      "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-SHA") == 1 &&
           SSL_CTX_set1_groups_list(s, "X25519:P-256") == 1 &&
           SSL_CTX_set_tlsext_use_srtp(s, "SRTP_AEAD_AES_128_GCM:SRTP_AES128_CM_SHA1_80") == 0 &&
           use_new_certificate(c);
}

dtls_context *
dtls_context_new(GError **error)
{
    g_autoptr(dtls_context) c = g_new0(dtls_context, 1);
    c->ssl = SSL_CTX_new(DTLS_server_method());
    c->bio = make_bio_method();
    if (c->ssl && c->bio && set_up(c))
        return g_steal_pointer(&c);
    ERR_clear_error();
    err_set(error, ERR_INTERNAL, "cannot set up DTLS");
    return NULL;
}

void
dtls_context_free(dtls_context *c)
{
    if (!c)
        return;
    SSL_CTX_free(c->ssl);
    BIO_meth_free(c->bio);
    g_free(c);
}

const char *
dtls_context_fingerprint(const dtls_context *c)
{
    return c->fingerprint;
}

/* ---- links ---- */

dtls_link *
dtls_link_new(dtls_context *c, void (*send)(const guint8 *bytes, gsize length, gpointer user_data),
              gpointer user_data)
{
    dtls_link *l = g_new0(dtls_link, 1);
    BIO *bio = BIO_new(c->bio);
    l->ssl = SSL_new(c->ssl);
    l->send = send;
    l->user_data = user_data;
    if (!bio || !l->ssl)
        g_error("out of memory");
    BIO_set_data(bio, l);
    SSL_set_bio(l->ssl, bio, bio);
    SSL_set_mtu(l->ssl, DTLS_MTU);
    DTLS_set_link_mtu(l->ssl, DTLS_MTU);
    SSL_set_accept_state(l->ssl);
    return l;
}

void
dtls_link_free(dtls_link *l)
{
    if (!l)
        return;
    SSL_free(l->ssl);
    g_free(l);
}

static void
verify_peer(dtls_link *l)
{
    guint8 digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    if (l->state != DTLS_UNVERIFIED || !l->has_fingerprint)
        return;
    X509 *x = SSL_get1_peer_certificate(l->ssl);
    gboolean same = x && X509_digest(x, EVP_sha256(), digest, &size) == 1 && size == DTLS_FINGERPRINT_SIZE &&
                    CRYPTO_memcmp(digest, l->fingerprint, DTLS_FINGERPRINT_SIZE) == 0;
    X509_free(x);
    l->state = same ? DTLS_READY : DTLS_FAILED;
}

void
dtls_link_set_fingerprint(dtls_link *l, const guint8 fingerprint[DTLS_FINGERPRINT_SIZE])
{
    memcpy(l->fingerprint, fingerprint, DTLS_FINGERPRINT_SIZE);
    l->has_fingerprint = TRUE;
    verify_peer(l);
}

static void
step_handshake(dtls_link *l)
{
    int status = SSL_do_handshake(l->ssl);
    if (status == 1) {
        l->state = DTLS_UNVERIFIED;
        verify_peer(l);
        return;
    }
    int why = SSL_get_error(l->ssl, status);
    if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE)
        l->state = DTLS_FAILED;
}

/* After the handshake there are only repeated flights, which SSL_read answers, and the peer's goodbye. */
static void
step_read(dtls_link *l)
{
    guint8 nothing_expected[64];
    int count = SSL_read(l->ssl, nothing_expected, sizeof nothing_expected);
    if (count <= 0 && (SSL_get_shutdown(l->ssl) & SSL_RECEIVED_SHUTDOWN))
        l->state = DTLS_CLOSED;
}

dtls_state
dtls_link_input(dtls_link *l, const guint8 *bytes, gsize length)
{
    if (l->state == DTLS_FAILED || l->state == DTLS_CLOSED)
        return l->state;
    ERR_clear_error();
    l->input = bytes;
    l->input_length = length;
    if (l->state == DTLS_HANDSHAKE)
        step_handshake(l);
    else
        step_read(l);
    l->input = NULL;
    ERR_clear_error();
    return l->state;
}

dtls_state
dtls_link_tick(dtls_link *l)
{
    if (l->state != DTLS_HANDSHAKE)
        return l->state;
    ERR_clear_error();
    if (DTLSv1_handle_timeout(l->ssl) < 0)
        l->state = DTLS_FAILED;
    ERR_clear_error();
    return l->state;
}

dtls_state
dtls_link_state(const dtls_link *l)
{
    return l->state;
}

static srtp_profile
agreed_profile(SSL *ssl)
{
    const SRTP_PROTECTION_PROFILE *p = SSL_get_selected_srtp_profile(ssl);
    if (p && p->id == SRTP_AEAD_AES_128_GCM)
        return SRTP_PROFILE_AEAD_AES_128_GCM;
    if (p && p->id == SRTP_AES128_CM_SHA1_80)
        return SRTP_PROFILE_AES128_CM_SHA1_80;
    return SRTP_PROFILE_NONE;
}

gboolean
dtls_link_keys(dtls_link *l, dtls_keys *ret_keys)
{
    guint8 material[2 * (DTLS_KEY_LIMIT + DTLS_SALT_LIMIT)];
    dtls_keys keys = {0};
    if (l->state != DTLS_READY || !(keys.profile = agreed_profile(l->ssl)))
        return FALSE;
    keys.salt_length = keys.profile == SRTP_PROFILE_AEAD_AES_128_GCM ? 12 : 14;
    gsize needed = 2 * (DTLS_KEY_LIMIT + keys.salt_length);
    if (SSL_export_keying_material(l->ssl, material, needed, EXPORTER_LABEL, strlen(EXPORTER_LABEL), NULL, 0,
                                   0) != 1)
        return FALSE;
    /* RFC 5764 4.2: client key, server key, client salt, server salt */
    const guint8 *at = material;
    memcpy(keys.client_key, at, DTLS_KEY_LIMIT);
    memcpy(keys.server_key, at += DTLS_KEY_LIMIT, DTLS_KEY_LIMIT);
    memcpy(keys.client_salt, at += DTLS_KEY_LIMIT, keys.salt_length);
    memcpy(keys.server_salt, at + keys.salt_length, keys.salt_length);
    OPENSSL_cleanse(material, sizeof material);
    *ret_keys = keys;
    OPENSSL_cleanse(&keys, sizeof keys);
    return TRUE;
}

void
dtls_link_close(dtls_link *l)
{
    if (l->state != DTLS_UNVERIFIED && l->state != DTLS_READY)
        return;
    ERR_clear_error();
    SSL_shutdown(l->ssl);
    ERR_clear_error();
    l->state = DTLS_CLOSED;
}

gboolean
dtls_fingerprint_parse(const char *text, guint8 ret_fingerprint[DTLS_FINGERPRINT_SIZE])
{
    guint8 bytes[DTLS_FINGERPRINT_SIZE];
    if (strlen(text) != 3 * DTLS_FINGERPRINT_SIZE - 1)
        return FALSE;
    for (guint i = 0; i < DTLS_FINGERPRINT_SIZE; i++, text += 3) {
        int high = g_ascii_xdigit_value(text[0]);
        int low = g_ascii_xdigit_value(text[1]);
        if (high < 0 || low < 0 || (text[2] != ':' && text[2] != '\0'))
            return FALSE;
        bytes[i] = (guint8)(high << 4 | low);
    }
    memcpy(ret_fingerprint, bytes, sizeof bytes);
    return TRUE;
}
