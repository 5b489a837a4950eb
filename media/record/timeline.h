/* Maps a track's RTP timestamps to wall time: by the publisher's sender reports where there are any, else by the
 * quickest arrivals. First everything is noted (one pass over a journal), then it answers. */
#pragma once
#include <glib.h>

typedef struct timeline timeline;

timeline *timeline_new(guint clock_rate);
void timeline_free(timeline *t);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(timeline, timeline_free)

/** A packet with this RTP time arrived. Returns its unwrapped time. */
gint64 timeline_arrival(timeline *t, guint32 rtp_time, gint64 wall_us);
/** A sender report: rtp_time was sampled at wall_us. One that is over 10 s off the arrivals is not believed. */
void timeline_clock(timeline *t, guint32 rtp_time, gint64 wall_us);
/** The 64-bit time nearest to the newest one noted or asked for. */
gint64 timeline_unwrap(timeline *t, guint32 rtp_time);
/** Starts unwrapping anew, for a second pass from the beginning. */
void timeline_rewind(timeline *t);
/** Wall time of an unwrapped RTP time. */
gint64 timeline_wall_us(const timeline *t, gint64 unwrapped);
/** Unwrapped time as a duration. */
gint64 timeline_duration_us(const timeline *t, gint64 unwrapped);
