#include "signaling/dispatch.h"
#include "signaling/internal.h"

void
handle_room_subscribe(rpc_request *r)
{
    participant *in = request_participant(r);
    if (!in)
        return;
    if (!rooms_media_ready(r->p->s->rooms)) {
        request_fail(r, ERR_UNAVAILABLE, "the media worker is away");
        return;
    }
    request_result(r, NULL);
    participant_subscribe(in, FALSE);
}
