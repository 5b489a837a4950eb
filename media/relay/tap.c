/* Taps. The media thread writes records into each tap's ring; one thread of this file reads them. News about
 * tracks must not be lost, so what does not fit into the ring waits on the media thread's side, and packets
 * are dropped until it has gone. */
#include "media/relay/tap.h"
#include "media/relay/bridge.h"
#include "media/relay/spsc.h"
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

typedef enum { RECORD_TRACK, RECORD_PACKET, RECORD_CLOCK, RECORD_MUTED, RECORD_ENDED } record_type;

typedef struct {
    record_type type;
    guint32 rtp_time;
    guint64 track; /* order of the track: unique */
    gint64 at_us;  /* received or wall */
    gboolean muted;
    tap_track *info; /* RECORD_TRACK; the reader frees it */
    guint64 lost;    /* packets lost before this record */
} record;

typedef struct {
    record head;
    guint8 rtp[RTP_HEADER];
} packet_record;

#define PACKET_HEAD                                                                                          \
    (G_STRUCT_OFFSET(packet_record, rtp) + RTP_HEADER) /* without padding: the payload follows */

/* The thread that delivers. */
typedef struct tap_delivery {
    GThread *thread;
    int wake;
    gint stopping;   /* atomic */
    GMutex lock;     /* taps */
    GPtrArray *taps; /* referenced */
} tap_delivery;

struct tap {
    gatomicrefcount refs;
    relay *relay;
    char *room_id;
    tap_callbacks callbacks;
    gpointer user_data;
    spsc *ring;
    /* media thread */
    room *room;
    GQueue waiting; /* record, did not fit */
    guint64 lost;
    /* delivering */
    GMutex delivering;
    GHashTable *tracks; /* order -> the callbacks' pointer; wanted ones only */
    gboolean closed;
};

/* ---- media thread ---- */

static void
free_info(tap_track *i)
{
    if (!i)
        return;
    g_free((char *)i->track);
    g_free((char *)i->participant);
    g_free((char *)i->fmtp);
    g_free(i);
}

static gboolean
write_waiting(tap *t)
{
    record *r;
    while ((r = g_queue_peek_head(&t->waiting))) {
        if (!spsc_write(t->ring, r, sizeof *r, NULL, 0))
            return FALSE;
        g_free(g_queue_pop_head(&t->waiting));
    }
    return TRUE;
}

static void
write_news(tap *t, record r)
{
    r.lost = t->lost;
    if (!write_waiting(t) || !spsc_write(t->ring, &r, sizeof r, NULL, 0))
        g_queue_push_tail(&t->waiting, g_memdup2(&r, sizeof r));
    else
        t->lost = 0;
    t->room->core->tap_filled = TRUE;
}

static tap_track *
describe(const track *t)
{
    const codec_info *codec = codec_get(t->codec);
    tap_track *i = g_new0(tap_track, 1);
    i->track = g_strdup(t->id);
    i->participant = g_strdup(t->participant);
    i->kind = t->kind;
    i->source = t->source;
    i->codec = codec->name;
    i->fmtp = g_strdup(t->fmtp);
    i->payload_type = codec->payload_type;
    i->clock_rate = codec->clock_rate;
    i->channels = codec->channels;
    i->ssrc = (guint32)t->order + 1;
    return i;
}

static void
tell_track(tap *to, const track *t)
{
    write_news(to, (record){.type = RECORD_TRACK, .track = t->order, .info = describe(t)});
    if (t->muted)
        write_news(to, (record){.type = RECORD_MUTED, .track = t->order, .muted = TRUE});
    if (t->stream.has_clock)
        write_news(to, (record){.type = RECORD_CLOCK,
                                .track = t->order,
                                .rtp_time = t->stream.clock_rtp,
                                .at_us = t->stream.clock_wall_us});
}

static void
write_to_all(room *r, record head)
{
    for (guint i = 0; i < r->taps->len; i++)
        write_news(g_ptr_array_index(r->taps, i), head);
}

void
taps_track(room *r, track *t)
{
    for (guint i = 0; i < r->taps->len; i++)
        tell_track(g_ptr_array_index(r->taps, i), t);
}

void
taps_packet(room *r, track *t, const ring_entry *e, const guint8 *payload)
{
    packet_record p = {.head = {.type = RECORD_PACKET, .track = t->order, .at_us = e->received_us}};
    const codec_info *codec = codec_get(t->codec);
    rtp_begin(p.rtp, codec->payload_type, e->marker, (guint16)e->index, e->timestamp, (guint32)t->order + 1);
    for (guint i = 0; i < r->taps->len; i++) {
        tap *to = g_ptr_array_index(r->taps, i);
        p.head.lost = to->lost;
        if (write_waiting(to) && spsc_write(to->ring, &p, PACKET_HEAD, payload, e->length)) {
            to->lost = 0;
        } else {
            to->lost++;
            r->core->stats.tap_lost++;
        }
    }
    r->core->tap_filled = TRUE;
}

void
taps_clock(room *r, track *t, guint32 rtp_time, gint64 wall_us)
{
    write_to_all(r,
                 (record){.type = RECORD_CLOCK, .track = t->order, .rtp_time = rtp_time, .at_us = wall_us});
}

void
taps_muted(room *r, track *t)
{
    write_to_all(r, (record){.type = RECORD_MUTED, .track = t->order, .muted = t->muted});
}

void
taps_ended(room *r, track *t)
{
    write_to_all(r, (record){.type = RECORD_ENDED, .track = t->order});
}

void
taps_flush(core *c)
{
    guint64 one = 1;
    if (!c->tap_filled)
        return;
    c->tap_filled = FALSE;
    if (write(c->delivery->wake, &one, sizeof one) < 0)
        return; /* full: it is awake anyway */
}

/* ---- delivery ---- */

static void
end_track(tap *t, guint64 order)
{
    gpointer wanted = g_hash_table_lookup(t->tracks, &order);
    if (wanted && t->callbacks.ended)
        t->callbacks.ended(wanted, t->user_data);
    g_hash_table_remove(t->tracks, &order);
}

static void
begin_track(tap *t, const record *r)
{
    gpointer wanted = t->callbacks.track(r->info, t->user_data);
    if (wanted)
        g_hash_table_insert(t->tracks, g_memdup2(&r->track, sizeof r->track), wanted);
    free_info(r->info);
}

static void
deliver_record(tap *t, const guint8 *bytes, gsize length)
{
    const tap_callbacks *cb = &t->callbacks;
    record r;
    memcpy(&r, bytes, sizeof r);
    if (r.lost > 0 && cb->lost)
        cb->lost(r.lost, t->user_data);
    if (r.type == RECORD_TRACK) {
        begin_track(t, &r);
        return;
    }
    gpointer wanted = g_hash_table_lookup(t->tracks, &r.track);
    if (!wanted)
        return;
    if (r.type == RECORD_PACKET && cb->packet)
        cb->packet(wanted, bytes + G_STRUCT_OFFSET(packet_record, rtp),
                   length - G_STRUCT_OFFSET(packet_record, rtp), r.at_us, t->user_data);
    else if (r.type == RECORD_CLOCK && cb->clock)
        cb->clock(wanted, r.rtp_time, r.at_us, t->user_data);
    else if (r.type == RECORD_MUTED && cb->muted)
        cb->muted(wanted, r.muted, t->user_data);
    else if (r.type == RECORD_ENDED)
        end_track(t, r.track);
}

static void
deliver_all(tap *t)
{
    const guint8 *bytes;
    gsize length;
    g_mutex_lock(&t->delivering);
    while (!t->closed && (bytes = spsc_peek(t->ring, &length))) {
        deliver_record(t, bytes, length);
        spsc_release(t->ring);
    }
    g_mutex_unlock(&t->delivering);
}

static void
tap_unref(gpointer data)
{
    tap *t = data;
    const guint8 *bytes;
    gsize length;
    if (!g_atomic_ref_count_dec(&t->refs))
        return;
    while ((bytes = spsc_peek(t->ring, &length))) {
        const record *r = (const record *)bytes;
        if (r->type == RECORD_TRACK)
            free_info(r->info);
        spsc_release(t->ring);
    }
    for (record *r; (r = g_queue_pop_head(&t->waiting)); g_free(r))
        free_info(r->info);
    spsc_free(t->ring);
    g_hash_table_unref(t->tracks);
    g_mutex_clear(&t->delivering);
    g_free(t->room_id);
    g_free(t);
}

static gpointer
run_delivery(gpointer data)
{
    tap_delivery *d = data;
    guint64 wakes;
    while (!g_atomic_int_get(&d->stopping) && read(d->wake, &wakes, sizeof wakes) > 0) {
        g_mutex_lock(&d->lock);
        g_autoptr(GPtrArray) now = g_ptr_array_new_with_free_func(tap_unref);
        for (guint i = 0; i < d->taps->len; i++) {
            tap *t = g_ptr_array_index(d->taps, i);
            g_atomic_ref_count_inc(&t->refs);
            g_ptr_array_add(now, t);
        }
        g_mutex_unlock(&d->lock);
        for (guint i = 0; i < now->len; i++)
            deliver_all(g_ptr_array_index(now, i));
    }
    return NULL;
}

static tap_delivery *
delivery_new(void)
{
    tap_delivery *d = g_new0(tap_delivery, 1);
    g_mutex_init(&d->lock);
    d->taps = g_ptr_array_new_with_free_func(tap_unref);
    d->wake = eventfd(0, EFD_CLOEXEC);
    d->thread = g_thread_new("taps", run_delivery, d);
    return d;
}

void
tap_delivery_free(tap_delivery *d)
{
    guint64 one = 1;
    if (!d)
        return;
    g_atomic_int_set(&d->stopping, 1);
    if (write(d->wake, &one, sizeof one) > 0)
        g_thread_join(d->thread);
    g_ptr_array_unref(d->taps);
    g_mutex_clear(&d->lock);
    close(d->wake);
    g_free(d);
}

/* ---- libuv thread ---- */

static void
attach(core *c, gpointer data)
{
    tap *t = data;
    t->room = core_room(c, t->room_id, NULL);
    if (!t->room)
        return;
    t->room->holds++;
    g_ptr_array_add(t->room->taps, t);
    for (guint i = 0; i < t->room->tracks->len; i++)
        tell_track(t, g_ptr_array_index(t->room->tracks, i));
    c->tap_filled = t->room->tracks->len > 0;
}

static void
detach(core *c, gpointer data)
{
    tap *t = data;
    if (!t->room)
        return;
    write_waiting(t);
    g_ptr_array_remove(t->room->taps, t);
    t->room->holds--;
    core_drop_room_if_empty(c, t->room);
    t->room = NULL;
}

static void
make_delivery(core *c, gpointer data)
{
    (void)data;
    if (!c->delivery)
        c->delivery = delivery_new();
}

tap *
tap_new(relay *r, const char *room_id, const tap_callbacks *callbacks, gpointer user_data)
{
    tap *t = g_new0(tap, 1);
    g_atomic_ref_count_init(&t->refs);
    t->relay = r;
    t->room_id = g_strdup(room_id);
    t->callbacks = *callbacks;
    t->user_data = user_data;
    t->ring = spsc_new(TAP_RING_BYTES);
    t->tracks = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
    g_mutex_init(&t->delivering);
    g_queue_init(&t->waiting);
    relay_sync(r, make_delivery, NULL);
    tap_delivery *d = relay_core(r)->delivery;
    g_mutex_lock(&d->lock);
    g_atomic_ref_count_inc(&t->refs);
    g_ptr_array_add(d->taps, t);
    g_mutex_unlock(&d->lock);
    relay_sync(r, attach, t);
    return t;
}

static void
end_all_tracks(tap *t)
{
    GHashTableIter i;
    gpointer wanted;
    g_hash_table_iter_init(&i, t->tracks);
    while (g_hash_table_iter_next(&i, NULL, &wanted))
        if (t->callbacks.ended)
            t->callbacks.ended(wanted, t->user_data);
    g_hash_table_remove_all(t->tracks);
}

void
tap_free(tap *t)
{
    if (!t)
        return;
    relay_sync(t->relay, detach, t);
    tap_delivery *d = relay_core(t->relay)->delivery;
    g_mutex_lock(&d->lock);
    g_ptr_array_remove(d->taps, t);
    g_mutex_unlock(&d->lock);
    deliver_all(t); /* what is left, here */
    g_mutex_lock(&t->delivering);
    t->closed = TRUE;
    end_all_tracks(t);
    g_mutex_unlock(&t->delivering);
    tap_unref(t);
}

static void
want_keyframe(core *c, gpointer data)
{
    g_autofree char *id = data;
    track *t = g_hash_table_lookup(c->tracks, id);
    if (t)
        track_want_keyframe(t);
}

void
tap_request_keyframe(tap *t, const char *track_id)
{
    relay_post(t->relay, want_keyframe, g_strdup(track_id));
}
