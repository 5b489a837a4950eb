#include "signaling/dispatch.h"
#include "signaling/internal.h"
#include "hub/base/id.h"
#include "hub/base/log.h"
#include <string.h>

static const struct {
    const char *method;
    void (*handle)(rpc_request *r);
} methods[] = {
    {"hello", handle_hello},
    {"presence.list", handle_presence_list},
    {"room.join", handle_room_join},
    {"room.leave", handle_room_leave},
    {"room.publish", handle_room_publish},
    {"room.unpublish", handle_room_unpublish},
    {"room.subscribe", handle_room_subscribe},
    {"room.restart", handle_room_restart},
    {"room.mute", handle_room_mute},
    {"room.say", handle_room_say},
    {"room.record", handle_room_record},
};

static void
end_request(rpc_request *r, char *text)
{
    peer *p = r->p;
    p->requests--;
    if (r->id >= 0 && r->generation == p->generation)
        peer_send(p, g_steal_pointer(&text));
    g_free(text);
    json_decref(r->params);
    g_free(r);
    peer_unref(p);
}

void
request_result(rpc_request *r, json_t *result)
{
    end_request(r, rpc_text_result(r->id, result));
    json_decref(result);
}

void
request_error(rpc_request *r, const GError *error)
{
    if (err_code_of(error) == ERR_INTERNAL)
        log_line(LOG_ERROR, "signal", "person %s: %s", r->p->who->person, error->message);
    end_request(r, rpc_text_error(r->id, error));
}

void
request_fail(rpc_request *r, err_code code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    g_autoptr(GError) error = err_new(code, "%s", text);
    request_error(r, error);
}

void
request_move(rpc_request *r, peer *to)
{
    peer *from = r->p;
    from->requests--;
    to->requests++;
    r->p = peer_ref(to);
    r->generation = to->generation;
    peer_unref(from);
}

const char *
request_text(rpc_request *r, const char *name, gsize limit)
{
    const char *text = json_get_text(r->params, name);
    if (text && *text && strlen(text) <= limit)
        return text;
    request_fail(r, text && *text ? ERR_TOO_LARGE : ERR_INVALID, "%s has to be a text of 1 to %zu bytes", name, limit);
    return NULL;
}

participant *
request_participant(rpc_request *r)
{
    const char *id = json_get_text(r->params, "room");
    participant *in = id ? g_hash_table_lookup(r->p->rooms, id) : NULL;
    if (!in)
        request_fail(r, id ? ERR_NOT_FOUND : ERR_INVALID, "%s", id ? "this peer is not in that room" : "room is missing");
    return in;
}

void
dispatch(peer *p, const rpc_message *m)
{
    rpc_request *r = g_new0(rpc_request, 1);
    r->p = peer_ref(p);
    r->generation = p->generation;
    r->id = m->kind == RPC_REQUEST ? m->id : -1;
    r->params = json_incref(m->params);
    p->requests++;
    if (p->requests > PEER_REQUESTS) {
        request_fail(r, ERR_LIMIT, "at most %d requests at a time", PEER_REQUESTS);
        return;
    }
    if (p->greeted == (strcmp(m->method, "hello") == 0)) {
        request_fail(r, ERR_CONFLICT, "hello comes first, and once");
        return;
    }
    for (gsize i = 0; i < G_N_ELEMENTS(methods); i++)
        if (strcmp(methods[i].method, m->method) == 0) {
            methods[i].handle(r);
            return;
        }
    request_fail(r, ERR_METHOD, "there is no such method");
}
