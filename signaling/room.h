/* Rooms: who is in them, which tracks they publish, and the two media sessions of each participant. A participant is a
 * peer (browser), a WHIP or WHEP client, which has one session and hears nothing, or a device that a person brought.
 *
 * Invariants:
 * - A room exists while it has participants; the first one makes it, the last one's leaving closes it at the worker.
 *   Devices do not count: they leave with the last other participant.
 * - The subscribing side of a participant has at most one offer open, from asking the worker for it until the worker has
 *   taken the browser's answer. What changes meanwhile waits as `again`.
 * - When the media worker dies, all sessions are void at once: browsers are told and publish again, WHIP and WHEP
 *   participants leave (their clients make new ones). */
#pragma once
#include "hub/base/json.h"
#include "hub/base/loop.h"
#include "signaling/caller.h"
#include "signaling/signaling.h"

#define ROOM_PARTICIPANTS 256
#define ROOMS_LIMIT 1024
#define SDP_LIMIT (64 * 1024) /* bytes */
#define SDP_SECTIONS 64       /* m-lines */

struct peer;
typedef struct rooms rooms;
typedef struct room room;
typedef struct participant participant;

/** Calls the media worker; takes params; done exactly once, never inside. */
typedef void (*media_call_fn)(gpointer media, const char *method, json_t *params,
                              void (*done)(json_t *result, const GError *error, gpointer data), gpointer data);
typedef void (*room_done)(json_t *result, const GError *error, gpointer data);

rooms *rooms_new(loop *l, media_call_fn call, gpointer media);
void rooms_free(rooms *all);
/** The media worker went (all sessions are void) or came. */
void rooms_media_changed(rooms *all, gboolean ready);
gboolean rooms_media_ready(const rooms *all);
/** A notification of the media worker: session.*, track.*, room.speaker. Others are ignored. */
void rooms_media_notified(rooms *all, const char *method, const json_t *params);
/** The peer is gone: it leaves every room. */
void rooms_peer_ended(rooms *all, struct peer *p, const char *reason);
room *rooms_find(rooms *all, const char *id);
void rooms_count(const rooms *all, guint *ret_rooms, guint *ret_participants);
/** Calls each participant; the callback may let it leave. */
void rooms_each_participant(rooms *all, void (*each)(participant *p, gpointer data), gpointer data);

/** Enters; p NULL: a WHIP or WHEP client, or a device when it has a name of its own (else NULL). NULL with ERR_LIMIT. Borrowed: valid until it left. on_left (may be NULL) is called when it leaves,
 * for whatever reason. */
participant *room_enter(rooms *all, const room_info *info, caller *who, struct peer *p, const char *device, GError **error);
void participant_on_left(participant *p, void (*on_left)(participant *p, gpointer data), gpointer data);
void participant_leave(participant *p, const char *reason);
participant *participant_ref(participant *p);
void participant_unref(participant *p);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(participant, participant_unref)

const char *participant_id(const participant *p);
const char *participant_room(const participant *p);
const char *participant_subject(const participant *p);
caller *participant_caller(const participant *p);
gboolean participant_is_gone(const participant *p);
/** Is the same person in the room by another participant? */
gboolean participant_is_there_twice(const participant *p);
gboolean participant_is_device(const participant *p);
gboolean participant_is_host(const participant *p);

/** What room.join answers, and what a resumed peer gets. New reference. */
json_t *participant_snapshot(const participant *p);

/** The offer (or a changed one, or an ICE restart) of the publishing session. sources: {MID:source}, may be NULL.
 * Result {sdp}. done exactly once, never inside; not after the participant left, then with ERR_NOT_FOUND. */
void participant_publish(participant *p, const char *sdp, json_t *sources, room_done done, gpointer data);
void participant_unpublish(participant *p);
/** The device's stream at url, by the worker. Result {tracks}. */
void participant_bring(participant *p, const char *url, room_done done, gpointer data);
/** WHEP: the offer of a client that only receives. Result {sdp}. */
void participant_play(participant *p, const char *sdp, room_done done, gpointer data);
/** WHIP, WHEP: a trickle fragment; ice_restart: it has new credentials. Result {fragment?}. */
void participant_patch(participant *p, const char *fragment, gboolean ice_restart, room_done done, gpointer data);
/** Opens the subscribing session, or with restart gives it new ICE credentials; room.offer follows. */
void participant_subscribe(participant *p, gboolean restart);
/** The peer has a new connection: whatever was open on the old one is asked again. */
void participant_resumed(participant *p);
/** ERR_NOT_FOUND when it is none of its tracks. */
gboolean participant_mute(participant *p, const char *track, gboolean muted, GError **error);

/** To every peer in the room but one (may be NULL). params is borrowed. */
void room_tell(room *r, const participant *except, const char *method, json_t *params);
void room_set_recording(room *r, gboolean on, const char *recording);
gboolean sdp_is_within_limits(const char *sdp, GError **error);
