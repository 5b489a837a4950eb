/* SRTP and SRTCP (RFC 3711, RFC 7714) of one DTLS association.
 *
 * AEAD_AES_128_GCM is our own code on OpenSSL: ciphers keyed once, and a packet is sealed out of place, from
 * wherever it lies straight into the send buffer. AES_CM_128_HMAC_SHA1_80, which every WebRTC endpoint must
 * offer, goes through libsrtp2.
 *
 * Sending: the caller counts packets of an SSRC from a start below 2^15 in 48 bits (the roll-over counter is
 * bits 16 to 47) and never seals two different packets under one index. Receiving: the counter is guessed
 * from the sequence number (RFC 3711 3.3.1), and a window of 1024 packets per SSRC refuses replays; both move
 * only by authentic packets. */
#pragma once
#include <glib.h>
#include "media/rtc/dtls.h"

#define SRTP_WINDOW 1024    /* packets */
#define SRTP_SSRC_LIMIT 128 /* received SSRCs of one peer; further ones are refused */
#define SRTP_OVERHEAD 20    /* bytes that sealing adds at most (RTCP: tag and index) */

typedef struct srtp_session srtp_session;

/** keys as agreed by DTLS in which we were the server (or, for tests, the client). NULL: OpenSSL or libsrtp2
 * refused. */
srtp_session *srtp_session_new(const dtls_keys *keys, gboolean we_are_client);
void srtp_session_free(srtp_session *s);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(srtp_session, srtp_session_free)

/** Seals header and payload (two pieces: the first may be empty) into out, which has room for all and
 * SRTP_OVERHEAD. index: 48 bits, its lower 16 are the header's sequence number. Returns the length; 0:
 * failed. */
gsize srtp_seal_rtp(srtp_session *s, guint64 index, const guint8 *header, gsize header_length,
                    const guint8 *first, gsize first_length, const guint8 *payload, gsize payload_length,
                    guint8 *out);
/** In place. header_length as rtp_header_length says. Returns the plain packet's length; 0: not authentic,
 * replayed, too old or too many SSRCs. */
gsize srtp_open_rtp(srtp_session *s, guint8 *packet, gsize length, gsize header_length);
/** Compound RTCP in place; the area has room for SRTP_OVERHEAD more. Returns the length; 0: failed. */
gsize srtp_seal_rtcp(srtp_session *s, guint8 *packet, gsize length);
/** In place. Returns the plain length; 0: not authentic or replayed. */
gsize srtp_open_rtcp(srtp_session *s, guint8 *packet, gsize length);
