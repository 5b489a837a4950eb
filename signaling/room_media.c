/* The media sessions of participants: what the browser and the worker say to each other through the hub, and what happens
 * when the worker dies. An answer from the worker counts only when the session it was for is still the participant's. */
#include "signaling/room_internal.h"
#include "hub/base/id.h"
#include "hub/base/log.h"
#include <string.h>

#define OFFER_FAILURES 5 /* in a row; then the browser has to ask again */

gboolean
sdp_is_within_limits(const char *sdp, GError **error)
{
    if (strlen(sdp) > SDP_LIMIT)
        return err_set(error, ERR_TOO_LARGE, "an SDP has at most %d bytes", SDP_LIMIT);
    guint sections = 0;
    for (const char *at = sdp; (at = strstr(at, "m=")); at += 2)
        if (at == sdp || at[-1] == '\n')
            sections++;
    if (sections > SDP_SECTIONS)
        return err_set(error, ERR_TOO_LARGE, "an SDP has at most %d media sections", SDP_SECTIONS);
    return TRUE;
}

/** What a client offers has something to send or receive. */
static gboolean
is_offer(const char *sdp, GError **error)
{
    if (!g_str_has_prefix(sdp, "v=0") || !strstr(sdp, "\nm="))
        return err_set(error, ERR_INVALID, "this is no SDP offer");
    return sdp_is_within_limits(sdp, error);
}

/* One call to the worker on behalf of a participant. */
struct errand {
    participant *p; /* reference */
    char *session;
    room_done done;
    gpointer data;
};

static struct errand *
errand_new(participant *p, const char *session, room_done done, gpointer data)
{
    struct errand *e = g_new0(struct errand, 1);
    e->p = participant_ref(p);
    e->session = g_strdup(session);
    e->done = done;
    e->data = data;
    return e;
}

static void
errand_end(struct errand *e, json_t *result, const GError *error)
{
    if (e->done)
        e->done(result, error, e->data);
    participant_unref(e->p);
    g_free(e->session);
    g_free(e);
}

static void
call_media(rooms *all, const char *method, json_t *params, room_done done, gpointer data)
{
    all->call(all->media, method, params, done, data);
}

/* --- publishing ------------------------------------------------------------------------------------------------------ */

static void
close_session(const participant *p, char **session)
{
    const char *method = p->device ? "ingest.stop" : "session.close", *key = p->device ? "ingest" : "session";
    if (*session && p->in->all->ready)
        call_media(p->in->all, method, json_pack("{s:s}", key, *session), NULL, NULL);
    g_clear_pointer(session, g_free);
}

static void
on_published(json_t *result, const GError *error, gpointer data)
{
    struct errand *e = data;
    participant *p = e->p;
    g_autoptr(GError) late = NULL;
    gboolean current = !p->gone && g_strcmp0(p->publish_session, e->session) == 0;
    if (current)
        p->publishing = FALSE;
    if (!current && !error)
        error = late = err_new(ERR_NOT_FOUND, "the participant has left");
    if (error) {
        /* a failed first offer leaves nothing behind; a failed change leaves what was */
        if (current && p->tracks->len == 0)
            close_session(p, &p->publish_session);
        errand_end(e, NULL, error);
        return;
    }
    participant_set_tracks(p, json_object_get(result, "tracks"));
    errand_end(e, result, NULL);
}

struct refusal {
    room_done done;
    gpointer data;
    GError *error;
    loop_timer *soon;
};

static void
on_refused(gpointer data)
{
    struct refusal *f = data;
    f->done(NULL, f->error, f->data);
    loop_timer_free(f->soon);
    g_error_free(f->error);
    g_free(f);
}

/** Takes error. */
static void
refuse_soon(rooms *all, room_done done, gpointer data, GError *error)
{
    struct refusal *f = g_new0(struct refusal, 1);
    f->done = done;
    f->data = data;
    f->error = error;
    f->soon = loop_timer_new(all->l, on_refused, f);
    loop_timer_start(f->soon, 0, 0);
}

void
participant_publish(participant *p, const char *sdp, json_t *sources, room_done done, gpointer data)
{
    rooms *all = p->in->all;
    GError *error = NULL;
    if (strcmp(p->role, "viewer") == 0) {
        refuse_soon(all, done, data, err_new(ERR_DENIED, "a viewer does not publish"));
        return;
    }
    if (p->publishing) {
        refuse_soon(all, done, data, err_new(ERR_CONFLICT, "the answer to the last offer is still to come"));
        return;
    }
    if (!is_offer(sdp, &error)) {
        refuse_soon(all, done, data, error);
        return;
    }
    if (!p->publish_session)
        p->publish_session = id_new();
    p->publishing = TRUE;
    json_t *params = json_pack("{s:s,s:s,s:s,s:s}", "room", p->in->id, "participant", p->id, "session", p->publish_session,
                               "sdp", sdp);
    if (json_is_object(sources))
        json_object_set(params, "sources", sources);
    call_media(all, "session.publish", params, on_published, errand_new(p, p->publish_session, done, data));
}

void
participant_bring(participant *p, const char *url, room_done done, gpointer data)
{
    rooms *all = p->in->all;
    p->publish_session = id_new();
    p->publishing = TRUE;
    json_t *params = json_pack("{s:s,s:s,s:s,s:s,s:s}", "room", p->in->id, "participant", p->id, "ingest",
                               p->publish_session, "url", url, "name", p->device);
    call_media(all, "ingest.start", params, on_published, errand_new(p, p->publish_session, done, data));
}

void
participant_unpublish(participant *p)
{
    close_session(p, &p->publish_session);
    p->publishing = FALSE;
    participant_set_tracks(p, NULL);
}

/* --- WHEP, and patches of both ----------------------------------------------------------------------------------------- */

static void
on_answered_once(json_t *result, const GError *error, gpointer data)
{
    struct errand *e = data;
    g_autoptr(GError) late = NULL;
    if (!error && e->p->gone)
        error = late = err_new(ERR_NOT_FOUND, "the participant has left");
    errand_end(e, error ? NULL : result, error);
}

void
participant_play(participant *p, const char *sdp, room_done done, gpointer data)
{
    rooms *all = p->in->all;
    GError *error = NULL;
    if (!is_offer(sdp, &error)) {
        refuse_soon(all, done, data, error);
        return;
    }
    p->is_play = TRUE;
    g_free(p->subscribe_session);
    p->subscribe_session = id_new();
    json_t *params = json_pack("{s:s,s:s,s:s,s:s}", "room", p->in->id, "participant", p->id, "session",
                               p->subscribe_session, "sdp", sdp);
    call_media(all, "session.play", params, on_answered_once, errand_new(p, p->subscribe_session, done, data));
}

void
participant_patch(participant *p, const char *fragment, gboolean ice_restart, room_done done, gpointer data)
{
    const char *session = p->is_play ? p->subscribe_session : p->publish_session;
    if (!session) {
        refuse_soon(p->in->all, done, data, err_new(ERR_NOT_FOUND, "the session is gone"));
        return;
    }
    json_t *params = json_pack("{s:s,s:s,s:b}", "session", session, "fragment", fragment, "ice_restart", (int)ice_restart);
    call_media(p->in->all, "session.patch", params, on_answered_once, errand_new(p, session, done, data));
}

/* --- subscribing: worker's offer → browser → worker ---------------------------------------------------------------------- */

static void ask_offer(participant *p);

/** The open offer is done, well or not; goes on with what came meanwhile. */
static void
offer_done(participant *p, const char *session, const GError *error)
{
    if (p->gone || g_strcmp0(p->subscribe_session, session) != 0)
        return;
    p->subscribe = SUBSCRIBE_STABLE;
    p->failures = error ? p->failures + 1 : 0;
    if (error) {
        log_limited(LOG_INFO, "room", "offer to participant %s: %s", p->id, error->message);
        p->again = TRUE;
        if (p->failures < OFFER_FAILURES && p->p && p->p->link)
            loop_timer_start(p->retry, RENEGOTIATE_AGAIN_MS, 0);
        return;
    }
    if (p->again)
        ask_offer(p);
}

void
on_subscribe_retry(gpointer data)
{
    participant *p = data;
    if (!p->gone && p->again && p->subscribe == SUBSCRIBE_STABLE)
        ask_offer(p);
}

static void
on_answer_taken(json_t *result, const GError *error, gpointer data)
{
    struct errand *e = data;
    (void)result;
    offer_done(e->p, e->session, error);
    errand_end(e, NULL, NULL);
}

static void
on_browser_answer(json_t *result, const GError *error, gpointer data)
{
    struct errand *e = data;
    participant *p = e->p;
    const char *sdp = json_get_text(result, "sdp");
    g_autoptr(GError) bad = NULL;
    if (!error && (!sdp || !sdp_is_within_limits(sdp, NULL)))
        error = bad = err_new(ERR_INVALID, "the browser's answer has no usable sdp");
    if (error || p->gone || g_strcmp0(p->subscribe_session, e->session) != 0) {
        if (error)
            offer_done(p, e->session, error);
        errand_end(e, NULL, NULL);
        return;
    }
    json_t *params = json_pack("{s:s,s:I,s:s}", "session", e->session, "version",
                               (json_int_t)json_get_int(result, "version", 0), "sdp", sdp);
    call_media(p->in->all, "session.answer", params, on_answer_taken, e);
}

static void
on_worker_offer(json_t *result, const GError *error, gpointer data)
{
    struct errand *e = data;
    participant *p = e->p;
    const char *sdp = json_get_text(result, "sdp");
    json_t *tracks = json_object_get(result, "tracks");
    g_autoptr(GError) bad = NULL;
    if (!error && !sdp)
        error = bad = err_new(ERR_INTERNAL, "the media worker's offer has no sdp");
    if (error || p->gone || !p->p || g_strcmp0(p->subscribe_session, e->session) != 0) {
        if (error)
            offer_done(p, e->session, error);
        errand_end(e, NULL, NULL);
        return;
    }
    json_t *params = json_pack("{s:s,s:I,s:s}", "room", p->in->id, "version",
                               (json_int_t)json_get_int(result, "version", 0), "sdp", sdp);
    if (json_is_object(tracks))
        json_object_set(params, "tracks", tracks);
    else
        json_object_set_new(params, "tracks", json_object());
    peer_call(p->p, "room.offer", params, on_browser_answer, e);
}

static void
ask_offer(participant *p)
{
    json_t *params = json_pack("{s:s,s:s,s:s}", "room", p->in->id, "participant", p->id, "session", p->subscribe_session);
    if (p->restart)
        json_object_set_new(params, "restart", json_true());
    p->again = p->restart = FALSE;
    p->subscribe = SUBSCRIBE_OPEN;
    call_media(p->in->all, "session.subscribe", params, on_worker_offer, errand_new(p, p->subscribe_session, NULL, NULL));
}

void
participant_renegotiate(participant *p)
{
    if (p->is_play || p->subscribe == SUBSCRIBE_NONE || !p->p)
        return;
    p->again = TRUE;
    if (p->subscribe == SUBSCRIBE_STABLE && p->p->link)
        ask_offer(p);
}

void
participant_subscribe(participant *p, gboolean restart)
{
    p->failures = 0;
    p->restart |= restart && p->subscribe_session != NULL;
    if (!p->subscribe_session) {
        p->subscribe_session = id_new();
        p->subscribe = SUBSCRIBE_STABLE;
    }
    participant_renegotiate(p);
}

void
participant_resumed(participant *p)
{
    p->failures = 0;
    if (p->again && p->subscribe == SUBSCRIBE_STABLE)
        ask_offer(p);
}

/* --- endings --------------------------------------------------------------------------------------------------------- */

void
participant_close_sessions(participant *p)
{
    loop_timer_stop(p->retry);
    close_session(p, &p->publish_session);
    close_session(p, &p->subscribe_session);
    p->subscribe = SUBSCRIBE_NONE;
}

void
participant_forget_sessions(participant *p)
{
    loop_timer_stop(p->retry);
    g_clear_pointer(&p->publish_session, g_free);
    g_clear_pointer(&p->subscribe_session, g_free);
    p->publishing = p->again = p->restart = FALSE;
    p->subscribe = SUBSCRIBE_NONE;
    p->failures = 0;
    g_ptr_array_set_size(p->tracks, 0);
}

static void
tell_media(participant *p, const char *state, const char *side)
{
    if (!p->p)
        return;
    g_autoptr(json_t) params = json_pack("{s:s,s:s,s:s*}", "room", p->in->id, "state", state, "side", side);
    peer_notify(p->p, "room.media", params);
}

void
participant_session_failed(participant *p, const char *session)
{
    gboolean publish = g_strcmp0(p->publish_session, session) == 0;
    if (!publish && g_strcmp0(p->subscribe_session, session) != 0)
        return;
    if (!p->p) {
        participant_leave(p, "lost");
        return;
    }
    if (publish) {
        g_clear_pointer(&p->publish_session, g_free);
        p->publishing = FALSE;
        participant_set_tracks(p, NULL);
    } else {
        g_clear_pointer(&p->subscribe_session, g_free);
        p->subscribe = SUBSCRIBE_NONE;
        p->again = p->restart = FALSE;
    }
    tell_media(p, "failed", publish ? "publish" : "subscribe");
}

static void
media_lost(participant *p, gpointer data)
{
    (void)data;
    participant_forget_sessions(p);
    if (p->p)
        tell_media(p, "lost", NULL);
    else
        participant_leave(p, "lost");
}

static void
media_ready(participant *p, gpointer data)
{
    (void)data;
    tell_media(p, "ready", NULL);
}

void
rooms_media_changed(rooms *all, gboolean ready)
{
    if (all->ready == ready)
        return;
    all->ready = ready;
    rooms_each_participant(all, ready ? media_ready : media_lost, NULL);
}

gboolean
rooms_media_ready(const rooms *all)
{
    return all->ready;
}

/* --- what the worker tells ----------------------------------------------------------------------------------------------- */

static void
on_session_renegotiate(participant *p, const json_t *params)
{
    if (g_strcmp0(json_get_text(params, "session"), p->subscribe_session) == 0)
        participant_renegotiate(p);
}

static void
on_session_state(participant *p, const json_t *params)
{
    if (g_strcmp0(json_get_text(params, "state"), "failed") == 0)
        participant_session_failed(p, json_get_text(params, "session"));
}

static void
on_track_state(participant *p, const json_t *params)
{
    if (g_strcmp0(json_get_text(params, "state"), "ended") == 0)
        participant_drop_track(p, json_get_text(params, "track"));
}

static void
on_speaker(participant *p, const json_t *params)
{
    (void)params;
    g_autoptr(json_t) told = json_pack("{s:s,s:s}", "room", p->in->id, "participant", p->id);
    room_tell(p->in, NULL, "room.speaker", told);
}

static const struct {
    const char *method;
    void (*handle)(participant *p, const json_t *params);
} notifications[] = {
    {"session.renegotiate", on_session_renegotiate},
    {"session.state", on_session_state},
    {"track.state", on_track_state},
    {"room.speaker", on_speaker},
};

void
rooms_media_notified(rooms *all, const char *method, const json_t *params)
{
    const char *id = json_get_text(params, "room");
    room *r = id ? rooms_find(all, id) : NULL;
    participant *p = r ? room_participant(r, json_get_text(params, "participant")) : NULL;
    for (gsize i = 0; p && i < G_N_ELEMENTS(notifications); i++)
        if (strcmp(notifications[i].method, method) == 0) {
            participant_ref(p);
            notifications[i].handle(p, params);
            participant_unref(p);
            return;
        }
}
