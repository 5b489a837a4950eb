/* The bridge between the libuv thread and the media thread. Calls travel as `call` structs to the media
 * thread, which fills in the reply and sends them back; events travel back the same way. Both queues are
 * GAsyncQueues: calls are rare. */
#include "media/relay/relay.h"
#include "media/relay/bridge.h"
#include "media/relay/core.h"
#include <string.h>

typedef struct call call;
struct call {
    gboolean (*run)(core *c, call *k, GError **error); /* media thread */
    void (*deliver)(relay *r, call *k);                /* libuv thread */
    char *room, *participant, *session, *text;
    GHashTable *sources;
    gint64 version;
    gboolean flag;
    relay_done done;
    void (*stats_done)(const relay_stats *stats, gpointer user_data);
    gpointer user_data;
    relay_reply reply;
    relay_stats stats;
    GError *error;
    /* events */
    relay_session_state state;
    relay_track_info *track;
    /* relay_sync */
    void (*sync)(core *c, gpointer data);
    gpointer sync_data;
    gboolean *sync_over;
};

struct relay {
    loop *loop;
    const relay_events *events;
    gpointer user_data;
    dtls_context *dtls;
    core *core;
    guint16 port;
    GThread *thread;
    gint stopping; /* atomic */
    gboolean freeing;
    GAsyncQueue *to_media, *to_loop; /* call */
    uv_async_t *wake_loop;
    GMutex lock; /* sync_over */
    GCond changed;
};

/* ---- names ---- */

static const char *const kind_names[] = {[RELAY_AUDIO] = "audio", [RELAY_VIDEO] = "video"};
static const char *const source_names[] = {[RELAY_MICROPHONE] = "microphone",
                                           [RELAY_CAMERA] = "camera",
                                           [RELAY_SCREEN] = "screen",
                                           [RELAY_DEVICE] = "device"};
static const char *const state_names[] = {
    [RELAY_CONNECTED] = "connected", [RELAY_DISCONNECTED] = "disconnected", [RELAY_FAILED] = "failed"};

const char *
relay_kind_name(relay_kind kind)
{
    return kind_names[kind];
}

const char *
relay_source_name(relay_source source)
{
    return source_names[source];
}

const char *
relay_session_state_name(relay_session_state state)
{
    return state_names[state];
}

gboolean
relay_source_parse(const char *text, relay_source *ret_source)
{
    for (guint i = 0; i < G_N_ELEMENTS(source_names); i++) {
        if (g_str_equal(text, source_names[i])) {
            *ret_source = (relay_source)i;
            return TRUE;
        }
    }
    return FALSE;
}

void
relay_track_info_free(relay_track_info *i)
{
    if (!i)
        return;
    g_free(i->track);
    g_free(i->participant);
    g_free(i->mid);
    g_free(i);
}

/* ---- calls ---- */

static call *
call_new(gboolean (*run)(core *c, call *k, GError **error), void (*deliver)(relay *r, call *k))
{
    call *k = g_new0(call, 1);
    k->run = run;
    k->deliver = deliver;
    k->reply.tracks = g_ptr_array_new_with_free_func((GDestroyNotify)relay_track_info_free);
    return k;
}

static void
call_free(call *k)
{
    g_free(k->room);
    g_free(k->participant);
    g_free(k->session);
    g_free(k->text);
    g_clear_pointer(&k->sources, g_hash_table_unref);
    g_free(k->reply.sdp);
    g_ptr_array_unref(k->reply.tracks);
    g_clear_error(&k->error);
    relay_track_info_free(k->track);
    g_free(k);
}

static void
deliver_reply(relay *r, call *k)
{
    (void)r;
    if (k->done)
        k->done(k->error ? NULL : &k->reply, k->error, k->user_data);
}

static void
post(relay *r, call *k)
{
    g_async_queue_push(r->to_media, k);
    core_wake(r->core);
}

static void
answer(relay *r, call *k)
{
    g_async_queue_push(r->to_loop, k);
    uv_async_send(r->wake_loop);
}

static void
deliver_waiting(relay *r)
{
    call *k;
    while ((k = g_async_queue_try_pop(r->to_loop))) {
        k->deliver(r, k);
        call_free(k);
    }
}

static void
on_wake_loop(uv_async_t *handle)
{
    relay *r = handle->data;
    if (r)
        deliver_waiting(r);
}

static void
tell_over(relay *r, call *k)
{
    if (!k->sync_over)
        return;
    g_mutex_lock(&r->lock);
    *k->sync_over = TRUE;
    g_cond_broadcast(&r->changed);
    g_mutex_unlock(&r->lock);
}

gboolean
relay_run_commands(relay *r, core *c)
{
    call *k;
    while ((k = g_async_queue_try_pop(r->to_media))) {
        if (k->sync) {
            k->sync(c, k->sync_data);
            tell_over(r, k);
            call_free(k);
            continue;
        }
        if (!k->run(c, k, &k->error) && !k->error)
            k->error = err_new(ERR_INTERNAL, "the relay failed");
        answer(r, k);
    }
    return !g_atomic_int_get(&r->stopping);
}

void
relay_sync(relay *r, void (*run)(core *c, gpointer data), gpointer data)
{
    gboolean over = FALSE;
    call *k = call_new(NULL, NULL);
    k->sync = run;
    k->sync_data = data;
    k->sync_over = &over;
    post(r, k);
    g_mutex_lock(&r->lock);
    while (!over)
        g_cond_wait(&r->changed, &r->lock);
    g_mutex_unlock(&r->lock);
}

void
relay_post(relay *r, void (*run)(core *c, gpointer data), gpointer data)
{
    call *k = call_new(NULL, NULL);
    k->sync = run;
    k->sync_data = data;
    post(r, k);
}

void
relay_reply_later(relay *r, relay_track_info *info, GError *error, relay_done done, gpointer user_data)
{
    call *k = call_new(NULL, deliver_reply);
    k->done = done;
    k->user_data = user_data;
    k->error = error;
    if (info)
        g_ptr_array_add(k->reply.tracks, info);
    answer(r, k);
}

core *
relay_core(relay *r)
{
    return r->core;
}

/* ---- events, from the media thread ---- */

static void
deliver_session_state(relay *r, call *k)
{
    if (!r->freeing)
        r->events->session_state(k->room, k->participant, k->session, k->state, k->text, r->user_data);
}

static void
deliver_renegotiate(relay *r, call *k)
{
    if (!r->freeing)
        r->events->renegotiate(k->room, k->participant, k->session, r->user_data);
}

static void
deliver_track_state(relay *r, call *k)
{
    if (!r->freeing)
        r->events->track_state(k->room, k->track, k->flag, r->user_data);
}

static void
deliver_speaker(relay *r, call *k)
{
    if (!r->freeing)
        r->events->speaker(k->room, k->participant, r->user_data);
}

static void
emit(core *c, call *k)
{
    answer(c->relay, k);
}

void
relay_emit_session(session *s, relay_session_state state, const char *reason)
{
    call *k = call_new(NULL, deliver_session_state);
    k->room = g_strdup(s->room->id);
    k->participant = g_strdup(s->participant);
    k->session = g_strdup(s->id);
    k->state = state;
    k->text = g_strdup(reason);
    emit(s->core, k);
}

void
relay_emit_renegotiate(session *s)
{
    call *k = call_new(NULL, deliver_renegotiate);
    k->room = g_strdup(s->room->id);
    k->participant = g_strdup(s->participant);
    k->session = g_strdup(s->id);
    emit(s->core, k);
}

void
relay_emit_track(track *t, gboolean live)
{
    call *k = call_new(NULL, deliver_track_state);
    k->room = g_strdup(t->room->id);
    k->track = track_info(t, NULL);
    k->flag = live;
    emit(t->room->core, k);
}

void
relay_emit_speaker(room *r)
{
    call *k = call_new(NULL, deliver_speaker);
    k->room = g_strdup(r->id);
    k->participant = g_strdup(r->speaker);
    emit(r->core, k);
}

/* ---- what calls do, on the media thread ---- */

/* The session, made when it is not there. ret_made tells. */
static session *
find_or_make(core *c, call *k, session_kind kind, gboolean *ret_made, GError **error)
{
    session *s = g_hash_table_lookup(c->sessions, k->session);
    *ret_made = !s;
    if (s && (s->kind != kind || !g_str_equal(s->room->id, k->room))) {
        err_set(error, ERR_CONFLICT, "session %s is of another kind or room", k->session);
        return NULL;
    }
    if (s)
        return s;
    if (g_hash_table_size(c->sessions) >= RELAY_SESSION_LIMIT) {
        err_set(error, ERR_LIMIT, "the relay has %d sessions already", RELAY_SESSION_LIMIT);
        return NULL;
    }
    room *r = core_room(c, k->room, error);
    return r ? session_new(c, r, k->session, k->participant, kind) : NULL;
}

static gboolean
run_publish(core *c, call *k, GError **error)
{
    gboolean made;
    g_autoptr(sdp_description) offer = sdp_parse(k->text, strlen(k->text), error);
    session *s = offer ? find_or_make(c, k, SESSION_PUBLISH, &made, error) : NULL;
    if (!s)
        return FALSE;
    if (negotiate_publish(s, offer, k->sources, &k->reply, error))
        return TRUE;
    if (made)
        session_end(s, NULL);
    return FALSE;
}

static gboolean
run_play(core *c, call *k, GError **error)
{
    gboolean made;
    g_autoptr(sdp_description) offer = sdp_parse(k->text, strlen(k->text), error);
    session *s = offer ? find_or_make(c, k, SESSION_PLAY, &made, error) : NULL;
    if (!s)
        return FALSE;
    if (!made)
        return err_set(error, ERR_CONFLICT, "session %s plays already", k->session);
    if (negotiate_play(s, offer, &k->reply, error))
        return TRUE;
    session_end(s, NULL);
    return FALSE;
}

static gboolean
run_subscribe(core *c, call *k, GError **error)
{
    gboolean made;
    session *s = find_or_make(c, k, SESSION_SUBSCRIBE, &made, error);
    if (!s)
        return FALSE;
    if (s->offer_open && !k->flag && c->now_us - s->offered_us < OFFER_PATIENCE_US)
        return err_set(error, ERR_CONFLICT, "offer %" G_GINT64_FORMAT " is not answered yet",
                       s->offer_version);
    if (k->flag && !made) {
        ice_restart(&s->ice);
        session_index_ufrag(s);
    }
    negotiate_offer(s, &k->reply);
    return TRUE;
}

static session *
find_session(core *c, call *k, GError **error)
{
    session *s = g_hash_table_lookup(c->sessions, k->session);
    if (!s)
        err_set(error, ERR_NOT_FOUND, "there is no session %s", k->session);
    return s;
}

static gboolean
run_answer(core *c, call *k, GError **error)
{
    session *s = find_session(c, k, error);
    if (!s)
        return FALSE;
    if (s->kind != SESSION_SUBSCRIBE || !s->offer_open || k->version != s->offer_version)
        return err_set(error, ERR_STALE, "version %" G_GINT64_FORMAT " is not the open offer", k->version);
    g_autoptr(sdp_description) sdp = sdp_parse(k->text, strlen(k->text), error);
    if (!sdp || !negotiate_answer(s, sdp, error))
        return FALSE;
    if (!negotiate_is_current(s)) {
        s->told = TRUE;
        relay_emit_renegotiate(s);
    }
    session_tick(s); /* its DTLS may have waited for the fingerprint */
    return TRUE;
}

static gboolean
run_patch(core *c, call *k, GError **error)
{
    char ufrag[ICE_CREDENTIAL_LIMIT + 1], password[ICE_CREDENTIAL_LIMIT + 1];
    g_autoptr(GError) problem = NULL;
    session *s = find_session(c, k, error);
    if (!s)
        return FALSE;
    if (!sdp_fragment_credentials(k->text, ufrag, password, &problem)) {
        if (!problem)
            return TRUE; /* candidates only: the peer will show where it is */
        g_propagate_error(error, g_steal_pointer(&problem));
        return FALSE;
    }
    if (g_str_equal(ufrag, s->remote_ufrag))
        return TRUE;
    if (!ice_set_remote(&s->ice, ufrag, password))
        return err_set(error, ERR_INVALID, "the ICE credentials are malformed");
    g_strlcpy(s->remote_ufrag, ufrag, sizeof s->remote_ufrag);
    ice_restart(&s->ice);
    session_index_ufrag(s);
    k->reply.sdp = negotiate_fragment(s);
    return TRUE;
}

static gboolean
run_close(core *c, call *k, GError **error)
{
    session *s = find_session(c, k, error);
    if (!s)
        return FALSE;
    session_end(s, NULL);
    return TRUE;
}

static gboolean
run_mute(core *c, call *k, GError **error)
{
    track *t = g_hash_table_lookup(c->tracks, k->text);
    if (!t)
        return err_set(error, ERR_NOT_FOUND, "there is no track %s", k->text);
    track_set_muted(t, k->flag);
    return TRUE;
}

static gboolean
run_room_close(core *c, call *k, GError **error)
{
    room *r = g_hash_table_lookup(c->rooms, k->room);
    if (!r)
        return err_set(error, ERR_NOT_FOUND, "there is no room %s", k->room);
    r->holds++; /* until the last session has gone */
    while (r->sessions->len > 0)
        session_end(g_ptr_array_index(r->sessions, 0), NULL);
    r->holds--;
    core_drop_room_if_empty(c, r);
    return TRUE;
}

static gboolean
run_stats(core *c, call *k, GError **error)
{
    GHashTableIter i;
    gpointer value;
    const sender_stats *sent = sender_get_stats(c->sender);
    (void)error;
    k->stats = c->stats;
    k->stats.rooms = g_hash_table_size(c->rooms);
    k->stats.sessions = g_hash_table_size(c->sessions);
    k->stats.tracks = g_hash_table_size(c->tracks);
    k->stats.packets_out = sent->packets;
    k->stats.bytes_out = sent->bytes;
    k->stats.dropped_out = sent->dropped;
    g_hash_table_iter_init(&i, c->tracks);
    while (g_hash_table_iter_next(&i, NULL, &value))
        k->stats.forwarders += ((track *)value)->forwarders->len;
    return TRUE;
}

/* ---- the interface ---- */

static call *
session_call(gboolean (*run)(core *c, call *k, GError **error), const char *room_id, const char *participant,
             const char *session_id, relay_done done, gpointer user_data)
{
    call *k = call_new(run, deliver_reply);
    k->room = g_strdup(room_id);
    k->participant = g_strdup(participant);
    k->session = g_strdup(session_id);
    k->done = done;
    k->user_data = user_data;
    return k;
}

static GHashTable *
copy_texts(GHashTable *from)
{
    GHashTable *copy = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    GHashTableIter i;
    gpointer key, value;
    g_hash_table_iter_init(&i, from);
    while (g_hash_table_iter_next(&i, &key, &value))
        g_hash_table_insert(copy, g_strdup(key), g_strdup(value));
    return copy;
}

void
relay_publish(relay *r, const char *room_id, const char *participant, const char *session_id, const char *sdp,
              GHashTable *sources, relay_done done, gpointer user_data)
{
    call *k = session_call(run_publish, room_id, participant, session_id, done, user_data);
    k->text = g_strdup(sdp);
    k->sources = sources ? copy_texts(sources) : NULL;
    post(r, k);
}

void
relay_subscribe(relay *r, const char *room_id, const char *participant, const char *session_id,
                gboolean restart, relay_done done, gpointer user_data)
{
    call *k = session_call(run_subscribe, room_id, participant, session_id, done, user_data);
    k->flag = restart;
    post(r, k);
}

void
relay_answer(relay *r, const char *session_id, gint64 version, const char *sdp, relay_done done,
             gpointer user_data)
{
    call *k = session_call(run_answer, NULL, NULL, session_id, done, user_data);
    k->version = version;
    k->text = g_strdup(sdp);
    post(r, k);
}

void
relay_play(relay *r, const char *room_id, const char *participant, const char *session_id, const char *sdp,
           relay_done done, gpointer user_data)
{
    call *k = session_call(run_play, room_id, participant, session_id, done, user_data);
    k->text = g_strdup(sdp);
    post(r, k);
}

void
relay_patch(relay *r, const char *session_id, const char *fragment, relay_done done, gpointer user_data)
{
    call *k = session_call(run_patch, NULL, NULL, session_id, done, user_data);
    k->text = g_strdup(fragment);
    post(r, k);
}

void
relay_close(relay *r, const char *session_id, relay_done done, gpointer user_data)
{
    post(r, session_call(run_close, NULL, NULL, session_id, done, user_data));
}

void
relay_mute(relay *r, const char *track_id, gboolean muted, relay_done done, gpointer user_data)
{
    call *k = session_call(run_mute, NULL, NULL, NULL, done, user_data);
    k->text = g_strdup(track_id);
    k->flag = muted;
    post(r, k);
}

void
relay_room_close(relay *r, const char *room_id, relay_done done, gpointer user_data)
{
    post(r, session_call(run_room_close, room_id, NULL, NULL, done, user_data));
}

static void
end_sessions(core *c, gpointer data)
{
    (void)data;
    core_end_sessions(c);
}

void
relay_end_sessions(relay *r)
{
    relay_post(r, end_sessions, NULL);
}

static void
deliver_stats(relay *r, call *k)
{
    (void)r;
    k->stats_done(&k->stats, k->user_data);
}

void
relay_get_stats(relay *r, void (*done)(const relay_stats *stats, gpointer user_data), gpointer user_data)
{
    call *k = call_new(run_stats, deliver_stats);
    k->stats_done = done;
    k->user_data = user_data;
    post(r, k);
}

/* ---- life ---- */

static gpointer
run_thread(gpointer data)
{
    relay *r = data;
    core_run(r->core);
    return NULL;
}

relay *
relay_new(loop *l, const relay_config *config, const relay_events *events, gpointer user_data, GError **error)
{
    relay *r = g_new0(relay, 1);
    r->loop = l;
    r->events = events;
    r->user_data = user_data;
    r->to_media = g_async_queue_new();
    r->to_loop = g_async_queue_new();
    g_mutex_init(&r->lock);
    g_cond_init(&r->changed);
    r->wake_loop = g_new0(uv_async_t, 1);
    uv_async_init(loop_uv(l), r->wake_loop, on_wake_loop);
    r->wake_loop->data = r;
    r->dtls = dtls_context_new(error);
    r->core = r->dtls ? core_new(r, config, r->dtls, error) : NULL;
    if (!r->core) {
        relay_free(r);
        return NULL;
    }
    r->port = r->core->port;
    r->thread = g_thread_new("media", run_thread, r);
    return r;
}

static void
on_wake_closed(uv_handle_t *handle)
{
    g_free(handle);
}

void
relay_free(relay *r)
{
    if (!r)
        return;
    if (r->thread) {
        g_atomic_int_set(&r->stopping, 1);
        core_wake(r->core);
        g_thread_join(r->thread);
    }
    deliver_waiting(r);
    r->freeing = TRUE;
    for (call *k; (k = g_async_queue_try_pop(r->to_media));) {
        if (k->sync) {
            call_free(k);
            continue;
        }
        k->error = err_new(ERR_UNAVAILABLE, "the relay is stopping");
        g_async_queue_push(r->to_loop, k);
    }
    core_free(r->core); /* its events are dropped by freeing */
    deliver_waiting(r);
    dtls_context_free(r->dtls);
    r->wake_loop->data = NULL;
    uv_close((uv_handle_t *)r->wake_loop, on_wake_closed);
    g_async_queue_unref(r->to_media);
    g_async_queue_unref(r->to_loop);
    g_mutex_clear(&r->lock);
    g_cond_clear(&r->changed);
    g_free(r);
}

guint16
relay_port(const relay *r)
{
    return r->port;
}

guint
relay_receive_buffer(const relay *r)
{
    return (guint)r->core->receive_buffer / 2;
}
