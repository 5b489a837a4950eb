/* Teaching sessions; see teaching.h. The same shape as case.c: look, then work, or one audit row of the refusal. */
#include "hub/domain/teaching.h"
#include "hub/base/id.h"
#include "hub/base/log.h"
#include "hub/domain/case.h"

static const field input[] = {
    {"title", FIELD_TEXT, .required = TRUE, .min = 1, .max = 200},
    {"description", FIELD_TEXT, .max = 4000},
    {"starts_at", .type = FIELD_TIME},
    {.name = NULL},
};

typedef struct {
    db_pool *db;
    db_actor actor;
    guint roles;
    char *id, *action, *recording, *room;
    json_t *body, *answer, *errors;
    gint64 version;
    GError *error;
    guint answer_at, recording_at;
    teaching_done done;
    gpointer user_data;
} teaching_op;

static teaching_op *
op_new(const teaching_request *r, const char *action, teaching_done done, gpointer user_data)
{
    teaching_op *op = g_new0(teaching_op, 1);
    op->db = r->db;
    op->actor = (db_actor){g_strdup(r->actor->person), g_strdup(r->actor->organisation), g_strdup(r->actor->purpose),
                           g_strdup(r->actor->request)};
    op->roles = fsm_roles(r->roles);
    op->id = r->id ? g_strdup(r->id) : id_new();
    op->action = g_strdup(action);
    op->recording = g_strdup(r->recording);
    op->body = json_incref(r->body);
    op->version = r->version;
    op->errors = json_array();
    op->done = done;
    op->user_data = user_data;
    return op;
}

static void
op_free(teaching_op *op)
{
    g_free((char *)op->actor.person);
    g_free((char *)op->actor.organisation);
    g_free((char *)op->actor.purpose);
    g_free((char *)op->actor.request);
    g_free(op->id);
    g_free(op->action);
    g_free(op->recording);
    g_free(op->room);
    json_decref(op->body);
    json_decref(op->answer);
    json_decref(op->errors);
    g_clear_error(&op->error);
    g_free(op);
}

static fsm_facts
facts_of(const json_t *session, const db_actor *actor, guint roles)
{
    const char *organisation = json_get_text(json_object_get(session, "organisation"), "id");
    return (fsm_facts){
        .state = json_get_text(session, "state"),
        .side = g_strcmp0(organisation, actor->organisation) == 0 ? FROM : TO,
        .roles = roles,
        .claimer = g_strcmp0(json_get_text(json_object_get(session, "teacher"), "id"), actor->person) == 0,
        .agreed = TRUE,
        .consented = TRUE,
    };
}

void
teaching_complete(json_t *session, const db_actor *actor, guint roles)
{
    fsm_facts facts = facts_of(session, actor, roles);
    json_object_set_new(session, "actions", fsm_possible(&fsm_teaching, &facts));
}

static void
op_finish(teaching_op *op)
{
    if (op->answer)
        teaching_complete(op->answer, &op->actor, op->roles);
    op->done(op->answer, op->recording, op->room, op->error, json_array_size(op->errors) > 0 ? op->errors : NULL, op->user_data);
    op_free(op);
}

static void
on_refusal_written(db_batch *batch, const GError *error, gpointer user_data)
{
    (void)batch;
    teaching_op *op = user_data;
    if (error) {
        g_clear_error(&op->error);
        op->error = g_error_copy(error);
    }
    op_finish(op);
}

static void
op_refuse(teaching_op *op)
{
    g_autofree char *action = g_strdup_printf("teaching.%s", op->action);
    g_autofree char *detail = g_strdup_printf("{\"refused\":\"%s\"}", err_name(err_code_of(op->error)));
    g_clear_pointer(&op->answer, json_decref);
    g_clear_pointer(&op->recording, g_free);
    db_batch *batch = db_batch_new(&op->actor);
    db_batch_add(batch, "audit_append", 4, "", action, op->id, detail);
    db_pool_run(op->db, batch, on_refusal_written, op);
}

static void
op_fail(teaching_op *op, err_code code, const char *text)
{
    g_clear_error(&op->error);
    op->error = err_new(code, "%s", text);
    op_refuse(op);
}

static void
on_worked(db_batch *batch, const GError *error, gpointer user_data)
{
    teaching_op *op = user_data;
    if (error) {
        op->error = g_error_copy(error);
        op_refuse(op);
        return;
    }
    op->answer = db_json(batch, op->answer_at, 0, 0);
    g_free(op->recording);
    op->recording = g_strdup(db_text(batch, op->recording_at, 0, 0));
    op->room = g_strdup(db_text(batch, op->recording_at, 0, 1));
    op_finish(op);
}

static void
run_work(teaching_op *op, const fsm_step *step, const char *role)
{
    g_autofree char *version = g_strdup_printf("%" G_GINT64_FORMAT, op->version);
    g_autofree char *effects = fsm_effect_list(step->effects);
    g_autofree char *fields = json_text(op->body);
    g_autofree char *action = g_strdup_printf("teaching.%s", op->action);
    g_autofree char *detail = g_strdup_printf("{\"to\":\"%s\"}", step->to);
    db_batch *batch = db_batch_new(&op->actor);
    if (op->version > 0)
        db_batch_add(batch, "teaching_expect", 1, op->id);
    db_batch_add(batch, "teaching_act", 11, op->id, version, op->action, step->from, step->to, role, effects, NULL,
                 json_get_text(op->body, "note"), fields, op->recording);
    op->recording_at = db_batch_add(batch, "teaching_recording", 1, op->id);
    db_batch_add(batch, "audit_append", 4, "", action, op->id, detail);
    op->answer_at = db_batch_add(batch, "teaching_get", 1, op->id);
    g_clear_pointer(&op->answer, json_decref);
    db_pool_run(op->db, batch, on_worked, op);
}

/* --- read ------------------------------------------------------------------------------------------------------- */

static void
on_read(db_batch *batch, const GError *error, gpointer user_data)
{
    teaching_op *op = user_data;
    if (error)
        op->error = g_error_copy(error);
    else if (!(op->answer = db_json(batch, op->answer_at, 0, 0)))
        op->error = err_new(ERR_NOT_FOUND, "no such session");
    op_finish(op);
}

void
teaching_read(const teaching_request *request, teaching_done done, gpointer user_data)
{
    teaching_op *op = op_new(request, "read", done, user_data);
    db_batch *batch = db_batch_new(&op->actor);
    db_batch_add(batch, "audit_case_read", 2, "teaching", op->id);
    op->answer_at = db_batch_add(batch, "teaching_get", 1, op->id);
    db_batch_repeatable(batch);
    db_pool_run(op->db, batch, on_read, op);
}

/* --- create, edit, act ------------------------------------------------------------------------------------------ */

static void
step_if_allowed(teaching_op *op, const fsm_facts *facts, const char *action)
{
    const char *role;
    const fsm_step *step = fsm_find(&fsm_teaching, facts, action, &role, &op->error);
    if (!step)
        op_refuse(op);
    else if (!fields_check(op->body, step->effects & WRITE ? input : action_fields, NULL, op->errors))
        op_fail(op, ERR_INVALID, "some fields are not right");
    else
        run_work(op, step, role);
}

static void
on_looked(db_batch *batch, const GError *error, gpointer user_data)
{
    teaching_op *op = user_data;
    if (error) {
        op->error = g_error_copy(error);
        op_refuse(op);
        return;
    }
    op->answer = db_json(batch, 0, 0, 0);
    if (!op->answer) {
        op_fail(op, ERR_NOT_FOUND, "no such session");
        return;
    }
    gint64 now = json_get_int(op->answer, "version", 0);
    if (op->version >= 0 && op->version != now) {
        op_fail(op, ERR_STALE, "it has changed since you read it");
        return;
    }
    op->version = now;
    fsm_facts facts = facts_of(op->answer, &op->actor, op->roles);
    step_if_allowed(op, &facts, op->action);
}

static void
run_look(teaching_op *op)
{
    db_batch *batch = db_batch_new(&op->actor);
    db_batch_add(batch, "teaching_get", 1, op->id);
    db_batch_repeatable(batch);
    db_pool_run(op->db, batch, on_looked, op);
}

void
teaching_write(const teaching_request *request, teaching_done done, gpointer user_data)
{
    teaching_op *op = op_new(request, request->id ? "edit" : "create", done, user_data);
    if (request->id) {
        run_look(op);
        return;
    }
    op->version = 0;
    fsm_facts facts = {.state = "draft", .side = FROM, .roles = op->roles, .claimer = TRUE};
    step_if_allowed(op, &facts, "edit");
}

void
teaching_act(const teaching_request *request, teaching_done done, gpointer user_data)
{
    teaching_op *op = op_new(request, request->action, done, user_data);
    if (g_strcmp0(request->action, "edit") == 0)
        op_fail(op, ERR_NOT_FOUND, "a session has no action edit");
    else
        run_look(op);
}

/* --- recordings ------------------------------------------------------------------------------------------------- */

typedef struct {
    void (*done)(const GError *error, gpointer user_data);
    void (*each)(const char *recording, const char *room, gboolean running, gpointer user_data);
    gpointer user_data;
} recording_op;

static void
on_recorded(db_batch *batch, const GError *error, gpointer data)
{
    (void)batch;
    g_autofree recording_op *op = data;
    if (error)
        log_line(LOG_WARNING, "recording", "its end could not be written: %s", error->message);
    if (op->done)
        op->done(error, op->user_data);
}

void
teaching_recorded(db_pool *db, const char *recording, json_t *files, void (*done)(const GError *error, gpointer user_data),
                  gpointer user_data)
{
    recording_op *op = g_new0(recording_op, 1);
    op->done = done;
    op->user_data = user_data;
    g_autofree char *text = files ? json_text(files) : NULL;
    db_batch *batch = db_batch_new(NULL);
    db_batch_add(batch, "recording_done", 3, recording, files ? "ready" : "failed", text);
    db_batch_add(batch, "audit_append", 4, "media", files ? "recording.ready" : "recording.failed", recording, NULL);
    db_pool_run(db, batch, on_recorded, op);
}

static void
on_left(db_batch *batch, const GError *error, gpointer data)
{
    g_autofree recording_op *op = data;
    if (error)
        log_line(LOG_WARNING, "recording", "unfinished ones could not be found: %s", error->message);
    for (guint row = 0; !error && row < db_rows(batch, 0); row++)
        op->each(db_text(batch, 0, row, 0), db_text(batch, 0, row, 1), g_str_equal(db_text(batch, 0, row, 2), "t"), op->user_data);
}

void
teaching_left(db_pool *db, void (*each)(const char *recording, const char *room, gboolean running, gpointer user_data),
              gpointer user_data)
{
    recording_op *op = g_new0(recording_op, 1);
    op->each = each;
    op->user_data = user_data;
    db_batch *batch = db_batch_new(NULL);
    db_batch_add(batch, "recording_left", 0);
    db_pool_run(db, batch, on_left, op);
}
