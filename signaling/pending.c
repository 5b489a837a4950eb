#include "signaling/pending.h"
#include "hub/base/clock.h"

#define TICK_MS 250

typedef struct {
    gint64 id;
    gint64 deadline_us; /* monotonic */
    rpc_done done;
    gpointer user_data;
    GError *error; /* set: ends with it at the next tick */
} pending_call;

struct rpc_pending {
    GHashTable *calls; /* id (of pending_call) → pending_call, owned */
    loop_timer *tick;  /* runs while there are calls */
    loop_timer *soon;
    gint64 last_id;
};

static void
free_call(gpointer data)
{
    pending_call *call = data;
    g_clear_error(&call->error);
    g_free(call);
}

static void
end_call(pending_call *call, json_t *result, const GError *error)
{
    call->done(result, error, call->user_data);
    free_call(call);
}

/** Takes out what `is_due` names, then ends it: the callbacks may add calls. */
static void
end_some(rpc_pending *p, gboolean all, gint64 now)
{
    g_autoptr(GPtrArray) due = g_ptr_array_new();
    GHashTableIter each;
    gpointer value;
    g_hash_table_iter_init(&each, p->calls);
    while (g_hash_table_iter_next(&each, NULL, &value)) {
        const pending_call *call = value;
        if (!all && !call->error && call->deadline_us > now)
            continue;
        g_ptr_array_add(due, value);
        g_hash_table_iter_steal(&each);
    }
    for (guint i = 0; i < due->len; i++) {
        pending_call *call = due->pdata[i];
        if (!call->error)
            call->error = all ? err_new(ERR_UNAVAILABLE, "the connection was lost") : err_new(ERR_TIMEOUT, "no answer in time");
        end_call(call, NULL, call->error);
    }
}

static void
on_tick(gpointer data)
{
    rpc_pending *p = data;
    end_some(p, FALSE, clock_monotonic_us());
    if (g_hash_table_size(p->calls) == 0)
        loop_timer_stop(p->tick);
}

rpc_pending *
rpc_pending_new(loop *l)
{
    rpc_pending *p = g_new0(rpc_pending, 1);
    p->calls = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, free_call);
    p->tick = loop_timer_new(l, on_tick, p);
    p->soon = loop_timer_new(l, on_tick, p);
    return p;
}

void
rpc_pending_free(rpc_pending *p)
{
    if (!p)
        return;
    end_some(p, TRUE, 0);
    loop_timer_free(p->tick);
    loop_timer_free(p->soon);
    g_hash_table_unref(p->calls);
    g_free(p);
}

gint64
rpc_pending_add(rpc_pending *p, guint timeout_ms, rpc_done done, gpointer user_data)
{
    pending_call *call = g_new0(pending_call, 1);
    call->id = ++p->last_id;
    call->deadline_us = clock_monotonic_us() + (gint64)timeout_ms * 1000;
    call->done = done;
    call->user_data = user_data;
    if (g_hash_table_size(p->calls) == 0)
        loop_timer_start(p->tick, TICK_MS, TICK_MS);
    g_hash_table_insert(p->calls, &call->id, call);
    return call->id;
}

gboolean
rpc_pending_answer(rpc_pending *p, const rpc_message *m)
{
    gpointer value = NULL;
    if (!g_hash_table_steal_extended(p->calls, &m->id, NULL, &value))
        return FALSE;
    end_call(value, m->kind == RPC_RESULT ? m->result : NULL, m->error);
    return TRUE;
}

void
rpc_pending_fail_soon(rpc_pending *p, gint64 id, const GError *error)
{
    pending_call *call = g_hash_table_lookup(p->calls, &id);
    g_return_if_fail(call);
    call->error = g_error_copy(error);
    loop_timer_start(p->soon, 0, 0);
}

void
rpc_pending_lost(rpc_pending *p)
{
    end_some(p, TRUE, 0);
}

guint
rpc_pending_count(const rpc_pending *p)
{
    return g_hash_table_size(p->calls);
}
