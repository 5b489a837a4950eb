/* /whip/{room}: a client publishes. Each POST is a participant of its own; its resource is /whip/{room}/{stream}. */
#include "hub/api/api_stream.h"

void
api_whip_open(http_request *r)
{
    api_stream_open(r, STREAM_PUBLISH);
}

void
api_whip_patch(http_request *r)
{
    api_stream_patch(r, STREAM_PUBLISH);
}

void
api_whip_close(http_request *r)
{
    api_stream_close(r, STREAM_PUBLISH);
}
