/* The one libuv loop of a program: signals, timers, blocking work in the thread pool.
 * Callbacks run on the loop's thread, never inside the call that asked for them. */
#pragma once
#include <glib.h>
#include <uv.h>

typedef struct loop loop;
typedef struct loop_timer loop_timer;

loop *loop_new(void);
/** For lws, libpq and child processes, which join the loop themselves. */
uv_loop_t *loop_uv(loop *l);
/** Runs until loop_quit, SIGINT or SIGTERM. Returns the status given to loop_quit, 0 after a signal. */
int loop_run(loop *l);
void loop_quit(loop *l, int status);
/** Lets closing handles finish, then frees. Everything that joined must have been freed before. */
void loop_free(loop *l);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(loop, loop_free)

/** Called on SIGINT and SIGTERM instead of the plain loop_quit, for an orderly shutdown. */
void loop_on_signal(loop *l, void (*handler)(gpointer user_data), gpointer user_data);

loop_timer *loop_timer_new(loop *l, void (*fire)(gpointer user_data), gpointer user_data);
/** (Re)starts; repeat_ms 0: once. */
void loop_timer_start(loop_timer *t, guint64 first_ms, guint64 repeat_ms);
void loop_timer_stop(loop_timer *t);
/** NULL is allowed; safe inside its own callback. */
void loop_timer_free(loop_timer *t);

/** work runs in the thread pool, then done on the loop. done is called exactly once. */
void loop_work(loop *l, void (*work)(gpointer data), void (*done)(gpointer data), gpointer data);
