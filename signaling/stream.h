/* Participants of a room without a browser's connection, each with one session at the media worker: WHIP and WHEP clients,
 * known by an id that nobody can guess (hub/api/api_stream.c), and devices that a person brings, known by their
 * participant's id (hub/api/api_device.c). */
#pragma once
#include "signaling/signaling.h"

typedef enum { STREAM_PUBLISH, STREAM_PLAY, STREAM_DEVICE } stream_kind; /* WHIP, WHEP, RTSP */

#define STREAM_SDP_LIMIT (64 * 1024) /* bytes of an offer or a fragment */

/** id, sdp (the answer) and etag are NULL with error: ERR_NOT_FOUND (no such room, or not for this caller), ERR_DENIED (a viewer
 * publishes), ERR_INVALID, ERR_TOO_LARGE, ERR_NOT_ACCEPTABLE (no common codec), ERR_UNAVAILABLE. Borrowed. */
typedef void (*stream_opened)(const char *id, const char *sdp, const char *etag, const GError *error, gpointer data);

/** cookie and authorization are the request's headers (may be NULL): the caller is identified by them once more, and its
 * end ends the stream. done exactly once, never inside this call. */
void stream_open(signaling *s, stream_kind kind, const char *room, const char *cookie, const char *authorization,
                 const char *sdp, stream_opened done, gpointer data);

/** The device called name, at url, enters the room for this caller; like stream_open, without sdp and ETag. */
void stream_bring(signaling *s, const char *room, const char *cookie, const char *authorization, const char *url,
                  const char *name, stream_opened done, gpointer data);

/** fragment: the worker's, after an ICE restart, else NULL. etag: set when it changed. ERR_NOT_FOUND: no such stream of this
 * person; ERR_STALE: if_match is not its ETag; ERR_PRECONDITION: if_match is missing; ERR_INVALID: bad fragment. */
typedef void (*stream_patched)(const char *fragment, const char *etag, const GError *error, gpointer data);
/** if_match "*": an ICE restart (RFC 9725 section 4.4); else the ETag that a trickle fragment is for. */
void stream_patch(signaling *s, stream_kind kind, const char *room, const char *id, const char *person,
                  const char *organisation, const char *if_match, const char *fragment, stream_patched done, gpointer data);
/** ERR_NOT_FOUND: no such stream of this person (of a device: of this organisation) any more. */
gboolean stream_close(signaling *s, stream_kind kind, const char *room, const char *id, const char *person,
                      const char *organisation, GError **error);
