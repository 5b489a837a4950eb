/* consilium-media: the relay, a worker of the hub. Wiring only.
 *
 *   consilium-media --data DIR */
#include "hub/base/log.h"
#include "media/rpc.h"
#include "media/rpc_ingest.h"
#include "media/rpc_record.h"
#include <signal.h>
#include <string.h>
#include <unistd.h>

/* Every noun's methods; the hub's calls reach them all with the media_app. */
static const rpc_method *const method_tables[] = {
    rpc_session_methods,
    rpc_room_methods,
    rpc_record_methods,
    rpc_ingest_methods,
};

static media_app app;

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
    g_autoptr(GOptionContext) options = g_option_context_new("– the media worker of Consilium");
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

/* One table of all methods, ended by {NULL}; lives as long as the program. */
static rpc_method *
join_methods(void)
{
    GArray *all = g_array_new(TRUE, TRUE, sizeof(rpc_method));
    for (guint i = 0; i < G_N_ELEMENTS(method_tables); i++)
        for (const rpc_method *m = method_tables[i]; m->method; m++)
            g_array_append_val(all, *m);
    return (rpc_method *)g_array_free(all, FALSE);
}

/* While the hub is away its sessions and devices go on. Back again (or another one), it knows none of them:
 * nobody could end them, and they would be strangers in the rooms to which their people come back. Recordings
 * go on: the hub asks for those. */
static void
on_hub_state(gboolean connected, gpointer user_data)
{
    (void)user_data;
    log_line(LOG_INFO, NULL, connected ? "registered with the hub" : "the hub is away");
    if (!connected)
        return;
    rpc_ingest_end();
    relay_end_sessions(app.relay);
    rpc_client_notify(app.client, "worker.ready", json_pack("{s:b}", "ready", 1));
}

static gboolean
start(rpc_method *methods, GError **error)
{
    const char *host = config_text(app.config, "hub", "host");
    const char *announce = config_text(app.config, "hub", "announce");
    g_autofree char *socket = config_path(app.config, "hub", "socket");
    relay_config wanted = {.bind_address = host,
                           .announce = *announce ? announce : NULL,
                           .port = (guint16)config_int(app.config, "media", "port")};
    if (!wanted.announce && (!strcmp(host, "0.0.0.0") || !strcmp(host, "::")))
        return err_set(error, ERR_INVALID,
                       "hub.announce is needed when hub.host is %s: media peers cannot send there", host);
    app.relay = relay_new(app.loop, &wanted, &rpc_events, &app, error);
    if (!app.relay)
        return FALSE;
    guint buffer = relay_receive_buffer(app.relay);
    log_line(LOG_INFO, NULL, "relay on UDP port %u of %s, receive buffer %u KiB%s", relay_port(app.relay),
             host, buffer / 1024,
             buffer < RELAY_BUFFER_WISH
                 ? " (for many publishers raise net.core.rmem_max and wmem_max to 4 MiB)"
                 : "");
    g_autoptr(json_t) facts = json_pack("{s:i}", "port", relay_port(app.relay));
    app.client = rpc_client_new(app.loop, socket, "media", facts, methods, on_hub_state, &app);
    return TRUE;
}

int
main(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    g_autofree rpc_method *methods = join_methods();
    int status = 1;
    signal(SIGPIPE, SIG_IGN);
    log_init("media", LOG_INFO);
    app.config = load_config(argc, argv, &error);
    if (app.config) {
        log_init("media", level_of(config_text(app.config, "hub", "log-level")));
        app.loop = loop_new();
        if (start(methods, &error))
            status = loop_run(app.loop);
        rpc_ingest_end();
        rpc_record_end();
        relay_free(app.relay); /* before the client: it completes the calls under way */
        rpc_client_free(app.client);
        loop_free(app.loop);
    }
    if (error)
        log_line(LOG_ERROR, NULL, "%s", error->message);
    config_free(app.config);
    return status;
}
