#include "signaling/dispatch.h"
#include "signaling/internal.h"

static void
on_recording(const char *recording, const GError *error, gpointer data)
{
    if (error)
        request_error(data, error);
    else
        request_result(data, json_pack("{s:s?}", "recording", recording));
}

void
handle_room_record(rpc_request *r)
{
    participant *in = request_participant(r);
    if (!in)
        return;
    const signaling *s = r->p->s;
    if (!json_is_boolean(json_object_get(r->params, "on")))
        request_fail(r, ERR_INVALID, "on is true or false");
    else if (!participant_is_host(in))
        request_fail(r, ERR_DENIED, "only the host of the room records");
    else if (!s->hooks.record)
        request_fail(r, ERR_METHOD, "nothing is recorded here");
    else
        s->hooks.record(s->hub, r->p->who, participant_room(in), json_get_bool(r->params, "on", FALSE), on_recording, r);
}
