/* The other end of a DTLS association, for tests: OpenSSL as client. */
#pragma once
#include "media/rtc/dtls.h"

typedef struct dtls_client dtls_client;

/** profiles: as SSL_CTX_set_tlsext_use_srtp takes them. send gets one datagram each. */
dtls_client *dtls_client_new(const char *profiles,
                             void (*send)(const guint8 *bytes, gsize length, gpointer user_data),
                             gpointer user_data);
void dtls_client_free(dtls_client *c);
const char *dtls_client_fingerprint(const dtls_client *c);
/** Sends the first flight, or repeats what was not answered. */
void dtls_client_tick(dtls_client *c);
void dtls_client_input(dtls_client *c, const guint8 *bytes, gsize length);
gboolean dtls_client_done(const dtls_client *c);
gboolean dtls_client_keys(dtls_client *c, dtls_keys *ret_keys);
void dtls_client_close(dtls_client *c);
