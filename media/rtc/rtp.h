/* RTP packets (RFC 3550) and header extensions (RFC 8285): reading in place, writing headers. */
#pragma once
#include <glib.h>

#define RTP_HEADER 12
#define RTP_HEADER_LIMIT 96   /* of a header that we write, with extensions */
#define RTP_PACKET_LIMIT 1500 /* longer datagrams are dropped */
#define RTP_SEQUENCE_CYCLE 65536

#define RTP_EXT_MID "urn:ietf:params:rtp-hdrext:sdes:mid"
#define RTP_EXT_SEND_TIME "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
#define RTP_EXT_TRANSPORT_CC "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
#define RTP_EXT_AUDIO_LEVEL "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
#define RTP_EXT_RID "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
#define RTP_EXT_REPAIRED_RID "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"

/* The header extensions that we know, as indices of tables of ids. */
typedef enum {
    RTP_MID,
    RTP_SEND_TIME,
    RTP_TRANSPORT_CC,
    RTP_AUDIO_LEVEL,
    RTP_RID,
    RTP_REPAIRED_RID,
    RTP_EXTENSION_COUNT
} rtp_extension;

/** The URI of an extension. */
const char *rtp_extension_uri(rtp_extension e);
/** FALSE: not one of ours. */
gboolean rtp_extension_parse(const char *uri, rtp_extension *ret_extension);

/* Ids agreed for our extensions; 0: not agreed. */
typedef struct {
    guint8 of[RTP_EXTENSION_COUNT];
} rtp_extension_ids;

typedef struct {
    guint8 payload_type;
    gboolean marker;
    guint16 sequence;
    guint32 timestamp;
    guint32 ssrc;
    guint16 profile;          /* of the extension block: 0xbede one-byte, 0x100x two-byte form */
    const guint8 *extensions; /* NULL: none */
    gsize extensions_length;
    const guint8 *payload;
    gsize payload_length; /* without padding */
    gsize padding;
} rtp_packet;

/* What the extensions of one packet say. Pointers go into the packet; NULL: absent. */
typedef struct {
    const guint8 *value[RTP_EXTENSION_COUNT];
    guint8 length[RTP_EXTENSION_COUNT];
} rtp_extension_values;

/** Bytes up to the payload, checked against length; 0: not RTP. Works on a sealed packet too (the header is
 * in the clear). */
gsize rtp_header_length(const guint8 *packet, gsize length);
/** A whole plain packet, padding taken off. FALSE: not RTP. */
gboolean rtp_parse(rtp_packet *ret_packet, const guint8 *packet, gsize length);
/** Our extensions of a packet by the agreed ids. Both forms of RFC 8285; malformed ones end the search. */
void rtp_read_extensions(const rtp_packet *p, const rtp_extension_ids *ids, rtp_extension_values *ret_values);

/** The sequence number as part of a count that never wraps, nearest to highest. */
guint64 rtp_unwrap(guint64 highest, guint16 sequence);

/* Writing: rtp_begin, any extensions, rtp_end. */
typedef struct {
    guint8 *start;
    guint8 *at; /* NULL: no extension block begun */
} rtp_writer;

/** Writes the fixed header into area of RTP_HEADER_LIMIT bytes. */
rtp_writer rtp_begin(guint8 *area, guint8 payload_type, gboolean marker, guint16 sequence, guint32 timestamp,
                     guint32 ssrc);
/** Adds an extension in the one-byte form; id 0 (not agreed), length 0 or over 16, or lack of room: does
 * nothing. */
void rtp_put_extension(rtp_writer *w, guint8 id, const guint8 *value, gsize length);
/** Pads the block; returns the header's length. */
gsize rtp_end(rtp_writer *w);

/** abs-send-time: 6.18 fixed point seconds of a microsecond clock. */
guint32 rtp_send_time(gint64 now_us);
