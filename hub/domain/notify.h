/* What the database tells every hub on the channel consilium_changed: something that these organisations or persons may
 * see has changed. Ids only; who hears it reads it again by REST, under the own rights. */
#pragma once
#include "hub/base/json.h"

#define NOTIFY_CHANNEL "consilium_changed"

typedef struct {
    char *kind; /* consult, referral, study, message, teaching, recording, room */
    char *id;
    gint64 version;
    char **organisations; /* whose people are told, */
    char **persons;       /* or, when not empty, only these */
} notify_change;

/** Reads one payload. FALSE with ERR_INVALID when it is none of ours. */
gboolean notify_parse(notify_change *ret_change, const char *payload, GError **error);
void notify_clear(notify_change *change);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(notify_change, notify_clear)
/** Is this person, acting for this organisation, to be told? */
gboolean notify_concerns(const notify_change *change, const char *person, const char *organisation);
