/* The worker's side of signaling/README.md section 2: each rpc_<noun>.c answers the methods of its noun. */
#pragma once
#include "hub/base/config.h"
#include "media/relay/relay.h"
#include "signaling/client.h"

typedef struct {
    loop *loop;
    config *config;
    relay *relay;
    rpc_client *client;
} media_app;

/* Tables of methods; main.c joins them. Handlers get the media_app as user_data. To add a noun: declare its
 * table here, end it with {NULL}, and name it in method_tables of main.c. */
extern const rpc_method rpc_session_methods[];
extern const rpc_method rpc_room_methods[];

/** Turns the relay's events into notifications; user_data of relay_new is the media_app. */
extern const relay_events rpc_events;
