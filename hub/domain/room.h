/* Rooms as signaling needs them: who may come in, what is said, who attended. The rules are the row-level security of
 * consilium.room; "may not see" and "does not exist" are the same ERR_NOT_FOUND. */
#pragma once
#include "hub/base/json.h"
#include "hub/store/db.h"

typedef struct {
    const char *title;
    const char *role;         /* host, participant, viewer */
    const char *kind;         /* meeting, consult, teaching */
    const char *name;         /* of the person */
    const char *organisation; /* code of the acting one */
    const char *subject;      /* id of its consult or teaching session, or NULL */
    const char *recording;    /* id of the one that is running, or NULL */
} room_admission;

/** May the actor come in? joining: leaves an audit row room.join either way. ERR_CONFLICT: the room is closed, or the session is over.
 * admission is borrowed, NULL on error. */
void room_admit(db_pool *db, const db_actor *actor, const char *room, gboolean joining,
                void (*done)(const room_admission *admission, const GError *error, gpointer user_data), gpointer user_data);
/** Stores a message and tells the other hubs. message: {id, person, organisation, text, at}, borrowed, NULL on error. */
void room_say(db_pool *db, const db_actor *actor, const char *room, const char *text,
              void (*done)(json_t *message, const GError *error, gpointer user_data), gpointer user_data);
/** Writes down that the actor came or left, when the room is a teaching session's. Errors are logged. */
void room_attend(db_pool *db, const db_actor *actor, const char *room, gboolean present);

/** The organisations whose people the actor sees online: the own one and those of open cases. NULL-terminated ids, borrowed. */
void room_contacts(db_pool *db, const db_actor *actor,
                   void (*done)(const char *const *organisations, const GError *error, gpointer user_data),
                   gpointer user_data);

#define ROOM_MESSAGE_LIMIT 4000 /* characters */
