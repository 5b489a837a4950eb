/* What the files of signaling/ share. Not for others. */
#pragma once
#include "hub/base/err.h"
#include "signaling/peer.h"
#include "signaling/room.h"
#include "signaling/signaling.h"

struct transport;
struct worker_table;
struct presence;

struct signaling {
    loop *l;
    signaling_hooks hooks;
    gpointer hub;
    GHashTable *peers;   /* id (of peer) → peer, owned: all greeted ones, detached ones too */
    GHashTable *resumes; /* resume secret (of peer) → peer, borrowed from peers */
    struct rooms *rooms;
    GHashTable *streams; /* id (of stream) → stream, owned: WHIP and WHEP */
    struct presence *presence;
    struct worker_table *workers;
    struct transport *transport;
    loop_timer *sweep;   /* sessions that end by themselves */
    guint sweeps;
    guint64 dropped;
};

/* signaling.c */
/** Tells the hub that the participant came or left, unless the person is there twice. */
void signaling_attended(signaling *s, const participant *in, gboolean present);

/* stream.c */
GHashTable *streams_new(void);

/** All greeted peers, as references: each may end meanwhile. */
GPtrArray *signaling_peers(const signaling *s);
