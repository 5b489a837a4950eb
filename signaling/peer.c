#include "signaling/dispatch.h"
#include "signaling/internal.h"
#include "signaling/presence.h"
#include "hub/base/id.h"
#include "hub/base/log.h"

#define RESUME_BYTES 24

static void
on_detached_too_long(gpointer data)
{
    peer_end(data, CLOSE_GOING, "lost");
}

peer *
peer_new(signaling *s, caller *who, const peer_link_ops *ops, gpointer link)
{
    peer *p = g_new0(peer, 1);
    p->refs = 1;
    p->s = s;
    p->who = caller_ref(who);
    p->ops = ops;
    p->link = link;
    p->generation = 1;
    p->pending = rpc_pending_new(s->l);
    p->detached = loop_timer_new(s->l, on_detached_too_long, p);
    p->rooms = g_hash_table_new(g_str_hash, g_str_equal);
    p->contacts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    return p;
}

peer *
peer_ref(peer *p)
{
    p->refs++;
    return p;
}

void
peer_unref(peer *p)
{
    if (!p || --p->refs > 0)
        return;
    rpc_pending_free(p->pending);
    loop_timer_free(p->detached);
    g_hash_table_unref(p->rooms);
    g_hash_table_unref(p->contacts);
    caller_unref(p->who);
    g_free(p->id);
    g_free(p->resume);
    g_free(p);
}

GPtrArray *
peer_participants(const peer *p)
{
    GPtrArray *list = g_ptr_array_new_with_free_func((GDestroyNotify)participant_unref);
    GHashTableIter each;
    gpointer value;
    g_hash_table_iter_init(&each, p->rooms);
    while (g_hash_table_iter_next(&each, NULL, &value))
        g_ptr_array_add(list, participant_ref(value));
    return list;
}

void
peer_greet(peer *p)
{
    p->id = id_new();
    p->resume = id_secret_new(RESUME_BYTES);
    p->greeted = TRUE;
    g_hash_table_insert(p->s->peers, p->id, peer_ref(p));
    g_hash_table_insert(p->s->resumes, p->resume, p);
    presence_came(p->s->presence, p);
}

void
peer_resume(peer *p, peer *fresh)
{
    gpointer link = g_steal_pointer(&fresh->link);
    fresh->gone = TRUE;
    if (p->link) { /* the old connection is half dead, or somebody copied the secret into another tab */
        gpointer old = g_steal_pointer(&p->link);
        p->ops->close(old, CLOSE_REPLACED, "replaced");
        rpc_pending_lost(p->pending);
    }
    loop_timer_stop(p->detached);
    p->link = link;
    p->generation++;
    p->ops->move(link, p);
}

static void
forget(peer *p, const char *reason)
{
    if (p->gone)
        return;
    p->gone = TRUE;
    rooms_peer_ended(p->s->rooms, p, reason);
    rpc_pending_lost(p->pending);
    loop_timer_stop(p->detached);
    if (!p->greeted)
        return;
    g_hash_table_remove(p->s->resumes, p->resume);
    g_hash_table_steal(p->s->peers, p->id);
    presence_went(p->s->presence, p);
    peer_unref(p);
}

void
peer_link_lost(peer *p)
{
    G_GNUC_UNUSED g_autoptr(peer) keep = peer_ref(p);
    p->link = NULL;
    p->generation++;
    rpc_pending_lost(p->pending);
    if (!p->greeted)
        forget(p, "lost");
    else if (!p->gone)
        loop_timer_start(p->detached, SIGNALING_RESUME_SECONDS * 1000, 0);
}

void
peer_end(peer *p, guint code, const char *reason)
{
    G_GNUC_UNUSED g_autoptr(peer) keep = peer_ref(p);
    gpointer link = g_steal_pointer(&p->link);
    if (link)
        p->ops->close(link, code, reason);
    p->generation++;
    forget(p, reason);
}

void
peer_send(peer *p, char *text)
{
    g_autofree char *mine = text;
    if (!p->link || p->ops->send(p->link, mine))
        return;
    p->s->dropped++;
    log_limited(LOG_INFO, "signal", "peer of person %s dropped: it does not keep up", p->who->person);
    /* it may come back on a better network: only the connection goes */
    gpointer link = g_steal_pointer(&p->link);
    p->ops->close(link, CLOSE_SLOW, "slow");
    peer_link_lost(p);
}

void
peer_notify(peer *p, const char *method, json_t *params)
{
    if (p->link && p->greeted)
        peer_send(p, rpc_text_notification(method, params));
}

void
peer_call(peer *p, const char *method, json_t *params, rpc_done done, gpointer data)
{
    g_autoptr(json_t) mine = params;
    gint64 id = rpc_pending_add(p->pending, PEER_CALL_MS, done, data);
    if (p->link) {
        peer_send(p, rpc_text_request(id, method, mine));
        return;
    }
    g_autoptr(GError) error = err_new(ERR_UNAVAILABLE, "the browser is not connected");
    rpc_pending_fail_soon(p->pending, id, error);
}

gboolean
peer_receive(peer *p, const char *text, gsize length)
{
    g_auto(rpc_message) m = {0};
    g_autoptr(GError) error = NULL;
    G_GNUC_UNUSED g_autoptr(peer) keep = peer_ref(p);
    if (!rpc_message_parse(&m, text, length, &error)) {
        log_limited(LOG_INFO, "signal", "not a message from person %s: %s", p->who->person, error->message);
        return FALSE;
    }
    if (m.kind == RPC_REQUEST || m.kind == RPC_NOTIFICATION)
        dispatch(p, &m);
    else
        rpc_pending_answer(p->pending, &m);
    return TRUE;
}
