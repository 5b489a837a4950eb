/* A source puts plaintext RTP from elsewhere (an RTSP machine, a file) into a room as a published track.
 * To subscribers it is a track like any other. */
#pragma once
#include "media/relay/relay.h"

#define SOURCE_PACKET_LIMIT 1400            /* bytes of one pushed packet: packetize to 1200 */
#define SOURCE_RING_BYTES (1 * 1024 * 1024) /* waiting for the media thread, per source */

typedef struct source source;

typedef struct {
    relay_kind kind;
    relay_source source;
    const char *codec; /* one that the relay forwards: "opus", "VP8", "VP9", "H264" */
    const char *fmtp;  /* H264: with profile-level-id and packetization-mode=1; else may be NULL */
} source_description;

/** Adds a track of participant to room; the room is made when needed. keyframe_wanted is called (on the media
 * thread: hand it on, do not block) when a subscriber needs one, at most twice a second; may be NULL. libuv
 * thread. done gets the track in reply->tracks or an error (ERR_NOT_ACCEPTABLE: codec; ERR_LIMIT); it may be
 * NULL. The returned source may be pushed to at once. */
source *source_new(relay *r, const char *room, const char *participant, const source_description *description,
                   void (*keyframe_wanted)(gpointer user_data), relay_done done, gpointer user_data);
/** libuv thread, after the last source_push has returned. When it returns keyframe_wanted runs no more. NULL
 * is allowed. */
void source_free(source *s);
/** The track's id. */
const char *source_track(const source *s);

/** One RTP packet in order of sequence numbers; SSRC and payload type are rewritten. One thread at a time.
 * FALSE: not RTP, too long, or the ring is full; the packet is dropped. */
gboolean source_push(source *s, const guint8 *packet, gsize length);
/** rtp_time was sampled at wall_us: lets audio and video of one machine stay in step. */
void source_clock(source *s, guint32 rtp_time, gint64 wall_us);
