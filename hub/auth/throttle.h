/* Sign-ins under way, by login: the database counts failures that have happened, this counts guesses that
 * still compute, so that a thousand parallel ones do not pass before the first has failed. */
#pragma once
#include <glib.h>

typedef struct throttle throttle;
throttle *throttle_new(guint limit);
void throttle_free(throttle *t);
/** FALSE: too many with this login at once. Each TRUE needs one throttle_leave. */
gboolean throttle_enter(throttle *t, const char *login);
void throttle_leave(throttle *t, const char *login);
