#include "signaling/workers.h"
#include "signaling/internal.h"
#include "hub/base/log.h"
#include <string.h>

#define VERSION 1

struct worker {
    worker_table *all;
    const worker_link_ops *ops;
    gpointer link;
    uid_t uid;
    pid_t pid;
    char *name; /* NULL before its hello */
    rpc_pending *pending;
};

struct worker_table {
    signaling *s;
    GHashTable *by_name;  /* name (of worker) → worker, borrowed: links own them */
    rpc_pending *nowhere; /* calls to workers that are away, until they fail at the next turn */
};

/* A caller that does not care. */
static void
on_nothing(json_t *result, const GError *error, gpointer data)
{
    (void)result;
    (void)data;
    if (error)
        log_line(LOG_DEBUG, "worker", "%s", error->message);
}

worker_table *
worker_table_new(signaling *s)
{
    worker_table *all = g_new0(worker_table, 1);
    all->s = s;
    all->by_name = g_hash_table_new(g_str_hash, g_str_equal);
    all->nowhere = rpc_pending_new(s->l);
    return all;
}

void
worker_table_free(worker_table *all)
{
    if (!all)
        return;
    rpc_pending_free(all->nowhere);
    g_hash_table_unref(all->by_name);
    g_free(all);
}

worker *
worker_new(worker_table *all, const worker_link_ops *ops, gpointer link, uid_t uid, pid_t pid)
{
    worker *w = g_new0(worker, 1);
    w->all = all;
    w->ops = ops;
    w->link = link;
    w->uid = uid;
    w->pid = pid;
    w->pending = rpc_pending_new(all->s->l);
    return w;
}

static void
forget(worker *w)
{
    worker_table *all = w->all;
    if (!w->name || g_hash_table_lookup(all->by_name, w->name) != w)
        return;
    g_hash_table_remove(all->by_name, w->name);
    log_line(LOG_INFO, "worker", "%s has gone", w->name);
    if (strcmp(w->name, "media") == 0)
        rooms_media_changed(all->s->rooms, FALSE);
    all->s->hooks.worker_changed(all->s->hub, w->name, NULL);
}

void
worker_link_lost(worker *w)
{
    if (!w)
        return;
    forget(w);
    rpc_pending_free(w->pending);
    g_free(w->name);
    g_free(w);
}

static void
send_text(worker *w, char *text)
{
    g_autofree char *mine = text;
    if (w->ops->send(w->link, mine))
        return;
    log_line(LOG_WARNING, "worker", "%s does not read; closing its connection", w->name ? w->name : "?");
    w->ops->close(w->link, CLOSE_SLOW, "slow");
}

static void
answer(worker *w, const rpc_message *m, json_t *result, GError *error)
{
    if (m->kind == RPC_REQUEST)
        send_text(w, error ? rpc_text_error(m->id, error) : rpc_text_result(m->id, result));
    g_clear_error(&error);
}

/** The first message. FALSE: this is no worker of ours. */
static gboolean
take_hello(worker *w, const rpc_message *m)
{
    worker_table *all = w->all;
    const char *name = json_get_text(m->params, "worker");
    if (m->kind != RPC_REQUEST || strcmp(m->method, "worker.hello") != 0 || !name ||
        json_get_int(m->params, "version", 0) != VERSION || !all->s->hooks.worker_may(all->s->hub, name, w->uid, w->pid)) {
        log_limited(LOG_WARNING, "worker", "refused a connection of uid %u, pid %d", (unsigned)w->uid, (int)w->pid);
        answer(w, m, NULL, err_new(ERR_DENIED, "this is not a worker of this hub"));
        return FALSE;
    }
    worker *before = g_hash_table_lookup(all->by_name, name);
    if (before) { /* its connection is dead and we have not noticed yet */
        forget(before);
        rpc_pending_lost(before->pending);
        before->ops->close(before->link, CLOSE_REPLACED, "replaced");
    }
    w->name = g_strdup(name);
    g_hash_table_insert(all->by_name, w->name, w);
    log_line(LOG_INFO, "worker", "%s is here, pid %d", w->name, (int)w->pid);
    answer(w, m, NULL, NULL);
    all->s->hooks.worker_changed(all->s->hub, w->name, m->params);
    if (strcmp(w->name, "media") == 0)
        rooms_media_changed(all->s->rooms, TRUE);
    return TRUE;
}

static void
take_call(worker *w, const rpc_message *m)
{
    if (m->kind == RPC_REQUEST) {
        answer(w, m, NULL, err_new(ERR_METHOD, "the hub knows no method %s", m->method));
        return;
    }
    if (strcmp(w->name, "media") == 0)
        rooms_media_notified(w->all->s->rooms, m->method, m->params);
    w->all->s->hooks.worker_notified(w->all->s->hub, w->name, m->method, m->params);
}

gboolean
worker_receive(worker *w, const char *text, gsize length)
{
    g_auto(rpc_message) m = {0};
    g_autoptr(GError) error = NULL;
    if (!rpc_message_parse(&m, text, length, &error)) {
        log_limited(LOG_WARNING, "worker", "%s: not a message: %s", w->name ? w->name : "?", error->message);
        return FALSE;
    }
    if (m.kind == RPC_RESULT || m.kind == RPC_ERROR)
        rpc_pending_answer(w->pending, &m);
    else if (!w->name)
        return take_hello(w, &m);
    else
        take_call(w, &m);
    return TRUE;
}

void
worker_table_call(worker_table *all, const char *name, const char *method, json_t *params, guint timeout_ms, rpc_done done, gpointer data)
{
    g_autoptr(json_t) mine = params;
    worker *w = g_hash_table_lookup(all->by_name, name);
    gint64 id = rpc_pending_add(w ? w->pending : all->nowhere, timeout_ms, done ? done : on_nothing, data);
    if (w) {
        send_text(w, rpc_text_request(id, method, mine));
        return;
    }
    g_autoptr(GError) error = err_new(ERR_UNAVAILABLE, "the %s worker is away", name);
    rpc_pending_fail_soon(all->nowhere, id, error);
}

void
worker_table_notify(worker_table *all, const char *name, const char *method, json_t *params)
{
    g_autoptr(json_t) mine = params;
    worker *w = g_hash_table_lookup(all->by_name, name);
    if (w)
        send_text(w, rpc_text_notification(method, mine));
}

gboolean
worker_table_has(const worker_table *all, const char *name)
{
    return g_hash_table_contains(all->by_name, name);
}
