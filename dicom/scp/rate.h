/* How often something may happen: so many a minute, evenly or in one burst. */
#pragma once
#include <glib.h>

typedef struct {
    double left; /* of this minute's */
    gint64 at;   /* monotonic µs of the last look; 0: never */
} rate;

/** Takes one when there is one. per_minute 0: there is no limit. now: monotonic µs. */
gboolean rate_take(rate *r, guint per_minute, gint64 now);
