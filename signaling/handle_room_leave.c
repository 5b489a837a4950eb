#include "signaling/dispatch.h"
#include "signaling/internal.h"

void
handle_room_leave(rpc_request *r)
{
    participant *in = request_participant(r);
    if (!in)
        return;
    participant_leave(in, "left");
    request_result(r, NULL);
}
