/* room.restart: new ICE credentials after a lost network. Publishing, the browser's offer carries them; subscribing, ours does. */
#include "signaling/dispatch.h"
#include "signaling/internal.h"
#include <string.h>

static void
on_restarted(json_t *result, const GError *error, gpointer data)
{
    if (error)
        request_error(data, error);
    else
        request_result(data, json_incref(result));
}

void
handle_room_restart(rpc_request *r)
{
    participant *in = request_participant(r);
    if (!in)
        return;
    const char *side = json_get_text(r->params, "side");
    if (side && strcmp(side, "subscribe") == 0) {
        request_result(r, NULL);
        participant_subscribe(in, TRUE);
        return;
    }
    if (!side || strcmp(side, "publish") != 0) {
        request_fail(r, ERR_INVALID, "side is publish or subscribe");
        return;
    }
    const char *sdp = request_text(r, "sdp", SDP_LIMIT);
    if (sdp)
        participant_publish(in, sdp, json_object_get(r->params, "sources"), on_restarted, r);
}
