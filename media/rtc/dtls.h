/* DTLS 1.2 in the server's role (RFC 6347, RFC 8827), only to agree on SRTP keys (RFC 5764). No sockets:
 * datagrams go in and come out one by one. Keys are given out only after the peer's certificate was compared
 * with the fingerprint of its SDP. OpenSSL keeps the time of retransmissions itself; call dtls_link_tick now
 * and then. */
#pragma once
#include "hub/base/err.h"

#define DTLS_MTU 1200            /* bytes of one datagram that we send */
#define DTLS_FINGERPRINT_SIZE 32 /* SHA-256 */
#define DTLS_KEY_LIMIT 16
#define DTLS_SALT_LIMIT 14

typedef struct dtls_context dtls_context; /* our certificate; shared by all links of a program */
typedef struct dtls_link dtls_link;

typedef enum {
    DTLS_HANDSHAKE,
    DTLS_UNVERIFIED, /* done, but the peer's fingerprint is not known yet */
    DTLS_READY,      /* keys may be taken */
    DTLS_CLOSED,     /* the peer said goodbye */
    DTLS_FAILED,
} dtls_state;

typedef enum {
    SRTP_PROFILE_NONE,
    SRTP_PROFILE_AES128_CM_SHA1_80,
    SRTP_PROFILE_AEAD_AES_128_GCM
} srtp_profile;

/* Master keys of both directions. */
typedef struct {
    srtp_profile profile;
    guint8 client_key[DTLS_KEY_LIMIT], server_key[DTLS_KEY_LIMIT];
    guint8 client_salt[DTLS_SALT_LIMIT], server_salt[DTLS_SALT_LIMIT];
    gsize salt_length;
} dtls_keys;

/** Makes a key pair (P-256) and a self-signed certificate for it. */
dtls_context *dtls_context_new(GError **error);
void dtls_context_free(dtls_context *c);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(dtls_context, dtls_context_free)
/** As in a=fingerprint: "AB:CD:…". Borrowed. */
const char *dtls_context_fingerprint(const dtls_context *c);

/** send is called inside of dtls_link_input and dtls_link_tick with one datagram each. */
dtls_link *dtls_link_new(dtls_context *c, void (*send)(const guint8 *bytes, gsize length, gpointer user_data),
                         gpointer user_data);
void dtls_link_free(dtls_link *l);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(dtls_link, dtls_link_free)

/** The peer's certificate must have this SHA-256. May come before or after the handshake's end. */
void dtls_link_set_fingerprint(dtls_link *l, const guint8 fingerprint[DTLS_FINGERPRINT_SIZE]);
/** One datagram from the peer. Returns the state after it. */
dtls_state dtls_link_input(dtls_link *l, const guint8 *bytes, gsize length);
/** Repeats what the peer did not answer in time. */
dtls_state dtls_link_tick(dtls_link *l);
dtls_state dtls_link_state(const dtls_link *l);
/** Only when READY; FALSE otherwise and when no SRTP profile was agreed. The caller wipes ret_keys. */
gboolean dtls_link_keys(dtls_link *l, dtls_keys *ret_keys);
/** Says goodbye to the peer. */
void dtls_link_close(dtls_link *l);

/** Reads "AB:CD:…" of 32 bytes. */
gboolean dtls_fingerprint_parse(const char *text, guint8 ret_fingerprint[DTLS_FINGERPRINT_SIZE]);
