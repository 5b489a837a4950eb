/* DICOM over TLS (PS3.15 B.12: BCP 195, RFC 9325): TLS 1.2 and 1.3, both ends show a certificate, RSA or
 * ECDSA. DCMTK's own layer knows neither today's profiles nor ECDSA with TLS 1.3, so the association runs
 * over this one.
 *
 * Files in <data>/tls: dicom-ca.pem, the instance's own authority; dicom-rsa.pem, dicom-ec.pem and their
 * -key.pem, what this machine shows; dicom-trust.pem, other authorities that the operator trusts (may be
 * missing). hub/up makes the first. Blocking, for the association worker. */
#pragma once
#include <glib.h>

G_BEGIN_DECLS

typedef struct tls_context tls_context;
typedef struct tls_session tls_session;

/* Who is at the other end, by its certificate. */
typedef struct {
    char cn[129], organisation[129]; /* of its subject, UTF-8; "" when it has none */
    char sha256[65];                 /* of the certificate, lower-case hex */
    gboolean trusted;                /* an authority that we trust vouches for it */
    gboolean ours;                   /* … and that is the instance's own */
} tls_peer;

/** Is there what a service needs to listen? */
gboolean tls_is_set_up(const char *directory);
/** directory: <data>/tls. NULL with ERR_UNAVAILABLE. */
tls_context *tls_context_new(const char *directory, GError **error);
void tls_context_free(tls_context *c);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(tls_context, tls_context_free)

/** Handshakes over the connected socket fd, which stays the caller's, as server or client. known (may be
 * NULL) is asked about a certificate that no authority vouches for; while it is valid, TRUE lets it pass.
 * NULL with ERR_DENIED: its certificate is none that we take; ERR_UNAVAILABLE: no handshake. */
tls_session *tls_accept(tls_context *c, int fd, gboolean (*known)(const char *sha256, gpointer user_data),
                        gpointer user_data, GError **error);
tls_session *tls_connect(tls_context *c, int fd, gboolean (*known)(const char *sha256, gpointer user_data),
                         gpointer user_data, GError **error);
/** Says goodbye unless the connection is broken. */
void tls_session_free(tls_session *s);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(tls_session, tls_session_free)

const tls_peer *tls_session_peer(const tls_session *s);
/** As read and write: bytes, 0 at the end, -1 when broken. */
gssize tls_read(tls_session *s, void *buffer, gsize length);
gssize tls_write(tls_session *s, const void *buffer, gsize length);
/** Is there something to read that has left the socket already? */
gboolean tls_pending(const tls_session *s);

/** Is peer the AE of the organisation `code` that is registered with this certificate? sha256: the very one;
 * NULL: any of subject cn that is trusted. One of the instance's own authority must name the organisation
 * too. */
gboolean tls_peer_matches(const tls_peer *peer, const char *cn, const char *sha256, const char *code);

G_END_DECLS
