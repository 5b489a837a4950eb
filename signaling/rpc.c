/* The JSON-RPC 2.0 codec. Strict in what is accepted: one object, the version, integer ids, object params. */
#include "signaling/rpc.h"
#include <string.h>

#define METHOD_LIMIT 64 /* bytes of a method's name */

static gboolean
parse_error_member(rpc_message *m, GError **error)
{
    const json_t *member = json_object_get(m->root, "error");
    if (!json_is_object(member) || !json_is_integer(json_object_get(member, "code")))
        return err_set(error, ERR_INVALID, "error is not an object with a code");
    const char *text = json_get_text(member, "message");
    m->kind = RPC_ERROR;
    m->error = err_new(err_from_rpc((int)json_get_int(member, "code", 0)), "%s", text ? text : "the peer gave no reason");
    return TRUE;
}

static gboolean
parse_answer(rpc_message *m, GError **error)
{
    gboolean has_result = json_object_get(m->root, "result") != NULL;
    if (has_result == (json_object_get(m->root, "error") != NULL))
        return err_set(error, ERR_INVALID, "an answer has either result or error");
    if (!has_result)
        return parse_error_member(m, error);
    m->kind = RPC_RESULT;
    m->result = json_object_get(m->root, "result");
    return json_is_object(m->result) || err_set(error, ERR_INVALID, "result is not an object");
}

static gboolean
parse_call(rpc_message *m, gboolean has_id, GError **error)
{
    m->method = json_get_text(m->root, "method");
    if (!m->method || !*m->method || strlen(m->method) > METHOD_LIMIT)
        return err_set(error, ERR_INVALID, "method is not a short text");
    if (json_object_get(m->root, "result") || json_object_get(m->root, "error"))
        return err_set(error, ERR_INVALID, "a call has neither result nor error");
    m->kind = has_id ? RPC_REQUEST : RPC_NOTIFICATION;
    m->params = json_object_get(m->root, "params");
    if (!m->params) {
        m->params = json_object();
        json_object_set_new(m->root, "params", m->params);
    }
    return json_is_object(m->params) || err_set(error, ERR_INVALID, "params is not an object");
}

static gboolean
parse_root(rpc_message *m, GError **error)
{
    if (!json_is_object(m->root))
        return err_set(error, ERR_INVALID, "a message is one JSON object");
    const char *version = json_get_text(m->root, "jsonrpc");
    if (!version || strcmp(version, "2.0") != 0)
        return err_set(error, ERR_INVALID, "jsonrpc is not \"2.0\"");
    const json_t *id = json_object_get(m->root, "id");
    if (id && !json_is_integer(id))
        return err_set(error, ERR_INVALID, "id is not an integer");
    m->id = id ? json_integer_value(id) : 0;
    if (json_object_get(m->root, "method"))
        return parse_call(m, id != NULL, error);
    if (!id)
        return err_set(error, ERR_INVALID, "neither a call nor an answer");
    return parse_answer(m, error);
}

gboolean
rpc_message_parse(rpc_message *ret_message, const char *text, gsize length, GError **error)
{
    if (length > RPC_MESSAGE_LIMIT)
        return err_set(error, ERR_TOO_LARGE, "a message is at most %d bytes", RPC_MESSAGE_LIMIT);
    g_auto(rpc_message) m = {.root = json_parse(text, length, error)};
    if (!m.root || !parse_root(&m, error))
        return FALSE;
    *ret_message = m;
    memset(&m, 0, sizeof m);
    return TRUE;
}

void
rpc_message_clear(rpc_message *m)
{
    json_decref(m->root);
    g_clear_error(&m->error);
    memset(m, 0, sizeof *m);
}

/** The text of an envelope with one more member; body is borrowed, NULL: {}. */
static char *
envelope_text(json_t *envelope, const char *member, json_t *body)
{
    json_object_set_new(envelope, "jsonrpc", json_string("2.0"));
    if (body)
        json_object_set(envelope, member, body);
    else
        json_object_set_new(envelope, member, json_object());
    char *text = json_text(envelope);
    json_decref(envelope);
    return text;
}

char *
rpc_text_request(gint64 id, const char *method, json_t *params)
{
    return envelope_text(json_pack("{s:I,s:s}", "id", (json_int_t)id, "method", method), "params", params);
}

char *
rpc_text_notification(const char *method, json_t *params)
{
    return envelope_text(json_pack("{s:s}", "method", method), "params", params);
}

char *
rpc_text_result(gint64 id, json_t *result)
{
    return envelope_text(json_pack("{s:I}", "id", (json_int_t)id), "result", result);
}

char *
rpc_text_error(gint64 id, const GError *error)
{
    err_code code = err_code_of(error);
    /* the inside of a failure of ours is for the log */
    const char *message = code == ERR_INTERNAL ? err_title(code) : error->message;
    g_autofree char *valid = g_utf8_make_valid(message, -1);
    g_autoptr(json_t) body = json_pack("{s:i,s:s,s:{s:s}}", "code", err_rpc_code(code), "message", valid, "data", "name",
                                       err_name(code));
    return envelope_text(json_pack("{s:I}", "id", (json_int_t)id), "error", body);
}
