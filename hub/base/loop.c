#include "hub/base/loop.h"

struct loop {
    uv_loop_t uv;
    uv_signal_t interrupt, terminate;
    void (*on_signal)(gpointer);
    gpointer on_signal_data;
    int status;
};

struct loop_timer {
    uv_timer_t uv;
    void (*fire)(gpointer);
    gpointer data;
};

struct work_item {
    uv_work_t uv;
    void (*work)(gpointer);
    void (*done)(gpointer);
    gpointer data;
};

static void
on_signal(uv_signal_t *handle, int number)
{
    (void)number;
    loop *l = handle->data;
    if (l->on_signal)
        l->on_signal(l->on_signal_data);
    else
        loop_quit(l, 0);
}

loop *
loop_new(void)
{
    loop *l = g_new0(loop, 1);
    if (uv_loop_init(&l->uv) != 0)
        g_error("the event loop cannot start");
    uv_signal_init(&l->uv, &l->interrupt);
    uv_signal_init(&l->uv, &l->terminate);
    l->interrupt.data = l->terminate.data = l;
    return l;
}

uv_loop_t *
loop_uv(loop *l)
{
    return &l->uv;
}

void
loop_on_signal(loop *l, void (*handler)(gpointer), gpointer user_data)
{
    l->on_signal = handler;
    l->on_signal_data = user_data;
}

int
loop_run(loop *l)
{
    uv_signal_start(&l->interrupt, on_signal, SIGINT);
    uv_signal_start(&l->terminate, on_signal, SIGTERM);
    uv_run(&l->uv, UV_RUN_DEFAULT);
    uv_signal_stop(&l->interrupt);
    uv_signal_stop(&l->terminate);
    return l->status;
}

void
loop_quit(loop *l, int status)
{
    l->status = status;
    uv_stop(&l->uv);
}

void
loop_free(loop *l)
{
    if (!l)
        return;
    uv_close((uv_handle_t *)&l->interrupt, NULL);
    uv_close((uv_handle_t *)&l->terminate, NULL);
    /* closing handles, and what their close callbacks start, need a few turns */
    for (int turn = 0; turn < 64 && uv_loop_close(&l->uv) == UV_EBUSY; turn++)
        uv_run(&l->uv, UV_RUN_NOWAIT);
    g_free(l);
}

static void
on_timer(uv_timer_t *handle)
{
    loop_timer *t = handle->data;
    t->fire(t->data);
}

loop_timer *
loop_timer_new(loop *l, void (*fire)(gpointer), gpointer user_data)
{
    loop_timer *t = g_new0(loop_timer, 1);
    uv_timer_init(&l->uv, &t->uv);
    t->uv.data = t;
    t->fire = fire;
    t->data = user_data;
    return t;
}

void
loop_timer_start(loop_timer *t, guint64 first_ms, guint64 repeat_ms)
{
    /* timers count from the loop's cached time: a long callback before us must not shorten the wait */
    uv_update_time(t->uv.loop);
    uv_timer_start(&t->uv, on_timer, first_ms, repeat_ms);
}

void
loop_timer_stop(loop_timer *t)
{
    uv_timer_stop(&t->uv);
}

static void
on_timer_closed(uv_handle_t *handle)
{
    g_free(handle->data);
}

void
loop_timer_free(loop_timer *t)
{
    if (t)
        uv_close((uv_handle_t *)&t->uv, on_timer_closed);
}

static void
on_work(uv_work_t *request)
{
    struct work_item *item = request->data;
    item->work(item->data);
}

static void
on_work_done(uv_work_t *request, int status)
{
    (void)status; /* we never cancel */
    struct work_item *item = request->data;
    item->done(item->data);
    g_free(item);
}

void
loop_work(loop *l, void (*work)(gpointer), void (*done)(gpointer), gpointer data)
{
    struct work_item *item = g_new0(struct work_item, 1);
    item->uv.data = item;
    item->work = work;
    item->done = done;
    item->data = data;
    if (uv_queue_work(&l->uv, &item->uv, on_work, on_work_done) != 0)
        g_error("work cannot be queued");
}
