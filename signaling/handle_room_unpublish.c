#include "signaling/dispatch.h"
#include "signaling/internal.h"

void
handle_room_unpublish(rpc_request *r)
{
    participant *in = request_participant(r);
    if (!in)
        return;
    participant_unpublish(in);
    request_result(r, NULL);
}
