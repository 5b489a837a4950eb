/* What the hub asks of the media worker beside the rooms' own sessions (signaling/room_media.c): recording,
 * figures. Every done is called exactly once, never inside the call: ERR_UNAVAILABLE at once
 * when the worker is away. */
#pragma once
#include "signaling/signaling.h"

/** result as in signaling/README.md; borrowed; NULL with error. done may be NULL. */
typedef void (*rpc_media_done)(json_t *result, const GError *error, gpointer data);

/** directory exists and the worker may write there. participants: ids, or NULL for all; takes the reference.
 */
void rpc_media_record_start(signaling *s, const char *room, const char *recording, const char *directory,
                            json_t *participants, rpc_media_done done, gpointer data);
/** Result {files:[…]}, after finalisation. */
void rpc_media_record_stop(signaling *s, const char *recording, rpc_media_done done, gpointer data);
/** Finalises what a crash left in directory. Result {files:[…]}. */
void rpc_media_record_repair(signaling *s, const char *recording, const char *directory, rpc_media_done done,
                             gpointer data);
void rpc_media_stats(signaling *s, rpc_media_done done, gpointer data);
