/* Sound needs more care than pictures: an encoder that pauses in silence (DTX) leaves its RTP time jumping, and players
 * close such holes up, so that sound would run ahead of the picture. Holes are filled with packets of silence. */
#include "media/record/lane.h"
#include "hub/base/buf.h"
#include "hub/base/err.h"
#include "media/record/opus.h"
#include "media/record/sequence.h"
#include "media/record/timeline.h"
#include <string.h>

#define RTP_HEADER 12
#define LONGEST_HOLE_SAMPLES (48000LL * 3600) /* beyond an hour it is no pause but a broken clock */

struct lane {
    lane_info info;
    journal_reader *reader;
    journal_record record;
    timeline *time;
    sequence *order;
    gboolean ended;   /* the journal was read to its end */
    gboolean held;    /* record holds a packet that is not in the window yet */
    gint64 origin_us, from_us, until_us;
    guint16 number;   /* next sequence number to give out */
    gint64 last_pts_us;
    gint64 end_pts_us;
    gboolean sounding;
    gint64 sound_until; /* unwrapped RTP time where the sound given out so far ends */
    GBytes *waiting;    /* the packet behind a hole that is being filled */
    gint64 waiting_rtp;
    guint waiting_samples;
};

static gboolean
read_info(lane *l, GError **error)
{
    json_t *track = journal_reader_track(l->reader);
    const char *kind = json_get_text(track, "kind");
    const char *source = json_get_text(track, "source");
    l->info.track = json_get_text(track, "track");
    l->info.participant = json_get_text(track, "participant");
    l->info.codec = json_get_text(track, "codec");
    l->info.clock_rate = (guint)json_get_int(track, "clock_rate", 0);
    l->info.channels = (guint)json_get_int(track, "channels", 0);
    l->info.payload_type = (guint)json_get_int(track, "payload_type", 0);
    if (!l->info.track || !l->info.participant || !l->info.codec || !kind || l->info.clock_rate == 0 || !source ||
        !relay_source_parse(source, &l->info.source))
        return err_set(error, ERR_INVALID, "a journal does not say what its track is");
    l->info.kind = strcmp(kind, "audio") ? RELAY_VIDEO : RELAY_AUDIO;
    return TRUE;
}

static guint32
rtp_time_of(const guint8 *packet)
{
    buf_reader r = buf_reader_of(packet + 4, 4);
    return buf_be32(&r);
}

static gboolean
is_rtp(const journal_record *record)
{
    return record->type == JOURNAL_PACKET && record->length >= RTP_HEADER && record->payload[0] >> 6 == 2;
}

static gboolean
measure(lane *l, GError **error)
{
    gint64 first = G_MAXINT64, last = G_MININT64;
    while (journal_reader_next(l->reader, &l->record)) {
        if (is_rtp(&l->record)) {
            gint64 at = timeline_arrival(l->time, rtp_time_of(l->record.payload), l->record.wall_us);
            first = MIN(first, at);
            last = MAX(last, at);
        } else if (l->record.type == JOURNAL_CLOCK && l->record.length == 4) {
            buf_reader r = buf_reader_of(l->record.payload, 4);
            timeline_clock(l->time, buf_be32(&r), l->record.wall_us);
        }
    }
    if (first > last)
        return err_set(error, ERR_NOT_FOUND, "nothing came on this track");
    l->info.start_us = timeline_wall_us(l->time, first);
    l->info.end_us = timeline_wall_us(l->time, last);
    return TRUE;
}

lane *
lane_open(const char *path, GError **error)
{
    g_autoptr(lane) l = g_new0(lane, 1);
    l->reader = journal_reader_open(path, error);
    if (!l->reader || !read_info(l, error))
        return NULL;
    l->time = timeline_new(l->info.clock_rate);
    if (!measure(l, error))
        return NULL;
    return g_steal_pointer(&l);
}

void
lane_free(lane *l)
{
    if (!l)
        return;
    g_clear_pointer(&l->reader, journal_reader_free);
    g_clear_pointer(&l->time, timeline_free);
    g_clear_pointer(&l->order, sequence_free);
    g_clear_pointer(&l->waiting, g_bytes_unref);
    g_free(l);
}

const lane_info *
lane_describe(const lane *l)
{
    return &l->info;
}

void
lane_start(lane *l, gint64 origin_us, gint64 from_us, gint64 until_us)
{
    journal_reader_rewind(l->reader);
    timeline_rewind(l->time);
    g_clear_pointer(&l->order, sequence_free);
    g_clear_pointer(&l->waiting, g_bytes_unref);
    l->order = sequence_new();
    l->ended = l->held = l->sounding = FALSE;
    l->origin_us = origin_us;
    l->from_us = from_us;
    l->until_us = until_us;
    l->number = 0;
    l->last_pts_us = l->end_pts_us = 0;
}

/* The next packet in order, with what was lost before it. */
static GBytes *
next_in_order(lane *l, guint *ret_lost)
{
    for (;;) {
        if (l->held)
            l->held = !sequence_push(l->order, l->record.payload, l->record.length, l->record.wall_us);
        GBytes *packet = sequence_pop(l->order, l->ended || l->held, ret_lost);
        if (packet || l->ended)
            return packet;
        if (!journal_reader_next(l->reader, &l->record))
            l->ended = TRUE;
        else
            l->held = is_rtp(&l->record);
    }
}

static gint64
pts_of(lane *l, gint64 rtp, gint64 samples)
{
    gint64 pts_us = MAX(timeline_wall_us(l->time, rtp) - l->origin_us, l->last_pts_us);
    l->last_pts_us = pts_us;
    l->end_pts_us = pts_us + timeline_duration_us(l->time, samples);
    return pts_us;
}

/* A copy with our own sequence number. */
static GBytes *
renumber(lane *l, GBytes *packet)
{
    gsize length;
    const guint8 *bytes = g_bytes_get_data(packet, &length);
    guint8 *copy = g_memdup2(bytes, length);
    copy[2] = (guint8)(l->number >> 8);
    copy[3] = (guint8)l->number;
    l->number++;
    return g_bytes_new_take(copy, length);
}

static GBytes *
silence(lane *l, gint64 rtp)
{
    guint8 packet[RTP_HEADER + sizeof opus_silence] = {0x80};
    buf_writer w = buf_writer_of(packet + 1, sizeof packet - 1);
    buf_put_u8(&w, (guint8)l->info.payload_type);
    buf_put_be16(&w, l->number++);
    buf_put_be32(&w, (guint32)rtp);
    buf_put_be32(&w, 0);
    buf_put_bytes(&w, opus_silence, sizeof opus_silence);
    return g_bytes_new(packet, sizeof packet);
}

/* Payload behind the fixed header and CSRCs; taps deliver no extensions and no padding. */
static guint
sound_samples(GBytes *packet)
{
    gsize length;
    const guint8 *bytes = g_bytes_get_data(packet, &length);
    gsize head = RTP_HEADER + 4u * (bytes[0] & 0x0f);
    return length > head ? opus_packet_samples(bytes + head, length - head) : 0;
}

/* Sound: fills the hole before the waiting packet, then gives the packet. */
static GBytes *
next_sound(lane *l, gint64 *ret_pts_us)
{
    gint64 hole = l->waiting_rtp - l->sound_until;
    if (l->sounding && hole >= OPUS_SILENCE_SAMPLES && hole < LONGEST_HOLE_SAMPLES) {
        gint64 rtp = l->sound_until;
        l->sound_until += OPUS_SILENCE_SAMPLES;
        *ret_pts_us = pts_of(l, rtp, OPUS_SILENCE_SAMPLES);
        return silence(l, rtp);
    }
    l->sounding = TRUE;
    l->sound_until = l->waiting_rtp + l->waiting_samples;
    *ret_pts_us = pts_of(l, l->waiting_rtp, l->waiting_samples);
    g_autoptr(GBytes) packet = g_steal_pointer(&l->waiting);
    return renumber(l, packet);
}

GBytes *
lane_next(lane *l, gint64 *ret_pts_us)
{
    if (l->waiting)
        return next_sound(l, ret_pts_us);
    guint lost = 0;
    GBytes *next;
    while ((next = next_in_order(l, &lost))) {
        g_autoptr(GBytes) packet = next;
        gint64 rtp = timeline_unwrap(l->time, rtp_time_of(g_bytes_get_data(packet, NULL)));
        gint64 wall_us = timeline_wall_us(l->time, rtp);
        if (wall_us < l->from_us)
            continue;
        if (wall_us > l->until_us)
            return NULL;
        if (l->info.kind == RELAY_AUDIO && !g_ascii_strcasecmp(l->info.codec, "opus")) {
            l->waiting_samples = sound_samples(packet);
            if (l->waiting_samples == 0)
                continue;
            l->waiting = g_steal_pointer(&packet);
            l->waiting_rtp = rtp;
            return next_sound(l, ret_pts_us);
        }
        l->number = (guint16)(l->number + (lost > 0));
        *ret_pts_us = pts_of(l, rtp, 0);
        return renumber(l, packet);
    }
    return NULL;
}

gint64
lane_end_pts_us(const lane *l)
{
    return l->end_pts_us;
}
