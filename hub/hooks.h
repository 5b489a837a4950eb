/* Where signaling meets identities, rooms, messages and readiness: the struct of hooks that main.c gives to signaling, and
 * what wakes signaling when the database says that something changed. */
#pragma once
#include "hub/hub.h"
#include "signaling/signaling.h"

struct identity;

extern const signaling_hooks hub_signaling_hooks; /* their `hub` is struct hub * */

/** Joins signaling to the database's channels, to ending sessions, and to /readyz and /metrics. Once, after all were made. */
void hooks_connect(struct hub *hub);

/** The caller behind an identity, for WHIP and WHEP. done exactly once, never inside this call. */
void hooks_caller(struct hub *hub, const struct identity *who, signaling_caller_done done, gpointer data);
