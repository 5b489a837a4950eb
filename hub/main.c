/* consilium-hub: wiring only. Makes the services in the order of the arrows, runs the loop, takes them down
 * in reverse. */
#include "hub/api/routes.h"
#include "hub/auth/auth.h"
#include "hub/base/log.h"
#include "hub/domain/audit.h"
#include "hub/http/health.h"
#include "hub/http/metrics.h"
#include "hub/http/server.h"
#include "hub/domain/audit.h"
#include "hub/hooks.h"
#include "hub/hub.h"
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

#define STOP_GRACE_MS 4000 /* requests in flight at SIGTERM */

struct migrations {
    char *conninfo;
    gboolean complete;
    char *why;
    gboolean running;
};

static struct hub hub;
static struct migrations migrations;
static loop_timer *migrations_timer;
static audit_writer *audit;

/* --- what /readyz asks
 * --------------------------------------------------------------------------------------------- */
static gboolean
database_ready(gpointer data, char **ret_reason)
{
    (void)data;
    if (db_pool_is_up(hub.db))
        return TRUE;
    *ret_reason = g_strdup("no connection");
    return FALSE;
}

static gboolean
migrations_ready(gpointer data, char **ret_reason)
{
    (void)data;
    if (!migrations.complete)
        *ret_reason = g_strdup(migrations.why ? migrations.why : "not checked yet");
    return migrations.complete;
}

static gboolean
disk_ready(gpointer data, char **ret_reason)
{
    (void)data;
    struct statvfs v;
    guint64 floor = (guint64)config_int(hub.config, "store", "disk-floor");
    if (statvfs(config_data_dir(hub.config), &v) != 0) {
        *ret_reason = g_strdup("the data directory cannot be read");
        return FALSE;
    }
    guint64 left = (guint64)v.f_bavail * v.f_frsize;
    if (left >= floor)
        return TRUE;
    *ret_reason =
        g_strdup_printf("%" G_GUINT64_FORMAT " bytes left, %" G_GUINT64_FORMAT " needed", left, floor);
    return FALSE;
}

/* In the thread pool: the blocking connection. */
static void
check_migrations(gpointer data)
{
    (void)data;
    g_autoptr(GError) error = NULL;
    g_autoptr(db_conn) conn = db_conn_open(migrations.conninfo, &error);
    migrations.complete = conn && db_migrations_complete(conn, &error);
    g_free(migrations.why);
    migrations.why = g_strdup(error ? error->message : "the database is older than this program");
}

static void
on_migrations_checked(gpointer data)
{
    (void)data;
    migrations.running = FALSE;
    if (migrations.complete)
        loop_timer_stop(migrations_timer);
}

static void
on_migrations_timer(gpointer data)
{
    (void)data;
    if (migrations.running)
        return;
    migrations.running = TRUE;
    loop_work(hub.loop, check_migrations, on_migrations_checked, NULL);
}

static double
database_metric(gpointer data)
{
    (void)data;
    return db_pool_is_up(hub.db) ? 1 : 0;
}

/* --- start and stop
 * ------------------------------------------------------------------------------------------------ */
static log_level
level_of(const char *text)
{
    static const char *const names[] = {"debug", "info", "warning", "error"};
    for (guint i = 0; i < G_N_ELEMENTS(names); i++)
        if (!strcmp(names[i], text))
            return (log_level)i;
    return LOG_INFO;
}

/* --data DIR (or CONSILIUM_HUB_DATA_DIR): the directory that holds consilium.conf. */
static config *
load_config(int argc, char **argv, GError **error)
{
    g_autofree char *data = NULL;
    GOptionEntry entries[] = {
        {"data", 0, 0, G_OPTION_ARG_FILENAME, &data, "data directory", "DIR"},
        {NULL, 0, 0, G_OPTION_ARG_NONE, NULL, NULL, NULL},
    };
    g_autoptr(GOptionContext) options = g_option_context_new("– the control plane of Consilium");
    g_option_context_add_main_entries(options, entries, NULL);
    if (!g_option_context_parse(options, &argc, &argv, error))
        return NULL;
    if (data) {
        g_autofree char *absolute = g_canonicalize_filename(data, NULL);
        g_setenv("CONSILIUM_HUB_DATA_DIR", absolute, TRUE);
    }
    const char *directory = g_getenv("CONSILIUM_HUB_DATA_DIR");
    g_autofree char *path = g_build_filename(directory ? directory : "var", "consilium.conf", NULL);
    return config_load(g_file_test(path, G_FILE_TEST_EXISTS) ? path : NULL, error);
}

static gboolean
start(GError **error)
{
    g_autofree char *blobs = g_build_filename(config_data_dir(hub.config), "blobs", NULL);
    migrations.conninfo = g_strdup(config_text(hub.config, "store", "conninfo"));
    hub.db = db_pool_new(hub.loop, migrations.conninfo, (guint)config_int(hub.config, "store", "pool"));
    hub.blobs = blob_store_open(blobs, error);
    if (!hub.blobs)
        return FALSE;
    hub.metrics = metrics_new();
    hub.health = health_new();
    hub.auth = auth_new(hub.loop, hub.db, hub.config);
    health_add(hub.health, "database", database_ready, NULL);
    health_add(hub.health, "migrations", migrations_ready, NULL);
    health_add(hub.health, "disk", disk_ready, NULL);
    hub.signaling = signaling_new(hub.loop, &hub_signaling_hooks, &hub);
    http_server_options options = {.loop = hub.loop,
                                   .config = hub.config,
                                   .routes = routes,
                                   .auth = hub.auth,
                                   .db = hub.db,
                                   .tls_protocols = signaling_browser_protocols(hub.signaling),
                                   .unix_protocols = signaling_worker_protocols(hub.signaling),
                                   .hub = &hub};
    hub.http = http_server_new(&options, error);
    if (!hub.http)
        return FALSE;
    metrics_add(hub.metrics, "consilium_database_up", "gauge", "A database connection is there",
                database_metric, NULL);
    metrics_add_http(hub.metrics, hub.http);
    hooks_connect(&hub);
    audit = audit_writer_new(hub.loop, hub.db);
    migrations_timer = loop_timer_new(hub.loop, on_migrations_timer, NULL);
    loop_timer_start(migrations_timer, 0, 1000);
    return TRUE;
}

static void
on_stopped(gpointer data)
{
    (void)data;
    loop_quit(hub.loop, 0);
}

static void
on_signal(gpointer data)
{
    (void)data;
    static gboolean again;
    if (again) {
        loop_quit(hub.loop, 0);
        return;
    }
    again = TRUE;
    signaling_shutdown(hub.signaling);
    http_server_stop(hub.http, STOP_GRACE_MS, on_stopped, NULL);
}

static void
stop(void)
{
    loop_timer_free(migrations_timer);
    audit_writer_free(audit);
    http_server_close(hub.http);
    g_clear_pointer(&hub.db, db_pool_free);
    http_server_free(hub.http);
    if (hub.signaling)
        signaling_free(hub.signaling);
    auth_free(hub.auth);
    blob_store_close(hub.blobs);
    health_free(hub.health);
    metrics_free(hub.metrics);
    g_free(migrations.conninfo);
    g_free(migrations.why);
}

int
main(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    signal(SIGPIPE, SIG_IGN);
    log_init("hub", LOG_INFO);
    hub.config = load_config(argc, argv, &error);
    if (!hub.config) {
        fprintf(stderr, "consilium-hub: %s\n", error->message);
        return 2;
    }
    log_init("hub", level_of(config_text(hub.config, "hub", "log-level")));
    hub.loop = loop_new();
    int status = 1;
    if (start(&error)) {
        log_line(LOG_INFO, NULL, "listening on https port %s", config_text(hub.config, "hub", "https-port"));
        loop_on_signal(hub.loop, on_signal, NULL);
        status = loop_run(hub.loop);
    } else {
        log_line(LOG_ERROR, NULL, "%s", error->message);
    }
    stop();
    loop_free(hub.loop);
    config_free(hub.config);
    return status;
}
