/* consilium-dicom: the DIMSE service, the ingest and the renderer, a worker of the hub. Wiring only.
 *
 *   consilium-dicom --config FILE                      the program
 *   consilium-dicom --child association --config FILE  a child (dicom/scp/worker.h)
 *   consilium-dicom --child report --config FILE       a child (dicom/scp/reporter.h)
 *   consilium-dicom --child render --config FILE       a child (dicom/render/sandbox.h) */
#include "dicom/child/child.h"
#include "dicom/render/render.h"
#include "dicom/render/sandbox.h"
#include "dicom/rpc_ingest.h"
#include "dicom/rpc_render.h"
#include "dicom/scan/person_name.h"
#include "dicom/scp/reporter.h"
#include "dicom/scp/server.h"
#include "dicom/scp/worker.h"
#include "hub/base/err.h"
#include "hub/base/log.h"
#include <malloc.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#define POOL_CONNECTIONS 2
#define DRAIN_US (2 * G_USEC_PER_SEC)

typedef struct {
    loop *l;
    config *conf;
    const char *config_path;
    db_pool *pool;
    ae_table *aes;
    ingest *in;
    scp_server *scp;
    render *renderer;
    rpc_ingest *uploads;
    rpc_client *hub;
} program;

static void
on_study_received(const char *organisation, const char *study, guint instances, gpointer data)
{
    program *p = data;
    rpc_client_notify(p->hub, "study.received",
                      json_pack("{s:s, s:s, s:i}", "organisation", organisation, "study", study, "instances",
                                (int)instances));
}

static void
tell_ready(gpointer data)
{
    program *p = data;
    gboolean ready = p->scp && ingest_is_ready(p->in);
    json_t *params = json_pack("{s:b}", "ready", (int)ready);
    if (!ready)
        json_object_set_new(params, "reason",
                            json_string(p->scp ? "waiting for the database" : "not listening"));
    if (ready)
        log_line(LOG_INFO, NULL, "ready, listening on port %s, with TLS on %s",
                 config_text(p->conf, "dicom", "port"), config_text(p->conf, "dicom", "tls-port"));
    rpc_client_notify(p->hub, "worker.ready", params);
}

static void
on_hub_state(gboolean connected, gpointer data)
{
    if (connected)
        tell_ready(data);
}

static void
handle_ingest_files(rpc_call *call, json_t *params, gpointer data)
{
    program *p = data;
    rpc_ingest_files(p->uploads, call, params);
}

static void
handle_render_frame(rpc_call *call, json_t *params, gpointer data)
{
    program *p = data;
    rpc_render_frame(p->renderer, call, params);
}

static void
handle_transcode_frame(rpc_call *call, json_t *params, gpointer data)
{
    program *p = data;
    rpc_transcode_frame(p->renderer, call, params);
}

static void
on_reloaded(gpointer data)
{
    rpc_call_result(data, NULL);
}

static void
handle_reload(rpc_call *call, json_t *params, gpointer data)
{
    program *p = data;
    (void)params;
    ae_table_reload(p->aes, on_reloaded, call);
}

static void
handle_stats(rpc_call *call, json_t *params, gpointer data)
{
    program *p = data;
    (void)params;
    scp_stats s = scp_server_stats(p->scp);
    rpc_call_result(call, json_pack("{s:i, s:I, s:I, s:I, s:I}", "associations", (int)s.associations,
                                    "accepted", (json_int_t)s.accepted, "rejected", (json_int_t)s.refused,
                                    "stored", (json_int_t)ingest_stored(p->in), "rendered",
                                    (json_int_t)render_count(p->renderer)));
}

static const rpc_method methods[] = {
    {"ingest.files", handle_ingest_files},
    {"render.frame", handle_render_frame},
    {"transcode.frame", handle_transcode_frame},
    {"dicom.reload", handle_reload},
    {"dicom.stats", handle_stats},
    {NULL, NULL},
};

/* Loads ICU's tables: a tenth of a second that no scanner shall wait for. */
static void
warm_names(gpointer data)
{
    (void)data;
    g_auto(person_name) name = person_name_parse("A^B=\xe7\x8e\x8b^\xe4\xba\x94");
    g_free(person_name_search_text(&name));
}

static void
on_warm(gpointer data)
{
    (void)data;
}

static void
on_ae_changed(const char *payload, gpointer data)
{
    program *p = data;
    (void)payload;
    ae_table_reload(p->aes, NULL, NULL);
}

static gboolean
start(program *p, GError **error)
{
    p->pool = db_pool_new(p->l, config_text(p->conf, "store", "conninfo"), POOL_CONNECTIONS);
    p->in = ingest_new(p->l, p->conf, error);
    if (!p->in)
        return FALSE;
    p->renderer = render_new(p->l, p->conf, p->config_path, error);
    if (!p->renderer)
        return FALSE;
    const char *announce = config_text(p->conf, "hub", "announce");
    p->aes = ae_table_new(p->l, p->pool, *announce ? announce : config_text(p->conf, "hub", "host"));
    db_pool_listen(p->pool, "consilium_ae", on_ae_changed, p);
    const scp_events events = {.study_received = on_study_received, .user_data = p};
    p->scp =
        scp_server_new(p->l, p->conf, p->config_path, p->pool, p->aes, p->in, p->renderer, &events, error);
    if (!p->scp)
        return FALSE;
    p->uploads = rpc_ingest_new(p->conf, p->pool, p->in, on_study_received, p);
    g_autofree char *socket = config_path(p->conf, "hub", "socket");
    p->hub = rpc_client_new(p->l, socket, "dicom", NULL, methods, on_hub_state, p);
    ingest_on_ready(p->in, tell_ready, p);
    loop_work(p->l, warm_names, on_warm, NULL);
    return TRUE;
}

static void
stop(program *p)
{
    scp_server_free(p->scp);
    rpc_client_free(p->hub);
    render_free(p->renderer);
    ingest_free(p->in);
    rpc_ingest_free(p->uploads);
    db_pool_free(p->pool);
    ae_table_free(p->aes);
}

/* The killed children have to be reaped before the loop can close; they need a moment to die. */
static void
drain(loop *l)
{
    gint64 deadline = g_get_monotonic_time() + DRAIN_US;
    while (uv_loop_alive(loop_uv(l)) && g_get_monotonic_time() < deadline) {
        uv_run(loop_uv(l), UV_RUN_NOWAIT);
        g_usleep(1000);
    }
}

static log_level
level_of(const config *c)
{
    static const char *const names[] = {"debug", "info", "warning", "error"};
    for (guint i = 0; i < G_N_ELEMENTS(names); i++)
        if (!strcmp(config_text(c, "hub", "log-level"), names[i]))
            return (log_level)i;
    return LOG_INFO;
}

static int
run_program(config *conf, const char *path)
{
    g_autoptr(GError) error = NULL;
    program p = {.conf = conf, .config_path = path, .l = loop_new()};
    mallopt(M_ARENA_MAX, 2); /* the pool's threads share: less memory held back */
    signal(SIGPIPE, SIG_IGN);
    int status = 1;
    if (start(&p, &error))
        status = loop_run(p.l);
    else
        log_line(LOG_ERROR, NULL, "cannot start: %s", error->message);
    stop(&p);
    drain(p.l);
    loop_free(p.l);
    return status;
}

int
main(int argc, char **argv)
{
    const char *role = NULL, *path = NULL;
    for (int i = 1; i + 1 < argc; i += 2) {
        if (!strcmp(argv[i], "--config"))
            path = argv[i + 1];
        else if (!strcmp(argv[i], "--child"))
            role = argv[i + 1];
    }
    g_autoptr(GError) error = NULL;
    g_autoptr(config) conf = config_load(path, &error);
    log_init("dicom", conf ? level_of(conf) : LOG_INFO);
    if (!conf) {
        log_line(LOG_ERROR, NULL, "%s", error->message);
        return 2;
    }
    if (!role)
        return run_program(conf, path);
    if (!strcmp(role, "association"))
        _exit(worker_run(conf)); /* what DCMTK has lost is why it is replaced: nothing to tidy up */
    if (!strcmp(role, "report"))
        _exit(reporter_run(conf));
    if (!strcmp(role, "render"))
        _exit(sandbox_run());
    log_line(LOG_ERROR, NULL, "there is no role %s", role);
    return 2;
}
