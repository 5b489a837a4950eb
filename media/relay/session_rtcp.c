/* RTCP of a session. From publishers: sender reports. From subscribers: what they miss, keyframes they need,
 * and how the way to them is. To publishers: reports, losses, transport-wide feedback; to subscribers: sender
 * reports. */
#include "media/relay/core.h"
#include <string.h>

/* ---- in ---- */

static stream *
find_stream(session *s, guint32 ssrc)
{
    for (guint i = 0; i < s->bindings->len; i++) {
        const ssrc_binding *b = &g_array_index(s->bindings, ssrc_binding, i);
        if (b->ssrc == ssrc && !b->rtx)
            return b->stream;
    }
    return NULL;
}

static forwarder *
find_forwarder(session *s, guint32 ssrc)
{
    for (guint i = 0; s->kind != SESSION_PUBLISH && i < s->legs->len; i++) {
        const leg *l = g_ptr_array_index(s->legs, i);
        if (l->forwarder && l->forwarder->ssrc == ssrc)
            return l->forwarder;
    }
    return NULL;
}

/* A publisher's clock becomes ours by one offset, taken at its first report, for all its tracks. */
static void
on_sender_report(session *s, const rtcp_packet *p)
{
    stream *of = find_stream(s, p->sender);
    gint64 wall_us = rtcp_wall_of(p->info.ntp);
    if (!of || p->info.ntp == 0)
        return;
    of->last_sr = (guint32)(p->info.ntp >> 16);
    of->last_sr_us = s->core->now_us;
    if (!s->has_clock_offset) {
        s->has_clock_offset = TRUE;
        s->clock_offset_us = g_get_real_time() - wall_us;
    }
    stream_note_clock(of, p->info.rtp_time, wall_us + s->clock_offset_us);
}

static void
on_reports(session *s, rtcp_packet *p)
{
    rtcp_report r;
    while (rtcp_next_report(p, &r)) {
        forwarder *f = find_forwarder(s, r.ssrc);
        if (!f || !r.last_sr)
            continue;
        guint32 now = (guint32)(rtcp_ntp_of(g_get_real_time()) >> 16);
        gint32 rtt = (gint32)(now - r.last_sr - r.delay_since_sr);
        if (rtt >= 0 && rtt < 65536 * 10)
            f->rtt_us = (guint32)((guint64)rtt * G_USEC_PER_SEC / 65536);
    }
}

static void
on_nack(session *s, rtcp_packet *p)
{
    guint16 first, mask;
    forwarder *f = find_forwarder(s, p->media);
    while (f && rtcp_next_nack(p, &first, &mask)) {
        forwarder_resend(f, first);
        for (guint bit = 0; bit < 16; bit++)
            if (mask >> bit & 1)
                forwarder_resend(f, (guint16)(first + 1 + bit));
    }
}

static void
want_keyframe(session *s, guint32 ssrc)
{
    forwarder *f = find_forwarder(s, ssrc);
    if (f && f->track)
        track_want_keyframe(f->track); /* throttled there, for all subscribers together */
}

static void
on_payload_feedback(session *s, rtcp_packet *p)
{
    guint32 ssrc;
    guint8 sequence;
    if (p->format == RTCP_PLI)
        want_keyframe(s, p->media);
    while (rtcp_next_fir(p, &ssrc, &sequence))
        want_keyframe(s, ssrc);
}

void
session_rtcp_input(session *s, guint8 *bytes, gsize length)
{
    rtcp_packet p;
    gsize plain = srtp_open_rtcp(s->srtp, bytes, length);
    if (plain == 0 || !rtcp_is_valid(bytes, plain)) {
        s->core->stats.dropped_in++;
        return;
    }
    buf_reader compound = buf_reader_of(bytes, plain);
    while (rtcp_next(&compound, &p)) {
        if (p.type == RTCP_SR)
            on_sender_report(s, &p);
        if (p.type == RTCP_SR || p.type == RTCP_RR)
            on_reports(s, &p);
        else if (p.type == RTCP_RTPFB && p.format == RTCP_NACK)
            on_nack(s, &p);
        else if (p.type == RTCP_PSFB)
            on_payload_feedback(s, &p);
    }
}

/* ---- out ---- */

void
session_send_rtcp(session *s, buf_writer *w)
{
    gsize length = buf_written(w);
    if (w->bad || length == 0 || !session_is_open(s) || !session_may_send(s, length))
        return;
    guint8 *out = sender_reserve(s->core->sender);
    memcpy(out, w->start, length);
    length = srtp_seal_rtcp(s->srtp, out, length);
    if (length > 0)
        sender_commit(s->core->sender, &s->destination, length);
}

/* Where reduced-size RTCP (RFC 5506) was not agreed, a compound begins with a report and names us. */
static void
begin_feedback(session *s, buf_writer *w, guint8 *area)
{
    *w = buf_writer_of(area, RTCP_LIMIT);
    if (s->rtcp_rsize)
        return;
    rtcp_put_rr(w, s->rtcp_ssrc, NULL, 0);
    rtcp_put_cname(w, s->rtcp_ssrc, CNAME);
}

static void
send_receiver_report(session *s)
{
    guint8 area[RTCP_LIMIT];
    rtcp_report reports[RTCP_REPORT_LIMIT];
    guint count = 0;
    for (guint i = 0; i < s->legs->len && count < RTCP_REPORT_LIMIT; i++) {
        const leg *l = g_ptr_array_index(s->legs, i);
        if (l->track && l->track->stream.started)
            stream_fill_report(&l->track->stream, &reports[count++], s->core->now_us);
    }
    buf_writer w = buf_writer_of(area, sizeof area);
    rtcp_put_rr(&w, s->rtcp_ssrc, reports, count);
    rtcp_put_cname(&w, s->rtcp_ssrc, CNAME);
    session_send_rtcp(s, &w);
}

static void
send_sender_reports(session *s)
{
    guint8 area[RTCP_LIMIT];
    buf_writer w = buf_writer_of(area, sizeof area);
    for (guint i = 0; i < s->legs->len; i++) {
        const leg *l = g_ptr_array_index(s->legs, i);
        rtcp_sender_info info;
        if (!l->forwarder || !forwarder_fill_sender_info(l->forwarder, &info, s->core->now_us))
            continue;
        if (buf_written(&w) + 64 > RTCP_LIMIT) {
            session_send_rtcp(s, &w);
            w = buf_writer_of(area, sizeof area);
        }
        rtcp_put_sr(&w, l->forwarder->ssrc, &info, NULL, 0);
        rtcp_put_cname(&w, l->forwarder->ssrc,
                       s->kind == SESSION_PLAY ? CNAME : l->forwarder->track->participant);
    }
    session_send_rtcp(s, &w);
}

void
session_send_reports(session *s)
{
    if (s->kind == SESSION_PUBLISH)
        send_receiver_report(s);
    else
        send_sender_reports(s);
}

void
session_send_feedback(session *s)
{
    guint8 area[RTCP_LIMIT];
    buf_writer w;
    begin_feedback(s, &w, area);
    while (transport_cc_put(s->feedback, &w, s->rtcp_ssrc, s->feedback_media)) {
        session_send_rtcp(s, &w);
        begin_feedback(s, &w, area);
    }
}

void
session_request_keyframe(session *s, guint32 media_ssrc)
{
    guint8 area[RTCP_LIMIT];
    buf_writer w;
    begin_feedback(s, &w, area);
    rtcp_put_pli(&w, s->rtcp_ssrc, media_ssrc);
    session_send_rtcp(s, &w);
}

void
session_send_nacks(session *s)
{
    core *c = s->core;
    for (guint i = 0; i < s->legs->len; i++) {
        const leg *l = g_ptr_array_index(s->legs, i);
        guint8 area[RTCP_LIMIT];
        guint16 sequences[NACK_BATCH];
        gboolean given_up;
        buf_writer w;
        if (!l->track || nack_is_empty(&l->track->stream.nack))
            continue;
        guint count = nack_due(&l->track->stream.nack, c->now_us, sequences, &given_up);
        if (given_up)
            track_want_keyframe(l->track);
        if (!nack_is_empty(&l->track->stream.nack))
            c->nacks_pending = TRUE;
        if (count == 0)
            continue;
        begin_feedback(s, &w, area);
        rtcp_put_nack(&w, s->rtcp_ssrc, l->track->stream.ssrc, sequences, count);
        session_send_rtcp(s, &w);
        c->stats.nacks_out += count;
    }
}
