/* One browser: who it is, its connection (absent for up to 30 s while it may come back), the rooms it is in, and the
 * calls that each side waits for. The connection is behind peer_link, so that tests can be one. */
#pragma once
#include "signaling/caller.h"
#include "signaling/pending.h"
#include "signaling/signaling.h"

#define PEER_QUEUE_BYTES (1024 * 1024)
#define PEER_QUEUE_TEXTS 512
#define PEER_REQUESTS 64 /* requests of one peer that wait for our answer */
#define PEER_ROOMS 8
#define PEER_CALL_MS 20000

/* WebSocket close codes (README.md). */
enum { CLOSE_GOING = 1001, CLOSE_SIGNED_OUT = 4001, CLOSE_PROTOCOL = 4002, CLOSE_SLOW = 4008, CLOSE_REPLACED = 4009 };

typedef struct peer peer;

typedef struct {
    /** FALSE: the queue is full. */
    gboolean (*send)(gpointer link, const char *text);
    /** The link says goodbye and forgets its peer; it calls no peer function afterwards. */
    void (*close)(gpointer link, guint code, const char *reason);
    /** The link belongs to another peer from now on (resume). */
    void (*move)(gpointer link, peer *to);
} peer_link_ops;

struct participant;

struct peer {
    gint refs;
    signaling *s;
    char *id, *resume;
    caller *who;
    const peer_link_ops *ops;
    gpointer link;      /* NULL: detached */
    guint64 generation; /* counts links */
    gboolean greeted;   /* hello was answered; in signaling.peers */
    gboolean gone;      /* taken out of signaling.peers; only references of requests remain */
    rpc_pending *pending;
    loop_timer *detached; /* ends it after SIGNALING_RESUME_SECONDS */
    guint requests;
    GHashTable *rooms;    /* room id (of participant) → participant, borrowed: the room owns it */
    GHashTable *contacts; /* organisation ids whose presence it is told; owned strings */
};

/** A peer on a fresh connection, before its hello. */
peer *peer_new(signaling *s, caller *who, const peer_link_ops *ops, gpointer link);
peer *peer_ref(peer *p);
void peer_unref(peer *p);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(peer, peer_unref)

/** hello was accepted: it gets its id and its resume secret and is known to all. */
void peer_greet(peer *p);
/** The peer comes back on the link of another one that has just said hello; that one is forgotten. */
void peer_resume(peer *p, peer *fresh);
/** The link broke: calls fail, and the peer waits to be resumed (or ends at once when it had not been greeted). */
void peer_link_lost(peer *p);
/** Ends it: leaves its rooms, closes its link with code. */
void peer_end(peer *p, guint code, const char *reason);

/** The participants it is, as references that survive their leaving. Caller unrefs. */
GPtrArray *peer_participants(const peer *p);

/** Sends text; a peer that does not keep up is ended. Dropped when detached. Takes text. */
void peer_send(peer *p, char *text);
/** params is borrowed. */
void peer_notify(peer *p, const char *method, json_t *params);
/** Takes params. done exactly once, never inside. */
void peer_call(peer *p, const char *method, json_t *params, rpc_done done, gpointer data);

/** One text from its connection. FALSE: not a message of the protocol; the link closes with CLOSE_PROTOCOL. */
gboolean peer_receive(peer *p, const char *text, gsize length);
