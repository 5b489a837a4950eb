/* One journal on its way into a file: packets in order, with presentation times. Reads the journal twice: once to
 * learn its times, once to give the packets out. Not thread-safe; one thread at a time. */
#pragma once
#include "media/record/journal.h"
#include "media/relay/relay.h"

typedef struct lane lane;

typedef struct {
    const char *track, *participant, *codec; /* borrowed from the lane */
    relay_kind kind;
    relay_source source;
    guint clock_rate, channels, payload_type;
    gint64 start_us, end_us; /* wall time of the first and last packet */
} lane_info;

/** Opens and measures the journal at path. ERR_INVALID when it is none; ERR_NOT_FOUND when it has no packets. */
lane *lane_open(const char *path, GError **error);
void lane_free(lane *l);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(lane, lane_free)

const lane_info *lane_describe(const lane *l);
/** Back to the beginning. Packets before from_us and after until_us (wall times) are left out; presentation times count from
 * origin_us. */
void lane_start(lane *l, gint64 origin_us, gint64 from_us, gint64 until_us);
/** The next RTP packet (sequence numbers rewritten without holes but for losses) or NULL at the end.
 * Caller frees by g_bytes_unref. ret_pts_us never goes back. */
GBytes *lane_next(lane *l, gint64 *ret_pts_us);
/** Presentation time of the last packet given out, plus its length for sound. */
gint64 lane_end_pts_us(const lane *l);
