/* Wall time = anchor's wall time + RTP time since the anchor. The anchor is the last believable sender report at or before
 * the asked time (the first one for what came before it); chosen by RTP time, so that all packets of one picture
 * get one time. */
#include "media/record/timeline.h"

#define BELIEVABLE_US (10 * G_USEC_PER_SEC)

struct anchor {
    gint64 rtp; /* unwrapped */
    gint64 wall_us;
};

struct timeline {
    guint clock_rate;
    gboolean started;
    guint32 first; /* RTP time that unwraps to itself */
    gint64 newest; /* unwrapped */
    gboolean arrived;
    gint64 offset_us; /* smallest arrival minus RTP time: the quickest packet */
    GArray *anchors;  /* of struct anchor, in order of rtp */
};

timeline *
timeline_new(guint clock_rate)
{
    timeline *t = g_new0(timeline, 1);
    t->clock_rate = clock_rate;
    t->anchors = g_array_new(FALSE, FALSE, sizeof(struct anchor));
    return t;
}

void
timeline_free(timeline *t)
{
    if (!t)
        return;
    g_array_unref(t->anchors);
    g_free(t);
}

gint64
timeline_duration_us(const timeline *t, gint64 unwrapped)
{
    return unwrapped / t->clock_rate * G_USEC_PER_SEC + unwrapped % t->clock_rate * G_USEC_PER_SEC / t->clock_rate;
}

gint64
timeline_unwrap(timeline *t, guint32 rtp_time)
{
    if (!t->started) {
        t->started = TRUE;
        t->first = rtp_time;
        t->newest = rtp_time;
        return rtp_time;
    }
    gint64 unwrapped = t->newest + (gint32)(rtp_time - (guint32)t->newest);
    t->newest = MAX(t->newest, unwrapped);
    return unwrapped;
}

void
timeline_rewind(timeline *t)
{
    t->newest = t->first;
}

gint64
timeline_arrival(timeline *t, guint32 rtp_time, gint64 wall_us)
{
    gint64 unwrapped = timeline_unwrap(t, rtp_time);
    gint64 offset_us = wall_us - timeline_duration_us(t, unwrapped);
    if (!t->arrived || offset_us < t->offset_us)
        t->offset_us = offset_us;
    t->arrived = TRUE;
    return unwrapped;
}

void
timeline_clock(timeline *t, guint32 rtp_time, gint64 wall_us)
{
    if (!t->arrived)
        return; /* nothing yet to compare it with; the next report is a few seconds away */
    gint64 unwrapped = timeline_unwrap(t, rtp_time);
    gint64 expected = t->offset_us + timeline_duration_us(t, unwrapped);
    if (ABS(wall_us - expected) > BELIEVABLE_US)
        return;
    struct anchor a = {unwrapped, wall_us};
    guint at = t->anchors->len;
    while (at > 0 && g_array_index(t->anchors, struct anchor, at - 1).rtp > unwrapped)
        at--;
    g_array_insert_val(t->anchors, at, a);
}

gint64
timeline_wall_us(const timeline *t, gint64 unwrapped)
{
    if (t->anchors->len == 0)
        return t->offset_us + timeline_duration_us(t, unwrapped);
    guint low = 0, high = t->anchors->len; /* the first anchor after the time is in [low, high] */
    while (low < high) {
        guint middle = (low + high) / 2;
        if (g_array_index(t->anchors, struct anchor, middle).rtp <= unwrapped)
            low = middle + 1;
        else
            high = middle;
    }
    const struct anchor *a = &g_array_index(t->anchors, struct anchor, low > 0 ? low - 1 : 0);
    return a->wall_us + timeline_duration_us(t, unwrapped - a->rtp);
}
