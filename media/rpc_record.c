/* record.start, record.stop, record.repair. A recording's directory is one name below the configured
 * record-dir.
 *
 * The hub may die and come back while we go on, and then asks for what it finds in its database. So each call
 * leads to what it names from wherever the recording stands: a running one is not started twice, never
 * repaired under its recorder, finished by one thread only (whoever asks meanwhile gets the same files), and
 * never started again once it was ended. */
#include "media/rpc_record.h"
#include "hub/base/id.h"
#include "media/record/record.h"
#include <string.h>

#define RECORDING_LIMIT 64 /* at once */

/* Every recording that this process has had to do with, by id; libuv thread only. */
static GHashTable *recordings;

struct recording {
    media_app *app;
    char *id;
    char *directory;
    recorder *recorder; /* while it runs */
    GPtrArray *waiting; /* rpc_call: who gets the files; NULL: nothing is being finalised */
};

static void
recording_free(gpointer data)
{
    struct recording *r = data;
    g_free(r->id);
    g_free(r->directory);
    g_free(r);
}

static struct recording *
find(const char *id)
{
    return recordings && id ? g_hash_table_lookup(recordings, id) : NULL;
}

/* Takes directory. */
static struct recording *
add(media_app *app, const char *id, char *directory)
{
    struct recording *r = g_new0(struct recording, 1);
    *r = (struct recording){.app = app, .id = g_strdup(id), .directory = directory};
    if (!recordings)
        recordings = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, recording_free);
    g_hash_table_insert(recordings, r->id, r);
    return r;
}

static guint
count_running(void)
{
    guint count = 0;
    GHashTableIter iter;
    gpointer value;
    if (!recordings)
        return 0;
    g_hash_table_iter_init(&iter, recordings);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        count += ((struct recording *)value)->recorder != NULL;
    return count;
}

/* A recording's directory lies right below the record-dir and has an id for a name: the hub cannot be made to
 * send us anywhere else. */
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
    struct recording *r = user_data;
    rpc_client_notify(r->app->client, "record.progress",
                      json_pack("{s:s, s:I, s:I}", "recording", r->id, "seconds", (json_int_t)seconds,
                                "bytes", (json_int_t)bytes));
}

static void
on_broken(recorder *from, const GError *error, gpointer user_data)
{
    (void)from;
    struct recording *r = user_data;
    rpc_client_notify(r->app->client, "record.broken",
                      json_pack("{s:s, s:s, s:s}", "recording", r->id, "error", err_name(err_code_of(error)),
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
    json_array_foreach(list, i, id) if (json_is_string(id))
        g_hash_table_add(set, g_strdup(json_string_value(id)));
    return set;
}

static gboolean
check_start(media_app *app, json_t *params, GError **error)
{
    g_autofree char *directory = directory_of(app, params, error);
    if (!directory)
        return FALSE;
    if (!id_is_valid(json_get_text(params, "room")) || !id_is_valid(json_get_text(params, "recording")))
        return err_set(error, ERR_INVALID, "room and recording must be ids");
    if (find(json_get_text(params, "recording")))
        return err_set(error, ERR_CONFLICT, "this recording has ended");
    if (count_running() >= RECORDING_LIMIT)
        return err_set(error, ERR_LIMIT, "%d recordings are running", RECORDING_LIMIT);
    return TRUE;
}

static void
handle_start(rpc_call *call, json_t *params, gpointer user_data)
{
    media_app *app = user_data;
    g_autoptr(GError) error = NULL;
    struct recording *r = find(json_get_text(params, "recording"));
    if ((r && r->recorder) || !check_start(app, params, &error)) {
        if (error)
            rpc_call_error(call, error);
        else
            rpc_call_result(call, NULL);
        return;
    }
    g_autoptr(GHashTable) participants = participants_of(params);
    r = add(app, json_get_text(params, "recording"), directory_of(app, params, NULL));
    r->recorder = recorder_new(app->loop, app->relay, json_get_text(params, "room"), r->directory,
                               participants, &events, r, &error);
    if (r->recorder) {
        rpc_call_result(call, NULL);
        return;
    }
    g_hash_table_remove(recordings, r->id);
    rpc_call_error(call, error);
}

static void
on_files(json_t *files, const GError *error, gpointer user_data)
{
    struct recording *r = user_data;
    g_autoptr(GPtrArray) waiting = g_steal_pointer(&r->waiting);
    for (guint i = 0; i < waiting->len; i++) {
        if (error)
            rpc_call_error(waiting->pdata[i], error);
        else
            rpc_call_result(waiting->pdata[i], json_pack("{s:O}", "files", files));
    }
}

/* Ends it if it runs, finalises it, and answers the call with its files. */
static void
finish(struct recording *r, rpc_call *call)
{
    gboolean under_way = r->waiting != NULL;
    if (!under_way)
        r->waiting = g_ptr_array_new();
    g_ptr_array_add(r->waiting, call);
    if (under_way)
        return;
    if (r->recorder)
        recorder_stop(g_steal_pointer(&r->recorder), on_files, r);
    else
        recorder_repair(r->app->loop, r->directory, on_files, r);
}

static void
handle_stop(rpc_call *call, json_t *params, gpointer user_data)
{
    (void)user_data;
    struct recording *r = find(json_get_text(params, "recording"));
    if (r) {
        finish(r, call);
        return;
    }
    g_autoptr(GError) error = err_new(ERR_NOT_FOUND, "this recording is not known here");
    rpc_call_error(call, error);
}

static void
handle_repair(rpc_call *call, json_t *params, gpointer user_data)
{
    media_app *app = user_data;
    g_autoptr(GError) error = NULL;
    const char *id = json_get_text(params, "recording");
    g_autofree char *directory = directory_of(app, params, &error);
    struct recording *r = find(id);
    if (!error && !id_is_valid(id))
        err_set(&error, ERR_INVALID, "recording must be an id");
    if (!error && !r)
        r = add(app, id, g_steal_pointer(&directory));
    if (error)
        rpc_call_error(call, error);
    else
        finish(r, call);
}

/* The table stays: what is being finalised still answers into it. */
void
rpc_record_end(void)
{
    if (!recordings)
        return;
    GHashTableIter iter;
    gpointer value;
    g_hash_table_iter_init(&iter, recordings);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        recorder_free(g_steal_pointer(&((struct recording *)value)->recorder));
}

const rpc_method rpc_record_methods[] = {
    {"record.start", handle_start},
    {"record.stop", handle_stop},
    {"record.repair", handle_repair},
    {NULL, NULL},
};
