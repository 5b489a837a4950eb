/* Every machine: each state × action × who, against a golden text file (tests/unit/hub/domain/<kind>_fsm.txt; written anew
 * with CONSILIUM_GOLDEN=write); and what must hold of any such table. */
#include "hub/domain/fsm.h"
#include <string.h>

static const fsm *const machines[] = {&fsm_consult, &fsm_referral, &fsm_teaching};

/* Who asks. */
static const struct {
    const char *name;
    fsm_side side;
    guint roles;
    gboolean member, claimer;
} askers[] = {
    {"sender: doctor", FROM, DOCTOR, FALSE, FALSE},
    {"sender: radiographer", FROM, RADIOGRAPHER, FALSE, FALSE},
    {"sender: coordinator", FROM, COORDINATOR, FALSE, FALSE},
    {"sender: teacher", FROM, TEACHER, FALSE, TRUE},
    {"sender: teacher of another session", FROM, TEACHER, FALSE, FALSE},
    {"sender: no clinical role", FROM, 0, FALSE, FALSE},
    {"receiver: specialist of the department", TO, SPECIALIST, TRUE, FALSE},
    {"receiver: radiologist of the department", TO, RADIOLOGIST, TRUE, FALSE},
    {"receiver: radiographer of the department", TO, RADIOGRAPHER, TRUE, FALSE},
    {"receiver: specialist of another department", TO, SPECIALIST, FALSE, FALSE},
    {"receiver: specialist, claimer", TO, SPECIALIST, TRUE, TRUE},
    {"receiver: coordinator", TO, COORDINATOR, FALSE, FALSE},
    {"receiver: coordinator, claimer", TO, COORDINATOR, FALSE, TRUE},
    {"receiver: no clinical role", TO, 0, FALSE, FALSE},
};

static fsm_facts
facts_of(const char *state, guint asker)
{
    return (fsm_facts){.state = state, .urgency = "routine", .side = askers[asker].side, .roles = askers[asker].roles,
                       .member = askers[asker].member, .claimer = askers[asker].claimer, .agreed = TRUE};
}

/* The machine's actions without repetition, in the order of the table. */
static GPtrArray *
actions_of(const fsm *machine)
{
    GPtrArray *actions = g_ptr_array_new();
    for (guint i = 0; i < machine->n_steps; i++)
        if (!g_ptr_array_find_with_equal_func(actions, machine->steps[i].action, g_str_equal, NULL))
            g_ptr_array_add(actions, (gpointer)machine->steps[i].action);
    return actions;
}

static char *
describe(const fsm *machine)
{
    GString *text = g_string_new(NULL);
    g_autoptr(GPtrArray) actions = actions_of(machine);
    for (guint s = 0; s < machine->n_states; s++)
        for (guint a = 0; a < G_N_ELEMENTS(askers); a++) {
            fsm_facts facts = facts_of(machine->states[s].name, a);
            g_string_append_printf(text, "%s | %s:", facts.state, askers[a].name);
            for (guint i = 0; i < actions->len; i++) {
                const char *role;
                g_autoptr(GError) error = NULL;
                const fsm_step *step = fsm_find(machine, &facts, actions->pdata[i], &role, &error);
                if (step)
                    g_string_append_printf(text, " %s->%s(%s)", step->action, step->to, role);
                else
                    g_assert_true(err_is(error, ERR_CONFLICT) || err_is(error, ERR_DENIED));
            }
            g_string_append_c(text, '\n');
        }
    return g_string_free(text, FALSE);
}

static void
test_golden(gconstpointer data)
{
    const fsm *machine = data;
    g_autofree char *path = g_strdup_printf("tests/unit/hub/domain/%s_fsm.txt", machine->kind), *now = describe(machine),
                   *golden = NULL;
    if (g_strcmp0(g_getenv("CONSILIUM_GOLDEN"), "write") == 0)
        g_file_set_contents(path, now, -1, NULL);
    g_assert_true(g_file_get_contents(path, &golden, NULL, NULL));
    g_assert_cmpstr(now, ==, golden);
}

/* Nothing gets stuck: every state that is not final has an owner with a way on, and a final one keeps nobody waiting. */
static void
test_no_dead_ends(gconstpointer data)
{
    const fsm *machine = data;
    for (guint s = 0; s < machine->n_states; s++) {
        const fsm_state *state = &machine->states[s];
        gboolean reached = s == 0, owner_goes_on = FALSE;
        for (guint i = 0; i < machine->n_steps; i++) {
            const fsm_step *step = &machine->steps[i];
            reached |= strcmp(step->to, state->name) == 0;
            gboolean owned = (state->owner == OWNER_SENDER) == (step->side == FROM) && strcmp(step->to, state->name) != 0;
            owner_goes_on |= strcmp(step->from, state->name) == 0 && owned;
        }
        g_assert_true(reached);
        if (state->owner == OWNER_NOBODY)
            g_assert_cmpint(state->due[0] + state->due[3], ==, 0);
        else
            g_assert_true(owner_goes_on);
    }
}

/* The table's states are those that the database accepts. */
static void
test_states_are_the_schemas(gconstpointer data)
{
    const fsm *machine = data;
    const char *file = machine == &fsm_teaching ? "hub/store/sql/schema/0006_room.sql" : "hub/store/sql/schema/0005_case.sql";
    g_autofree char *text = NULL;
    g_assert_true(g_file_get_contents(file, &text, NULL, NULL));
    g_autofree char *table = g_strdup_printf("CREATE TABLE consilium.%s%s (", machine->kind,
                                             machine == &fsm_teaching ? "_session" : "");
    char *at = strstr(text, table);
    g_assert_nonnull(at);
    char *check = strstr(at, "CHECK (state IN"), *end = check ? strstr(check, "'))") : NULL;
    g_assert_nonnull(end);
    g_autofree char *list = g_strndup(check, (gsize)(end + 1 - check));
    guint quotes = 0;
    for (const char *c = list; *c; c++)
        quotes += *c == '\'';
    g_assert_cmpuint(quotes, ==, 2 * machine->n_states);
    for (guint s = 0; s < machine->n_states; s++) {
        g_autofree char *quoted = g_strdup_printf("'%s'", machine->states[s].name);
        g_assert_nonnull(strstr(list, quoted));
    }
}

static void
test_refusals_differ(void)
{
    fsm_facts facts = facts_of("submitted", 0);
    const char *role;
    g_autoptr(GError) unknown = NULL, conflict = NULL, denied = NULL;
    g_assert_null(fsm_find(&fsm_consult, &facts, "explode", &role, &unknown));
    g_assert_true(err_is(unknown, ERR_NOT_FOUND));
    g_assert_null(fsm_find(&fsm_consult, &facts, "sign", &role, &conflict));
    g_assert_true(err_is(conflict, ERR_CONFLICT));
    g_assert_null(fsm_find(&fsm_consult, &facts, "claim", &role, &denied));
    g_assert_true(err_is(denied, ERR_DENIED));
}

static void
test_sending_needs_agreement_and_consent(void)
{
    fsm_facts facts = facts_of("draft", 0);
    g_autoptr(json_t) agreed = fsm_possible(&fsm_consult, &facts);
    g_assert_cmpstr(json_get_text(json_array_get(agreed, 0), "action"), ==, "submit");
    json_t *fields = json_object_get(json_array_get(agreed, 0), "fields");
    g_assert_cmpstr(json_string_value(json_array_get(fields, 0)), ==, "consent");
    facts.urgency = "emergency";
    g_autoptr(json_t) urgent = fsm_possible(&fsm_consult, &facts);
    g_assert_cmpuint(json_array_size(json_object_get(json_array_get(urgent, 0), "fields")), ==, 0);
    facts.agreed = FALSE;
    g_autoptr(json_t) without = fsm_possible(&fsm_consult, &facts);
    g_assert_cmpstr(json_get_text(json_array_get(without, 0), "action"), ==, "cancel");
}

/* case.c sends in the same request as it writes: whoever may write a draft may send it. */
static void
test_who_edits_may_send(void)
{
    static const struct {
        const fsm *machine;
        const char *send;
    } rows[] = {{&fsm_consult, "submit"}, {&fsm_referral, "send"}};
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++)
        for (guint a = 0; a < G_N_ELEMENTS(askers); a++) {
            fsm_facts facts = facts_of("draft", a);
            const char *role;
            if (fsm_find(rows[i].machine, &facts, "edit", &role, NULL))
                g_assert_nonnull(fsm_find(rows[i].machine, &facts, rows[i].send, &role, NULL));
        }
}

static void
test_due_and_lists(void)
{
    g_autofree char *urgent = fsm_due(&fsm_consult, "submitted", "urgent"), *none = fsm_due(&fsm_consult, "closed", "urgent"),
                   *effects = fsm_effect_list(SEND | CLOSE), *tell = fsm_tell_list(0),
                   *owned = fsm_state_list(&fsm_consult, OWNER_CLAIMER);
    g_assert_cmpstr(urgent, ==, "600");
    g_assert_null(none);
    g_assert_cmpstr(effects, ==, "{send,close}");
    g_assert_cmpstr(tell, ==, "{}");
    g_assert_cmpstr(owned, ==, "{assigned}");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (guint i = 0; i < G_N_ELEMENTS(machines); i++) {
        g_autofree char *golden = g_strdup_printf("/fsm/%s/golden", machines[i]->kind),
                       *ends = g_strdup_printf("/fsm/%s/no-dead-ends", machines[i]->kind),
                       *states = g_strdup_printf("/fsm/%s/schema", machines[i]->kind);
        g_test_add_data_func(golden, machines[i], test_golden);
        g_test_add_data_func(ends, machines[i], test_no_dead_ends);
        g_test_add_data_func(states, machines[i], test_states_are_the_schemas);
    }
    g_test_add_func("/fsm/refusals-differ", test_refusals_differ);
    g_test_add_func("/fsm/sending", test_sending_needs_agreement_and_consent);
    g_test_add_func("/fsm/edit-send", test_who_edits_may_send);
    g_test_add_func("/fsm/due-and-lists", test_due_and_lists);
    return g_test_run();
}
