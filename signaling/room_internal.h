/* The bodies that room.c (membership, tracks) and room_media.c (sessions at the worker) share. */
#pragma once
#include "hub/base/err.h"
#include "signaling/peer.h"
#include "signaling/room.h"

#define RENEGOTIATE_AGAIN_MS 500 /* before asking again after an offer failed */

typedef struct {
    char *id, *mid, *kind, *source;
    gboolean muted;
} track;

typedef enum {
    SUBSCRIBE_NONE,   /* no session */
    SUBSCRIBE_STABLE, /* nothing open */
    SUBSCRIBE_OPEN,   /* asking the worker, waiting for the browser's answer, or handing it to the worker */
} subscribe_state;

struct participant {
    gint refs;
    room *in;
    char *id;
    caller *who;
    char *role;
    char *device;   /* its name, for a device: shown instead of the person's */
    struct peer *p; /* borrowed; NULL for WHIP, WHEP and devices. The peer's end takes the participant out */
    gboolean gone;
    void (*on_left)(participant *p, gpointer data);
    gpointer on_left_data;
    /* publishing: also WHIP */
    char *publish_session; /* NULL: none; the ingest id of a device */
    gboolean publishing;   /* a session.publish waits for its answer */
    GPtrArray *tracks;     /* track */
    /* subscribing: room.offer; or play: WHEP */
    char *subscribe_session;
    subscribe_state subscribe;
    gboolean again, restart; /* what to do when the open offer is done */
    gboolean is_play;        /* WHEP: never offered by us */
    guint failures;          /* offers in a row that failed */
    loop_timer *retry;
};

struct room {
    rooms *all;
    char *id, *title, *subject;
    GHashTable *participants; /* id (of participant) → participant, owned reference */
    char *recording;          /* NULL: the lamp is off */
};

struct rooms {
    loop *l;
    media_call_fn call;
    gpointer media;
    gboolean ready;
    guint64 generation; /* of the media worker: an answer of a dead one is void */
    GHashTable *rooms;  /* id (of room) → room, owned */
};

/* room.c */
participant *room_participant(room *r, const char *id);
void participant_set_tracks(participant *p, const json_t *tracks);
void participant_drop_track(participant *p, const char *id);

/* room_media.c */
void participant_close_sessions(participant *p);
/** The sessions are void: forget them without telling the worker. */
void participant_forget_sessions(participant *p);
void participant_renegotiate(participant *p);
void participant_session_failed(participant *p, const char *session);
void on_subscribe_retry(gpointer data);
