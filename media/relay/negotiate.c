/* Offers and answers: m-lines to legs, legs to m-lines. M-lines never change their place (RFC 9429 5.2.2): a
 * leg without a track is written as inactive and taken by the next track of its kind. */
#include "media/relay/core.h"
#include <string.h>

static const codec_id audio_codecs[] = {CODEC_OPUS, CODEC_NONE};
/* VP8 is what every browser has. */
static const codec_id video_codecs[] = {CODEC_VP8, CODEC_H264, CODEC_VP9, CODEC_AV1, CODEC_NONE};

/* Ids in our own offers. */
static const rtp_extension_ids own_extensions = {
    .of = {[RTP_AUDIO_LEVEL] = 1, [RTP_TRANSPORT_CC] = 3, [RTP_MID] = 4}};

leg *
leg_new(const char *mid, relay_kind kind)
{
    leg *l = g_new0(leg, 1);
    g_strlcpy(l->mid, mid, sizeof l->mid);
    l->kind = kind;
    return l;
}

void
leg_free(gpointer data)
{
    leg *l = data;
    forwarder_free(l->forwarder);
    g_free(l->kind_text);
    g_free(l->protocol);
    g_free(l->format);
    g_free(l);
}

/* ---- writing ---- */

static char *
write_description(session *s, const sdp_line *lines, guint count, gboolean offer)
{
    core *c = s->core;
    sdp_local local = {.id = s->sdp_id,
                       .version = ++s->sdp_version,
                       .ice = &s->ice.local,
                       .fingerprint = dtls_context_fingerprint(c->dtls),
                       .setup = offer ? SDP_ACTPASS : SDP_PASSIVE,
                       .address = c->address,
                       .port = c->port};
    return sdp_write(&local, lines, count);
}

char *
negotiate_fragment(session *s)
{
    core *c = s->core;
    sdp_local local = {.ice = &s->ice.local, .address = c->address, .port = c->port};
    const leg *first = s->legs->len > 0 ? g_ptr_array_index(s->legs, 0) : NULL;
    return sdp_write_fragment(&local, first ? first->mid : "0");
}

static sdp_line
rejected_line(leg *l, const sdp_media *m)
{
    g_free(l->kind_text);
    g_free(l->protocol);
    g_free(l->format);
    l->kind_text = g_strdup(m->kind_text);
    l->protocol = g_strdup(m->protocol);
    l->format = g_strdup(m->first_format);
    l->rejected = TRUE;
    return (sdp_line){
        .kind = l->kind_text, .mid = l->mid, .rejected = TRUE, .protocol = l->protocol, .format = l->format};
}

/* Of the extensions offered, those that we want to get from a publisher or may send to a player. */
static rtp_extension_ids
wanted_extensions(const sdp_media *m)
{
    rtp_extension_ids ids = {0};
    ids.of[RTP_MID] = m->extensions.of[RTP_MID];
    ids.of[RTP_TRANSPORT_CC] = m->extensions.of[RTP_TRANSPORT_CC];
    if (m->kind == SDP_AUDIO)
        ids.of[RTP_AUDIO_LEVEL] = m->extensions.of[RTP_AUDIO_LEVEL];
    return ids;
}

static void
join_extensions(session *s, const rtp_extension_ids *ids)
{
    for (guint i = 0; i < RTP_EXTENSION_COUNT; i++)
        if (!s->extensions.of[i])
            s->extensions.of[i] = ids->of[i];
}

/* An accepted line of an answer. */
static sdp_line
accepted_line(session *s, const leg *l, const sdp_media *m, const sdp_format *f, const sdp_format *rtx)
{
    sdp_line line = {.kind = relay_kind_name(l->kind),
                     .mid = l->mid,
                     .codec = f->codec,
                     .payload_type = f->payload_type,
                     .rtx_type = rtx ? rtx->payload_type : 0,
                     .fmtp = f->codec == CODEC_VP8 ? NULL : f->fmtp,
                     .rtcp_rsize = m->rtcp_rsize,
                     .extensions = wanted_extensions(m)};
    line.transport_cc = f->transport_cc && line.extensions.of[RTP_TRANSPORT_CC];
    if (!line.transport_cc)
        line.extensions.of[RTP_TRANSPORT_CC] = 0;
    join_extensions(s, &line.extensions);
    s->rtcp_rsize = s->rtcp_rsize && m->rtcp_rsize;
    return line;
}

/* ---- common to offers from outside ---- */

/* An offer must not change what an m-line is. */
static gboolean
match_legs(session *s, const sdp_description *offer, GError **error)
{
    if (offer->media->len < s->legs->len)
        return err_set(error, ERR_INVALID, "the new offer has fewer m-lines");
    for (guint i = 0; i < offer->media->len; i++) {
        const sdp_media *m = g_ptr_array_index(offer->media, i);
        if (i >= s->legs->len)
            g_ptr_array_add(s->legs, leg_new(m->mid, m->kind == SDP_VIDEO ? RELAY_VIDEO : RELAY_AUDIO));
        const leg *l = g_ptr_array_index(s->legs, i);
        if (!g_str_equal(l->mid, m->mid))
            return err_set(error, ERR_INVALID, "m-line %u has another mid than before", i);
    }
    return TRUE;
}

/* New credentials in a new offer: ICE restart (RFC 8839 4.4.3); DTLS and SRTP stay. */
static gboolean
take_transport(session *s, const sdp_description *offer, GError **error)
{
    const sdp_transport *t = sdp_bundle_transport(offer, error);
    if (!t)
        return FALSE;
    gboolean restart = s->has_remote && !g_str_equal(s->remote_ufrag, t->ufrag);
    if (!session_set_remote(s, t, error))
        return FALSE;
    if (restart) {
        ice_restart(&s->ice);
        session_index_ufrag(s);
    }
    return TRUE;
}

static const sdp_format *
choose_format(const sdp_media *m, const codec_id *video, const sdp_format **ret_rtx)
{
    *ret_rtx = NULL;
    if (m->rejected || m->kind == SDP_OTHER)
        return NULL;
    return sdp_choose(m, m->kind == SDP_VIDEO ? video : audio_codecs, ret_rtx);
}

/* Is any audio or video of the offer something that we can take? */
static gboolean
any_common_codec(const sdp_description *offer)
{
    const sdp_format *rtx;
    for (guint i = 0; i < offer->media->len; i++)
        if (choose_format(g_ptr_array_index(offer->media, i), video_codecs, &rtx))
            return TRUE;
    return FALSE;
}

/* ---- publishing ---- */

static relay_source
source_of(const sdp_media *m, GHashTable *sources)
{
    relay_source source = m->kind == SDP_VIDEO ? RELAY_CAMERA : RELAY_MICROPHONE;
    const char *word = sources ? g_hash_table_lookup(sources, m->mid) : NULL;
    if (word)
        relay_source_parse(word, &source);
    return source;
}

static void
end_track(session *s, leg *l)
{
    if (!l->track)
        return;
    session_unbind(s, &l->track->stream);
    room_remove_track(s->room, g_steal_pointer(&l->track));
}

/* FALSE: the room is full, the line stays without a track. */
static gboolean
begin_track(session *s, leg *l, const sdp_media *m, const sdp_format *f, const sdp_format *rtx,
            GHashTable *sources)
{
    if (s->room->tracks->len >= RELAY_ROOM_TRACK_LIMIT)
        return FALSE;
    track *t = track_new(s->room, s, s->participant, l->kind, source_of(m, sources), f->codec, f->fmtp);
    l->track = t;
    g_strlcpy(t->mid, m->mid, sizeof t->mid);
    t->payload_type = f->payload_type;
    t->rtx_type = rtx ? rtx->payload_type : 0;
    t->can_nack = f->nack;
    if (m->ssrc && !m->simulcast)
        session_bind(s, m->ssrc, &t->stream, FALSE);
    if (m->rtx_ssrc && rtx && !m->simulcast)
        session_bind(s, m->rtx_ssrc, &t->stream, TRUE);
    return TRUE;
}

static sdp_line
publish_line(session *s, leg *l, const sdp_media *m, GHashTable *sources)
{
    const sdp_format *rtx;
    const sdp_format *f = choose_format(m, video_codecs, &rtx);
    gboolean sends = m->direction == SDP_SENDONLY || m->direction == SDP_SENDRECV;
    if (!f || !sends || (l->track && l->track->codec != f->codec))
        end_track(s, l);
    if (!f)
        return rejected_line(l, m);
    l->rejected = FALSE;
    sdp_line line = accepted_line(s, l, m, f, rtx);
    line.direction =
        sends && (l->track || begin_track(s, l, m, f, rtx, sources)) ? SDP_RECVONLY : SDP_INACTIVE;
    if (line.transport_cc && !s->feedback)
        s->feedback = g_new0(transport_cc, 1);
    return line;
}

gboolean
negotiate_publish(session *s, const sdp_description *offer, GHashTable *sources, relay_reply *reply,
                  GError **error)
{
    sdp_line lines[SDP_MEDIA_LIMIT];
    if (!any_common_codec(offer))
        return err_set(error, ERR_NOT_ACCEPTABLE, "the offer has no codec that the relay forwards");
    if (!match_legs(s, offer, error) || !take_transport(s, offer, error))
        return FALSE;
    s->rtcp_rsize = TRUE;
    for (guint i = 0; i < offer->media->len; i++)
        lines[i] =
            publish_line(s, g_ptr_array_index(s->legs, i), g_ptr_array_index(offer->media, i), sources);
    reply->sdp = write_description(s, lines, offer->media->len, FALSE);
    for (guint i = 0; i < s->legs->len; i++) {
        const leg *l = g_ptr_array_index(s->legs, i);
        if (l->track)
            g_ptr_array_add(reply->tracks, track_info(l->track, l->mid));
    }
    return TRUE;
}

/* ---- playing ---- */

/* The codec that the room's video has now, so that there is something to see; else the usual order. */
static void
order_video_codecs(const session *s, codec_id ret_codecs[CODEC_COUNT + 1])
{
    guint count = 0;
    for (guint i = 0; i < s->room->tracks->len && count == 0; i++) {
        const track *t = g_ptr_array_index(s->room->tracks, i);
        if (t->kind == RELAY_VIDEO && !g_str_equal(t->participant, s->participant))
            ret_codecs[count++] = t->codec;
    }
    for (guint i = 0; video_codecs[i] != CODEC_NONE; i++)
        if (count == 0 || video_codecs[i] != ret_codecs[0])
            ret_codecs[count++] = video_codecs[i];
    ret_codecs[count] = CODEC_NONE;
}

static gboolean
has_leg_of_kind(const session *s, relay_kind kind)
{
    for (guint i = 0; i < s->legs->len; i++) {
        const leg *l = g_ptr_array_index(s->legs, i);
        if (l->forwarder && l->kind == kind)
            return TRUE;
    }
    return FALSE;
}

static sdp_line
play_line(session *s, leg *l, const sdp_media *m, const codec_id *video)
{
    const sdp_format *rtx;
    const sdp_format *f = choose_format(m, video, &rtx);
    if (!f)
        return rejected_line(l, m);
    sdp_line line = accepted_line(s, l, m, f, rtx);
    gboolean receives = m->direction == SDP_RECVONLY || m->direction == SDP_SENDRECV;
    line.direction = receives && !has_leg_of_kind(s, l->kind) ? SDP_SENDONLY : SDP_INACTIVE;
    if (line.direction == SDP_INACTIVE)
        return line;
    l->forwarder = forwarder_new(s, f->codec, line.payload_type, line.rtx_type);
    line.ssrc = l->forwarder->ssrc;
    line.rtx_ssrc = l->forwarder->rtx_ssrc;
    line.cname = line.stream = CNAME;
    line.track = relay_kind_name(l->kind);
    return line;
}

gboolean
negotiate_play(session *s, const sdp_description *offer, relay_reply *reply, GError **error)
{
    sdp_line lines[SDP_MEDIA_LIMIT];
    codec_id video[CODEC_COUNT + 1];
    if (!any_common_codec(offer))
        return err_set(error, ERR_NOT_ACCEPTABLE, "the offer has no codec that the relay forwards");
    if (!match_legs(s, offer, error) || !take_transport(s, offer, error))
        return FALSE;
    order_video_codecs(s, video);
    s->rtcp_rsize = TRUE;
    for (guint i = 0; i < offer->media->len; i++)
        lines[i] = play_line(s, g_ptr_array_index(s->legs, i), g_ptr_array_index(offer->media, i), video);
    reply->sdp = write_description(s, lines, offer->media->len, FALSE);
    for (guint i = 0; i < s->legs->len; i++) {
        leg *l = g_ptr_array_index(s->legs, i);
        if (l->forwarder)
            forwarder_prepare(l->forwarder, l->mid, TRUE);
    }
    room_choose_for_players(s->room);
    return TRUE;
}

/* ---- subscribing ---- */

static leg *
leg_of_track(const session *s, const track *t)
{
    for (guint i = 0; i < s->legs->len; i++) {
        leg *l = g_ptr_array_index(s->legs, i);
        if (l->forwarder && l->forwarder->track == t)
            return l;
    }
    return NULL;
}

static gboolean
is_for(const session *s, const track *t)
{
    return !g_str_equal(t->participant, s->participant);
}

gboolean
negotiate_is_current(const session *s)
{
    guint wanted = 0, held = 0;
    for (guint i = 0; i < s->room->tracks->len; i++) {
        const track *t = g_ptr_array_index(s->room->tracks, i);
        wanted += is_for(s, t);
        held += is_for(s, t) && leg_of_track(s, t) != NULL;
    }
    for (guint i = 0; i < s->legs->len; i++) {
        const leg *l = g_ptr_array_index(s->legs, i);
        if (l->forwarder && !l->forwarder->track)
            return FALSE;
    }
    return wanted == held;
}

static leg *
idle_leg(session *s, relay_kind kind)
{
    for (guint i = 0; i < s->legs->len; i++) {
        leg *l = g_ptr_array_index(s->legs, i);
        if (l->kind == kind && !l->forwarder)
            return l;
    }
    if (s->legs->len >= SDP_MEDIA_LIMIT)
        return NULL;
    g_autofree char *mid = g_strdup_printf("%u", s->legs->len);
    leg *l = leg_new(mid, kind);
    g_ptr_array_add(s->legs, l);
    return l;
}

/* With a line of each kind the connection is made before the first track comes. */
static void
add_idle_legs(session *s)
{
    g_ptr_array_add(s->legs, leg_new("0", RELAY_AUDIO));
    g_ptr_array_add(s->legs, leg_new("1", RELAY_VIDEO));
}

/* Legs of ended tracks become idle; every other track gets a leg. */
static void
settle_legs(session *s)
{
    for (guint i = 0; i < s->legs->len; i++) {
        leg *l = g_ptr_array_index(s->legs, i);
        if (l->forwarder && !l->forwarder->track)
            g_clear_pointer(&l->forwarder, forwarder_free);
    }
    for (guint i = 0; i < s->room->tracks->len; i++) {
        track *t = g_ptr_array_index(s->room->tracks, i);
        leg *l = is_for(s, t) && !leg_of_track(s, t) ? idle_leg(s, t->kind) : NULL;
        if (!l)
            continue;
        const codec_info *codec = codec_get(t->codec);
        l->forwarder = forwarder_new(s, t->codec, codec->payload_type, codec->rtx_type);
        forwarder_set_track(l->forwarder, t);
    }
    if (s->legs->len == 0)
        add_idle_legs(s);
}

static sdp_line
offer_line(const leg *l)
{
    const forwarder *f = l->forwarder;
    codec_id codec = f ? f->codec : l->kind == RELAY_VIDEO ? CODEC_VP8 : CODEC_OPUS;
    const codec_info *info = codec_get(codec);
    sdp_line line = {.kind = relay_kind_name(l->kind),
                     .mid = l->mid,
                     .direction = f ? SDP_SENDONLY : SDP_INACTIVE,
                     .codec = codec,
                     .payload_type = info->payload_type,
                     .rtx_type = info->rtx_type,
                     .fmtp = info->fmtp,
                     .transport_cc = TRUE,
                     .rtcp_rsize = TRUE,
                     .extensions = own_extensions};
    if (l->kind == RELAY_VIDEO)
        line.extensions.of[RTP_AUDIO_LEVEL] = 0;
    if (!f)
        return line;
    if (f->track->codec == CODEC_H264 && *f->track->fmtp)
        line.fmtp = f->track->fmtp;
    line.ssrc = f->ssrc;
    line.rtx_ssrc = f->rtx_ssrc;
    line.cname = line.stream = f->track->participant;
    line.track = f->track->id;
    return line;
}

void
negotiate_offer(session *s, relay_reply *reply)
{
    sdp_line lines[SDP_MEDIA_LIMIT];
    settle_legs(s);
    for (guint i = 0; i < s->legs->len; i++)
        lines[i] = offer_line(g_ptr_array_index(s->legs, i));
    reply->sdp = write_description(s, lines, s->legs->len, TRUE);
    reply->version = ++s->offer_version;
    s->offer_open = TRUE;
    s->offered_us = s->core->now_us;
    s->told = FALSE;
    for (guint i = 0; i < s->legs->len; i++) {
        const leg *l = g_ptr_array_index(s->legs, i);
        if (l->forwarder && l->forwarder->track)
            g_ptr_array_add(reply->tracks, track_info(l->forwarder->track, l->mid));
    }
}

static void
take_answer_line(leg *l, const sdp_media *m)
{
    const sdp_format *rtx;
    forwarder *f = l->forwarder;
    const codec_id codecs[] = {f->codec, CODEC_NONE};
    const sdp_format *format = m->rejected ? NULL : sdp_choose(m, codecs, &rtx);
    gboolean receives = m->direction == SDP_RECVONLY || m->direction == SDP_SENDRECV;
    if (format) {
        f->payload_type = format->payload_type;
        if (!rtx)
            f->rtx_type = 0;
    }
    forwarder_prepare(f, l->mid, format && receives);
}

gboolean
negotiate_answer(session *s, const sdp_description *answer, GError **error)
{
    if (answer->media->len != s->legs->len)
        return err_set(error, ERR_INVALID, "the answer has %u m-lines, the offer had %u", answer->media->len,
                       s->legs->len);
    const sdp_transport *t = sdp_bundle_transport(answer, error);
    if (!t || !session_set_remote(s, t, error))
        return FALSE;
    s->rtcp_rsize = TRUE;
    for (guint i = 0; i < answer->media->len; i++) {
        const sdp_media *m = g_ptr_array_index(answer->media, i);
        if (m->rejected)
            continue;
        rtp_extension_ids ids = wanted_extensions(m);
        join_extensions(s, &ids);
        s->rtcp_rsize = s->rtcp_rsize && m->rtcp_rsize;
    }
    s->offer_open = FALSE;
    for (guint i = 0; i < s->legs->len; i++) {
        leg *l = g_ptr_array_index(s->legs, i);
        if (l->forwarder)
            take_answer_line(l, g_ptr_array_index(answer->media, i));
    }
    return TRUE;
}
