/* JSON-RPC 2.0 over WebSocket, the one protocol that browsers and workers speak with the hub (README.md here).
 * This header: messages (no sockets). Requests, notifications and responses; no batches. */
#pragma once
#include "hub/base/err.h"
#include "hub/base/json.h"

#define RPC_MESSAGE_LIMIT (1024 * 1024) /* bytes of one message; a longer one closes the connection */

typedef enum { RPC_REQUEST, RPC_NOTIFICATION, RPC_RESULT, RPC_ERROR } rpc_kind;

typedef struct {
    rpc_kind kind;
    gint64 id;          /* requests, results, errors */
    const char *method; /* requests, notifications; borrowed from root */
    json_t *params;     /* object, never NULL for requests and notifications; borrowed from root */
    json_t *result;     /* results; borrowed from root */
    GError *error;      /* errors: the peer's error in our domain */
    json_t *root;
} rpc_message;

/** Parses one message from a peer. FALSE: not JSON-RPC 2.0 as we speak it. */
gboolean rpc_message_parse(rpc_message *ret_message, const char *text, gsize length, GError **error);
void rpc_message_clear(rpc_message *m);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(rpc_message, rpc_message_clear)

/* Texts to send; params, result: borrowed, may be NULL (then {}). Caller frees. */
char *rpc_text_request(gint64 id, const char *method, json_t *params);
char *rpc_text_notification(const char *method, json_t *params);
char *rpc_text_result(gint64 id, json_t *result);
char *rpc_text_error(gint64 id, const GError *error);
