/* Sources: packets come through a ring from a thread of the caller's and enter the relay as if they had been
 * received. */
#include "media/relay/source.h"
#include "media/relay/bridge.h"
#include "media/relay/spsc.h"
#include <string.h>

typedef enum { RECORD_PACKET, RECORD_CLOCK } record_type;

typedef struct {
    record_type type;
    guint32 rtp_time;
    gint64 wall_us;
} record;

struct source {
    relay *relay;
    spsc *ring;
    gint woken; /* atomic: the media thread knows that there is something */
    char *room_id, *participant, *track_id;
    source_description description;
    char *fmtp;
    codec_id codec;
    void (*keyframe_wanted)(gpointer user_data);
    gpointer user_data;
    track *track; /* media thread; NULL: could not be made, or its room was closed */
    GError *error;
    relay_track_info *info;
};

/* ---- media thread ---- */

static void
on_keyframe_wanted(gpointer data)
{
    const source *s = data;
    if (s->keyframe_wanted)
        s->keyframe_wanted(s->user_data);
}

static void
attach(core *c, gpointer data)
{
    source *s = data;
    if (s->codec == CODEC_NONE || codec_get(s->codec)->video != (s->description.kind == RELAY_VIDEO)) {
        err_set(&s->error, ERR_NOT_ACCEPTABLE, "the relay does not forward this codec");
        return;
    }
    room *r = core_room(c, s->room_id, &s->error);
    if (!r)
        return;
    if (r->tracks->len >= RELAY_ROOM_TRACK_LIMIT) {
        err_set(&s->error, ERR_LIMIT, "the room has %d tracks already", RELAY_ROOM_TRACK_LIMIT);
        core_drop_room_if_empty(c, r);
        return;
    }
    s->track =
        track_new(r, NULL, s->participant, s->description.kind, s->description.source, s->codec, s->fmtp);
    s->track->payload_type = codec_get(s->codec)->payload_type;
    s->track->can_nack = FALSE;
    s->track->source_data = s;
    s->track->source_keyframe = on_keyframe_wanted;
    s->track_id = g_strdup(s->track->id);
    s->info = track_info(s->track, NULL);
    g_ptr_array_add(c->sources, s);
}

static void
detach(core *c, gpointer data)
{
    source *s = data;
    if (!s->track)
        return;
    room *r = s->track->room;
    g_ptr_array_remove(c->sources, s);
    room_remove_track(r, s->track);
    s->track = NULL;
    core_drop_room_if_empty(c, r);
}

static void
take_packet(source *s, const guint8 *bytes, gsize length)
{
    rtp_packet p;
    if (rtp_parse(&p, bytes, length) && p.payload_length > 0)
        stream_input(&s->track->stream, &p, RING_NO_LEVEL, FALSE);
}

static void
drain(source *s)
{
    const guint8 *bytes;
    gsize length;
    while ((bytes = spsc_peek(s->ring, &length))) {
        record r;
        memcpy(&r, bytes, sizeof r);
        if (r.type == RECORD_PACKET)
            take_packet(s, bytes + sizeof r, length - sizeof r);
        else
            stream_note_clock(&s->track->stream, r.rtp_time, r.wall_us);
        spsc_release(s->ring);
    }
}

void
sources_drain(core *c)
{
    for (guint i = 0; i < c->sources->len; i++) {
        source *s = g_ptr_array_index(c->sources, i);
        if (g_atomic_int_compare_and_exchange(&s->woken, 1, 0))
            drain(s);
    }
}

/* ---- libuv thread ---- */

source *
source_new(relay *r, const char *room_id, const char *participant, const source_description *description,
           void (*keyframe_wanted)(gpointer user_data), relay_done done, gpointer user_data)
{
    source *s = g_new0(source, 1);
    guint rate = description->kind == RELAY_VIDEO ? 90000 : 48000;
    s->relay = r;
    s->ring = spsc_new(SOURCE_RING_BYTES);
    s->room_id = g_strdup(room_id);
    s->participant = g_strdup(participant);
    s->description = *description;
    s->fmtp = g_strdup(description->fmtp);
    s->codec = codec_parse(description->codec, rate, 0);
    s->keyframe_wanted = keyframe_wanted;
    s->user_data = user_data;
    relay_sync(r, attach, s);
    if (done)
        relay_reply_later(r, g_steal_pointer(&s->info), g_steal_pointer(&s->error), done, user_data);
    return s;
}

void
source_free(source *s)
{
    if (!s)
        return;
    relay_sync(s->relay, detach, s);
    spsc_free(s->ring);
    relay_track_info_free(s->info);
    g_clear_error(&s->error);
    g_free(s->room_id);
    g_free(s->participant);
    g_free(s->track_id);
    g_free(s->fmtp);
    g_free(s);
}

const char *
source_track(const source *s)
{
    return s->track_id;
}

/* ---- the pushing thread ---- */

static void
wake(source *s)
{
    if (g_atomic_int_compare_and_exchange(&s->woken, 0, 1))
        core_wake(relay_core(s->relay));
}

gboolean
source_push(source *s, const guint8 *packet, gsize length)
{
    record r = {.type = RECORD_PACKET};
    if (!s->track_id || length > SOURCE_PACKET_LIMIT || !rtp_header_length(packet, length) ||
        !spsc_write(s->ring, &r, sizeof r, packet, length))
        return FALSE;
    wake(s);
    return TRUE;
}

void
source_clock(source *s, guint32 rtp_time, gint64 wall_us)
{
    record r = {.type = RECORD_CLOCK, .rtp_time = rtp_time, .wall_us = wall_us};
    if (s->track_id && spsc_write(s->ring, &r, sizeof r, NULL, 0))
        wake(s);
}
