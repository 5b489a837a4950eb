/* hello: the first message of a browser. With `resume` the peer that was lost a moment ago goes on, on this connection. */
#include "signaling/dispatch.h"
#include "signaling/internal.h"
#include <string.h>

#define VERSION 1
#define RESUME_LIMIT 128

/** The lost peer that the secret belongs to, when it is the same person's, acting for the same organisation. */
static peer *
find_lost(rpc_request *r)
{
    const char *secret = json_get_text(r->params, "resume");
    peer *lost = secret && strlen(secret) <= RESUME_LIMIT ? g_hash_table_lookup(r->p->s->resumes, secret) : NULL;
    if (!lost || strcmp(lost->who->person, r->p->who->person) != 0 ||
        strcmp(lost->who->organisation, r->p->who->organisation) != 0)
        return NULL;
    return lost;
}

static json_t *
rooms_of(const peer *p)
{
    json_t *list = json_array();
    GHashTableIter each;
    gpointer in;
    g_hash_table_iter_init(&each, p->rooms);
    while (g_hash_table_iter_next(&each, NULL, &in))
        json_array_append_new(list, participant_snapshot(in));
    return list;
}

static json_t *
welcome(const peer *p, gboolean resumed)
{
    return json_pack("{s:s,s:s,s:s,s:s,s:b,s:o}", "peer", p->id, "resume", p->resume, "person", p->who->person,
                     "organisation", p->who->organisation, "resumed", (int)resumed, "rooms", rooms_of(p));
}

static void
go_on(peer *p)
{
    g_autoptr(GPtrArray) in = peer_participants(p);
    for (guint i = 0; i < in->len; i++)
        participant_resumed(in->pdata[i]);
}

void
handle_hello(rpc_request *r)
{
    if (json_get_int(r->params, "version", 0) != VERSION) {
        request_fail(r, ERR_INVALID, "this hub speaks version %d", VERSION);
        return;
    }
    peer *lost = find_lost(r);
    if (!lost) {
        peer_greet(r->p);
        request_result(r, welcome(r->p, FALSE));
        return;
    }
    G_GNUC_UNUSED g_autoptr(peer) keep = peer_ref(lost);
    /* the newer credential decides from now on how long it lives */
    caller *newer = caller_ref(r->p->who);
    caller_unref(lost->who);
    lost->who = newer;
    peer_resume(lost, r->p);
    request_move(r, lost);
    request_result(r, welcome(lost, TRUE));
    go_on(lost);
}
