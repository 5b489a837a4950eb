#include "dicom/tls/tls.h"
#include "hub/base/err.h"
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <unistd.h>

/* RFC 9325 4.2: forward secrecy and authenticated encryption only */
#define CIPHERS "ECDHE+AESGCM:ECDHE+CHACHA20"
#define GROUPS "X25519:P-256:P-384"

G_DEFINE_AUTOPTR_CLEANUP_FUNC(BIO, BIO_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(X509, X509_free)

struct tls_context {
    SSL_CTX *server, *client;
    X509 *authority; /* the instance's own */
};

struct tls_session {
    SSL *ssl;
    const tls_context *context;
    tls_peer peer;
    gboolean shown; /* the peer has shown a certificate */
    gboolean broken;
    gboolean (*known)(const char *, gpointer);
    gpointer user_data;
};

/* --- who is there ------------------------------------------------------------------------------------------
 */

static void
take_name(X509_NAME *subject, int what, char *text, gsize size)
{
    int at = X509_NAME_get_index_by_NID(subject, what, -1);
    unsigned char *utf8 = NULL;
    text[0] = '\0';
    if (at < 0)
        return;
    int length = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
    /* a name with a zero byte in it is somebody's trick */
    if (length > 0 && (gsize)length < size && strlen((char *)utf8) == (gsize)length)
        g_strlcpy(text, (char *)utf8, size);
    OPENSSL_free(utf8);
}

static void
describe(tls_peer *p, X509 *certificate)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int length = 0;
    X509_NAME *subject = X509_get_subject_name(certificate);
    take_name(subject, NID_commonName, p->cn, sizeof p->cn);
    take_name(subject, NID_organizationName, p->organisation, sizeof p->organisation);
    if (!X509_digest(certificate, EVP_sha256(), digest, &length))
        length = 0;
    for (unsigned int i = 0; i < length; i++)
        g_snprintf(p->sha256 + 2 * i, 3, "%02x", digest[i]);
}

static gboolean
is_of_today(X509 *certificate)
{
    return X509_cmp_current_time(X509_get0_notBefore(certificate)) < 0 &&
           X509_cmp_current_time(X509_get0_notAfter(certificate)) > 0;
}

static int
verify(X509_STORE_CTX *store, void *unused)
{
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    tls_session *s = SSL_get_app_data(ssl);
    X509 *certificate = X509_STORE_CTX_get0_cert(store);
    (void)unused;
    if (!certificate)
        return 0;
    s->shown = TRUE;
    describe(&s->peer, certificate);
    s->peer.trusted = X509_verify_cert(store) == 1;
    STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(store);
    int depth = s->peer.trusted && chain ? sk_X509_num(chain) : 0;
    s->peer.ours = depth > 0 && X509_cmp(sk_X509_value(chain, depth - 1), s->context->authority) == 0;
    if (!s->peer.trusted && is_of_today(certificate) && s->known && s->known(s->peer.sha256, s->user_data)) {
        X509_STORE_CTX_set_error(store, X509_V_OK);
        return 1;
    }
    return s->peer.trusted;
}

gboolean
tls_peer_matches(const tls_peer *peer, const char *cn, const char *sha256, const char *code)
{
    if (sha256)
        return !strcmp(peer->sha256, sha256);
    return cn && peer->trusted && !strcmp(peer->cn, cn) &&
           (!peer->ours || !g_strcmp0(peer->organisation, code));
}

/* --- the context -------------------------------------------------------------------------------------------
 */

static gboolean
failed(GError **error, const char *what)
{
    char text[160] = "";
    ERR_error_string_n(ERR_peek_last_error(), text, sizeof text);
    ERR_clear_error();
    return err_set(error, ERR_UNAVAILABLE, "%s: %s", what, text);
}

static gboolean
use_certificates(SSL_CTX *ctx, const char *directory, GError **error)
{
    static const char *const kinds[] = {"rsa", "ec"};
    for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++) {
        g_autofree char *certificate = g_strdup_printf("%s/dicom-%s.pem", directory, kinds[i]);
        g_autofree char *key = g_strdup_printf("%s/dicom-%s-key.pem", directory, kinds[i]);
        if (SSL_CTX_use_certificate_chain_file(ctx, certificate) != 1 ||
            SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1)
            return failed(error, certificate);
    }
    return TRUE;
}

static gboolean
use_trust(SSL_CTX *ctx, const char *directory, GError **error)
{
    g_autofree char *own = g_build_filename(directory, "dicom-ca.pem", NULL);
    g_autofree char *others = g_build_filename(directory, "dicom-trust.pem", NULL);
    if (SSL_CTX_load_verify_locations(ctx, own, NULL) != 1)
        return failed(error, own);
    if (access(others, F_OK) == 0 && SSL_CTX_load_verify_locations(ctx, others, NULL) != 1)
        return failed(error, others);
    return TRUE;
}

static SSL_CTX *
make_context(const SSL_METHOD *method, const char *directory, GError **error)
{
    SSL_CTX *ctx = SSL_CTX_new(method);
    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
    SSL_CTX_set_cipher_list(ctx, CIPHERS);
    SSL_CTX_set1_groups_list(ctx, GROUPS);
    SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET |
                                 SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF); /* each association shows its certificate */
    SSL_CTX_set_mode(ctx, SSL_MODE_AUTO_RETRY | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_cert_verify_callback(ctx, verify, NULL);
    if (use_certificates(ctx, directory, error) && use_trust(ctx, directory, error))
        return ctx;
    SSL_CTX_free(ctx);
    return NULL;
}

static X509 *
read_certificate(const char *path, GError **error)
{
    g_autoptr(BIO) file = BIO_new_file(path, "r");
    X509 *certificate = file ? PEM_read_bio_X509(file, NULL, NULL, NULL) : NULL;
    if (!certificate)
        failed(error, path);
    return certificate;
}

gboolean
tls_is_set_up(const char *directory)
{
    g_autofree char *key = g_build_filename(directory, "dicom-rsa-key.pem", NULL);
    return access(key, R_OK) == 0;
}

tls_context *
tls_context_new(const char *directory, GError **error)
{
    g_autoptr(tls_context) c = g_new0(tls_context, 1);
    g_autofree char *own = g_build_filename(directory, "dicom-ca.pem", NULL);
    c->authority = read_certificate(own, error);
    if (!c->authority || !(c->server = make_context(TLS_server_method(), directory, error)) ||
        !(c->client = make_context(TLS_client_method(), directory, error)))
        return NULL;
    SSL_CTX_add_client_CA(c->server, c->authority);
    return g_steal_pointer(&c);
}

void
tls_context_free(tls_context *c)
{
    if (!c)
        return;
    SSL_CTX_free(c->server);
    SSL_CTX_free(c->client);
    X509_free(c->authority);
    g_free(c);
}

/* --- one connection
 * ------------------------------------------------------------------------------------------ */

static tls_session *
handshake(const tls_context *c, SSL_CTX *ctx, int fd, int (*begin)(SSL *),
          gboolean (*known)(const char *, gpointer), gpointer user_data, GError **error)
{
    g_autoptr(tls_session) s = g_new0(tls_session, 1);
    *s = (tls_session){.ssl = SSL_new(ctx), .context = c, .known = known, .user_data = user_data};
    SSL_set_app_data(s->ssl, s);
    SSL_set_fd(s->ssl, fd);
    ERR_clear_error();
    if (begin(s->ssl) == 1)
        return g_steal_pointer(&s);
    unsigned long code = ERR_peek_last_error();
    long verdict = SSL_get_verify_result(s->ssl);
    s->broken = TRUE;
    if (ERR_GET_REASON(code) == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE)
        err_set(error, ERR_DENIED, "it shows no certificate");
    else if (s->shown && verdict != X509_V_OK)
        err_set(error, ERR_DENIED, "certificate \"%s\" of \"%s\": %s", s->peer.cn, s->peer.organisation,
                X509_verify_cert_error_string(verdict));
    else
        err_set(error, ERR_UNAVAILABLE, "no TLS handshake: %s",
                code ? ERR_reason_error_string(code) : "the peer went away");
    ERR_clear_error();
    return NULL;
}

tls_session *
tls_accept(tls_context *c, int fd, gboolean (*known)(const char *, gpointer), gpointer user_data,
           GError **error)
{
    return handshake(c, c->server, fd, SSL_accept, known, user_data, error);
}

tls_session *
tls_connect(tls_context *c, int fd, gboolean (*known)(const char *, gpointer), gpointer user_data,
            GError **error)
{
    return handshake(c, c->client, fd, SSL_connect, known, user_data, error);
}

void
tls_session_free(tls_session *s)
{
    if (!s)
        return;
    if (!s->broken)
        (void)SSL_shutdown(s->ssl);
    ERR_clear_error();
    SSL_free(s->ssl);
    g_free(s);
}

const tls_peer *
tls_session_peer(const tls_session *s)
{
    return &s->peer;
}

static gssize
result(tls_session *s, int n)
{
    if (n > 0)
        return n;
    gboolean end = SSL_get_error(s->ssl, n) == SSL_ERROR_ZERO_RETURN;
    s->broken = !end;
    ERR_clear_error();
    return end ? 0 : -1;
}

gssize
tls_read(tls_session *s, void *buffer, gsize length)
{
    return result(s, SSL_read(s->ssl, buffer, (int)MIN(length, G_MAXINT)));
}

gssize
tls_write(tls_session *s, const void *buffer, gsize length)
{
    return result(s, SSL_write(s->ssl, buffer, (int)MIN(length, G_MAXINT)));
}

gboolean
tls_pending(const tls_session *s)
{
    return SSL_has_pending(s->ssl) && SSL_pending(s->ssl) > 0;
}
