/* From a method's name to its handler, and the request that a handler answers exactly once. */
#pragma once
#include "signaling/peer.h"

typedef struct rpc_request {
    peer *p;
    guint64 generation; /* of the link it came on; the answer goes to no other */
    gint64 id;          /* -1: a notification, whose answer is dropped */
    json_t *params;     /* object; lives as long as the request */
} rpc_request;

/** A request or notification of a peer. */
void dispatch(peer *p, const rpc_message *m);

/** Takes result; NULL: {}. The request is freed. */
void request_result(rpc_request *r, json_t *result);
/** error is borrowed. The request is freed. */
void request_error(rpc_request *r, const GError *error);
void request_fail(rpc_request *r, err_code code, const char *format, ...) G_GNUC_PRINTF(3, 4);
/** The request goes on as one of another peer (resume). */
void request_move(rpc_request *r, peer *to);

/** The text of a required parameter; NULL after having failed the request. */
const char *request_text(rpc_request *r, const char *name, gsize limit);
/** The participant that this peer is in params.room; NULL after having failed the request. */
struct participant *request_participant(rpc_request *r);

/* handle_<method>.c */
void handle_hello(rpc_request *r);
void handle_presence_list(rpc_request *r);
void handle_room_join(rpc_request *r);
void handle_room_leave(rpc_request *r);
void handle_room_mute(rpc_request *r);
void handle_room_publish(rpc_request *r);
void handle_room_record(rpc_request *r);
void handle_room_restart(rpc_request *r);
void handle_room_say(rpc_request *r);
void handle_room_subscribe(rpc_request *r);
void handle_room_unpublish(rpc_request *r);
