/* /whep/{room}: a client plays the room's current speaker (audio) and presented or first camera (video). The client offers
 * recvonly; the answer is 201 also when nobody publishes yet. */
#include "hub/api/api_stream.h"

void
api_whep_open(http_request *r)
{
    api_stream_open(r, STREAM_PLAY);
}

void
api_whep_patch(http_request *r)
{
    api_stream_patch(r, STREAM_PLAY);
}

void
api_whep_close(http_request *r)
{
    api_stream_close(r, STREAM_PLAY);
}
