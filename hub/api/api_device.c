#include "hub/api/api_device.h"
#include "hub/api/api_common.h"
#include "hub/base/id.h"
#include "hub/hub.h"
#include "signaling/stream.h"

static void
on_devices(http_request *r, db_batch *batch)
{
    api_reply_rows(r, batch, 0, db_rows(batch, 0), FALSE);
}

void
api_device_list(http_request *r)
{
    db_batch *batch = db_batch_new(http_actor(r));
    db_batch_add(batch, "device_list", 0);
    http_db(r, batch, on_devices);
}

/* --- into a room: the device from the database, its participant from signaling ---------------------------------- */

struct bringing {
    http_request *r; /* reference */
    char *device, *name;
};

static void
on_brought(const char *id, const char *sdp, const char *etag, const GError *error, gpointer data)
{
    (void)sdp;
    (void)etag;
    g_autofree struct bringing *b = data;
    g_autoptr(http_request) r = b->r;
    g_autofree char *device = b->device, *name = b->name;
    if (error && err_is(error, ERR_NOT_FOUND)) {
        api_refuse(r, "room.join", http_param(r, "id"), ERR_NOT_FOUND, "no such room");
        return;
    }
    if (error) {
        http_reply_error(r, error);
        return;
    }
    g_autofree char *location = g_strdup_printf("/api/v1/rooms/%s/devices/%s", http_param(r, "id"), id);
    http_reply_header(r, "Location", location);
    http_reply_json(r, 201, json_pack("{s:s, s:s, s:s}", "id", id, "device", device, "name", name));
}

static void
on_device(http_request *r, db_batch *batch)
{
    if (db_rows(batch, 0) == 0) {
        http_reply_problem(r, ERR_NOT_FOUND, "no such device");
        return;
    }
    g_autoptr(json_t) body = http_body_json(r);
    struct bringing *b = g_new0(struct bringing, 1);
    *b = (struct bringing){http_ref(r), g_strdup(json_get_text(body, "device")), g_strdup(db_text(batch, 0, 0, 0))};
    stream_bring(http_hub(r)->signaling, http_param(r, "id"), http_header(r, "cookie"), http_header(r, "authorization"),
                 db_text(batch, 0, 0, 1), b->name, on_brought, b);
}

void
api_device_bring(http_request *r)
{
    const char *id = api_id(r, "id", "room.join");
    if (!id)
        return;
    g_autoptr(json_t) body = http_body_json(r);
    if (!body)
        return;
    const char *device = json_get_text(body, "device");
    if (!id_is_valid(device)) {
        http_reply_problem(r, ERR_INVALID, "device is the id of a device");
        return;
    }
    /* It may show a patient. The row is there before the first picture, and also when the device is not theirs. */
    g_autofree char *detail = g_strdup_printf("{\"room\": \"%s\"}", id);
    db_batch *batch = db_batch_new(http_actor(r));
    db_batch_add(batch, "device_get", 1, device);
    db_batch_add(batch, "audit_append", 4, "", "device.bring", device, detail);
    http_db(r, batch, on_device);
}

void
api_device_remove(http_request *r)
{
    g_autoptr(GError) error = NULL;
    const db_actor *actor = http_actor(r);
    if (stream_close(http_hub(r)->signaling, STREAM_DEVICE, http_param(r, "id"), http_param(r, "participant"),
                     actor->person, actor->organisation, &error))
        http_reply_empty(r, 204);
    else
        http_reply_error(r, error);
}
