/* room.join: allowed when the room may be read by REST; asked of the hub each time. */
#include "signaling/dispatch.h"
#include "signaling/internal.h"
#include "hub/base/id.h"

static void
on_left(participant *in, gpointer s)
{
    signaling_attended(s, in, FALSE);
}

static void
enter(rpc_request *r, const room_info *info)
{
    peer *p = r->p;
    g_autoptr(GError) error = NULL;
    participant *in = g_hash_table_lookup(p->rooms, info->id);
    if (!in) {
        in = room_enter(p->s->rooms, info, p->who, p, NULL, &error);
        if (!in) {
            request_error(r, error);
            return;
        }
        participant_on_left(in, on_left, p->s);
        signaling_attended(p->s, in, TRUE);
    }
    request_result(r, participant_snapshot(in));
}

static void
on_looked_up(const room_info *info, const GError *error, gpointer data)
{
    rpc_request *r = data;
    if (error)
        request_error(r, error);
    else if (r->p->gone || r->generation != r->p->generation)
        request_fail(r, ERR_UNAVAILABLE, "the connection was lost"); /* and nobody hears it */
    else if (g_hash_table_size(r->p->rooms) >= PEER_ROOMS && !g_hash_table_contains(r->p->rooms, info->id))
        request_fail(r, ERR_LIMIT, "at most %d rooms at a time", PEER_ROOMS);
    else
        enter(r, info);
}

void
handle_room_join(rpc_request *r)
{
    const char *id = json_get_text(r->params, "room");
    if (!id) {
        request_fail(r, ERR_INVALID, "room is missing");
        return;
    }
    if (!id_is_valid(id)) {
        request_fail(r, ERR_NOT_FOUND, "there is no such room");
        return;
    }
    r->p->s->hooks.room_lookup(r->p->s->hub, r->p->who, id, TRUE, on_looked_up, r);
}
