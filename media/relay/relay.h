/* The relay: rooms, published tracks, forwarding. One media thread owns all of it; this header is what the
 * program's libuv thread sees. Every function here is called on the libuv thread, and every callback runs
 * there.
 *
 * A session is one peer connection: publish (client offers; also WHIP), subscribe (relay offers) or play
 * (WHEP, client offers recvonly). A track is one published medium of a participant. Ids are the hub's UUIDs,
 * except those of tracks, which are made here. */
#pragma once
#include "hub/base/err.h"
#include "hub/base/loop.h"

#define RELAY_SESSION_LIMIT 4096            /* sessions in all */
#define RELAY_BUFFER_WISH (4 * 1024 * 1024) /* bytes of the socket's buffers */
#define RELAY_ROOM_LIMIT 1024               /* rooms in all */
#define RELAY_ROOM_TRACK_LIMIT 64           /* tracks of one room: one offer holds at most as many m-lines */

typedef struct relay relay;

typedef enum { RELAY_AUDIO, RELAY_VIDEO } relay_kind;
typedef enum { RELAY_MICROPHONE, RELAY_CAMERA, RELAY_SCREEN, RELAY_DEVICE } relay_source;
typedef enum { RELAY_CONNECTED, RELAY_DISCONNECTED, RELAY_FAILED } relay_session_state;

/** The words of signaling/README.md. */
const char *relay_kind_name(relay_kind kind);
const char *relay_source_name(relay_source source);
const char *relay_session_state_name(relay_session_state state);
/** FALSE and nothing set when text names none. */
gboolean relay_source_parse(const char *text, relay_source *ret_source);

typedef struct {
    const char *bind_address; /* numeric; the one UDP port is opened there */
    const char *announce;     /* numeric address written into candidates; NULL: bind_address */
    guint16 port;             /* 0: any */
} relay_config;

/* What a track is, for answers, offers and events. Owned by whoever got it. */
typedef struct {
    char *track;
    char *participant;
    char *mid; /* in the session that the answer or offer belongs to; NULL in events */
    relay_kind kind;
    relay_source source;
} relay_track_info;

void relay_track_info_free(relay_track_info *info);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(relay_track_info, relay_track_info_free)

typedef struct {
    void (*session_state)(const char *room, const char *participant, const char *session,
                          relay_session_state state, const char *reason, gpointer user_data);
    /** A subscribing session's offer is out of date: call relay_subscribe again. */
    void (*renegotiate)(const char *room, const char *participant, const char *session, gpointer user_data);
    /** live: the first packet came. */
    void (*track_state)(const char *room, const relay_track_info *track, gboolean live, gpointer user_data);
    void (*speaker)(const char *room, const char *participant, gpointer user_data);
} relay_events;

/** Opens the port and starts the media thread. events and user_data must outlive the relay. ERR_UNAVAILABLE
 * when the port cannot be had. */
relay *relay_new(loop *l, const relay_config *config, const relay_events *events, gpointer user_data,
                 GError **error);
/** Ends all sessions without events and joins the thread. Calls under way complete with ERR_UNAVAILABLE
 * first. */
void relay_free(relay *r);
guint16 relay_port(const relay *r);
/** What the kernel granted the socket for receiving, bytes: RELAY_BUFFER_WISH, or net.core.rmem_max for an
 * ordinary user. */
guint relay_receive_buffer(const relay *r);

/* The answer to a call; borrowed by the callback. */
typedef struct {
    char *sdp;         /* answer, offer or fragment; may be NULL */
    gint64 version;    /* of the offer (relay_subscribe) */
    GPtrArray *tracks; /* relay_track_info, with mid; may be NULL */
} relay_reply;

/** Called exactly once for each call below; exactly one of reply and error is NULL. */
typedef void (*relay_done)(const relay_reply *reply, const GError *error, gpointer user_data);

/** Opens a publishing session, or renegotiates it when it exists (a new ufrag in the offer is an ICE
 * restart). sources: mid -> word of relay_source_name, borrowed, may be NULL. Errors: ERR_INVALID (SDP),
 * ERR_TOO_LARGE, ERR_NOT_ACCEPTABLE (no common codec), ERR_LIMIT, ERR_CONFLICT (the id is another kind of
 * session). */
void relay_publish(relay *r, const char *room, const char *participant, const char *session, const char *sdp,
                   GHashTable *sources, relay_done done, gpointer user_data);
/** The offer for all tracks of the room but the participant's own. restart: with new ICE credentials.
 * ERR_CONFLICT while an offer is unanswered. */
void relay_subscribe(relay *r, const char *room, const char *participant, const char *session,
                     gboolean restart, relay_done done, gpointer user_data);
/** ERR_STALE when version is not that of the open offer. */
void relay_answer(relay *r, const char *session, gint64 version, const char *sdp, relay_done done,
                  gpointer user_data);
/** WHEP. Errors as relay_publish. */
void relay_play(relay *r, const char *room, const char *participant, const char *session, const char *sdp,
                relay_done done, gpointer user_data);
/** RFC 8840 fragment of a WHIP or WHEP client. With new credentials it is an ICE restart, answered by a
 * fragment; else the reply has none. */
void relay_patch(relay *r, const char *session, const char *fragment, relay_done done, gpointer user_data);
void relay_close(relay *r, const char *session, relay_done done, gpointer user_data);
void relay_mute(relay *r, const char *track, gboolean muted, relay_done done, gpointer user_data);
void relay_room_close(relay *r, const char *room, relay_done done, gpointer user_data);
/** Ends every session, without telling of their states. Taps and sources stay. */
void relay_end_sessions(relay *r);

typedef struct {
    guint rooms, sessions, tracks, forwarders;
    guint64 packets_in, bytes_in, packets_out, bytes_out;
    guint64 dropped_in;  /* datagrams that fitted nothing or failed authentication */
    guint64 dropped_out; /* the socket would not take them */
    guint64 nacks_in, retransmitted, nacks_out, recovered, keyframe_requests;
    guint64 tap_lost; /* packets that a tap's ring had no room for */
} relay_stats;

void relay_get_stats(relay *r, void (*done)(const relay_stats *stats, gpointer user_data),
                     gpointer user_data);
