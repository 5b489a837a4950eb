#include "signaling/dispatch.h"
#include "signaling/internal.h"

#define TRACK_LIMIT 64

void
handle_room_mute(rpc_request *r)
{
    g_autoptr(GError) error = NULL;
    participant *in = request_participant(r);
    if (!in)
        return;
    const char *track = request_text(r, "track", TRACK_LIMIT);
    if (!track)
        return;
    if (!json_is_boolean(json_object_get(r->params, "muted")))
        request_fail(r, ERR_INVALID, "muted is true or false");
    else if (!participant_mute(in, track, json_get_bool(r->params, "muted", FALSE), &error))
        request_error(r, error);
    else
        request_result(r, NULL);
}
