/* A WebRTC endpoint on a UDP socket of its own, for tests of the relay: it offers, checks, does DTLS, and
 * then sends and receives what the test says. Nothing happens but in these calls. */
#pragma once
#include "media/relay/relay.h"
#include "media/rtc/rtcp.h"
#include "media/rtc/rtp.h"
#include "media/rtc/sdp.h"
#include "media/rtc/srtp.h"
#include "tests/unit/media/dtls_client.h"

#define PEER_AUDIO_SSRC 1111
#define PEER_VIDEO_SSRC 2222
#define PEER_RTX_SSRC 3333
#define PEER_WAIT_MS 10000 /* for what must come: machines may be busy */

typedef struct {
    int socket;
    char *ufrag, *password;
    dtls_client *dtls;
    srtp_session *srtp; /* after peer_connect */
    sdp_description *remote;
    char remote_ufrag[300], remote_password[300];
    guint16 port; /* of the relay */
    /* what was received last */
    guint8 bytes[2048];
    gsize length;
} peer;

typedef enum { PEER_NOTHING, PEER_STUN, PEER_DTLS, PEER_RTP, PEER_RTCP, PEER_FORGED } peer_datagram;

/** profiles: NULL for both, GCM preferred. */
peer *peer_new(guint16 relay_port, const char *profiles);
void peer_free(peer *p);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(peer, peer_free)
/** An offer of audio (mid a, PT 111) and video (mid v, VP8 96, rtx 97): direction sendonly or recvonly.
 * Caller frees. */
char *peer_offer(const peer *p, const char *direction);
/** An answer that takes all that is offered. Caller frees. */
char *peer_answer(peer *p, const char *offer);
/** The relay's description. */
void peer_set_remote(peer *p, const char *sdp);
/** New credentials of ours (for a new offer or fragment). */
void peer_restart(peer *p);
/** Sends one check; answered TRUE: the relay replied with success. */
gboolean peer_check(peer *p, gboolean nominate);
/** Checks and DTLS until keys are there; FALSE: not within PEER_WAIT_MS. */
gboolean peer_connect(peer *p);
/** Another local port, as after a change of network. */
void peer_move(peer *p);
void peer_send(peer *p, const void *bytes, gsize length);
/** index: unwrapped sequence number. text: payload, written behind a VP8 descriptor when video. */
void peer_send_rtp(peer *p, guint32 ssrc, guint8 payload_type, guint64 index, guint32 timestamp,
                   const guint8 *payload, gsize length);
void peer_send_rtcp(peer *p, guint8 *packet, gsize length);
/** The next datagram, opened if it is SRTP or SRTCP, in p->bytes; PEER_NOTHING after wait_ms. */
peer_datagram peer_receive(peer *p, int wait_ms);
