/* One engine for consults and referrals: read, create, edit, act. Each unit of work is one batch; the machine's table
 * (fsm.h) decides, the machine's SQL function writes. Every attempt leaves one audit row: the successful ones in the
 * transaction of the work, the refused ones by a batch of their own, without asking whether the case exists. */
#pragma once
#include "hub/base/json.h"
#include "hub/domain/fields.h"
#include "hub/domain/fsm.h"
#include "hub/store/db.h"

/* What the engine must know of one kind of case. */
typedef struct {
    const fsm *machine;
    const char *get, *act, *expect; /* statements */
    const char *send;               /* the action that leaves the draft */
    const field *input;             /* of create and edit */
} case_kind;

extern const case_kind case_consult, case_referral;
/** "consult" or "referral". NULL for another word. */
const case_kind *case_kind_of(const char *name);

/* A request as the engine takes it; strings are copied, body is referenced. */
typedef struct {
    db_pool *db;
    const db_actor *actor;
    const char *const *roles;
    const char *id;       /* of the case; NULL: create */
    const char *action;   /* NULL: read, create or edit */
    json_t *body;         /* ActionInput, ConsultInput …; NULL: read */
    gint64 version;       /* of If-Match; -1: whatever it is */
    gint64 grace;         /* seconds that access lasts after closing */
} case_request;

/** answer: the case with its actions (borrowed), NULL on error. errors: [{field, problem}] of ERR_INVALID and
 * ERR_UNPROCESSABLE, or NULL. Called once, on the loop. */
typedef void (*case_done)(json_t *answer, const GError *error, json_t *errors, gpointer user_data);

void case_read(const case_kind *kind, const case_request *request, case_done done, gpointer user_data);
void case_create(const case_kind *kind, const case_request *request, case_done done, gpointer user_data);
void case_edit(const case_kind *kind, const case_request *request, case_done done, gpointer user_data);
void case_act(const case_kind *kind, const case_request *request, case_done done, gpointer user_data);
/** The claimer's draft opinion of a consult. */
void case_save_opinion(const case_request *request, case_done done, gpointer user_data);

/** Takes the keys that begin with _ out of a case as SQL gave it, and adds actions as {action, to, fields} or, for the
 * work list, as names. roles: bits. */
void case_complete(const fsm *machine, json_t *answer, const db_actor *actor, guint roles, gboolean names_only);

extern const field action_fields[], opinion_fields[];
