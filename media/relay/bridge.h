/* How taps and sources reach the media thread. */
#pragma once
#include "media/relay/core.h"

/** Runs on the media thread; returns when it has. libuv thread. */
void relay_sync(relay *r, void (*run)(core *c, gpointer data), gpointer data);
/** The media thread's state: only to be used from there. */
core *relay_core(relay *r);
/** Posts something without an answer. Any thread. */
void relay_post(relay *r, void (*run)(core *c, gpointer data), gpointer data);
/** done is called on the libuv thread, not now. Takes track (may be NULL) and error (NULL: success). */
void relay_reply_later(relay *r, relay_track_info *track, GError *error, relay_done done, gpointer user_data);
