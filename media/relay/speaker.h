/* Who is speaking, from the audio levels that publishers put into their packets (RFC 6464). Media thread. */
#pragma once
#include <glib.h>

#define SPEAKER_TICK_US 300000  /* how often the choice is made */
#define SPEAKER_HOLD_US 1000000 /* a speaker stays at least this long */

/* Of one audio track. */
typedef struct {
    guint frames, loud; /* in this tick */
    guint energy;       /* sum of loudness over this tick's loud frames */
    double score;       /* smoothed loudness; 0: silent */
} speaker_level;

/** The extension's byte: voice flag and -dBov. */
void speaker_note(speaker_level *l, guint8 level);
/** Ends a tick; returns the new score. */
double speaker_tick(speaker_level *l);
/** Is a challenger clearly ahead of the present speaker? */
gboolean speaker_overtakes(double challenger, double present);
