/* The media thread's own state, private to media/relay. Everything here is touched by the media thread only.
 *
 *   core ── rooms ── tracks ── one stream (later: one per simulcast layer) ── forwarders
 *      └── sessions (peer connections), each in one room:
 *             publishing: its tracks;  subscribing or playing: legs (m-lines), each with a forwarder
 *
 * A packet: core.c receives it, session.c authenticates it, stream.c puts it into the ring of its stream and
 * marks the room; when the batch is read, room_flush lets every forwarder of the room seal what is new for
 * its subscriber. */
#pragma once
#include "media/relay/nack.h"
#include "media/relay/relay.h"
#include "media/relay/ring.h"
#include "media/relay/sender.h"
#include "media/relay/speaker.h"
#include "media/rtc/codec.h"
#include "media/rtc/dtls.h"
#include "media/rtc/ice.h"
#include "media/rtc/rtp.h"
#include "media/rtc/sdp.h"
#include "media/rtc/srtp.h"
#include "media/rtc/transport_cc.h"

#define STREAM_FRESH_LIMIT 64                  /* packets of one stream forwarded in one turn */
#define SESSION_SSRC_LIMIT 64                  /* bound SSRCs of one publisher */
#define SESSION_START_US (30 * G_USEC_PER_SEC) /* offer to connected */
#define SESSION_DTLS_US (10 * G_USEC_PER_SEC)  /* first valid check to keys */
#define SESSION_SILENT_US (5 * G_USEC_PER_SEC) /* without consent: disconnected */
#define SESSION_LOST_US (30 * G_USEC_PER_SEC)  /* without consent: failed (RFC 7675) */
#define SESSION_UNPROVEN_BYTES                                                                               \
    (512 * 1024) /* sent to a moved address before anything authentic but STUN came from it */
#define OFFER_PATIENCE_US (10 * G_USEC_PER_SEC) /* an unanswered offer may be replaced after this */
#define TRACK_KEYFRAME_INTERVAL_US (G_USEC_PER_SEC / 2)
#define TRACK_KEYFRAME_RETRY_US G_USEC_PER_SEC
#define TRACK_KEYFRAME_TRIES 10
#define CNAME "consilium"   /* of what belongs to no participant */
#define CORE_HANDSHAKES 256 /* DTLS handshakes under way at a time */

typedef struct core core;
typedef struct room room;
typedef struct track track;
typedef struct session session;
typedef struct forwarder forwarder;
typedef struct tap tap;

/* One received RTP stream: one SSRC and its retransmission SSRC. */
typedef struct {
    track *track;
    guint32 ssrc, rtx_ssrc; /* 0: not bound yet */
    gboolean started;
    guint generation; /* changes when numbering starts anew: forwarders then begin like after a switch */
    guint64 highest;  /* index of the newest packet; the first one gets 65536 + its number */
    guint64 first;
    guint64 received; /* for reports (RFC 3550 appendix A.3) */
    guint64 expected_at_report, received_at_report;
    double jitter;   /* timestamp units */
    gint64 transit;  /* of the last packet, for jitter */
    guint32 last_sr; /* middle bits of the last sender report's NTP time */
    gint64 last_sr_us;
    gboolean has_clock; /* clock_rtp was sampled at clock_wall_us, on our wall clock */
    guint32 clock_rtp;
    gint64 clock_wall_us;
    packet_ring ring;
    nack_list nack;
    guint64 fresh[STREAM_FRESH_LIMIT]; /* indices that came in this turn */
    guint fresh_count;
} stream;

struct track {
    char *id, *participant;
    room *room;
    session *session;     /* publisher; NULL: a source */
    gpointer source_data; /* source.c */
    void (*source_keyframe)(gpointer source_data);
    char mid[SDP_MID_LIMIT + 1];
    relay_kind kind;
    relay_source source;
    codec_id codec;
    char *fmtp;                    /* of the publisher's offer, for ours */
    guint8 payload_type, rtx_type; /* as received; rtx 0: none */
    gboolean can_nack;
    gboolean live; /* a packet has come */
    gboolean muted;
    guint64 order; /* of publishing, ascending */
    stream stream;
    GPtrArray *forwarders; /* not owned */
    gint64 keyframe_asked_us;
    guint keyframe_tries; /* asked since it was wanted; 0: not wanted */
    speaker_level level;
};

/* One outgoing RTP stream of one subscriber. */
struct forwarder {
    session *session;
    track *track;     /* NULL: nothing to forward now */
    guint generation; /* of the stream that offsets belong to */
    gboolean enabled; /* the subscriber takes it */
    gboolean flowing; /* offsets are set */
    guint32 ssrc, rtx_ssrc;
    guint8 payload_type, rtx_type;
    codec_id codec;
    guint64 offset;      /* out index = in index + offset, modulo 2^64 */
    guint64 first_out;   /* index of the first packet since the last switch */
    guint64 highest_out; /* next switch goes on after it; starts below 2^15 */
    guint64 rtx_next;    /* index of the next retransmission */
    guint32 timestamp_offset;
    guint32 last_timestamp; /* sent */
    gint64 last_sent_us;
    guint32 packets, bytes;          /* for sender reports */
    guint8 header[RTP_HEADER_LIMIT]; /* everything that is equal in all packets; see forwarder_prepare */
    guint8 header_length, transport_cc_at, level_at; /* offsets; 0: not agreed */
    gint64 *resent_us; /* by out index modulo RESENT_COUNT; NULL: nothing was ever asked for again */
    guint32 rtt_us;    /* 0: unknown */
};

/* One m-line of a session, in order. */
typedef struct {
    char mid[SDP_MID_LIMIT + 1];
    relay_kind kind;
    gboolean rejected;                   /* keeps its place only */
    char *kind_text, *protocol, *format; /* of a rejected line */
    track *track;                        /* publishing: what comes here. Subscribing: forwarder->track */
    forwarder *forwarder;
    gboolean rtcp_rsize;
    sdp_line line; /* as last written; its texts may be dangling: only for numbers */
} leg;

typedef enum { SESSION_PUBLISH, SESSION_SUBSCRIBE, SESSION_PLAY } session_kind;

typedef struct {
    guint32 ssrc;
    stream *stream;
    gboolean rtx;
} ssrc_binding;

struct session {
    core *core;
    room *room;
    char *id, *participant;
    session_kind kind;
    ice_agent ice;
    char remote_ufrag[ICE_CREDENTIAL_LIMIT + 1];
    guint8 remote_fingerprint[DTLS_FINGERPRINT_SIZE];
    gboolean has_remote;
    dtls_link *dtls;
    srtp_session *srtp;       /* NULL until the keys are agreed */
    send_address destination; /* length 0: none yet */
    send_address dtls_source; /* where the datagram being handled came from */
    gsize unproven;           /* bytes that may still go to a moved destination; 0 and proven FALSE: stop */
    gboolean proven;          /* something authentic came from the destination */
    gboolean connected, silent;
    gint64 created_us, dtls_began_us, next_report_us;
    GPtrArray *legs;              /* leg */
    rtp_extension_ids extensions; /* of the bundle */
    gboolean rtcp_rsize;          /* every m-line allows reduced-size RTCP */
    guint32 rtcp_ssrc;            /* sender of our RTCP about received media */
    guint64 sdp_id, sdp_version;
    /* publishing */
    GArray *bindings;       /* ssrc_binding */
    transport_cc *feedback; /* NULL: not agreed */
    guint32 feedback_media; /* SSRC named in it */
    gboolean has_clock_offset;
    gint64 clock_offset_us; /* our wall clock - the publisher's */
    /* subscribing */
    gint64 offer_version; /* of the last offer */
    gboolean offer_open;  /* not answered */
    gint64 offered_us;
    gboolean told; /* renegotiate was sent and not followed yet */
    guint16 transport_sequence;
};

struct room {
    core *core;
    char *id;
    GPtrArray *sessions; /* not owned */
    GPtrArray *tracks;   /* owned */
    GPtrArray *taps;     /* tap, not owned */
    guint holds;         /* taps and sources that keep it without sessions */
    gboolean dirty;      /* in core->dirty: a stream has fresh packets */
    char *speaker;       /* participant */
    gint64 speaker_since_us;
};

struct core {
    int socket, poller, wake;
    relay *relay;
    dtls_context *dtls;
    sender *sender;
    char *address; /* of the candidate */
    guint16 port;
    int receive_buffer;            /* bytes granted, as the kernel counts (twice) */
    GHashTable *rooms;             /* id -> room, owned */
    GHashTable *sessions;          /* id -> session, owned */
    GHashTable *tracks;            /* id -> track */
    GHashTable *ufrags;            /* local ufrag -> session; keys owned */
    GHashTable *peers;             /* net_address -> session; keys owned */
    GPtrArray *dirty;              /* rooms with fresh packets */
    GPtrArray *sources;            /* source */
    struct tap_delivery *delivery; /* tap.c; made by the first tap, ended by relay_free */
    gboolean tap_filled;           /* a tap has got something in this turn */
    guint64 next_order;
    guint handshakes;
    gint64 now_us;
    gint64 next_tick_us;
    gboolean nacks_pending;
    relay_stats stats;
};

/* core.c */
core *core_new(relay *r, const relay_config *config, dtls_context *dtls, GError **error);
void core_free(core *c);
void core_end_sessions(core *c);
/** Reads, forwards and ticks until relay_thread_command (relay.c) says to stop. */
void core_run(core *c);
void core_wake(core *c);
room *core_room(core *c, const char *id, GError **error);
void core_drop_room_if_empty(core *c, room *r);

/* relay.c, called on the media thread */
gboolean relay_run_commands(relay *r, core *c); /* FALSE: stop */
void relay_emit_session(session *s, relay_session_state state, const char *reason);
void relay_emit_renegotiate(session *s);
void relay_emit_track(track *t, gboolean live);
void relay_emit_speaker(room *r);

/* room.c */
room *room_new(core *c, const char *id);
void room_free(gpointer r);
void room_add_track(room *r, track *t);
void room_remove_track(room *r, track *t);
void room_mark_dirty(room *r);
void room_flush(room *r);
/** The set of tracks changed: subscribers need new offers, players another choice. */
void room_changed(room *r);
void room_choose_for_players(room *r);
void room_tick(room *r);

/* stream.c, track.c */
track *track_new(room *r, session *s, const char *participant, relay_kind kind, relay_source source,
                 codec_id codec, const char *fmtp);
void track_free(gpointer t);
/** Somebody needs a keyframe: asks the publisher, throttled, again until it comes. */
void track_want_keyframe(track *t);
void track_tick(track *t);
void track_set_muted(track *t, gboolean muted);
relay_track_info *track_info(const track *t, const char *mid);
void stream_init(stream *s, track *t);
void stream_clear(stream *s);
/** The publisher began a new numbering (another SSRC). */
void stream_restart(stream *s);
/** One plain packet, original or recovered. level: RING_NO_LEVEL or the audio level byte. */
void stream_input(stream *s, const rtp_packet *p, guint8 level, gboolean recovered);
void stream_note_clock(stream *s, guint32 rtp_time, gint64 wall_us);
void stream_fill_report(stream *s, rtcp_report *ret_report, gint64 now_us);

/* forwarder.c */
forwarder *forwarder_new(session *s, codec_id codec, guint8 payload_type, guint8 rtx_type);
void forwarder_free(forwarder *f);
void forwarder_set_track(forwarder *f, track *t);
/** After the subscriber's description: what it agreed to. Starts or stops the flow. */
void forwarder_prepare(forwarder *f, const char *mid, gboolean enabled);
void forwarder_send_fresh(forwarder *f);
/** The subscriber misses a packet. */
void forwarder_resend(forwarder *f, guint16 sequence);
gboolean forwarder_fill_sender_info(const forwarder *f, rtcp_sender_info *ret_info, gint64 now_us);

/* session.c */
session *session_new(core *c, room *r, const char *id, const char *participant, session_kind kind);
void session_free(gpointer s);
/** Ends it: tracks end, room and tables forget it. reason NULL: asked for, no event. */
void session_end(session *s, const char *reason);
void session_input(session *s, guint8 *bytes, gsize length, const net_address *from,
                   const send_address *source);
gboolean session_set_remote(session *s, const sdp_transport *t, GError **error);
void session_index_ufrag(session *s);
void session_tick(session *s);
void session_send_nacks(session *s);
void session_request_keyframe(session *s, guint32 media_ssrc);
/** May media be sent now? */
gboolean session_is_open(const session *s);
/** Counts what goes to an address that has not proven itself; FALSE: not now. */
gboolean session_may_send(session *s, gsize bytes);
void session_bind(session *s, guint32 ssrc, stream *stream, gboolean rtx);
void session_unbind(session *s, const stream *stream);
guint32 session_new_ssrc(const session *s);

/* session_rtcp.c */
void session_rtcp_input(session *s, guint8 *bytes, gsize length);
void session_send_rtcp(session *s, buf_writer *w);
void session_send_reports(session *s);
void session_send_feedback(session *s);

/* negotiate.c */
leg *leg_new(const char *mid, relay_kind kind);
void leg_free(gpointer l);
gboolean negotiate_publish(session *s, const sdp_description *offer, GHashTable *sources, relay_reply *reply,
                           GError **error);
gboolean negotiate_play(session *s, const sdp_description *offer, relay_reply *reply, GError **error);
void negotiate_offer(session *s, relay_reply *reply);
gboolean negotiate_answer(session *s, const sdp_description *answer, GError **error);
/** Do the legs hold exactly the tracks that the participant should get? */
gboolean negotiate_is_current(const session *s);
char *negotiate_fragment(session *s);

/* tap.c */
/** Wakes the delivery thread when a tap got something in this turn. */
void taps_flush(core *c);
void taps_track(room *r, track *t);
void taps_packet(room *r, track *t, const ring_entry *e, const guint8 *payload);
void taps_clock(room *r, track *t, guint32 rtp_time, gint64 wall_us);
void taps_muted(room *r, track *t);
void taps_ended(room *r, track *t);
void tap_delivery_free(struct tap_delivery *d);

/* source.c */
void sources_drain(core *c);
