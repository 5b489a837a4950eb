/* A tap hands the plaintext RTP of a room to another part of the program (recording, live packaging).
 *
 * The media thread copies packets into a bounded ring and goes on; one delivery thread, shared by all taps,
 * empties the rings and calls the callbacks. So callbacks may block for a moment (a file write, an appsrc
 * push), and a tap that stays slow loses packets, which is counted and told by `lost`. Callbacks of one tap
 * never overlap.
 *
 * Order within a tap is the order of arrival: `track` before the first packet of a track, `ended` after its
 * last. Retransmitted packets come when they come: sort by sequence number (a jitter buffer does).
 * Padding-only packets and retransmission payloads are never delivered: packets are what the publisher's
 * encoder sent. */
#pragma once
#include "media/relay/relay.h"

#define TAP_RING_BYTES (2 * 1024 * 1024) /* of each tap: about 4 s of four cameras */

typedef struct tap tap;

typedef struct {
    const char *track;
    const char *participant;
    relay_kind kind;
    relay_source source;
    const char *codec;  /* as in rtpmap: "opus", "VP8", "H264" */
    const char *fmtp;   /* "" when none */
    guint payload_type; /* in the delivered packets */
    guint clock_rate;
    guint channels; /* audio; else 0 */
    guint32 ssrc;   /* in the delivered packets */
} tap_track;

typedef struct {
    /** A track is there, or has come. What is returned is passed to the calls for this track; NULL: not
     * wanted, no more calls for it. info is borrowed. */
    gpointer (*track)(const tap_track *info, gpointer user_data);
    /** One RTP packet (RFC 3550) without SRTP; header extensions left out. received_us: clock_monotonic_us of
     * arrival. */
    void (*packet)(gpointer track, const guint8 *bytes, gsize length, gint64 received_us, gpointer user_data);
    /** From the publisher's sender report (RFC 3550 6.4.1): rtp_time was sampled at wall_us (microseconds
     * since 1970, moved to our clock by one offset for all tracks of a publisher, so that its audio and video
     * stay in step). */
    void (*clock)(gpointer track, guint32 rtp_time, gint64 wall_us, gpointer user_data);
    /** The publisher muted or unmuted the track: no packets while muted. */
    void (*muted)(gpointer track, gboolean muted, gpointer user_data);
    /** The track is gone; also called for every wanted track when the tap is freed. */
    void (*ended)(gpointer track, gpointer user_data);
    /** packets were lost because the ring was full. */
    void (*lost)(guint64 packets, gpointer user_data);
} tap_callbacks;

/** Taps a room, which need not exist yet. libuv thread. callbacks is copied; any of them may be NULL but
 * `track`. */
tap *tap_new(relay *r, const char *room, const tap_callbacks *callbacks, gpointer user_data);
/** libuv thread, not from a callback. Delivers what is in the ring, then `ended` for every track; when it
 * returns no callback runs any more. NULL is allowed. */
void tap_free(tap *t);
/** Asks the publisher of a track (by id) for a keyframe, throttled like all such requests. Any thread. */
void tap_request_keyframe(tap *t, const char *track);
