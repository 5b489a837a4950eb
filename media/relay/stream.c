/* Reception of one RTP stream: numbering, what is missing, statistics, and the ring from which it is
 * forwarded. */
#include "media/relay/core.h"
#include <stdlib.h>
#include <string.h>

#define VIDEO_RING_PACKETS 1024
#define VIDEO_RING_BYTES (256 * 1024)
#define AUDIO_RING_PACKETS 64
#define AUDIO_RING_BYTES (16 * 1024)

void
stream_init(stream *s, track *t)
{
    gboolean video = t->kind == RELAY_VIDEO;
    memset(s, 0, sizeof *s);
    s->track = t;
    ring_init(&s->ring, video ? VIDEO_RING_PACKETS : AUDIO_RING_PACKETS,
              video ? VIDEO_RING_BYTES : AUDIO_RING_BYTES);
}

void
stream_clear(stream *s)
{
    ring_clear(&s->ring);
    nack_clear(&s->nack);
}

void
stream_restart(stream *s)
{
    s->started = FALSE;
    s->generation++;
    s->fresh_count = 0;
    s->has_clock = FALSE;
    s->last_sr_us = 0;
    ring_forget(&s->ring);
    nack_clear(&s->nack);
}

static void
start(stream *s, guint16 sequence)
{
    s->started = TRUE;
    s->first = s->highest =
        RTP_SEQUENCE_CYCLE + sequence; /* so that a packet overtaken by it has an index too */
    s->received = s->expected_at_report = s->received_at_report = 0;
    s->transit = 0;
    s->jitter = 0;
}

/* RFC 3550 A.8 */
static void
note_jitter(stream *s, guint32 timestamp, gint64 now_us)
{
    guint rate = codec_get(s->track->codec)->clock_rate;
    gint64 transit = now_us * rate / G_USEC_PER_SEC - (gint64)timestamp;
    if (s->transit != 0) {
        gint32 d = (gint32)(transit - s->transit);
        s->jitter += (abs(d) - s->jitter) / 16;
    }
    s->transit = transit;
}

/* Keeps the account of what is missing. FALSE: the packet is no news (a duplicate, or too old to matter). */
static gboolean
note_index(stream *s, guint64 index, gint64 now_us)
{
    core *c = s->track->room->core;
    if (index > s->highest) {
        if (index > s->highest + 1 && s->track->can_nack && !s->track->muted) {
            if (!nack_add(&s->nack, s->highest + 1, index - 1, now_us))
                track_want_keyframe(s->track);
            c->nacks_pending = TRUE;
        }
        s->highest = index;
        return TRUE;
    }
    if (s->highest - index >= s->ring.count || ring_get(&s->ring, index))
        return FALSE;
    if (nack_remove(&s->nack, index))
        c->stats.recovered++;
    return TRUE;
}

static void
note_first_packet(track *t)
{
    t->live = TRUE;
    relay_emit_track(t, TRUE);
    room_choose_for_players(t->room);
}

void
stream_input(stream *s, const rtp_packet *p, guint8 level, gboolean recovered)
{
    track *t = s->track;
    room *r = t->room;
    gint64 now_us = r->core->now_us;
    if (!s->started)
        start(s, p->sequence);
    guint64 index = rtp_unwrap(s->highest, p->sequence);
    if (!note_index(s, index, now_us))
        return;
    s->received++;
    if (!recovered)
        note_jitter(s, p->timestamp, now_us);
    if (!t->live)
        note_first_packet(t);
    if (t->muted)
        return;
    ring_entry e = {.index = index,
                    .received_us = now_us,
                    .timestamp = p->timestamp,
                    .length = (guint16)p->payload_length,
                    .level = level,
                    .marker = p->marker,
                    .keyframe = codec_starts_keyframe(t->codec, p->payload, p->payload_length)};
    ring_put(&s->ring, &e, p->payload);
    if (e.keyframe && t->kind == RELAY_VIDEO)
        t->keyframe_tries = 0;
    if (level != RING_NO_LEVEL)
        speaker_note(&t->level, level);
    if (r->taps->len > 0 && p->payload_length > 0)
        taps_packet(r, t, &e, p->payload);
    if (s->fresh_count == STREAM_FRESH_LIMIT)
        room_flush(r);
    s->fresh[s->fresh_count++] = index;
    room_mark_dirty(r);
}

void
stream_note_clock(stream *s, guint32 rtp_time, gint64 wall_us)
{
    s->has_clock = TRUE;
    s->clock_rtp = rtp_time;
    s->clock_wall_us = wall_us;
    if (s->track->room->taps->len > 0)
        taps_clock(s->track->room, s->track, rtp_time, wall_us);
}

/* RFC 3550 A.3 */
void
stream_fill_report(stream *s, rtcp_report *ret_report, gint64 now_us)
{
    guint64 expected = s->highest - s->first + 1;
    guint64 new_expected = expected - s->expected_at_report;
    guint64 new_received = s->received - s->received_at_report;
    rtcp_report r = {.ssrc = s->ssrc, .jitter = (guint32)s->jitter};
    r.highest_sequence = (guint32)(s->highest - RTP_SEQUENCE_CYCLE);
    r.total_lost = (gint32)CLAMP((gint64)expected - (gint64)s->received, -0x800000, 0x7fffff);
    if (new_expected > new_received)
        r.fraction_lost = (guint8)MIN((new_expected - new_received) * 256 / new_expected, 255);
    if (s->last_sr_us) {
        r.last_sr = s->last_sr;
        r.delay_since_sr = (guint32)((now_us - s->last_sr_us) * 65536 / G_USEC_PER_SEC);
    }
    s->expected_at_report = expected;
    s->received_at_report = s->received;
    *ret_report = r;
}
