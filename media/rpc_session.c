/* session.*: peer connections, from the hub's words to the relay's. Every call is answered when the media
 * thread has. */
#include "hub/base/log.h"
#include "media/rpc.h"
#include <string.h>

#define SDP_FIELD_LIMIT                                                                                      \
    (128 * 1024) /* of a text given on; the relay has its own, lower limit with its own error */

/* ---- results ---- */

static json_t *
track_json(const relay_track_info *t, gboolean with_participant)
{
    json_t *o = json_pack("{s:s,s:s,s:s}", "track", t->track, "kind", relay_kind_name(t->kind), "source",
                          relay_source_name(t->source));
    if (with_participant)
        json_object_set_new(o, "participant", json_string(t->participant));
    else if (t->mid)
        json_object_set_new(o, "mid", json_string(t->mid));
    return o;
}

static void
on_done(const relay_reply *reply, const GError *error, gpointer user_data)
{
    (void)reply;
    if (error)
        rpc_call_error(user_data, error);
    else
        rpc_call_result(user_data, NULL);
}

static void
on_published(const relay_reply *reply, const GError *error, gpointer user_data)
{
    if (error) {
        rpc_call_error(user_data, error);
        return;
    }
    json_t *tracks = json_array();
    for (guint i = 0; i < reply->tracks->len; i++)
        json_array_append_new(tracks, track_json(g_ptr_array_index(reply->tracks, i), FALSE));
    rpc_call_result(user_data, json_pack("{s:s,s:o}", "sdp", reply->sdp, "tracks", tracks));
}

static void
on_offered(const relay_reply *reply, const GError *error, gpointer user_data)
{
    if (error) {
        rpc_call_error(user_data, error);
        return;
    }
    json_t *tracks = json_object();
    for (guint i = 0; i < reply->tracks->len; i++) {
        const relay_track_info *t = g_ptr_array_index(reply->tracks, i);
        json_object_set_new(tracks, t->mid, track_json(t, TRUE));
    }
    rpc_call_result(user_data, json_pack("{s:I,s:s,s:o}", "version", (json_int_t)reply->version, "sdp",
                                         reply->sdp, "tracks", tracks));
}

static void
on_playing(const relay_reply *reply, const GError *error, gpointer user_data)
{
    if (error)
        rpc_call_error(user_data, error);
    else
        rpc_call_result(user_data, json_pack("{s:s}", "sdp", reply->sdp));
}

static void
on_patched(const relay_reply *reply, const GError *error, gpointer user_data)
{
    if (error)
        rpc_call_error(user_data, error);
    else
        rpc_call_result(user_data, json_pack("{s:s*}", "fragment", reply->sdp));
}

/* ---- parameters ---- */

/* The named texts of params; FALSE: one is missing, and the call has been answered. */
static gboolean
get_texts(rpc_call *call, const json_t *params, const char *const *names, const char **ret_texts)
{
    for (guint i = 0; names[i]; i++) {
        ret_texts[i] = json_get_text(params, names[i]);
        if (ret_texts[i] && strlen(ret_texts[i]) <= SDP_FIELD_LIMIT)
            continue;
        g_autoptr(GError) error = err_new(ERR_INVALID, "%s is missing or too long", names[i]);
        rpc_call_error(call, error);
        return FALSE;
    }
    return TRUE;
}

/* mid -> source; NULL when not given. */
static GHashTable *
get_sources(const json_t *params)
{
    json_t *object = json_object_get(params, "sources");
    const char *mid;
    json_t *source;
    if (!json_is_object(object))
        return NULL;
    GHashTable *sources = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    json_object_foreach(object, mid, source) if (json_is_string(source))
        g_hash_table_insert(sources, g_strdup(mid), g_strdup(json_string_value(source)));
    return sources;
}

/* ---- methods ---- */

static void
handle_publish(rpc_call *call, json_t *params, gpointer user_data)
{
    static const char *const names[] = {"room", "participant", "session", "sdp", NULL};
    media_app *app = user_data;
    const char *t[4];
    if (!get_texts(call, params, names, t))
        return;
    GHashTable *sources = get_sources(params);
    relay_publish(app->relay, t[0], t[1], t[2], t[3], sources, on_published, call);
    g_clear_pointer(&sources, g_hash_table_unref);
}

static void
handle_subscribe(rpc_call *call, json_t *params, gpointer user_data)
{
    static const char *const names[] = {"room", "participant", "session", NULL};
    media_app *app = user_data;
    const char *t[3];
    if (get_texts(call, params, names, t))
        relay_subscribe(app->relay, t[0], t[1], t[2], json_get_bool(params, "restart", FALSE), on_offered,
                        call);
}

static void
handle_answer(rpc_call *call, json_t *params, gpointer user_data)
{
    static const char *const names[] = {"session", "sdp", NULL};
    media_app *app = user_data;
    const char *t[2];
    if (get_texts(call, params, names, t))
        relay_answer(app->relay, t[0], json_get_int(params, "version", -1), t[1], on_done, call);
}

static void
handle_play(rpc_call *call, json_t *params, gpointer user_data)
{
    static const char *const names[] = {"room", "participant", "session", "sdp", NULL};
    media_app *app = user_data;
    const char *t[4];
    if (get_texts(call, params, names, t))
        relay_play(app->relay, t[0], t[1], t[2], t[3], on_playing, call);
}

static void
handle_patch(rpc_call *call, json_t *params, gpointer user_data)
{
    static const char *const names[] = {"session", "fragment", NULL};
    media_app *app = user_data;
    const char *t[2];
    if (get_texts(call, params, names, t))
        relay_patch(app->relay, t[0], t[1], on_patched, call);
}

static void
handle_close(rpc_call *call, json_t *params, gpointer user_data)
{
    static const char *const names[] = {"session", NULL};
    media_app *app = user_data;
    const char *t[1];
    if (get_texts(call, params, names, t))
        relay_close(app->relay, t[0], on_done, call);
}

const rpc_method rpc_session_methods[] = {
    {"session.publish", handle_publish},
    {"session.subscribe", handle_subscribe},
    {"session.answer", handle_answer},
    {"session.play", handle_play},
    {"session.patch", handle_patch},
    {"session.close", handle_close},
    {NULL, NULL},
};

/* ---- notifications ---- */

static void
on_session_state(const char *room, const char *participant, const char *session, relay_session_state state,
                 const char *reason, gpointer user_data)
{
    media_app *app = user_data;
    log_line(LOG_INFO, session, "%s%s%s", relay_session_state_name(state), reason ? ": " : "",
             reason ? reason : "");
    rpc_client_notify(app->client, "session.state",
                      json_pack("{s:s,s:s,s:s,s:s,s:s*}", "room", room, "participant", participant, "session",
                                session, "state", relay_session_state_name(state), "reason", reason));
}

static void
on_renegotiate(const char *room, const char *participant, const char *session, gpointer user_data)
{
    media_app *app = user_data;
    rpc_client_notify(
        app->client, "session.renegotiate",
        json_pack("{s:s,s:s,s:s}", "room", room, "participant", participant, "session", session));
}

static void
on_track_state(const char *room, const relay_track_info *track, gboolean live, gpointer user_data)
{
    media_app *app = user_data;
    json_t *params = track_json(track, TRUE);
    json_object_set_new(params, "room", json_string(room));
    json_object_set_new(params, "state", json_string(live ? "live" : "ended"));
    rpc_client_notify(app->client, "track.state", params);
}

static void
on_speaker(const char *room, const char *participant, gpointer user_data)
{
    media_app *app = user_data;
    rpc_client_notify(app->client, "room.speaker",
                      json_pack("{s:s,s:s}", "room", room, "participant", participant));
}

const relay_events rpc_events = {
    .session_state = on_session_state,
    .renegotiate = on_renegotiate,
    .track_state = on_track_state,
    .speaker = on_speaker,
};
