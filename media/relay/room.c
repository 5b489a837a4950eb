/* Rooms: who is in, what is published, and forwarding at the end of each turn. */
#include "media/relay/core.h"

room *
room_new(core *c, const char *id)
{
    room *r = g_new0(room, 1);
    r->core = c;
    r->id = g_strdup(id);
    r->sessions = g_ptr_array_new();
    r->tracks = g_ptr_array_new_with_free_func(track_free);
    r->taps = g_ptr_array_new();
    return r;
}

void
room_free(gpointer data)
{
    room *r = data;
    if (r->dirty)
        g_ptr_array_remove_fast(r->core->dirty, r);
    g_ptr_array_unref(r->tracks);
    g_ptr_array_unref(r->sessions);
    g_ptr_array_unref(r->taps);
    g_free(r->speaker);
    g_free(r->id);
    g_free(r);
}

void
room_add_track(room *r, track *t)
{
    t->order = r->core->next_order++;
    g_ptr_array_add(r->tracks, t);
    g_hash_table_insert(r->core->tracks, t->id, t);
    taps_track(r, t);
    room_changed(r);
}

void
room_remove_track(room *r, track *t)
{
    if (r->taps->len > 0)
        taps_ended(r, t);
    relay_emit_track(t, FALSE);
    g_hash_table_remove(r->core->tracks, t->id);
    g_ptr_array_remove(r->tracks, t); /* frees it, which detaches its forwarders */
    room_changed(r);
}

void
room_mark_dirty(room *r)
{
    if (r->dirty)
        return;
    r->dirty = TRUE;
    g_ptr_array_add(r->core->dirty, r);
}

/* Subscriber by subscriber, so that the packets for one address lie together. */
void
room_flush(room *r)
{
    for (guint i = 0; i < r->sessions->len; i++) {
        session *s = g_ptr_array_index(r->sessions, i);
        if (s->kind == SESSION_PUBLISH || !session_is_open(s))
            continue;
        for (guint j = 0; j < s->legs->len; j++) {
            leg *l = g_ptr_array_index(s->legs, j);
            if (l->forwarder && l->forwarder->enabled && l->forwarder->track &&
                l->forwarder->track->stream.fresh_count > 0)
                forwarder_send_fresh(l->forwarder);
        }
    }
    for (guint i = 0; i < r->tracks->len; i++)
        ((track *)g_ptr_array_index(r->tracks, i))->stream.fresh_count = 0;
}

void
room_changed(room *r)
{
    for (guint i = 0; i < r->sessions->len; i++) {
        session *s = g_ptr_array_index(r->sessions, i);
        if (s->kind != SESSION_SUBSCRIBE || s->told || s->offer_open || negotiate_is_current(s))
            continue;
        s->told = TRUE;
        relay_emit_renegotiate(s);
    }
    room_choose_for_players(r);
}

/* ---- what a WHEP player gets ---- */

/* Larger is better; 0: not at all. */
static guint
rank_of(const room *r, const track *t, const session *player, const forwarder *f)
{
    if (t->codec != f->codec || t->muted || g_str_equal(t->participant, player->participant))
        return 0;
    if (t->kind == RELAY_AUDIO)
        return r->speaker && g_str_equal(t->participant, r->speaker) ? 2 : 1;
    return t->source == RELAY_SCREEN ? 3 : t->live ? 2 : 1; /* presented, then cameras */
}

static track *
choose_track(const room *r, const session *player, const forwarder *f, relay_kind kind)
{
    track *best = NULL;
    guint best_rank = 0;
    for (guint i = 0; i < r->tracks->len; i++) { /* in order of publishing: the first of equals */
        track *t = g_ptr_array_index(r->tracks, i);
        guint rank = t->kind == kind ? rank_of(r, t, player, f) : 0;
        if (rank > best_rank) {
            best = t;
            best_rank = rank;
        }
    }
    return best;
}

void
room_choose_for_players(room *r)
{
    for (guint i = 0; i < r->sessions->len; i++) {
        session *s = g_ptr_array_index(r->sessions, i);
        for (guint j = 0; s->kind == SESSION_PLAY && j < s->legs->len; j++) {
            leg *l = g_ptr_array_index(s->legs, j);
            if (l->forwarder)
                forwarder_set_track(l->forwarder, choose_track(r, s, l->forwarder, l->kind));
        }
    }
}

/* ---- who speaks ---- */

static void
set_speaker(room *r, const char *participant)
{
    g_free(r->speaker);
    r->speaker = g_strdup(participant);
    r->speaker_since_us = r->core->now_us;
    relay_emit_speaker(r);
    room_choose_for_players(r);
}

void
room_tick(room *r)
{
    const track *loudest = NULL;
    double best = 0, present = 0;
    for (guint i = 0; i < r->tracks->len; i++) {
        track *t = g_ptr_array_index(r->tracks, i);
        if (t->kind != RELAY_AUDIO)
            continue;
        double score = speaker_tick(&t->level);
        if (r->speaker && g_str_equal(t->participant, r->speaker))
            present = MAX(present, score);
        if (score > best) {
            best = score;
            loudest = t;
        }
    }
    if (!loudest || g_strcmp0(loudest->participant, r->speaker) == 0 || !speaker_overtakes(best, present))
        return;
    if (!r->speaker || r->core->now_us - r->speaker_since_us >= SPEAKER_HOLD_US)
        set_speaker(r, loudest->participant);
}
