/* Rooms and their messages over HTTP. */
#include "hub/api/api_room.h"
#include "hub/api/api_common.h"
#include "hub/base/id.h"
#include "hub/domain/fields.h"
#include "hub/domain/room.h"

static json_t *
with_urls(http_request *r, json_t *room)
{
    static const char *const words[] = {"whip", "whep"};
    const char *id = json_get_text(room, "id"), *base = http_base_url(r);
    for (guint i = 0; i < G_N_ELEMENTS(words); i++) {
        g_autofree char *key = g_strdup_printf("%s_url", words[i]), *url = g_strdup_printf("%s/%s/%s", base, words[i], id);
        json_object_set_new(room, key, json_string(url));
    }
    g_autofree char *join = g_strdup_printf("%s/rooms/%s", base, id);
    json_object_set_new(room, "join_url", json_string(join));
    return room;
}

static void
on_room(http_request *r, db_batch *batch)
{
    json_t *room = db_json(batch, 1, 0, 0);
    if (!room) {
        http_reply_problem(r, ERR_NOT_FOUND, "no such room");
        return;
    }
    http_reply_version(r, json_is_null(json_object_get(room, "closed_at")) ? 1 : 2);
    http_reply_json(r, 200, with_urls(r, room));
}

void
api_room_get(http_request *r)
{
    const char *id = api_id(r, "id", "room.read");
    if (!id)
        return;
    db_batch *batch = db_batch_new(http_actor(r));
    db_batch_add(batch, "audit_case_read", 2, "room", id);
    db_batch_add(batch, "room_get", 1, id);
    http_db(r, batch, on_room);
}

static void
on_room_created(http_request *r, db_batch *batch)
{
    json_t *room = db_json(batch, 2, 0, 0);
    g_autofree char *location = g_strdup_printf("/api/v1/rooms/%s", json_get_text(room, "id"));
    http_reply_header(r, "Location", location);
    http_reply_version(r, 1);
    http_reply_json(r, 201, with_urls(r, room));
}

/* The body when it has the fields; NULL after having replied. */
static json_t *
body_with(http_request *r, const field *fields)
{
    g_autoptr(json_t) body = http_body_json(r);
    if (!body)
        return NULL;
    g_autoptr(json_t) errors = json_array();
    if (fields_check(body, fields, NULL, errors))
        return g_steal_pointer(&body);
    g_autoptr(GError) error = err_new(ERR_INVALID, "some fields are not right");
    http_reply_fields(r, error, errors);
    return NULL;
}

void
api_room_create(http_request *r)
{
    static const field fields[] = {{"title", FIELD_TEXT, .required = TRUE, .min = 1, .max = 200}, {.name = NULL}};
    g_autoptr(json_t) body = body_with(r, fields);
    if (!body)
        return;
    g_autofree char *id = id_new();
    db_batch *batch = db_batch_new(http_actor(r));
    db_batch_add(batch, "room_create", 2, id, json_get_text(body, "title"));
    db_batch_add(batch, "audit_append", 4, "", "room.create", id, NULL);
    db_batch_add(batch, "room_get", 1, id);
    http_db(r, batch, on_room_created);
}

/* --- messages --------------------------------------------------------------------------------------------------- */

static void
on_messages(http_request *r, db_batch *batch)
{
    guint limit;
    if (db_rows(batch, 1) == 0)
        http_reply_problem(r, ERR_NOT_FOUND, "no such room");
    else if (api_limit(r, &limit))
        api_reply_rows(r, batch, 2, limit, TRUE);
}

void
api_message_list(http_request *r)
{
    const char *id = api_id(r, "id", "room.read");
    guint limit;
    g_autofree char *at = NULL, *message = NULL;
    if (!id || !api_limit(r, &limit) || !api_cursor(r, &at, &message))
        return;
    g_autofree char *most = g_strdup_printf("%u", limit + 1);
    db_batch *batch = db_batch_new(http_actor(r));
    db_batch_add(batch, "audit_case_read", 2, "room", id);
    db_batch_add(batch, "room_get", 1, id);
    db_batch_add(batch, "message_list", 4, id, most, at, message);
    http_db(r, batch, on_messages);
}

static void
on_said(json_t *message, const GError *error, gpointer data)
{
    g_autoptr(http_request) r = data;
    if (error && err_is(error, ERR_NOT_FOUND)) {
        api_refuse(r, "room.say", http_param(r, "id"), ERR_NOT_FOUND, "no such room");
        return;
    }
    if (error) { /* seen, but not open for writing */
        api_refuse(r, "room.say", http_param(r, "id"), err_is(error, ERR_DENIED) ? ERR_CONFLICT : err_code_of(error),
                   err_is(error, ERR_DENIED) ? "the room is closed" : error->message);
        return;
    }
    struct hub *hub = http_hub(r);
    if (hub->signaling) {
        json_t *person = json_object_get(message, "person");
        signaling_room_message(hub->signaling, http_param(r, "id"),
                               json_pack("{s:s, s:O, s:O, s:O, s:O, s:O}", "room", http_param(r, "id"), "message",
                                         json_object_get(message, "id"), "person", json_object_get(person, "id"), "name",
                                         json_object_get(person, "name"), "text", json_object_get(message, "text"), "at",
                                         json_object_get(message, "at")));
    }
    http_reply_json(r, 201, json_incref(message));
}

void
api_message_add(http_request *r)
{
    static const field fields[] = {{"text", FIELD_TEXT, .required = TRUE, .min = 1, .max = ROOM_MESSAGE_LIMIT}, {.name = NULL}};
    const char *id = api_id(r, "id", "room.say");
    if (!id)
        return;
    g_autoptr(json_t) body = body_with(r, fields);
    if (body)
        room_say(http_hub(r)->db, http_actor(r), id, json_get_text(body, "text"), on_said, http_ref(r));
}
