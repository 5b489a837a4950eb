#include "signaling/dispatch.h"
#include "signaling/internal.h"

static void
on_published(json_t *result, const GError *error, gpointer data)
{
    if (error)
        request_error(data, error);
    else
        request_result(data, json_incref(result)); /* {sdp, tracks}: the page learns the ids of its own tracks */
}

void
handle_room_publish(rpc_request *r)
{
    participant *in = request_participant(r);
    if (!in)
        return;
    const char *sdp = request_text(r, "sdp", SDP_LIMIT);
    if (sdp)
        participant_publish(in, sdp, json_object_get(r->params, "sources"), on_published, r);
}
