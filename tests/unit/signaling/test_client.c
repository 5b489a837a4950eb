/* A worker's client and the hub's transport over a real Unix socket: hello, calls both ways, a hub that is killed and
 * comes back, a message near the limit, a stranger's uid. */
#include "hub/base/err.h"
#include "hub/base/log.h"
#include "signaling/client.h"
#include "signaling/internal.h"
#include <glib/gstdio.h>
#include <libwebsockets.h>
#include <string.h>
#include <unistd.h>

#define DEADLINE_US (10 * G_USEC_PER_SEC)

typedef struct {
    loop *l;
    char *directory, *path;
    signaling *s;
    struct lws_context *hub;
    rpc_client *client;
    guint connected, lost, gone, notified;
    gboolean refuse;
    rpc_call *held;
} fixture;

typedef struct {
    guint calls;
    err_code code; /* ERR_COUNT: it succeeded */
    gsize size;
} outcome;

static gboolean
hook_may(gpointer data, const char *name, uid_t uid, pid_t pid)
{
    fixture *f = data;
    g_assert_cmpstr(name, ==, "dicom");
    g_assert_cmpint(pid, ==, getpid());
    return !f->refuse && uid == getuid();
}

static void
hook_changed(gpointer data, const char *name, json_t *facts)
{
    fixture *f = data;
    (void)name;
    if (facts)
        g_assert_cmpint(json_get_int(facts, "port", 0), ==, 104);
    f->gone += facts == NULL;
}

static void
hook_notified(gpointer data, const char *name, const char *method, json_t *params)
{
    (void)name;
    g_assert_cmpstr(method, ==, "study.received");
    g_assert_cmpint(json_get_int(params, "instances", 0), ==, 3);
    ((fixture *)data)->notified++;
}

static const signaling_hooks hooks = {.worker_may = hook_may, .worker_changed = hook_changed, .worker_notified = hook_notified};

static void
start_hub(fixture *f)
{
    void *loops[] = {loop_uv(f->l)};
    f->s = signaling_new(f->l, &hooks, f);
    f->hub = lws_create_context(&(struct lws_context_creation_info){
        .options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_UNIX_SOCK,
        .foreign_loops = loops,
        .iface = f->path,
        .protocols = signaling_worker_protocols(f->s),
        .gid = (gid_t)-1,
        .uid = (uid_t)-1,
    });
    g_assert_nonnull(f->hub);
}

static void
turn(fixture *f)
{
    for (int i = 0; i < 20; i++)
        uv_run(loop_uv(f->l), UV_RUN_NOWAIT);
}

static void
stop_hub(fixture *f)
{
    lws_context_destroy(f->hub);
    turn(f);
    lws_context_destroy(g_steal_pointer(&f->hub)); /* on a foreign loop the second call frees */
    signaling_free(g_steal_pointer(&f->s));
    g_unlink(f->path);
}

#define wait_until(f, condition)                                                                                       \
    for (gint64 until_ = g_get_monotonic_time() + DEADLINE_US; !(condition);) {                                        \
        g_assert_cmpint(g_get_monotonic_time(), <, until_);                                                            \
        uv_run(loop_uv((f)->l), UV_RUN_ONCE);                                                                          \
    }

static void
on_state(gboolean connected, gpointer data)
{
    fixture *f = data;
    f->connected += connected;
    f->lost += !connected;
}

static void
handle_echo(rpc_call *call, json_t *params, gpointer data)
{
    (void)data;
    rpc_call_result(call, json_incref(params));
}

static void
handle_hold(rpc_call *call, json_t *params, gpointer data)
{
    (void)params;
    ((fixture *)data)->held = call;
}

static void
handle_fail(rpc_call *call, json_t *params, gpointer data)
{
    (void)params;
    (void)data;
    g_autoptr(GError) error = err_new(ERR_STORAGE, "the disk is full");
    rpc_call_error(call, error);
}

static const rpc_method methods[] = {{"echo", handle_echo}, {"hold", handle_hold}, {"fail", handle_fail}, {NULL, NULL}};

static void
set_up(fixture *f, gconstpointer data)
{
    (void)data;
    f->l = loop_new();
    f->directory = g_dir_make_tmp("consilium-hub-XXXXXX", NULL);
    f->path = g_build_filename(f->directory, "hub.sock", NULL);
    start_hub(f);
    g_autoptr(json_t) facts = json_pack("{s:i}", "port", 104);
    f->client = rpc_client_new(f->l, f->path, "dicom", facts, methods, on_state, f);
}

static void
tear_down(fixture *f, gconstpointer data)
{
    (void)data;
    rpc_client_free(f->client);
    turn(f);
    if (f->hub)
        stop_hub(f);
    loop_free(f->l);
    g_unlink(f->path);
    g_rmdir(f->directory);
    g_free(f->path);
    g_free(f->directory);
}

static void
on_done(json_t *result, const GError *error, gpointer data)
{
    outcome *o = data;
    const char *text = json_get_text(result, "text");
    o->calls++;
    o->code = error ? err_code_of(error) : ERR_COUNT;
    o->size = text ? strlen(text) : 0;
}

static void
call(fixture *f, const char *method, json_t *params, outcome *o)
{
    *o = (outcome){0};
    signaling_worker_call(f->s, "dicom", method, params, 5000, on_done, o);
    g_assert_cmpuint(o->calls, ==, 0); /* never inside */
}

static void
calls_go_both_ways(fixture *f, gconstpointer data)
{
    (void)data;
    outcome echo, fail, unknown, large, early;
    call(f, "echo", json_object(), &early); /* the worker is not there yet */
    wait_until(f, early.calls);
    g_assert_cmpint(early.code, ==, ERR_UNAVAILABLE);
    wait_until(f, f->connected == 1);

    g_autofree char *text = g_strnfill(900000, 'x');
    call(f, "echo", json_pack("{s:s}", "text", "abc"), &echo);
    call(f, "fail", json_object(), &fail);
    call(f, "no.such", json_object(), &unknown);
    call(f, "echo", json_pack("{s:s}", "text", text), &large);
    wait_until(f, echo.calls && fail.calls && unknown.calls && large.calls);
    g_assert_cmpint(echo.code, ==, ERR_COUNT);
    g_assert_cmpuint(echo.size, ==, 3);
    g_assert_cmpint(fail.code, ==, ERR_STORAGE);
    g_assert_cmpint(unknown.code, ==, ERR_METHOD);
    g_assert_cmpuint(large.size, ==, 900000);

    outcome back = {0};
    rpc_client_notify(f->client, "study.received", json_pack("{s:i}", "instances", 3));
    rpc_client_call(f->client, "hub.no.such", json_object(), on_done, &back);
    wait_until(f, back.calls && f->notified);
    g_assert_cmpint(back.code, ==, ERR_METHOD);
}

static void
a_hub_that_comes_back_is_found(fixture *f, gconstpointer data)
{
    (void)data;
    outcome held, late = {0}, echo;
    wait_until(f, f->connected == 1);
    call(f, "hold", json_object(), &held);
    wait_until(f, f->held);
    stop_hub(f);
    g_assert_cmpint(held.code, ==, ERR_UNAVAILABLE);
    wait_until(f, f->lost == 1);
    rpc_client_call(f->client, "anything", json_object(), on_done, &late);
    wait_until(f, late.calls);
    g_assert_cmpint(late.code, ==, ERR_UNAVAILABLE);

    start_hub(f);
    wait_until(f, f->connected == 2);
    rpc_call_result(f->held, NULL); /* the answer to a call of before: dropped */
    call(f, "echo", json_pack("{s:s}", "text", "again"), &echo);
    wait_until(f, echo.calls);
    g_assert_cmpuint(echo.size, ==, 5);
}

static void
a_worker_that_goes_fails_its_calls(fixture *f, gconstpointer data)
{
    (void)data;
    outcome held;
    wait_until(f, f->connected == 1);
    call(f, "hold", json_object(), &held);
    wait_until(f, f->held);
    rpc_client_free(g_steal_pointer(&f->client));
    wait_until(f, held.calls);
    g_assert_cmpint(held.code, ==, ERR_UNAVAILABLE);
    g_assert_cmpuint(f->gone, ==, 1);
    rpc_call_result(f->held, NULL);
}

static void
a_stranger_is_refused(fixture *f, gconstpointer data)
{
    (void)data;
    f->refuse = TRUE;
    gint64 until = g_get_monotonic_time() + G_USEC_PER_SEC / 2;
    while (g_get_monotonic_time() < until)
        uv_run(loop_uv(f->l), UV_RUN_ONCE);
    g_assert_cmpuint(f->connected, ==, 0);
    f->refuse = FALSE;
    wait_until(f, f->connected == 1); /* it went on trying */
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    log_init("test_client", LOG_ERROR);
    lws_set_log_level(LLL_ERR, NULL);
    g_test_add("/client/calls", fixture, NULL, set_up, calls_go_both_ways, tear_down);
    g_test_add("/client/hub-restarts", fixture, NULL, set_up, a_hub_that_comes_back_is_found, tear_down);
    g_test_add("/client/worker-goes", fixture, NULL, set_up, a_worker_that_goes_fails_its_calls, tear_down);
    g_test_add("/client/stranger", fixture, NULL, set_up, a_stranger_is_refused, tear_down);
    return g_test_run();
}
