/* A running recording: every track of a room (or of some participants) into journals, by a tap of the relay.
 * All functions are called on the libuv thread. */
#pragma once
#include "media/relay/relay.h"
#include "hub/base/json.h"

#define RECORD_TRACK_LIMIT 256 /* tracks of one recording, one after another and together */

typedef struct recorder recorder;

typedef struct {
    /** Every 5 s. */
    void (*progress)(recorder *r, gint64 seconds, guint64 bytes, gpointer user_data);
    /** Writing became impossible (full disk): what was written before stays. At most once. */
    void (*broken)(recorder *r, const GError *error, gpointer user_data);
} recorder_events;

/** directory is made when missing; what an earlier recorder left in it stays and is finalised together. participants: set of ids,
 * borrowed; NULL: all. */
recorder *recorder_new(loop *l, relay *media, const char *room, const char *directory, GHashTable *participants,
                       const recorder_events *events, gpointer user_data, GError **error);
/** Ends the recording and finalises its directory in the thread pool; the recorder is gone. files: as finalise_directory. */
void recorder_stop(recorder *r, void (*done)(json_t *files, const GError *error, gpointer user_data), gpointer user_data);
/** Ends it without finalising (shutdown): the journals wait for record.repair. NULL is allowed. */
void recorder_free(recorder *r);
/** Finalises a directory that a crash left behind. */
void recorder_repair(loop *l, const char *directory,
                     void (*done)(json_t *files, const GError *error, gpointer user_data), gpointer user_data);
