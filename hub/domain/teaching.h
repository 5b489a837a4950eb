/* Teaching sessions: create, edit, act (teaching_fsm.def). Recording itself is the media worker's: the caller starts and
 * stops it around these calls, and gives the outcome to teaching_recorded. */
#pragma once
#include "hub/domain/fields.h"
#include "hub/domain/fsm.h"
#include "hub/store/db.h"

typedef struct {
    db_pool *db;
    const db_actor *actor;
    const char *const *roles;
    const char *id;        /* NULL: create */
    const char *action;    /* NULL: create, edit or read */
    json_t *body;
    gint64 version;        /* of If-Match; -1: whatever it is */
    const char *recording; /* id of the new recording, for the action record */
} teaching_request;

/** answer: the session with its actions (borrowed), NULL on error. recording: the running (record) or just stopped (stop, end)
 * one, or NULL; room: its room. errors as in case.h. */
typedef void (*teaching_done)(json_t *answer, const char *recording, const char *room, const GError *error, json_t *errors,
                              gpointer user_data);

void teaching_read(const teaching_request *request, teaching_done done, gpointer user_data);
void teaching_write(const teaching_request *request, teaching_done done, gpointer user_data);
void teaching_act(const teaching_request *request, teaching_done done, gpointer user_data);
/** Adds "actions" to a session as SQL gave it. */
void teaching_complete(json_t *session, const db_actor *actor, guint roles);

/** Writes down what the media worker answered: files as of record.stop (borrowed), or NULL: it failed. done may be NULL. */
void teaching_recorded(db_pool *db, const char *recording, json_t *files, void (*done)(const GError *error, gpointer user_data),
                       gpointer user_data);
/** The recordings that were running, or being finished, when a worker or hub died. */
void teaching_left(db_pool *db, void (*each)(const char *recording, const char *room, gboolean running, gpointer user_data),
                   gpointer user_data);
