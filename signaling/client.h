/* A worker's connection to the hub: WebSocket over the hub's Unix socket, reconnected for ever with back-off
 * (100, 200, 400 … 3200 ms). Calls in flight when it breaks fail with ERR_UNAVAILABLE. */
#pragma once
#include "signaling/rpc.h"
#include "hub/base/loop.h"

typedef struct rpc_client rpc_client;
typedef struct rpc_call rpc_call; /* one request from the hub, answered exactly once */

typedef struct {
    const char *method;
    /** params is borrowed. Answer now or later by rpc_call_result or rpc_call_error. */
    void (*handle)(rpc_call *call, json_t *params, gpointer user_data);
} rpc_method;

/** worker: "dicom" or "media", said in `worker.hello` together with hello_params (borrowed, may be NULL).
 * methods ends with {NULL}. on_state(TRUE) after each accepted hello, on_state(FALSE) when the connection is lost. */
rpc_client *rpc_client_new(loop *l, const char *socket_path, const char *worker, json_t *hello_params,
                           const rpc_method *methods, void (*on_state)(gboolean connected, gpointer user_data),
                           gpointer user_data);
void rpc_client_free(rpc_client *c);

/** Takes params. done is called exactly once, never inside this call; result is borrowed, error NULL on success. */
void rpc_client_call(rpc_client *c, const char *method, json_t *params,
                     void (*done)(json_t *result, const GError *error, gpointer user_data), gpointer user_data);
/** Takes params. Dropped while not connected. */
void rpc_client_notify(rpc_client *c, const char *method, json_t *params);

/** Takes result; NULL: {}. The call is freed. */
void rpc_call_result(rpc_call *call, json_t *result);
/** error is borrowed. The call is freed. */
void rpc_call_error(rpc_call *call, const GError *error);
