/* Signaling as main.c sees it: browsers at /signal, workers on the Unix socket, rooms and presence between them. What it needs to
 * know of people, cases and messages comes through struct signaling_hooks, filled in by main.c.
 *
 * Every `done` given to a hook is called exactly once, on the loop, and never inside the hook. main.c frees the
 * database pool (which ends what is in flight) before it calls signaling_free. */
#pragma once
#include "hub/base/json.h"
#include "hub/base/loop.h"
#include "signaling/caller.h"
#include <sys/types.h>

struct lws_protocols;
typedef struct signaling signaling;

#define SIGNALING_RESUME_SECONDS 30 /* a lost peer keeps its rooms for so long */

/* A room as one caller may see it. Borrowed inside the callback that gives it. */
typedef struct {
    const char *id, *title;
    const char *role;    /* "host" (may record), "participant", or "viewer" (does not publish) */
    const char *subject; /* the consult or teaching session it belongs to, or NULL */
    const char *recording; /* that is running, or NULL */
} room_info;

typedef void (*signaling_caller_done)(caller *who, const GError *error, gpointer data);
typedef void (*signaling_check_done)(gboolean live, gpointer data);
typedef void (*signaling_room_done)(const room_info *info, const GError *error, gpointer data);
/** id and at (RFC 3339) of the stored message. */
typedef void (*signaling_message_done)(const char *id, const char *at, const GError *error, gpointer data);
typedef void (*signaling_contacts_done)(const char *const *organisations, const GError *error, gpointer data);
typedef void (*signaling_record_done)(const char *recording, const GError *error, gpointer data);

typedef struct {
    /** The identity of a Cookie header or an Authorization header (one may be NULL); who is borrowed. */
    void (*identify)(gpointer hub, const char *cookie, const char *authorization, signaling_caller_done done, gpointer data);
    /** Are the session or token and the person still good? */
    void (*check)(gpointer hub, const caller *who, signaling_check_done done, gpointer data);
    /** The room, when this caller may join it; ERR_NOT_FOUND otherwise. joining: leaves an audit row either way. */
    void (*room_lookup)(gpointer hub, const caller *who, const char *room, gboolean joining, signaling_room_done done, gpointer data);
    /** Somebody came into or left a room. */
    void (*room_attended)(gpointer hub, const caller *who, const char *room, gboolean present);
    void (*message_store)(gpointer hub, const caller *who, const char *room, const char *text, signaling_message_done done, gpointer data);
    /** The organisations whose people this caller sees online. */
    void (*contacts)(gpointer hub, const caller *who, signaling_contacts_done done, gpointer data);
    /** Starts or stops recording. May be NULL. */
    void (*record)(gpointer hub, const caller *who, const char *room, gboolean on, signaling_record_done done, gpointer data);
    /** May a process with this uid be this worker? */
    gboolean (*worker_may)(gpointer hub, const char *worker, uid_t uid, pid_t pid);
    /** A worker came (facts: the params of its hello) or went (facts NULL). */
    void (*worker_changed)(gpointer hub, const char *worker, json_t *facts);
    /** A notification from a worker, rooms' own ones included. */
    void (*worker_notified)(gpointer hub, const char *worker, const char *method, json_t *params);
} signaling_hooks;

/** hooks is copied; hub is handed to each of them. */
signaling *signaling_new(loop *l, const signaling_hooks *hooks, gpointer hub);
/** After the server's lws context is gone, or before it is made. */
void signaling_free(signaling *s);
/** Closes every browser's connection with 1001. Workers stay. */
void signaling_shutdown(signaling *s);

/** For the TLS vhost and the Unix-socket vhost; end with {NULL}; live as long as s. */
const struct lws_protocols *signaling_browser_protocols(signaling *s);
const struct lws_protocols *signaling_worker_protocols(signaling *s);

/** A session or token (id) ended, or something about a person (id) changed; NULL: anything may have. */
void signaling_ended(signaling *s, const char *id);
/** One notification of the database channel consilium_changed (JSON text); NULL: some may have been missed. */
void signaling_changed(signaling *s, const char *payload);

/** Calls a worker ("dicom", "media"). Takes params. done is called exactly once, never inside this call: ERR_UNAVAILABLE at the
 * next turn of the loop when the worker is away, ERR_TIMEOUT after timeout_ms. */
void signaling_worker_call(signaling *s, const char *worker, const char *method, json_t *params, guint timeout_ms,
                           void (*done)(json_t *result, const GError *error, gpointer data), gpointer data);
/** Takes params; dropped when the worker is away. */
void signaling_worker_notify(signaling *s, const char *worker, const char *method, json_t *params);
gboolean signaling_worker_is_there(const signaling *s, const char *worker);

/** The recording lamp of a room: tells its participants. */
void signaling_room_recording(signaling *s, const char *room, gboolean on, const char *recording);
/** A message was stored by other means than room.say: tells the room's participants. Takes params of `room.message`. */
void signaling_room_message(signaling *s, const char *room, json_t *params);

typedef struct {
    guint peers, rooms, participants, detached;
    guint64 dropped; /* slow peers */
} signaling_statistics;
signaling_statistics signaling_count(const signaling *s);
