#include "hub/workers/rpc_media.h"

#define SHORT_MS 5000
#define FINALISE_MS (5 * 60 * 1000) /* a long recording gets its cues */

static void
call(signaling *s, const char *method, json_t *params, guint timeout_ms, rpc_media_done done, gpointer data)
{
    signaling_worker_call(s, "media", method, params, timeout_ms, done, data);
}

void
rpc_media_record_start(signaling *s, const char *room, const char *recording, const char *directory,
                       json_t *participants, rpc_media_done done, gpointer data)
{
    json_t *params = json_pack("{s:s,s:s,s:s,s:o*}", "room", room, "recording", recording, "directory",
                               directory, "participants", participants);
    call(s, "record.start", params, SHORT_MS, done, data);
}

void
rpc_media_record_stop(signaling *s, const char *recording, rpc_media_done done, gpointer data)
{
    call(s, "record.stop", json_pack("{s:s}", "recording", recording), FINALISE_MS, done, data);
}

void
rpc_media_record_repair(signaling *s, const char *recording, const char *directory, rpc_media_done done,
                        gpointer data)
{
    call(s, "record.repair", json_pack("{s:s,s:s}", "recording", recording, "directory", directory),
         FINALISE_MS, done, data);
}

void
rpc_media_stats(signaling *s, rpc_media_done done, gpointer data)
{
    call(s, "media.stats", json_object(), SHORT_MS, done, data);
}
