/* State machines of cases as tables: consult_fsm.def, referral_fsm.def, teaching_fsm.def hold the states and the steps;
 * the API (what may this person do now), the writer (case.c), the work list and the tests read the same rows.
 *
 *   STATE(name, owner, due when routine, soon, urgent, emergency)
 *       owner: who has the next step; due: seconds until it is overdue, 0: no limit
 *   STEP(from, action, side, roles, who, to, needs, effects, tell)
 *       side: FROM the sending organisation, TO the receiving one; roles: any of them; who: of those, which persons;
 *       needs: fields that must be given; effects: what consilium.<kind>_act changes; tell: who gets a notification */
#pragma once
#include "hub/base/err.h"
#include "hub/base/json.h"

/* Roles, one bit each, in the order of fsm_role_names. */
enum {
    DOCTOR = 1 << 0,
    SPECIALIST = 1 << 1,
    RADIOLOGIST = 1 << 2,
    RADIOGRAPHER = 1 << 3,
    COORDINATOR = 1 << 4,
    TEACHER = 1 << 5,
    CLINICIANS = DOCTOR | SPECIALIST | RADIOLOGIST,
    SENDERS = CLINICIANS | COORDINATOR,
};

typedef enum { FROM = 1, TO = 2 } fsm_side;

/* Which of the persons with the role. */
typedef enum {
    ANYONE,
    MEMBER,            /* of the department that the case was sent to; coordinators are of every department */
    CLAIMER,           /* who claimed it */
    CLAIMER_OR_DESK,   /* who claimed it, or a coordinator */
    CLAIMER_OR_MEMBER, /* who claimed it, or a member */
} fsm_who;

/* Fields of ActionInput that a step needs. */
enum {
    REASON = 1 << 0,
    NOTE = 1 << 1,
    OPINION = 1 << 2,
    ADOPTED = 1 << 3,
    BOOKING = 1 << 4,
    REPORT = 1 << 5,
    VISIT = 1 << 6,
    CONSENT = 1 << 7, /* unless the case has it already, or is an emergency (then it may follow) */
};

/* What the SQL writer changes besides state, version and event; the names are in fsm_effect_names. */
enum {
    WRITE = 1 << 0,     /* the draft's fields */
    SEND = 1 << 1,      /* the receiving side sees it: agreement checked, room or grants opened */
    ATTACH = 1 << 2,    /* more studies */
    CLAIM = 1 << 3,     /* the acting person has it; a consult's studies are granted to that person */
    RELEASE = 1 << 4,   /* nobody has it; those grants end now */
    SIGN = 1 << 5,      /* a new signed opinion */
    ADOPT = 1 << 6,
    DIRECT = 1 << 7,    /* the department inside the receiving organisation */
    BOOK = 1 << 8,
    ARRIVE = 1 << 9,
    SIGN_REPORT = 1 << 10,
    CLOSE = 1 << 11,    /* final: access of the receiving side ends after the grace time */
    REFUSE = 1 << 12,   /* final: access of the receiving side ends after 24 hours at most */
    WITHDRAW = 1 << 13, /* back to a draft: the receiving side sees it no more */
    START = 1 << 14,
    AGREE = 1 << 15,    /* the speaker agrees to be recorded */
    RECORD = 1 << 16,
    STOP = 1 << 17,
    END = 1 << 18,
};

enum { TELL_FROM = 1 << 0, TELL_DEPARTMENT = 1 << 1, TELL_CLAIMER = 1 << 2 };

typedef enum {
    OWNER_SENDER,
    OWNER_DESK,        /* unclaimed: the receiving department and its coordinators */
    OWNER_CLAIMER,
    OWNER_COORDINATOR,
    OWNER_CLINICIAN,   /* the receiving department's clinicians */
    OWNER_NOBODY,      /* final */
} fsm_owner;

typedef struct {
    const char *name;
    fsm_owner owner;
    int due[4]; /* by fsm_urgency_names */
} fsm_state;

typedef struct {
    const char *from, *action;
    fsm_side side;
    guint roles;
    fsm_who who;
    const char *to;
    guint needs, effects, tell;
} fsm_step;

typedef struct {
    const char *kind; /* consult, referral, teaching */
    const fsm_state *states;
    guint n_states;
    const fsm_step *steps;
    guint n_steps;
} fsm;

/* What the table is asked about: one case as one person sees it. */
typedef struct {
    const char *state;
    const char *urgency;
    fsm_side side;
    guint roles;
    gboolean member;    /* of the department */
    gboolean claimer;
    gboolean consented;
    gboolean agreed;    /* an agreement lets the one organisation send to the other */
} fsm_facts;

extern const fsm fsm_consult, fsm_referral, fsm_teaching;

/** The bits of role names (NULL-terminated); unknown names have none. */
guint fsm_roles(const char *const *names);
/** The step that action is now, with the role (static text) that allows it. NULL with ERR_NOT_FOUND: the machine has no such
 * action; ERR_CONFLICT: not from this state; ERR_DENIED: not by this person. */
const fsm_step *fsm_find(const fsm *machine, const fsm_facts *facts, const char *action, const char **ret_role, GError **error);
/** Is code one of the coded reasons for action? */
gboolean fsm_reason(const char *action, const char *code, gboolean *ret_note_needed);
/** [{action, to, fields, reasons?}] of what this person may do now. */
json_t *fsm_possible(const fsm *machine, const fsm_facts *facts);
/** The fields that step still needs from this person, as bits. */
guint fsm_needs(const fsm_step *step, const fsm_facts *facts);
/** Seconds until the step after this state is overdue; NULL: never. Caller frees. */
char *fsm_due(const fsm *machine, const char *state, const char *urgency);
/** "{a,b}" for PostgreSQL: effects or tell bits; the states with this owner. Caller frees. */
char *fsm_effect_list(guint effects);
char *fsm_tell_list(guint tell);
char *fsm_state_list(const fsm *machine, fsm_owner owner);
/** Name of one needs bit: the field of ActionInput. */
const char *fsm_field_name(guint bit);
