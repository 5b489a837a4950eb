/* ingest.start and ingest.stop. */
#include "media/rpc_ingest.h"
#include "hub/base/id.h"
#include "media/ingest/ingest.h"

#define DEVICE_LIMIT 32 /* at once */
#define URL_LIMIT 1024

/* Devices by the hub's ingest id; libuv thread only. */
static GHashTable *devices;

struct device {
    char *id;
    ingest *ingest;
    rpc_call *opening; /* the start that waits for its answer; NULL afterwards */
};

static void
device_free(gpointer data)
{
    struct device *d = data;
    ingest_free(d->ingest);
    if (d->opening) {
        g_autoptr(GError) error = err_new(ERR_UNAVAILABLE, "the device was stopped before it was there");
        rpc_call_error(d->opening, error);
    }
    g_free(d->id);
    g_free(d);
}

static GHashTable *
device_table(void)
{
    if (!devices)
        devices = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, device_free);
    return devices;
}

static json_t *
tracks_json(GPtrArray *tracks)
{
    json_t *list = json_array();
    for (guint i = 0; i < tracks->len; i++) {
        const relay_track_info *info = tracks->pdata[i];
        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s}", "track", info->track, "participant",
                                              info->participant, "kind", relay_kind_name(info->kind), "source",
                                              relay_source_name(info->source)));
    }
    return list;
}

static void
on_started(GPtrArray *tracks, const GError *error, gpointer user_data)
{
    struct device *d = user_data;
    rpc_call *call = g_steal_pointer(&d->opening);
    if (!error) {
        rpc_call_result(call, json_pack("{s:o}", "tracks", tracks_json(tracks)));
        return;
    }
    rpc_call_error(call, error);
    d->ingest = NULL; /* it goes by itself */
    g_hash_table_remove(device_table(), d->id);
}

static gboolean
check_start(json_t *params, GError **error)
{
    const char *id = json_get_text(params, "ingest");
    const char *url = json_get_text(params, "url");
    if (!id_is_valid(id) || !id_is_valid(json_get_text(params, "room")) ||
        !id_is_valid(json_get_text(params, "participant")))
        return err_set(error, ERR_INVALID, "ingest, room and participant must be ids");
    if (!url || strlen(url) > URL_LIMIT)
        return err_set(error, ERR_INVALID, "url is missing or too long");
    if (g_hash_table_contains(device_table(), id))
        return err_set(error, ERR_CONFLICT, "this device is there already");
    if (g_hash_table_size(device_table()) >= DEVICE_LIMIT)
        return err_set(error, ERR_LIMIT, "%d devices are there", DEVICE_LIMIT);
    return TRUE;
}

static void
handle_start(rpc_call *call, json_t *params, gpointer user_data)
{
    media_app *app = user_data;
    g_autoptr(GError) error = NULL;
    if (!check_start(params, &error)) {
        rpc_call_error(call, error);
        return;
    }
    struct device *d = g_new0(struct device, 1);
    d->id = g_strdup(json_get_text(params, "ingest"));
    d->opening = call;
    d->ingest = ingest_start(app->loop, app->relay, json_get_text(params, "room"), json_get_text(params, "participant"),
                             json_get_text(params, "url"), on_started, d);
    g_hash_table_insert(device_table(), d->id, d);
}

static void
handle_stop(rpc_call *call, json_t *params, gpointer user_data)
{
    (void)user_data;
    const char *id = json_get_text(params, "ingest");
    if (id && g_hash_table_remove(device_table(), id)) {
        rpc_call_result(call, NULL);
        return;
    }
    g_autoptr(GError) error = err_new(ERR_NOT_FOUND, "there is no such device");
    rpc_call_error(call, error);
}

void
rpc_ingest_end(void)
{
    g_clear_pointer(&devices, g_hash_table_unref);
}

const rpc_method rpc_ingest_methods[] = {
    {"ingest.start", handle_start},
    {"ingest.stop", handle_stop},
    {NULL, NULL},
};
