/* The engine of case.h. A case_op lives from the request to its one answer; it makes at most three batches:
 *   look: the case as the person sees it                    (edit, act)
 *   work: the write, the audit row, and the case afterwards
 *   refused: one audit row                                  (instead of work, or after it failed) */
#include "hub/domain/case.h"
#include "hub/base/id.h"

static const field booking_fields[] = {
    {"at", FIELD_TIME, .required = TRUE},
    {"place", FIELD_TEXT, .required = TRUE, .min = 1, .max = 500},
    {"instructions", FIELD_TEXT, .max = 2000},
    {.name = NULL},
};

const field opinion_fields[] = {
    {"findings", FIELD_TEXT, .required = TRUE, .max = 20000},
    {"impression", FIELD_TEXT, .required = TRUE, .max = 8000},
    {"advice", FIELD_TEXT, .required = TRUE, .max = 8000},
    {"critical", .type = FIELD_BOOLEAN},
    {.name = NULL},
};

const field action_fields[] = {
    {"note", FIELD_TEXT, .max = 4000},
    {"reason", FIELD_TEXT, .max = 64},
    {"booking", FIELD_OBJECT, .object = booking_fields},
    {"report", FIELD_TEXT, .max = 20000},
    {"visit", FIELD_TEXT, .max = 64},
    {"adopted", FIELD_CHOICE, .choices = " yes partly no "},
    {"opinion", FIELD_OBJECT, .object = opinion_fields},
    {"consent", .type = FIELD_BOOLEAN},
    {"department", .type = FIELD_ID},
    {"studies", FIELD_IDS, .max = 50},
    {.name = NULL},
};

typedef struct {
    const case_kind *kind;
    db_pool *db;
    db_actor actor; /* owns its strings */
    guint roles;
    char *id, *action;
    json_t *body;
    gint64 version, grace;
    case_done done;
    gpointer user_data;
    /* results */
    guint answer_at; /* place of the statement that gives the case in the running batch */
    json_t *answer, *errors;
    GError *error;
} case_op;

static case_op *
op_new(const case_kind *kind, const case_request *r, const char *action, case_done done, gpointer user_data)
{
    case_op *op = g_new0(case_op, 1);
    op->kind = kind;
    op->db = r->db;
    op->actor = (db_actor){g_strdup(r->actor->person), g_strdup(r->actor->organisation), g_strdup(r->actor->purpose),
                           g_strdup(r->actor->request)};
    op->roles = fsm_roles(r->roles);
    op->id = g_strdup(r->id);
    op->action = g_strdup(action);
    op->body = json_incref(r->body);
    op->version = r->version;
    op->grace = r->grace;
    op->done = done;
    op->user_data = user_data;
    op->errors = json_array();
    return op;
}

static void
op_free(case_op *op)
{
    g_free((char *)op->actor.person);
    g_free((char *)op->actor.organisation);
    g_free((char *)op->actor.purpose);
    g_free((char *)op->actor.request);
    g_free(op->id);
    g_free(op->action);
    json_decref(op->body);
    json_decref(op->answer);
    json_decref(op->errors);
    g_clear_error(&op->error);
    g_free(op);
}

/* --- the case as the table sees it ------------------------------------------------------------------------------ */

static fsm_facts
facts_of(const json_t *c, const db_actor *actor, guint roles)
{
    const char *sender = json_get_text(json_object_get(json_object_get(c, "from"), "organisation"), "id");
    const char *claimer = json_get_text(json_object_get(c, "claimed_by"), "id");
    return (fsm_facts){
        .state = json_get_text(c, "state"),
        .urgency = json_get_text(c, "urgency"),
        .side = g_strcmp0(sender, actor->organisation) == 0 ? FROM : TO,
        .roles = roles,
        .member = json_get_bool(c, "_department", FALSE),
        .claimer = claimer && g_strcmp0(claimer, actor->person) == 0,
        .consented = json_get_bool(c, "consent", FALSE),
        .agreed = json_get_bool(c, "_agreed", FALSE),
    };
}

static json_t *
names_of(json_t *actions)
{
    json_t *names = json_array();
    for (gsize i = 0; i < json_array_size(actions); i++)
        json_array_append(names, json_object_get(json_array_get(actions, i), "action"));
    json_decref(actions);
    return names;
}

void
case_complete(const fsm *machine, json_t *c, const db_actor *actor, guint roles, gboolean names_only)
{
    fsm_facts facts = facts_of(c, actor, roles);
    json_t *actions = fsm_possible(machine, &facts);
    const char *key;
    json_t *value;
    void *next;
    json_object_foreach_safe(c, next, key, value)
        if (key[0] == '_')
            json_object_del(c, key);
    json_object_set_new(c, "actions", names_only ? names_of(actions) : actions);
}

/* --- the one answer --------------------------------------------------------------------------------------------- */

static void
op_finish(case_op *op)
{
    if (op->answer)
        case_complete(op->kind->machine, op->answer, &op->actor, op->roles, FALSE);
    op->done(op->answer, op->error, json_array_size(op->errors) > 0 ? op->errors : NULL, op->user_data);
    op_free(op);
}

static void
on_refusal_written(db_batch *batch, const GError *error, gpointer user_data)
{
    (void)batch;
    case_op *op = user_data;
    if (error) { /* an attempt that left no trace is not answered as if it had */
        g_clear_error(&op->error);
        op->error = g_error_copy(error);
    }
    op_finish(op);
}

/* Writes the attempt's audit row, then answers with op->error. */
static void
op_refuse(case_op *op)
{
    g_autofree char *action = g_strdup_printf("%s.%s", op->kind->machine->kind, op->action);
    g_autofree char *detail = g_strdup_printf("{\"refused\":\"%s\"}", err_name(err_code_of(op->error)));
    g_clear_pointer(&op->answer, json_decref);
    db_batch *batch = db_batch_new(&op->actor);
    db_batch_add(batch, "audit_append", 4, "", action, op->id, detail);
    db_pool_run(op->db, batch, on_refusal_written, op);
}

static void
op_fail(case_op *op, err_code code, const char *text)
{
    g_clear_error(&op->error);
    op->error = err_new(code, "%s", text);
    op_refuse(op);
}

/* --- work ------------------------------------------------------------------------------------------------------- */

static void
on_worked(db_batch *batch, const GError *error, gpointer user_data)
{
    case_op *op = user_data;
    if (error) {
        op->error = g_error_copy(error);
        op_refuse(op);
        return;
    }
    op->answer = db_json(batch, op->answer_at, 0, 0);
    if (!op->answer)
        op->error = err_new(ERR_NOT_FOUND, "it is done, and with that you see it no more");
    op_finish(op);
}

/* Adds the writer's call for one step. fields: what the step brings; reason and note: for its event. */
static void
add_step(case_op *op, db_batch *batch, gint64 version, const fsm_step *step, const char *role, const char *urgency,
         json_t *fields, const char *reason, const char *note)
{
    g_autofree char *at = g_strdup_printf("%" G_GINT64_FORMAT, version);
    g_autofree char *effects = fsm_effect_list(step->effects);
    g_autofree char *tell = fsm_tell_list(step->tell);
    g_autofree char *text = json_text(fields);
    g_autofree char *due = fsm_due(op->kind->machine, step->to, urgency);
    g_autofree char *grace = g_strdup_printf("%" G_GINT64_FORMAT, op->grace);
    db_batch_add(batch, op->kind->act, 13, op->id, at, version == 0 ? "create" : step->action, step->from, step->to, role,
                 effects, tell, reason, note, text, due, grace);
}

/* The rest of a work batch: the audit row, and the case as it is then. */
static void
run_work(case_op *op, db_batch *batch, json_t *detail)
{
    g_autofree char *action = g_strdup_printf("%s.%s", op->kind->machine->kind, op->action);
    g_autofree char *text = json_text(detail);
    json_decref(detail);
    db_batch_add(batch, "audit_append", 4, "", action, op->id, text);
    op->answer_at = db_batch_add(batch, op->kind->get, 1, op->id);
    db_pool_run(op->db, batch, on_worked, op);
}

/* --- look ------------------------------------------------------------------------------------------------------- */

/* op->answer is the case as it is, of the version that was meant; FALSE: op has been refused. */
static gboolean
looked(case_op *op, db_batch *batch, const GError *error)
{
    if (error) {
        op->error = g_error_copy(error);
        op_refuse(op);
        return FALSE;
    }
    op->answer = db_json(batch, op->answer_at, 0, 0);
    if (!op->answer) {
        g_autofree char *text = g_strdup_printf("no such %s", op->kind->machine->kind);
        op_fail(op, ERR_NOT_FOUND, text);
        return FALSE;
    }
    /* versions since the last event only saved a draft opinion, which is nothing to anybody but its author */
    gint64 now = json_get_int(op->answer, "version", 0), settled = json_get_int(op->answer, "_settled", now);
    gboolean mine = json_object_get(op->answer, "_draft") && !json_is_null(json_object_get(op->answer, "_draft"));
    if (op->version >= 0 && op->version != now && (mine || op->version < settled || op->version > now)) {
        op_fail(op, ERR_STALE, "it has changed since you read it");
        return FALSE;
    }
    op->version = now;
    return TRUE;
}

static void
run_look(case_op *op, db_done on_looked)
{
    db_batch *batch = db_batch_new(&op->actor);
    op->answer_at = db_batch_add(batch, op->kind->get, 1, op->id);
    db_batch_repeatable(batch);
    db_pool_run(op->db, batch, on_looked, op);
}

/* --- read ------------------------------------------------------------------------------------------------------- */

static void
on_read(db_batch *batch, const GError *error, gpointer user_data)
{
    case_op *op = user_data;
    if (error)
        op->error = g_error_copy(error);
    else if (!(op->answer = db_json(batch, op->answer_at, 0, 0)))
        op->error = err_new(ERR_NOT_FOUND, "no such %s", op->kind->machine->kind);
    op_finish(op);
}

void
case_read(const case_kind *kind, const case_request *request, case_done done, gpointer user_data)
{
    case_op *op = op_new(kind, request, "read", done, user_data);
    db_batch *batch = db_batch_new(&op->actor);
    db_batch_add(batch, "audit_case_read", 2, kind->machine->kind, op->id);
    op->answer_at = db_batch_add(batch, kind->get, 1, op->id);
    db_batch_repeatable(batch);
    db_pool_run(op->db, batch, on_read, op);
}

/* --- create and edit -------------------------------------------------------------------------------------------- */

/* Checks the draft's fields; with send, also what sending needs. FALSE: refused. */
static gboolean
input_is_right(case_op *op)
{
    if (!fields_check(op->body, op->kind->input, NULL, op->errors)) {
        op_fail(op, ERR_INVALID, "some fields are not right");
        return FALSE;
    }
    gboolean send = json_get_bool(op->body, "submit", FALSE);
    gboolean excused = g_strcmp0(json_get_text(op->body, "urgency"), "emergency") == 0;
    if (send && !excused && !json_get_bool(op->body, "consent", FALSE)) {
        fields_error(op->errors, "consent", "required");
        op_fail(op, ERR_UNPROCESSABLE, "the patient's consent is missing");
        return FALSE;
    }
    return TRUE;
}

/* Adds the steps of a draft's writing: edit (as create when version is 0), then send when the body says so. */
static void
work_on_draft(case_op *op, gint64 version)
{
    fsm_facts facts = {.state = "draft", .side = FROM, .roles = op->roles, .agreed = TRUE, .consented = TRUE};
    const char *role;
    const fsm_step *edit = fsm_find(op->kind->machine, &facts, "edit", &role, &op->error);
    if (!edit) {
        op_refuse(op);
        return;
    }
    if (!input_is_right(op))
        return;
    const char *urgency = json_get_text(op->body, "urgency");
    db_batch *batch = db_batch_new(&op->actor);
    if (version > 0)
        db_batch_add(batch, op->kind->expect, 1, op->id);
    add_step(op, batch, version, edit, role, urgency, op->body, NULL, NULL);
    gboolean send = json_get_bool(op->body, "submit", FALSE);
    if (send) {
        const fsm_step *step = fsm_find(op->kind->machine, &facts, op->kind->send, &role, NULL);
        g_assert(step); /* who may edit may send: the tables say so, and a test reads them */
        add_step(op, batch, version + 1, step, role, urgency, op->body, NULL, NULL);
    }
    g_clear_pointer(&op->answer, json_decref);
    run_work(op, batch, json_pack("{s:b}", "sent", send));
}

void
case_create(const case_kind *kind, const case_request *request, case_done done, gpointer user_data)
{
    case_op *op = op_new(kind, request, "create", done, user_data);
    op->id = id_new();
    work_on_draft(op, 0);
}

static void
on_edit_looked(db_batch *batch, const GError *error, gpointer user_data)
{
    case_op *op = user_data;
    if (!looked(op, batch, error))
        return;
    fsm_facts facts = facts_of(op->answer, &op->actor, op->roles);
    const char *role;
    if (!fsm_find(op->kind->machine, &facts, "edit", &role, &op->error))
        op_refuse(op);
    else
        work_on_draft(op, op->version);
}

void
case_edit(const case_kind *kind, const case_request *request, case_done done, gpointer user_data)
{
    run_look(op_new(kind, request, "edit", done, user_data), on_edit_looked);
}

/* --- act -------------------------------------------------------------------------------------------------------- */

static gboolean
is_blank(const json_t *object, const char *key)
{
    const char *text = json_get_text(object, key);
    g_autofree char *stripped = g_strstrip(g_strdup(text ? text : ""));
    return *stripped == 0;
}

static void
check_opinion(case_op *op)
{
    json_t *opinion = json_object_get(op->body, "opinion");
    if (!opinion) {
        opinion = json_object_get(op->answer, "_draft");
        if (json_is_object(opinion))
            json_object_set(op->body, "opinion", opinion);
    }
    if (!json_is_object(opinion))
        fields_error(op->errors, "opinion", "required");
    else if (is_blank(opinion, "findings"))
        fields_error(op->errors, "opinion.findings", "required");
    else if (is_blank(opinion, "impression"))
        fields_error(op->errors, "opinion.impression", "required");
}

static void
check_reason(case_op *op)
{
    const char *reason = json_get_text(op->body, "reason");
    gboolean note_needed = FALSE;
    if (!reason)
        fields_error(op->errors, "reason", "required");
    else if (!fsm_reason(op->action, reason, &note_needed))
        fields_error(op->errors, "reason", "choice");
    if (note_needed && is_blank(op->body, "note"))
        fields_error(op->errors, "note", "required");
}

/* What the step needs and the body lacks goes to op->errors. */
static void
check_needs(case_op *op, guint needs)
{
    for (guint bit = 1; bit <= CONSENT; bit <<= 1) {
        if (!(needs & bit))
            continue;
        const char *name = fsm_field_name(bit);
        if (bit == OPINION)
            check_opinion(op);
        else if (bit == REASON)
            check_reason(op);
        else if (bit == CONSENT ? !json_get_bool(op->body, name, FALSE)
                                : bit == BOOKING ? !json_object_get(op->body, name) : is_blank(op->body, name))
            fields_error(op->errors, name, "required");
    }
}

static void
on_act_looked(db_batch *batch, const GError *error, gpointer user_data)
{
    case_op *op = user_data;
    if (!looked(op, batch, error))
        return;
    fsm_facts facts = facts_of(op->answer, &op->actor, op->roles);
    const char *role;
    const fsm_step *step = fsm_find(op->kind->machine, &facts, op->action, &role, &op->error);
    if (!step || (step->effects & WRITE)) { /* edit is PATCH, not an action */
        if (step)
            op->error = err_new(ERR_NOT_FOUND, "a %s has no action %s", op->kind->machine->kind, op->action);
        op_refuse(op);
        return;
    }
    if (!fields_check(op->body, action_fields, NULL, op->errors)) {
        op_fail(op, ERR_INVALID, "some fields are not right");
        return;
    }
    check_needs(op, fsm_needs(step, &facts));
    if (json_array_size(op->errors) > 0) {
        op_fail(op, ERR_UNPROCESSABLE, "some fields are missing");
        return;
    }
    db_batch *work = db_batch_new(&op->actor);
    db_batch_add(work, op->kind->expect, 1, op->id);
    add_step(op, work, op->version, step, role, facts.urgency, op->body, json_get_text(op->body, "reason"),
             json_get_text(op->body, "note"));
    json_t *detail = json_pack("{s:s, s:s}", "from", step->from, "to", step->to);
    g_clear_pointer(&op->answer, json_decref);
    run_work(op, work, detail);
}

void
case_act(const case_kind *kind, const case_request *request, case_done done, gpointer user_data)
{
    run_look(op_new(kind, request, request->action, done, user_data), on_act_looked);
}

/* --- the draft opinion ------------------------------------------------------------------------------------------ */

static void
on_opinion_looked(db_batch *batch, const GError *error, gpointer user_data)
{
    case_op *op = user_data;
    if (!looked(op, batch, error))
        return;
    g_autofree char *version = g_strdup_printf("%" G_GINT64_FORMAT, op->version);
    g_autofree char *text = json_text(op->body);
    g_clear_pointer(&op->answer, json_decref);
    db_batch *work = db_batch_new(&op->actor);
    db_batch_add(work, op->kind->expect, 1, op->id);
    db_batch_add(work, "opinion_save", 3, op->id, version, text);
    run_work(op, work, json_object());
}

void
case_save_opinion(const case_request *request, case_done done, gpointer user_data)
{
    case_op *op = op_new(&case_consult, request, "opinion", done, user_data);
    if (!fields_check(op->body, opinion_fields, NULL, op->errors)) {
        op_fail(op, ERR_INVALID, "some fields are not right");
        return;
    }
    run_look(op, on_opinion_looked);
}
