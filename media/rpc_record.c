/* record.start, record.stop, record.repair. A recording's directory is one name below the configured record-dir. */
#include "media/rpc_record.h"
#include "hub/base/id.h"
#include "media/record/record.h"
#include <string.h>

#define RECORDING_LIMIT 64 /* at once */

/* What runs, by recording id; libuv thread only. */
static GHashTable *running;

struct running {
    media_app *app;
    char *recording;
    recorder *recorder;
};

static void
running_free(gpointer data)
{
    struct running *r = data;
    g_free(r->recording);
    g_free(r);
}

static GHashTable *
running_table(void)
{
    if (!running)
        running = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, running_free);
    return running;
}

/* A recording's directory lies right below the record-dir and has an id for a name: the hub cannot be made to send us
 * anywhere else. */
static char *
directory_of(const media_app *app, json_t *params, GError **error)
{
    const char *wanted = json_get_text(params, "directory");
    g_autofree char *base = config_path(app->config, "media", "record-dir");
    g_autofree char *name = g_path_get_basename(wanted ? wanted : "");
    g_autofree char *directory = g_build_filename(base, name, NULL);
    if (wanted && id_is_valid(name) && !strcmp(directory, wanted))
        return g_steal_pointer(&directory);
    err_set(error, ERR_INVALID, "a recording's directory must be %s/ID", base);
    return NULL;
}

static void
on_progress(recorder *from, gint64 seconds, guint64 bytes, gpointer user_data)
{
    (void)from;
    struct running *r = user_data;
    rpc_client_notify(r->app->client, "record.progress",
                      json_pack("{s:s, s:I, s:I}", "recording", r->recording, "seconds", (json_int_t)seconds, "bytes",
                                (json_int_t)bytes));
}

static void
on_broken(recorder *from, const GError *error, gpointer user_data)
{
    (void)from;
    struct running *r = user_data;
    rpc_client_notify(r->app->client, "record.broken",
                      json_pack("{s:s, s:s, s:s}", "recording", r->recording, "error", err_name(err_code_of(error)),
                                "reason", error->message));
}

static const recorder_events events = {.progress = on_progress, .broken = on_broken};

static GHashTable *
participants_of(json_t *params)
{
    json_t *list = json_object_get(params, "participants");
    if (!json_is_array(list))
        return NULL;
    GHashTable *set = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    size_t i;
    json_t *id;
    json_array_foreach(list, i, id) if (json_is_string(id)) g_hash_table_add(set, g_strdup(json_string_value(id)));
    return set;
}

static recorder *
start(media_app *app, json_t *params, struct running *r, GError **error)
{
    const char *room = json_get_text(params, "room");
    g_autofree char *directory = directory_of(app, params, error);
    if (!directory)
        return NULL;
    if (!id_is_valid(room) || !id_is_valid(r->recording)) {
        err_set(error, ERR_INVALID, "room and recording must be ids");
        return NULL;
    }
    if (g_hash_table_contains(running_table(), r->recording)) {
        err_set(error, ERR_CONFLICT, "this recording is running");
        return NULL;
    }
    if (g_hash_table_size(running_table()) >= RECORDING_LIMIT) {
        err_set(error, ERR_LIMIT, "%d recordings are running", RECORDING_LIMIT);
        return NULL;
    }
    g_autoptr(GHashTable) participants = participants_of(params);
    return recorder_new(app->loop, app->relay, room, directory, participants, &events, r, error);
}

static void
handle_start(rpc_call *call, json_t *params, gpointer user_data)
{
    struct running *r = g_new0(struct running, 1);
    r->app = user_data;
    r->recording = g_strdup(json_get_text(params, "recording"));
    g_autoptr(GError) error = NULL;
    r->recorder = start(r->app, params, r, &error);
    if (!r->recorder) {
        running_free(r);
        rpc_call_error(call, error);
        return;
    }
    g_hash_table_insert(running_table(), r->recording, r);
    rpc_call_result(call, NULL);
}

static void
on_files(json_t *files, const GError *error, gpointer user_data)
{
    rpc_call *call = user_data;
    if (error)
        rpc_call_error(call, error);
    else
        rpc_call_result(call, json_pack("{s:O}", "files", files));
}

static void
handle_stop(rpc_call *call, json_t *params, gpointer user_data)
{
    (void)user_data;
    const char *recording = json_get_text(params, "recording");
    struct running *r = recording ? g_hash_table_lookup(running_table(), recording) : NULL;
    if (!r) {
        g_autoptr(GError) error = err_new(ERR_NOT_FOUND, "this recording is not running");
        rpc_call_error(call, error);
        return;
    }
    recorder *ending = r->recorder;
    g_hash_table_remove(running_table(), recording);
    recorder_stop(ending, on_files, call);
}

static void
handle_repair(rpc_call *call, json_t *params, gpointer user_data)
{
    media_app *app = user_data;
    g_autoptr(GError) error = NULL;
    g_autofree char *directory = directory_of(app, params, &error);
    const char *recording = json_get_text(params, "recording");
    if (directory && recording && g_hash_table_contains(running_table(), recording))
        err_set(&error, ERR_CONFLICT, "this recording is running");
    if (error)
        rpc_call_error(call, error);
    else
        recorder_repair(app->loop, directory, on_files, call);
}

void
rpc_record_end(void)
{
    if (!running)
        return;
    GHashTableIter iter;
    gpointer value;
    g_hash_table_iter_init(&iter, running);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        recorder_free(((struct running *)value)->recorder);
    g_clear_pointer(&running, g_hash_table_unref);
}

const rpc_method rpc_record_methods[] = {
    {"record.start", handle_start},
    {"record.stop", handle_stop},
    {"record.repair", handle_repair},
    {NULL, NULL},
};
