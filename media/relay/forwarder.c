/* One track to one subscriber. The subscriber sees one RTP stream whose SSRC, payload type and numbering
 * never jump, whatever happens to the track behind it: after a switch, a mute or a new start of the publisher
 * the numbers go on after the last one sent, and video goes on with a keyframe.
 *
 * Numbers are 64-bit indices; their lower 16 bits are on the wire and the next 32 are SRTP's roll-over
 * counter, so that no nonce is ever used for two packets: a packet is sent once under its number, and again
 * only as a retransmission, which has an SSRC and numbers of its own (RFC 4588). */
#include "media/relay/core.h"
#include <openssl/rand.h>
#include <string.h>

#define RESENT_COUNT 512
#define RESEND_LEAST_US 10000
#define RESEND_DEFAULT_US 50000
#define SWITCH_GAP_US                                                                                        \
    20000 /* assumed between the last packet before a switch and the first after, at least */

static guint16
random_start(void)
{
    guint16 start;
    RAND_bytes((guint8 *)&start, sizeof start);
    return start &
           0x7fff; /* below 2^15: the receiver cannot mistake the roll-over counter (RFC 3711 3.3.1) */
}

forwarder *
forwarder_new(session *s, codec_id codec, guint8 payload_type, guint8 rtx_type)
{
    forwarder *f = g_new0(forwarder, 1);
    f->session = s;
    f->codec = codec;
    f->payload_type = payload_type;
    f->rtx_type = rtx_type;
    f->ssrc = session_new_ssrc(s);
    f->highest_out = random_start();
    f->rtx_next = random_start();
    if (rtx_type) {
        do
            f->rtx_ssrc = session_new_ssrc(s);
        while (f->rtx_ssrc == f->ssrc);
    }
    return f;
}

void
forwarder_free(forwarder *f)
{
    if (!f)
        return;
    forwarder_set_track(f, NULL);
    g_free(f->resent_us);
    g_free(f);
}

void
forwarder_set_track(forwarder *f, track *t)
{
    if (f->track == t)
        return;
    if (f->track)
        g_ptr_array_remove_fast(f->track->forwarders, f);
    f->track = t;
    f->flowing = FALSE;
    if (!t)
        return;
    g_ptr_array_add(t->forwarders, f);
    if (f->enabled)
        track_want_keyframe(t);
}

/* The parts of the header that are the same in every packet, with places for those that are not. */
void
forwarder_prepare(forwarder *f, const char *mid, gboolean enabled)
{
    const rtp_extension_ids *ids = &f->session->extensions;
    static const guint8 nothing[2];
    rtp_writer w = rtp_begin(f->header, f->payload_type, FALSE, 0, 0, f->ssrc);
    f->transport_cc_at = f->level_at = 0;
    rtp_put_extension(&w, ids->of[RTP_MID], (const guint8 *)mid, strlen(mid));
    rtp_put_extension(&w, ids->of[RTP_TRANSPORT_CC], nothing, 2);
    if (ids->of[RTP_TRANSPORT_CC])
        f->transport_cc_at = (guint8)(w.at - w.start - 2);
    if (f->codec == CODEC_OPUS && ids->of[RTP_AUDIO_LEVEL]) {
        rtp_put_extension(&w, ids->of[RTP_AUDIO_LEVEL], nothing, 1);
        f->level_at = (guint8)(w.at - w.start - 1);
    }
    f->header_length = (guint8)rtp_end(&w);
    if (enabled && !f->enabled && f->track)
        track_want_keyframe(f->track);
    f->enabled = enabled;
}

static void
patch16(guint8 *at, guint16 v)
{
    at[0] = (guint8)(v >> 8);
    at[1] = (guint8)v;
}

static void
patch32(guint8 *at, guint32 v)
{
    patch16(at, (guint16)(v >> 16));
    patch16(at + 2, (guint16)v);
}

/* Seals the packet of e under out_index; extra (or NULL) goes between header and payload. */
static void
send_packet(forwarder *f, const ring_entry *e, gboolean rtx, guint64 out_index, const guint8 *extra,
            gsize extra_length)
{
    session *s = f->session;
    core *c = s->core;
    guint8 *h = f->header;
    guint8 *out = sender_reserve(c->sender);
    h[1] = (guint8)((e->marker ? 0x80 : 0) | (rtx ? f->rtx_type : f->payload_type));
    patch16(h + 2, (guint16)out_index);
    patch32(h + 4, e->timestamp + f->timestamp_offset);
    patch32(h + 8, rtx ? f->rtx_ssrc : f->ssrc);
    if (f->transport_cc_at)
        patch16(h + f->transport_cc_at, s->transport_sequence++);
    if (f->level_at)
        h[f->level_at] = e->level == RING_NO_LEVEL ? 127 : e->level;
    const guint8 *payload = ring_payload(&f->track->stream.ring, e);
    gsize length =
        srtp_seal_rtp(s->srtp, out_index, h, f->header_length, extra, extra_length, payload, e->length, out);
    if (length > 0 && session_may_send(s, length))
        sender_commit(c->sender, &s->destination, length);
}

/* Numbers go on after the last one sent; time goes on by what has passed since. */
static void
begin_flow(forwarder *f, const ring_entry *e)
{
    gint64 now_us = f->session->core->now_us;
    f->offset = f->highest_out + 1 - e->index;
    if (f->packets > 0) {
        guint rate = codec_get(f->codec)->clock_rate;
        gint64 passed_us = MAX(now_us - f->last_sent_us, SWITCH_GAP_US);
        f->timestamp_offset = f->last_timestamp + (guint32)(passed_us * rate / G_USEC_PER_SEC) - e->timestamp;
    }
    f->first_out = e->index + f->offset;
    f->generation = f->track->stream.generation;
    f->flowing = TRUE;
}

static void
forward(forwarder *f, const ring_entry *e)
{
    if (!f->flowing) {
        if (!e->keyframe)
            return;
        begin_flow(f, e);
    }
    guint64 out = e->index + f->offset;
    if (out < f->first_out)
        return; /* from before the keyframe, come late */
    send_packet(f, e, FALSE, out, NULL, 0);
    if (out > f->highest_out) {
        f->highest_out = out;
        f->last_timestamp = e->timestamp + f->timestamp_offset;
        f->last_sent_us = f->session->core->now_us;
    }
    f->packets++;
    f->bytes += e->length;
}

void
forwarder_send_fresh(forwarder *f)
{
    const stream *s = &f->track->stream;
    if (f->flowing && f->generation != s->generation) {
        f->flowing = FALSE;
        track_want_keyframe(f->track);
    }
    for (guint i = 0; i < s->fresh_count; i++) {
        const ring_entry *e = ring_get(&s->ring, s->fresh[i]);
        if (e)
            forward(f, e);
    }
}

/* Not again while the last repetition may still be under way. */
static gboolean
resent_just_now(forwarder *f, guint64 out)
{
    gint64 now_us = f->session->core->now_us;
    gint64 wait_us = f->rtt_us ? MAX(f->rtt_us, RESEND_LEAST_US) : RESEND_DEFAULT_US;
    if (!f->resent_us)
        f->resent_us = g_new0(gint64, RESENT_COUNT);
    gint64 *last = &f->resent_us[out % RESENT_COUNT];
    if (*last && now_us - *last < wait_us)
        return TRUE;
    *last = now_us;
    return FALSE;
}

void
forwarder_resend(forwarder *f, guint16 sequence)
{
    core *c = f->session->core;
    guint8 original[2];
    c->stats.nacks_in++;
    if (!f->track || !f->flowing || !f->rtx_type || f->generation != f->track->stream.generation)
        return;
    guint64 out = rtp_unwrap(f->highest_out, sequence);
    if (out > f->highest_out || out < f->first_out)
        return;
    const ring_entry *e = ring_get(&f->track->stream.ring, out - f->offset);
    if (!e || e->received_us == c->now_us || resent_just_now(f, out))
        return; /* of this turn: on its way for the first time */
    patch16(original, sequence);
    send_packet(f, e, TRUE, f->rtx_next++, original, sizeof original);
    c->stats.retransmitted++;
}

/* The publisher's own clock, moved to ours and into the numbering of this stream: so audio and video of one
 * publisher stay in step at the subscriber (RFC 3550 6.4.1). Before its first report: as if packets were sent
 * when sampled. */
gboolean
forwarder_fill_sender_info(const forwarder *f, rtcp_sender_info *ret_info, gint64 now_us)
{
    gint64 wall_us = g_get_real_time();
    if (!f->track || !f->flowing || f->packets == 0)
        return FALSE;
    const stream *s = &f->track->stream;
    guint rate = codec_get(f->codec)->clock_rate;
    guint32 rtp_time;
    if (s->has_clock)
        rtp_time = s->clock_rtp + f->timestamp_offset +
                   (guint32)((wall_us - s->clock_wall_us) * rate / G_USEC_PER_SEC);
    else
        rtp_time = f->last_timestamp + (guint32)((now_us - f->last_sent_us) * rate / G_USEC_PER_SEC);
    *ret_info = (rtcp_sender_info){
        .ntp = rtcp_ntp_of(wall_us), .rtp_time = rtp_time, .packets = f->packets, .bytes = f->bytes};
    return TRUE;
}
