/* Session descriptions (RFC 8866, JSEP RFC 9429) as WebRTC uses them: one bundled transport, RTP media.
 * Reading keeps what a relay needs of a stranger's offer or answer, within limits; writing makes ours. */
#pragma once
#include "hub/base/err.h"
#include "media/rtc/codec.h"
#include "media/rtc/dtls.h"
#include "media/rtc/ice.h"
#include "media/rtc/rtp.h"

#define SDP_LIMIT (64 * 1024)
#define SDP_MEDIA_LIMIT 64
#define SDP_FORMAT_LIMIT 64 /* payload types of one m-line */
#define SDP_MID_LIMIT 32
#define SDP_LINE_LIMIT 2048
#define SDP_TEXT_LIMIT 256 /* of a value that we keep: fmtp, cname, m-line parts */

typedef enum { SDP_AUDIO, SDP_VIDEO, SDP_OTHER } sdp_kind;
typedef enum { SDP_SENDRECV, SDP_SENDONLY, SDP_RECVONLY, SDP_INACTIVE } sdp_direction;
typedef enum { SDP_SETUP_NONE, SDP_ACTPASS, SDP_ACTIVE, SDP_PASSIVE } sdp_setup;

typedef struct {
    guint8 payload_type;
    codec_id codec; /* CODEC_NONE: not ours, or rtx */
    gboolean rtx;
    guint8 apt; /* rtx: of which payload type */
    char fmtp[SDP_TEXT_LIMIT + 1];
    gboolean nack, pli, fir, transport_cc;
} sdp_format;

/* What both levels may carry. */
typedef struct {
    char ufrag[ICE_CREDENTIAL_LIMIT + 1];
    char password[ICE_CREDENTIAL_LIMIT + 1];
    gboolean has_fingerprint;
    guint8 fingerprint[DTLS_FINGERPRINT_SIZE];
    sdp_setup setup;
} sdp_transport;

typedef struct {
    sdp_kind kind;
    char kind_text[SDP_TEXT_LIMIT + 1]; /* as in the m-line, for a rejecting answer */
    char protocol[SDP_TEXT_LIMIT + 1];
    char first_format[SDP_TEXT_LIMIT + 1];
    gboolean rejected; /* port 0 without bundle-only (RFC 9143 6) */
    gboolean bundled;  /* in the group */
    char mid[SDP_MID_LIMIT + 1];
    sdp_direction direction;
    sdp_transport transport;
    gboolean rtcp_mux, rtcp_rsize;
    gboolean simulcast;
    GArray *formats; /* sdp_format, in order of preference */
    rtp_extension_ids extensions;
    guint32 ssrc, rtx_ssrc; /* of the first group or stream; 0: not given */
} sdp_media;

typedef struct {
    sdp_transport transport; /* session level; media without their own use it */
    gboolean ice_lite;
    gboolean has_group;
    char group[SDP_LINE_LIMIT + 1]; /* mids of the BUNDLE group, separated by spaces */
    GPtrArray *media;               /* sdp_media */
} sdp_description;

/** ERR_TOO_LARGE: over SDP_LIMIT or SDP_MEDIA_LIMIT; ERR_INVALID: not SDP, or broken where it matters. */
sdp_description *sdp_parse(const char *text, gsize length, GError **error);
void sdp_free(sdp_description *d);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(sdp_description, sdp_free)

/** The one transport of a usable description: ICE credentials and a SHA-256 fingerprint, everything accepted
 * bundled and with rtcp-mux. ERR_INVALID says what is missing. Borrowed. */
const sdp_transport *sdp_bundle_transport(const sdp_description *d, GError **error);
/** By mid; NULL: none. */
const sdp_media *sdp_find(const sdp_description *d, const char *mid);
/** The first format of one of codecs (which ends with CODEC_NONE; the earlier the better), with its rtx (or
 * NULL). */
const sdp_format *sdp_choose(const sdp_media *m, const codec_id *codecs, const sdp_format **ret_rtx);

/** ICE credentials of an RFC 8840 fragment. FALSE: it has none (a plain trickle). */
gboolean sdp_fragment_credentials(const char *text, char ret_ufrag[ICE_CREDENTIAL_LIMIT + 1],
                                  char ret_password[ICE_CREDENTIAL_LIMIT + 1], GError **error);

/* ---- writing ---- */

typedef struct {
    guint64 id, version; /* of the o= line */
    const ice_credentials *ice;
    const char *fingerprint; /* "AB:CD:…" */
    sdp_setup setup;
    const char *address; /* of the one candidate */
    guint16 port;
} sdp_local;

/* One m-line of ours; texts are borrowed. */
typedef struct {
    const char *kind; /* "audio", "video", or what a rejected line said */
    const char *mid;
    gboolean rejected;
    const char *protocol, *format; /* of a rejected line; NULL: ours */
    sdp_direction direction;
    codec_id codec;
    guint8 payload_type, rtx_type; /* rtx 0: none */
    const char *fmtp;              /* "" or NULL: none */
    gboolean transport_cc, rtcp_rsize;
    rtp_extension_ids extensions;
    guint32 ssrc, rtx_ssrc; /* 0: we do not send */
    const char *cname, *stream, *track;
} sdp_line;

/** An offer or an answer. Caller frees. */
char *sdp_write(const sdp_local *local, const sdp_line *lines, guint count);
/** A fragment with new credentials and the candidate (RFC 8840, RFC 9725 4.3.1). Caller frees. */
char *sdp_write_fragment(const sdp_local *local, const char *mid);
const char *sdp_direction_name(sdp_direction d);
