/* track.*, room.*, media.*: what concerns rooms as a whole. */
#include "media/rpc.h"

static void
on_done(const relay_reply *reply, const GError *error, gpointer user_data)
{
    (void)reply;
    if (error)
        rpc_call_error(user_data, error);
    else
        rpc_call_result(user_data, NULL);
}

static const char *
get_id(rpc_call *call, const json_t *params, const char *name)
{
    const char *id = json_get_text(params, name);
    if (id)
        return id;
    g_autoptr(GError) error = err_new(ERR_INVALID, "%s is missing", name);
    rpc_call_error(call, error);
    return NULL;
}

static void
handle_mute(rpc_call *call, json_t *params, gpointer user_data)
{
    media_app *app = user_data;
    const char *track = get_id(call, params, "track");
    if (track)
        relay_mute(app->relay, track, json_get_bool(params, "muted", TRUE), on_done, call);
}

static void
handle_room_close(rpc_call *call, json_t *params, gpointer user_data)
{
    media_app *app = user_data;
    const char *room = get_id(call, params, "room");
    if (room)
        relay_room_close(app->relay, room, on_done, call);
}

static void
on_stats(const relay_stats *s, gpointer user_data)
{
    json_t *o = json_pack("{s:i,s:i,s:i,s:i}", "rooms", s->rooms, "sessions", s->sessions, "tracks",
                          s->tracks, "forwarders", s->forwarders);
    const struct {
        const char *name;
        guint64 value;
    } counters[] = {
        {"packets_in", s->packets_in},
        {"bytes_in", s->bytes_in},
        {"packets_out", s->packets_out},
        {"bytes_out", s->bytes_out},
        {"dropped_in", s->dropped_in},
        {"dropped_out", s->dropped_out},
        {"nacks_in", s->nacks_in},
        {"retransmitted", s->retransmitted},
        {"nacks_out", s->nacks_out},
        {"recovered", s->recovered},
        {"keyframe_requests", s->keyframe_requests},
        {"tap_lost", s->tap_lost},
    };
    for (guint i = 0; i < G_N_ELEMENTS(counters); i++)
        json_object_set_new(o, counters[i].name, json_integer((json_int_t)counters[i].value));
    rpc_call_result(user_data, o);
}

static void
handle_stats(rpc_call *call, json_t *params, gpointer user_data)
{
    media_app *app = user_data;
    (void)params;
    relay_get_stats(app->relay, on_stats, call);
}

const rpc_method rpc_room_methods[] = {
    {"track.mute", handle_mute},
    {"room.close", handle_room_close},
    {"media.stats", handle_stats},
    {NULL, NULL},
};
