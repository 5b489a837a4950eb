/* The codecs that we relay, and the little that a relay must know of their payloads. */
#pragma once
#include <glib.h>

typedef enum { CODEC_NONE, CODEC_OPUS, CODEC_VP8, CODEC_VP9, CODEC_H264, CODEC_AV1, CODEC_COUNT } codec_id;

typedef struct {
    const char *name; /* as in rtpmap */
    gboolean video;
    guint clock_rate;
    guint channels;      /* audio; else 0 */
    guint8 payload_type; /* in our own offers */
    guint8 rtx_type;     /* in our own offers; 0: none */
    const char *fmtp;    /* in our own offers; NULL: none */
} codec_info;

const codec_info *codec_get(codec_id c);
/** By rtpmap's name (any case), clock rate and channels (0: as if not given). CODEC_NONE: not ours. */
codec_id codec_parse(const char *name, guint clock_rate, guint channels);
/** Does the format of one codec fit the other's: H.264 needs packetization-mode 1 and a profile that everyone
 * decodes (constrained baseline or baseline); VP9 profile 0; AV1 profile 0. fmtp may be NULL. */
gboolean codec_format_fits(codec_id c, const char *fmtp);
/** Can decoding begin with this packet? Bounded; TRUE for audio. */
gboolean codec_starts_keyframe(codec_id c, const guint8 *payload, gsize length);
