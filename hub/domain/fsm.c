/* Looking up in the tables of fsm.h. Nothing here knows of one machine in particular. */
#include "hub/domain/fsm.h"
#include <string.h>

static const char *const role_names[] = {"doctor", "specialist", "radiologist", "radiographer", "coordinator", "teacher"};
static const char *const field_names[] = {"reason", "note", "opinion", "adopted", "booking", "report", "visit", "consent"};
static const char *const effect_names[] = {"write", "send", "attach", "claim", "release", "sign", "adopt", "direct", "book",
                                           "arrive", "report", "close", "refuse", "withdraw", "start", "consent", "record",
                                           "stop", "end"};
static const char *const tell_names[] = {"from", "department", "claimer"};
static const char *const urgency_names[] = {"routine", "soon", "urgent", "emergency"};

#define STEP(...)
#define STATE(name, owner, ...) {#name, OWNER_##owner, {__VA_ARGS__}},
static const fsm_state consult_states[] = {
#include "hub/domain/consult_fsm.def"
};
static const fsm_state referral_states[] = {
#include "hub/domain/referral_fsm.def"
};
static const fsm_state teaching_states[] = {
#include "hub/domain/teaching_fsm.def"
};
#undef STATE
#undef STEP

#define STATE(...)
#define STEP(from, action, side, roles, who, to, needs, effects, tell)                                       \
    {#from, #action, side, roles, who, #to, needs, effects, tell},
static const fsm_step consult_steps[] = {
#include "hub/domain/consult_fsm.def"
};
static const fsm_step referral_steps[] = {
#include "hub/domain/referral_fsm.def"
};
static const fsm_step teaching_steps[] = {
#include "hub/domain/teaching_fsm.def"
};
#undef STATE
#undef STEP

const fsm fsm_consult = {"consult", consult_states, G_N_ELEMENTS(consult_states), consult_steps, G_N_ELEMENTS(consult_steps)};
const fsm fsm_referral = {"referral", referral_states, G_N_ELEMENTS(referral_states), referral_steps,
                          G_N_ELEMENTS(referral_steps)};
const fsm fsm_teaching = {"teaching", teaching_states, G_N_ELEMENTS(teaching_states), teaching_steps,
                          G_N_ELEMENTS(teaching_steps)};

static const struct {
    const char *action, *code;
    gboolean note;
} reasons[] = {
#define REASON_CODE(action, code, note) {#action, #code, note},
#include "hub/domain/reason.def"
#undef REASON_CODE
};

guint
fsm_roles(const char *const *names)
{
    guint bits = 0;
    for (; names && *names; names++)
        for (guint i = 0; i < G_N_ELEMENTS(role_names); i++)
            if (strcmp(*names, role_names[i]) == 0)
                bits |= 1u << i;
    return bits;
}

static gboolean
is_the_person(const fsm_step *step, const fsm_facts *facts, guint role)
{
    switch (step->who) {
    case ANYONE:
        return TRUE;
    case MEMBER:
        return facts->member || role == COORDINATOR;
    case CLAIMER:
        return facts->claimer;
    case CLAIMER_OR_DESK:
        return facts->claimer || role == COORDINATOR;
    case CLAIMER_OR_MEMBER:
        return facts->claimer || facts->member || role == COORDINATOR;
    }
    return FALSE;
}

/* The name of the role by which this person may do the step, or NULL. */
static const char *
role_for(const fsm_step *step, const fsm_facts *facts)
{
    if (step->side != facts->side)
        return NULL;
    for (guint i = 0; i < G_N_ELEMENTS(role_names); i++)
        if ((facts->roles & step->roles & (1u << i)) && is_the_person(step, facts, 1u << i))
            return role_names[i];
    return NULL;
}

const fsm_step *
fsm_find(const fsm *machine, const fsm_facts *facts, const char *action, const char **ret_role, GError **error)
{
    gboolean known = FALSE, possible = FALSE;
    for (guint i = 0; i < machine->n_steps; i++) {
        const fsm_step *step = &machine->steps[i];
        if (strcmp(step->action, action) != 0)
            continue;
        known = TRUE;
        if (strcmp(step->from, facts->state) != 0)
            continue;
        possible = TRUE;
        const char *role = role_for(step, facts);
        if (role) {
            *ret_role = role;
            return step;
        }
    }
    if (!known)
        err_set(error, ERR_NOT_FOUND, "a %s has no action %s", machine->kind, action);
    else if (!possible)
        err_set(error, ERR_CONFLICT, "a %s that is %s has no action %s", machine->kind, facts->state, action);
    else
        err_set(error, ERR_DENIED, "this action is not for your role here");
    return NULL;
}

guint
fsm_needs(const fsm_step *step, const fsm_facts *facts)
{
    guint needs = step->needs;
    if (facts->consented || g_strcmp0(facts->urgency, "emergency") == 0)
        needs &= ~(guint)CONSENT;
    return needs;
}

const char *
fsm_field_name(guint bit)
{
    for (guint i = 0; i < G_N_ELEMENTS(field_names); i++)
        if (bit == 1u << i)
            return field_names[i];
    g_assert_not_reached();
}

gboolean
fsm_reason(const char *action, const char *code, gboolean *ret_note_needed)
{
    for (guint i = 0; i < G_N_ELEMENTS(reasons); i++)
        if (strcmp(reasons[i].action, action) == 0 && strcmp(reasons[i].code, code) == 0) {
            *ret_note_needed = reasons[i].note;
            return TRUE;
        }
    return FALSE;
}

static json_t *
reasons_of(const char *action)
{
    json_t *list = json_array();
    for (guint i = 0; i < G_N_ELEMENTS(reasons); i++)
        if (strcmp(reasons[i].action, action) == 0)
            json_array_append_new(list, json_string(reasons[i].code));
    return list;
}

json_t *
fsm_possible(const fsm *machine, const fsm_facts *facts)
{
    json_t *list = json_array();
    for (guint i = 0; i < machine->n_steps; i++) {
        const fsm_step *step = &machine->steps[i];
        if (strcmp(step->from, facts->state) != 0 || !role_for(step, facts) || (step->effects & WRITE))
            continue;
        if ((step->effects & SEND) && !facts->agreed)
            continue;
        json_t *fields = json_array();
        for (guint bit = 1; bit <= CONSENT; bit <<= 1)
            if (fsm_needs(step, facts) & bit)
                json_array_append_new(fields, json_string(fsm_field_name(bit)));
        json_t *one = json_pack("{s:s, s:s, s:o}", "action", step->action, "to", step->to, "fields", fields);
        if (step->needs & REASON)
            json_object_set_new(one, "reasons", reasons_of(step->action));
        json_array_append_new(list, one);
    }
    return list;
}

static const fsm_state *
find_state(const fsm *machine, const char *name)
{
    for (guint i = 0; i < machine->n_states; i++)
        if (strcmp(machine->states[i].name, name) == 0)
            return &machine->states[i];
    return NULL;
}

char *
fsm_due(const fsm *machine, const char *state, const char *urgency)
{
    const fsm_state *row = find_state(machine, state);
    for (guint i = 0; row && i < G_N_ELEMENTS(urgency_names); i++)
        if (g_strcmp0(urgency, urgency_names[i]) == 0 && row->due[i] > 0)
            return g_strdup_printf("%d", row->due[i]);
    return NULL;
}

static char *
list_of(guint bits, const char *const *names, guint n)
{
    GString *text = g_string_new("{");
    for (guint i = 0; i < n; i++)
        if (bits & (1u << i))
            g_string_append_printf(text, "%s%s", text->len > 1 ? "," : "", names[i]);
    g_string_append_c(text, '}');
    return g_string_free(text, FALSE);
}

char *
fsm_effect_list(guint effects)
{
    return list_of(effects, effect_names, G_N_ELEMENTS(effect_names));
}

char *
fsm_tell_list(guint tell)
{
    return list_of(tell, tell_names, G_N_ELEMENTS(tell_names));
}

char *
fsm_state_list(const fsm *machine, fsm_owner owner)
{
    GString *text = g_string_new("{");
    for (guint i = 0; i < machine->n_states; i++)
        if (machine->states[i].owner == owner)
            g_string_append_printf(text, "%s%s", text->len > 1 ? "," : "", machine->states[i].name);
    g_string_append_c(text, '}');
    return g_string_free(text, FALSE);
}
