/* ICE-lite (RFC 8445 2.5): we never send checks, we answer those of the peer and learn from them where it is.
 * One agent per peer connection. Only an authenticated check makes an address valid; only a nominated one
 * moves the media. */
#pragma once
#include <glib.h>
#include "media/rtc/address.h"

#define ICE_UFRAG 16                        /* characters, 96 bits */
#define ICE_PASSWORD 32                     /* characters, 192 bits */
#define ICE_CREDENTIAL_LIMIT 256            /* RFC 8839 5.4 */
#define ICE_TUPLES 8                        /* addresses of one peer that are valid at the same time */
#define ICE_CHECKS_PER_SECOND 50            /* answered per agent */
#define ICE_MOVE_INTERVAL_US G_USEC_PER_SEC /* the media's address changes at most this often */

typedef struct {
    char ufrag[ICE_UFRAG + 1];
    char password[ICE_PASSWORD + 1];
} ice_credentials;

typedef struct {
    net_address address;
    gint64 checked_us; /* last valid check */
} ice_tuple;

typedef struct {
    ice_credentials local;
    ice_credentials
        previous; /* after a restart: honoured until the first check with the new ones; "" : none */
    char remote_ufrag[ICE_CREDENTIAL_LIMIT + 1]; /* "" until the peer's description is known */
    ice_tuple tuples[ICE_TUPLES];
    guint tuple_count;
    int selected;       /* index into tuples; -1: none */
    gboolean nominated; /* selected was nominated, not just the first */
    gint64 moved_us;
    gint64 consent_us; /* last valid check, or what the owner takes for one; 0: never */
    gint64 second_us;  /* start of the second that checks counts */
    guint checks;
} ice_agent;

typedef enum {
    ICE_IGNORED,  /* nothing to do: not ours, not authentic, or too many */
    ICE_ANSWERED, /* send the reply, nothing else changed */
    ICE_REFUSED,  /* send the reply, an error */
} ice_outcome;

typedef struct {
    ice_outcome outcome;
    gsize reply_length;
    gboolean added;       /* from has become valid */
    gboolean has_evicted; /* evicted is valid no more: its place was needed */
    net_address evicted;
    gboolean moved;     /* selected has changed */
    gboolean restarted; /* the first check with the new credentials: previous has ended */
} ice_result;

/** With fresh local credentials. */
void ice_init(ice_agent *a);
/** FALSE: not the syntax of RFC 8839 5.4, nothing changed. */
gboolean ice_set_remote(ice_agent *a, const char *ufrag, const char *password);
/** New local credentials; the valid addresses stay in use until the peer's first check with them. */
void ice_restart(ice_agent *a);
/** The local half of a check's USERNAME, which tells the agent; NULL and 0 when there is none. Does not
 * authenticate. */
const char *ice_username_of(const guint8 *bytes, gsize length, gsize *ret_length);
/** A STUN datagram for this agent. The answer, if any, is written to reply and goes back to from. */
ice_result ice_input(ice_agent *a, const guint8 *bytes, gsize length, const net_address *from, gint64 now_us,
                     guint8 *reply, gsize reply_size);
/** Is from an address that an authenticated check came from? */
gboolean ice_is_valid(const ice_agent *a, const net_address *from);
/** Where to send, or NULL. */
const net_address *ice_selected(const ice_agent *a);
