/* A device that sends by RTSP, shown in a room. All functions are called on the libuv thread. */
#pragma once
#include "media/relay/relay.h"

#define INGEST_TRACK_LIMIT 4    /* media of one device */
#define INGEST_OPEN_MS 8000     /* from start to the last track; then ingest_start fails, while the hub still waits */
#define INGEST_SILENCE_MS 5000  /* without a packet the connection is made anew */

typedef struct ingest ingest;

/** Connects to url (rtsp:// or rtsps://) and adds its media to room as participant's tracks. done is called once: with the tracks (relay_track_info,
 * borrowed) once all are in the room, or with an error (ERR_INVALID url, ERR_UNAVAILABLE, ERR_TIMEOUT, ERR_UNSUPPORTED), after which the
 * ingest is gone. Afterwards it reconnects by itself until ingest_free. Never calls back inside this call. */
ingest *ingest_start(loop *l, relay *r, const char *room, const char *participant, const char *url,
                     void (*done)(GPtrArray *tracks, const GError *error, gpointer user_data), gpointer user_data);
/** Takes the tracks out of the room. done, if still to come, is not called. NULL is allowed. */
void ingest_free(ingest *i);
