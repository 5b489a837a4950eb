/* Who is online: persons with at least one greeted peer. A person who goes is told of only after a few seconds, so that a
 * reload of the page is not seen. */
#pragma once
#include "signaling/peer.h"

typedef struct presence presence;
presence *presence_new(signaling *s);
void presence_free(presence *p);

void presence_came(presence *p, peer *who);
void presence_went(presence *p, peer *who);
/** Person ids that this peer may see online: those whose organisation is among its contacts. New reference. */
json_t *presence_list(presence *p, const peer *to);
/** Asks the hub again for the organisations whose people this peer sees; done (may be NULL) then. */
void presence_refresh(presence *p, peer *to, void (*done)(const GError *error, gpointer data), gpointer data);
