#include "signaling/dispatch.h"
#include "signaling/internal.h"
#include "signaling/presence.h"

static void
on_refreshed(const GError *error, gpointer data)
{
    rpc_request *r = data;
    if (error)
        request_error(r, error);
    else
        request_result(r, json_pack("{s:o}", "online", presence_list(r->p->s->presence, r->p)));
}

void
handle_presence_list(rpc_request *r)
{
    presence_refresh(r->p->s->presence, r->p, on_refreshed, r);
}
