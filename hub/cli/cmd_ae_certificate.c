/* consilium ae certificate: what a scanner shows over TLS. The instance's own authority (made by hub/up in
 * <data>/tls) signs a new key or the scanner's own request; or a certificate that somebody else has made is
 * registered as it is. */
#include "hub/base/err.h"
#include "hub/cli/cli.h"
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define DEFAULT_DAYS 825
#define MOST_DAYS 3650
#define RSA_BITS 3072 /* devices that cannot do elliptic curves are many */

G_DEFINE_AUTOPTR_CLEANUP_FUNC(BIO, BIO_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(X509, X509_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(X509_REQ, X509_REQ_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(X509_NAME, X509_NAME_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EVP_PKEY, EVP_PKEY_free)

typedef struct {
    X509 *certificate;
    EVP_PKEY *key;
} authority;

static void
authority_clear(authority *a)
{
    X509_free(a->certificate);
    EVP_PKEY_free(a->key);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(authority, authority_clear)

static gboolean
failed(GError **error, const char *what)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    ERR_clear_error();
    return err_set(error, ERR_INVALID, "%s: %s", what, reason ? reason : "cannot be read");
}

static gboolean
authority_read(const cli *c, authority *ret, GError **error)
{
    g_autofree char *certificate = g_build_filename(c->data, "tls", "dicom-ca.pem", NULL);
    g_autofree char *key = g_build_filename(c->data, "tls", "dicom-ca-key.pem", NULL);
    g_autoptr(BIO) certificate_file = BIO_new_file(certificate, "r"), key_file = BIO_new_file(key, "r");
    ret->certificate = certificate_file ? PEM_read_bio_X509(certificate_file, NULL, NULL, NULL) : NULL;
    ret->key = key_file ? PEM_read_bio_PrivateKey(key_file, NULL, NULL, NULL) : NULL;
    return (ret->certificate && ret->key) || failed(error, "the instance's own authority (root may read it)");
}

static gboolean
add_extension(X509 *certificate, X509 *issuer, int what, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, what, value);
    gboolean good = extension && X509_add_ext(certificate, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return good;
}

static gboolean
set_serial(X509 *certificate)
{
    guint8 bytes[16];
    BIGNUM *number = NULL;
    gboolean good = RAND_bytes(bytes, sizeof bytes) == 1;
    bytes[0] &= 0x7f;
    good = good && (number = BN_bin2bn(bytes, sizeof bytes, NULL)) &&
           BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate));
    BN_free(number);
    return good;
}

/* A certificate for key, good for both ends of a connection. NULL with error. */
static X509 *
issue(const authority *a, EVP_PKEY *key, const char *code, const char *cn, int days, GError **error)
{
    g_autoptr(X509) x = X509_new();
    g_autoptr(X509_NAME) subject = X509_NAME_new();
    gboolean good =
        X509_NAME_add_entry_by_txt(subject, "O", MBSTRING_UTF8, (const guint8 *)code, -1, -1, 0) == 1 &&
        X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const guint8 *)cn, -1, -1, 0) == 1 &&
        X509_set_version(x, X509_VERSION_3) == 1 && set_serial(x) && X509_set_subject_name(x, subject) == 1 &&
        X509_set_issuer_name(x, X509_get_subject_name(a->certificate)) == 1 &&
        X509_gmtime_adj(X509_getm_notBefore(x), -3600) &&
        X509_time_adj_ex(X509_getm_notAfter(x), days, 0, NULL) && X509_set_pubkey(x, key) == 1 &&
        add_extension(x, a->certificate, NID_basic_constraints, "critical,CA:FALSE") &&
        add_extension(x, a->certificate, NID_key_usage, "critical,digitalSignature,keyEncipherment") &&
        add_extension(x, a->certificate, NID_ext_key_usage, "clientAuth,serverAuth") &&
        add_extension(x, a->certificate, NID_subject_key_identifier, "hash") &&
        add_extension(x, a->certificate, NID_authority_key_identifier, "keyid") &&
        X509_sign(x, a->key, EVP_sha256()) > 0;
    if (!good) {
        failed(error, "the certificate cannot be made");
        return NULL;
    }
    return g_steal_pointer(&x);
}

static EVP_PKEY *
key_of_request(const char *path, GError **error)
{
    g_autoptr(BIO) file = BIO_new_file(path, "r");
    g_autoptr(X509_REQ) request = file ? PEM_read_bio_X509_REQ(file, NULL, NULL, NULL) : NULL;
    EVP_PKEY *key = request ? X509_REQ_get_pubkey(request) : NULL;
    if (key && X509_REQ_verify(request, key) == 1 && EVP_PKEY_get_security_bits(key) >= 112)
        return key;
    EVP_PKEY_free(key);
    failed(error, key ? "the request is not signed with its own key, or the key is too short" : path);
    return NULL;
}

static gboolean
write_pem(const char *directory, const char *name, int mode, int (*put)(BIO *, const void *),
          const void *what, GError **error)
{
    g_autofree char *path = g_build_filename(directory, name, NULL);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd < 0)
        return err_set(error, ERR_INVALID, "%s: %s", path, g_strerror(errno));
    g_autoptr(BIO) file = BIO_new_fd(fd, BIO_CLOSE);
    if (put(file, what) != 1)
        return failed(error, path);
    printf("%s\n", path);
    return TRUE;
}

static int
put_certificate(BIO *file, const void *what)
{
    return PEM_write_bio_X509(file, (X509 *)what);
}

static int
put_key(BIO *file, const void *what)
{
    return PEM_write_bio_PrivateKey(file, (EVP_PKEY *)what, NULL, NULL, 0, NULL, NULL);
}

/* TITLE.pem, TITLE-key.pem when the key is new, and the authority's for the scanner to trust. */
static gboolean
write_files(const char *directory, const char *title, const authority *a, X509 *certificate,
            EVP_PKEY *new_key, GError **error)
{
    g_autofree char *certificate_name = g_strdup_printf("%s.pem", title),
                    *key_name = g_strdup_printf("%s-key.pem", title);
    g_autofree char *authority_name = g_strdup_printf("%s-trust.pem", title);
    return write_pem(directory, certificate_name, 0644, put_certificate, certificate, error) &&
           write_pem(directory, authority_name, 0644, put_certificate, a->certificate, error) &&
           (!new_key || write_pem(directory, key_name, 0600, put_key, new_key, error));
}

/* The subject's CN and the digest of a certificate that somebody else has made. */
static gboolean
read_foreign(const char *path, char **ret_cn, char **ret_sha256, GError **error)
{
    g_autoptr(BIO) file = BIO_new_file(path, "r");
    g_autoptr(X509) x = file ? PEM_read_bio_X509(file, NULL, NULL, NULL) : NULL;
    guint8 digest[EVP_MAX_MD_SIZE];
    unsigned int length;
    char cn[129] = "";
    if (!x || X509_digest(x, EVP_sha256(), digest, &length) != 1)
        return failed(error, path);
    if (X509_NAME_get_text_by_NID(X509_get_subject_name(x), NID_commonName, cn, sizeof cn) <= 0)
        return err_set(error, ERR_INVALID, "%s: the certificate's subject has no common name", path);
    GString *hex = g_string_new(NULL);
    for (unsigned int i = 0; i < length; i++)
        g_string_append_printf(hex, "%02x", digest[i]);
    *ret_cn = g_strdup(cn);
    *ret_sha256 = g_string_free(hex, FALSE);
    return TRUE;
}

static gboolean
record(cli *c, const char *title, const char *cn, const char *sha256, GError **error)
{
    g_autoptr(db_batch) b = cli_batch();
    db_batch_add(b, "admin_ae_certificate_set", 3, title, cn, sha256);
    db_batch_add(b, "admin_ae_notify", 0);
    cli_audit(b, "ae.certificate", title, json_pack("{s:s, s:b}", "cn", cn, "registered", sha256 != NULL));
    return cli_run(c, b, error);
}

typedef struct {
    char *title, *out, *request, *foreign, *cn;
    int days;
} wishes;

static void
wishes_clear(wishes *w)
{
    g_free(w->title);
    g_free(w->out);
    g_free(w->request);
    g_free(w->foreign);
    g_free(w->cn);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(wishes, wishes_clear)

static gboolean
make(cli *c, const wishes *w, const char *code, const char *cn, GError **error)
{
    g_auto(authority) a = {0};
    g_autoptr(EVP_PKEY) key = NULL;
    if (!cli_need(w->out, "--out", error) || !authority_read(c, &a, error))
        return FALSE;
    key = w->request ? key_of_request(w->request, error) : EVP_RSA_gen(RSA_BITS);
    g_autoptr(X509) certificate = key ? issue(&a, key, code, cn, w->days, error) : NULL;
    return certificate && write_files(w->out, w->title, &a, certificate, w->request ? NULL : key, error) &&
           record(c, w->title, cn, NULL, error);
}

gboolean
cmd_ae_certificate(cli *c, int argc, char **argv, GError **error)
{
    g_auto(wishes) w = {.days = DEFAULT_DAYS};
    GOptionEntry entries[] = {{"aet", 0, 0, G_OPTION_ARG_STRING, &w.title, "", ""},
                              {"out", 0, 0, G_OPTION_ARG_FILENAME, &w.out, "", ""},
                              {"request", 0, 0, G_OPTION_ARG_FILENAME, &w.request, "", ""},
                              {"register", 0, 0, G_OPTION_ARG_FILENAME, &w.foreign, "", ""},
                              {"cn", 0, 0, G_OPTION_ARG_STRING, &w.cn, "", ""},
                              {"days", 0, 0, G_OPTION_ARG_INT, &w.days, "", ""},
                              {0}};
    if (!cli_options(c, entries, argc, argv, error) || !cli_need(w.title, "--aet", error))
        return FALSE;
    if (w.days < 1 || w.days > MOST_DAYS)
        return err_set(error, ERR_INVALID, "--days is 1 to %d", MOST_DAYS);
    g_autoptr(db_batch) b = cli_batch();
    guint found = db_batch_add(b, "admin_ae_certificate_subject", 1, w.title);
    if (!cli_run(c, b, error))
        return FALSE;
    if (db_rows(b, found) == 0)
        return err_set(error, ERR_NOT_FOUND, "there is no AE title %s", w.title);
    if (w.foreign) {
        g_autofree char *cn = NULL, *sha256 = NULL;
        return read_foreign(w.foreign, &cn, &sha256, error) && record(c, w.title, cn, sha256, error);
    }
    const char *known = db_text(b, found, 0, 1);
    return make(c, &w, db_text(b, found, 0, 0), w.cn ? w.cn : known ? known : w.title, error);
}
