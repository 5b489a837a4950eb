/* A relay on loopback with its loop, for tests: calls wait for their answers, events are collected. */
#pragma once
#include "media/relay/relay.h"
#include "tests/unit/media/peer.h"

typedef struct {
    loop *loop;
    relay *relay;
    GPtrArray *events; /* "connected SESSION", "live TRACK", "speaker PARTICIPANT", … */
    /* the last answer */
    gboolean done;
    char *sdp;
    gint64 version;
    GPtrArray *tracks; /* track ids */
    GError *error;
} relay_rig;

void relay_rig_set_up(relay_rig *r, gconstpointer data);
void relay_rig_tear_down(relay_rig *r, gconstpointer data);
/** Turns the loop until the call under way is answered. TRUE: no error. */
gboolean relay_rig_wait(relay_rig *r);
void relay_rig_done(const relay_reply *reply, const GError *error, gpointer rig);
/** Turns the loop until this event has come; the test fails after 10 s. */
void relay_rig_expect(relay_rig *r, const char *event);
gboolean relay_rig_has(const relay_rig *r, const char *event);
relay_stats relay_rig_stats(relay_rig *r);
/** A connected publisher, player or subscriber of room "room". */
peer *relay_rig_publisher(relay_rig *r, const char *participant, const char *session, const char *profiles);
peer *relay_rig_player(relay_rig *r, const char *participant, const char *session, const char *profiles);
peer *relay_rig_subscriber(relay_rig *r, const char *participant, const char *session);
