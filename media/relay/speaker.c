/* A track speaks in a tick when enough of its frames are loud; the score follows slowly, so that a cough does
 * not take the floor and a pause does not lose it. */
#include "media/relay/speaker.h"

#define QUIET_DBOV 40  /* frames quieter than -40 dBov do not count */
#define LOUD_SHARE 0.4 /* of a tick's frames */
#define RISE 0.5       /* smoothing per tick */
#define FALL 0.2
#define AHEAD 1.25      /* how much louder one must be to take over */
#define LEAST_SCORE 4.0 /* below this nobody speaks */

void
speaker_note(speaker_level *l, guint8 level)
{
    guint quietness = level & 0x7f;
    l->frames++;
    if (quietness < QUIET_DBOV) {
        l->loud++;
        l->energy += QUIET_DBOV - quietness;
    }
}

double
speaker_tick(speaker_level *l)
{
    double now = 0;
    if (l->frames > 0 && l->loud >= LOUD_SHARE * l->frames)
        now = (double)l->energy / l->loud;
    l->score += (now - l->score) * (now > l->score ? RISE : FALL);
    l->frames = l->loud = l->energy = 0;
    return l->score;
}

gboolean
speaker_overtakes(double challenger, double present)
{
    return challenger >= LEAST_SCORE && challenger > present * AHEAD;
}
