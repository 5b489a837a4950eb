/* Published tracks: who publishes what, and the keyframes that subscribers need from it. */
#include "media/relay/core.h"

track *
track_new(room *r, session *s, const char *participant, relay_kind kind, relay_source source, codec_id codec,
          const char *fmtp)
{
    track *t = g_new0(track, 1);
    gchar *uuid = g_uuid_string_random();
    t->id = uuid;
    t->participant = g_strdup(participant);
    t->session = s;
    t->kind = kind;
    t->source = source;
    t->codec = codec;
    t->fmtp = g_strdup(fmtp ? fmtp : "");
    t->can_nack = kind == RELAY_VIDEO;
    t->forwarders = g_ptr_array_new();
    t->room = r;
    stream_init(&t->stream, t);
    room_add_track(r, t);
    return t;
}

void
track_free(gpointer data)
{
    track *t = data;
    while (t->forwarders->len > 0)
        forwarder_set_track(g_ptr_array_index(t->forwarders, 0), NULL);
    g_ptr_array_unref(t->forwarders);
    stream_clear(&t->stream);
    g_free(t->id);
    g_free(t->participant);
    g_free(t->fmtp);
    g_free(t);
}

static void
ask_for_keyframe(track *t, gint64 now_us)
{
    t->keyframe_asked_us = now_us;
    t->keyframe_tries++;
    t->room->core->stats.keyframe_requests++;
    if (t->session)
        session_request_keyframe(t->session, t->stream.ssrc);
    else if (t->source_keyframe)
        t->source_keyframe(t->source_data);
}

void
track_want_keyframe(track *t)
{
    gint64 now_us = t->room->core->now_us;
    if (t->kind != RELAY_VIDEO || t->muted)
        return;
    if (t->stream.started && now_us - t->keyframe_asked_us >= TRACK_KEYFRAME_INTERVAL_US) {
        t->keyframe_tries = 0;
        ask_for_keyframe(t, now_us);
    } else if (t->keyframe_tries == 0) {
        t->keyframe_tries = 1; /* track_tick asks */
    }
}

void
track_tick(track *t)
{
    gint64 now_us = t->room->core->now_us;
    gint64 wait_us = t->keyframe_tries > 1 ? TRACK_KEYFRAME_RETRY_US : TRACK_KEYFRAME_INTERVAL_US;
    if (t->keyframe_tries == 0 || !t->stream.started || now_us - t->keyframe_asked_us < wait_us)
        return;
    if (t->keyframe_tries > TRACK_KEYFRAME_TRIES)
        t->keyframe_tries = 0;
    else
        ask_for_keyframe(t, now_us);
}

void
track_set_muted(track *t, gboolean muted)
{
    if (t->muted == muted)
        return;
    t->muted = muted;
    t->stream.generation++; /* numbers went by unseen: forwarders go on after what they sent last */
    t->level = (speaker_level){0};
    if (!muted)
        track_want_keyframe(t);
    if (t->room->taps->len > 0)
        taps_muted(t->room, t);
    room_choose_for_players(t->room);
}

relay_track_info *
track_info(const track *t, const char *mid)
{
    relay_track_info *i = g_new0(relay_track_info, 1);
    i->track = g_strdup(t->id);
    i->participant = g_strdup(t->participant);
    i->mid = g_strdup(mid);
    i->kind = t->kind;
    i->source = t->source;
    return i;
}
