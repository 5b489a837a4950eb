/* The last packets of one stream: what is forwarded in this turn, and what can be sent again when a
 * subscriber misses it. Keyframes empty nothing: it holds at least RING_KEEP_US of packets, as long as
 * RING_BYTES_LIMIT allows. Payloads lie in one circular area, so a stream of small packets costs little.
 * Media thread. */
#pragma once
#include <glib.h>

#define RING_KEEP_US G_USEC_PER_SEC
#define RING_BYTES_LIMIT (4 * 1024 * 1024)

typedef struct {
    guint64 index;    /* sequence number, unwrapped */
    guint64 position; /* of the payload, counted since the beginning */
    gint64 received_us;
    guint32 timestamp;
    guint16 length;
    guint8 level; /* audio level extension's byte; RING_NO_LEVEL: none */
    guint8 marker : 1;
    guint8 keyframe : 1; /* decoding can begin here */
    guint8 used : 1;
} ring_entry;

#define RING_NO_LEVEL 0xff

typedef struct {
    ring_entry *entries; /* by index modulo count */
    guint count;         /* power of two */
    guint8 *area;
    gsize size;
    guint64 written; /* bytes ever */
    guint64 written_at_tick;
} packet_ring;

/** count: power of two. */
void ring_init(packet_ring *r, guint count, gsize size);
void ring_clear(packet_ring *r);
/** Copies a packet in. entry's index, timestamp, … are given; position and used are set here. */
void ring_put(packet_ring *r, const ring_entry *entry, const guint8 *payload);
/** NULL: never came, or overwritten. Valid until the next ring_put or ring_tick. */
const ring_entry *ring_get(const packet_ring *r, guint64 index);
const guint8 *ring_payload(const packet_ring *r, const ring_entry *e);
/** Once in RING_KEEP_US: grows the area when a second no longer fits. */
void ring_tick(packet_ring *r);
/** Forgets all packets (the stream starts anew). */
void ring_forget(packet_ring *r);
