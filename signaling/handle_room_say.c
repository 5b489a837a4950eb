/* room.say: stored first (the room's policy decides), then told to all in the room. */
#include "signaling/dispatch.h"
#include "signaling/internal.h"

#define TEXT_LIMIT 16000 /* bytes; the database allows 4000 characters */

static void
on_stored(const char *id, const char *at, const GError *error, gpointer data)
{
    rpc_request *r = data;
    if (error) {
        request_error(r, error);
        return;
    }
    const char *room_id = json_get_text(r->params, "room");
    const caller *who = r->p->who;
    g_autoptr(json_t) told = json_pack("{s:s,s:s,s:s,s:s,s:s,s:s}", "room", room_id, "message", id, "person", who->person,
                                       "name", who->name, "text", json_get_text(r->params, "text"), "at", at);
    room *in = rooms_find(r->p->s->rooms, room_id);
    if (in)
        room_tell(in, NULL, "room.message", told);
    request_result(r, json_pack("{s:s,s:s}", "message", id, "at", at));
}

void
handle_room_say(rpc_request *r)
{
    if (!request_participant(r))
        return;
    const char *text = request_text(r, "text", TEXT_LIMIT);
    if (text)
        r->p->s->hooks.message_store(r->p->s->hub, r->p->who, json_get_text(r->params, "room"), text, on_stored, r);
}
