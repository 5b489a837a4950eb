#include "media/relay/ring.h"
#include <string.h>

void
ring_init(packet_ring *r, guint count, gsize size)
{
    *r = (packet_ring){.count = count, .size = size};
    r->entries = g_new0(ring_entry, count);
    r->area = g_malloc(size);
}

void
ring_clear(packet_ring *r)
{
    g_free(r->entries);
    g_free(r->area);
    *r = (packet_ring){0};
}

static gboolean
is_whole(const packet_ring *r, const ring_entry *e)
{
    return e->used && r->written - e->position <= r->size;
}

void
ring_put(packet_ring *r, const ring_entry *entry, const guint8 *payload)
{
    ring_entry *e = &r->entries[entry->index & (r->count - 1)];
    if (entry->length > r->size)
        return;
    gsize offset = r->written % r->size;
    if (offset + entry->length > r->size) /* a payload is never split */
        r->written += r->size - offset;
    *e = *entry;
    e->used = TRUE;
    e->position = r->written;
    memcpy(r->area + r->written % r->size, payload, entry->length);
    r->written += entry->length;
}

const ring_entry *
ring_get(const packet_ring *r, guint64 index)
{
    const ring_entry *e = &r->entries[index & (r->count - 1)];
    return e->index == index && is_whole(r, e) ? e : NULL;
}

const guint8 *
ring_payload(const packet_ring *r, const ring_entry *e)
{
    return r->area + e->position % r->size;
}

/* Moves the packets that are still whole into a larger area. */
static void
grow(packet_ring *r, gsize size)
{
    packet_ring bigger = {
        .count = r->count, .size = size, .area = g_malloc(size), .entries = g_new0(ring_entry, r->count)};
    for (guint i = 0; i < r->count; i++)
        if (is_whole(r, &r->entries[i]))
            ring_put(&bigger, &r->entries[i], ring_payload(r, &r->entries[i]));
    ring_clear(r);
    *r = bigger;
}

void
ring_tick(packet_ring *r)
{
    guint64 last_second = r->written - r->written_at_tick;
    if (last_second + last_second / 2 > r->size && r->size < RING_BYTES_LIMIT)
        grow(r, MIN(2 * r->size, RING_BYTES_LIMIT));
    r->written_at_tick = r->written;
}

void
ring_forget(packet_ring *r)
{
    memset(r->entries, 0, r->count * sizeof *r->entries);
}
