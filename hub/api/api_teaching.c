/* Teaching sessions, questions and recordings over HTTP. Recording: the database first (state recording, with the consent
 * it rests on), then the media worker; what the worker answers is written down; a worker that fails makes it failed.
 * When a worker comes (it or the hub was away) each recording in the database is taken up: a running one is started again,
 * which a worker that never stopped takes as said already; one that was being finished is repaired. */
#include "hub/api/api_common.h"
#include "hub/api/api_room.h"
#include "hub/base/id.h"
#include "hub/base/log.h"
#include "hub/domain/teaching.h"
#include "hub/workers/rpc_media.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* One recording's call to the worker. */
typedef struct {
    struct hub *hub;
    char *recording, *room;
    http_request *request;      /* NULL: nobody waits by HTTP */
    json_t *answer;
    signaling_record_done done; /* or by signaling */
    gpointer data;
} recorder;

static char *
directory_of(const struct hub *hub, const char *recording)
{
    g_autofree char *base = config_path(hub->config, "media", "record-dir");
    return g_build_filename(base, recording, NULL);
}

static void
reply_session(http_request *r, guint status, json_t *answer)
{
    http_reply_version(r, json_get_int(answer, "version", 0));
    http_reply_json(r, status, json_incref(answer));
}

static void
recorder_finish(recorder *rec, const GError *error)
{
    if (rec->done)
        rec->done(error ? NULL : rec->recording, error, rec->data);
    if (rec->request && error)
        http_reply_error(rec->request, error);
    else if (rec->request)
        reply_session(rec->request, 200, rec->answer);
    if (rec->request)
        http_unref(rec->request);
    json_decref(rec->answer);
    g_free(rec->recording);
    g_free(rec->room);
    g_free(rec);
}

static void
on_stopped_written(const GError *error, gpointer data)
{
    recorder_finish(data, error);
}

/* A worker that went meanwhile is asked again when it is back: api_recording_take_up. */
static void
on_repaired(json_t *result, const GError *error, gpointer data)
{
    recorder *rec = data;
    if (error)
        log_line(LOG_WARNING, rec->recording, "recording was not finished: %s", error->message);
    if (error && err_is(error, ERR_UNAVAILABLE)) {
        recorder_finish(rec, NULL);
        return;
    }
    teaching_recorded(rec->hub->db, rec->recording, error ? NULL : json_object_get(result, "files"), on_stopped_written, rec);
}

static void
call_repair(recorder *rec)
{
    g_autofree char *directory = directory_of(rec->hub, rec->recording);
    rpc_media_record_repair(rec->hub->signaling, rec->recording, directory, on_repaired, rec);
}

static void
on_started(json_t *result, const GError *error, gpointer data)
{
    (void)result;
    recorder *rec = data;
    if (error) {
        log_line(LOG_WARNING, rec->recording, "recording did not start: %s", error->message);
        signaling_room_recording(rec->hub->signaling, rec->room, FALSE, rec->recording);
        teaching_recorded(rec->hub->db, rec->recording, NULL, NULL, NULL);
    } else {
        signaling_room_recording(rec->hub->signaling, rec->room, TRUE, rec->recording);
    }
    recorder_finish(rec, error);
}

static void
on_stopped(json_t *result, const GError *error, gpointer data)
{
    recorder *rec = data;
    signaling_room_recording(rec->hub->signaling, rec->room, FALSE, rec->recording);
    if (error && err_is(error, ERR_NOT_FOUND)) { /* a new worker, which has not been told of it yet */
        call_repair(rec);
        return;
    }
    if (error) { /* stays "finalising": api_recording_take_up finishes it when the worker is back */
        log_line(LOG_WARNING, rec->recording, "recording was not finished: %s", error->message);
        recorder_finish(rec, NULL);
        return;
    }
    teaching_recorded(rec->hub->db, rec->recording, json_object_get(result, "files"), on_stopped_written, rec);
}

static void
call_start(recorder *rec)
{
    g_autofree char *directory = directory_of(rec->hub, rec->recording);
    g_autoptr(GError) error = NULL;
    /* group-writable: the worker is another user of the same group */
    if (mkdir(directory, 02770) != 0 || chmod(directory, 02770) != 0) {
        error = err_new(ERR_STORAGE, "no place to record: %s", g_strerror(errno));
        on_started(NULL, error, rec);
        return;
    }
    rpc_media_record_start(rec->hub->signaling, rec->room, rec->recording, directory, NULL, on_started, rec);
}

static void
call_worker(recorder *rec, const char *action)
{
    if (!rec->hub->signaling) {
        g_autoptr(GError) error = err_new(ERR_UNAVAILABLE, "there is no media worker");
        recorder_finish(rec, error);
    } else if (strcmp(action, "record") == 0)
        call_start(rec);
    else
        rpc_media_record_stop(rec->hub->signaling, rec->recording, on_stopped, rec);
}

/* --- sessions --------------------------------------------------------------------------------------------------- */

static teaching_request
request_of(http_request *r, const char *id, json_t *body)
{
    return (teaching_request){
        .db = http_hub(r)->db,
        .actor = http_actor(r),
        .roles = http_roles(r),
        .id = id,
        .body = body,
        .version = -1,
    };
}

static void
on_session(json_t *answer, const char *recording, const char *room, const GError *error, json_t *errors, gpointer data)
{
    (void)recording;
    (void)room;
    g_autoptr(http_request) r = data;
    if (error)
        http_reply_fields(r, error, errors);
    else
        reply_session(r, 200, answer);
}

static void
on_created(json_t *answer, const char *recording, const char *room, const GError *error, json_t *errors, gpointer data)
{
    (void)recording;
    (void)room;
    g_autoptr(http_request) r = data;
    if (error) {
        http_reply_fields(r, error, errors);
        return;
    }
    g_autofree char *location = g_strdup_printf("/api/v1/teaching/%s", json_get_text(answer, "id"));
    http_reply_header(r, "Location", location);
    reply_session(r, 201, answer);
}

static void
on_acted(json_t *answer, const char *recording, const char *room, const GError *error, json_t *errors, gpointer data)
{
    g_autoptr(http_request) r = data;
    const char *action = http_param(r, "action");
    static const char *const recorded[] = {"record", "stop", "end", NULL};
    if (error || !recording || !g_strv_contains(recorded, action)) {
        on_session(answer, recording, room, error, errors, http_ref(r));
        return;
    }
    recorder *rec = g_new0(recorder, 1);
    rec->hub = http_hub(r);
    rec->recording = g_strdup(recording);
    rec->room = g_strdup(room);
    rec->request = http_ref(r);
    rec->answer = json_incref(answer);
    call_worker(rec, action);
}

void
api_teaching_create(http_request *r)
{
    g_autoptr(json_t) body = http_body_json(r);
    if (!body)
        return;
    teaching_request request = request_of(r, NULL, body);
    teaching_write(&request, on_created, http_ref(r));
}

void
api_teaching_get(http_request *r)
{
    const char *id = api_id(r, "id", "teaching.read");
    if (!id)
        return;
    teaching_request request = request_of(r, id, NULL);
    teaching_read(&request, on_session, http_ref(r));
}

void
api_teaching_edit(http_request *r)
{
    gint64 version;
    const char *id = api_id(r, "id", "teaching.edit");
    if (!id || !http_if_match(r, &version))
        return;
    g_autoptr(json_t) body = http_body_json(r);
    if (!body)
        return;
    teaching_request request = request_of(r, id, body);
    request.version = version;
    teaching_write(&request, on_session, http_ref(r));
}

void
api_teaching_act(http_request *r)
{
    gint64 version;
    const char *id = api_id(r, "id", "teaching.act");
    if (!id || !http_if_match(r, &version))
        return;
    g_autoptr(json_t) body = api_body(r);
    if (!body)
        return;
    g_autofree char *recording = id_new();
    teaching_request request = request_of(r, id, body);
    request.version = version;
    request.action = http_param(r, "action");
    request.recording = recording;
    teaching_act(&request, on_acted, http_ref(r));
}

static void
on_sessions(http_request *r, db_batch *batch)
{
    guint limit;
    if (!api_limit(r, &limit))
        return;
    json_t *items = json_array();
    guint rows = db_rows(batch, 0), shown = MIN(rows, limit), roles = fsm_roles(http_roles(r));
    for (guint row = 0; row < shown; row++) {
        json_t *session = db_json(batch, 0, row, 0);
        teaching_complete(session, http_actor(r), roles);
        json_array_append_new(items, session);
    }
    const char *last = rows > limit ? db_text(batch, 0, shown - 1, 1) : NULL;
    http_reply_json(r, 200, api_list(items, api_next(r, last)));
}

void
api_teaching_list(http_request *r)
{
    guint limit;
    g_autofree char *at = NULL, *id = NULL;
    if (!api_limit(r, &limit) || !api_cursor(r, &at, &id))
        return;
    g_autofree char *most = g_strdup_printf("%u", limit + 1);
    db_batch *batch = db_batch_new(http_actor(r));
    db_batch_add(batch, "teaching_list", 3, most, at, id);
    db_batch_repeatable(batch);
    http_db(r, batch, on_sessions);
}

static void
on_events(http_request *r, db_batch *batch)
{
    if (db_rows(batch, 1) == 0)
        http_reply_problem(r, ERR_NOT_FOUND, "no such session");
    else
        api_reply_rows(r, batch, 1, G_MAXUINT, FALSE);
}

void
api_teaching_events(http_request *r)
{
    const char *id = api_id(r, "id", "teaching.read");
    if (!id)
        return;
    db_batch *batch = db_batch_new(http_actor(r));
    db_batch_add(batch, "audit_case_read", 2, "teaching", id);
    db_batch_add(batch, "case_events", 2, "teaching", id);
    http_db(r, batch, on_events);
}

/* --- questions -------------------------------------------------------------------------------------------------- */

static void
on_questions(http_request *r, db_batch *batch)
{
    if (db_rows(batch, 1) == 0)
        http_reply_problem(r, ERR_NOT_FOUND, "no such session");
    else
        api_reply_rows(r, batch, 2, G_MAXUINT, FALSE);
}

void
api_question_list(http_request *r)
{
    const char *id = api_id(r, "id", "teaching.read");
    if (!id)
        return;
    db_batch *batch = db_batch_new(http_actor(r));
    db_batch_add(batch, "audit_case_read", 2, "teaching", id);
    db_batch_add(batch, "teaching_get", 1, id);
    db_batch_add(batch, "question_list", 1, id);
    http_db(r, batch, on_questions);
}

static void
on_asked(db_batch *batch, const GError *error, gpointer data)
{
    g_autoptr(http_request) r = data;
    if (error)
        api_refuse(r, "teaching.ask", http_param(r, "id"), err_is(error, ERR_DENIED) ? ERR_CONFLICT : err_code_of(error),
                   err_is(error, ERR_DENIED) ? "questions are asked before and during the session" : error->message);
    else
        http_reply_json(r, 201, db_json(batch, 1, 0, 0));
}

void
api_question_ask(http_request *r)
{
    static const field fields[] = {{"text", FIELD_TEXT, .required = TRUE, .min = 1, .max = 2000}, {.name = NULL}};
    const char *id = api_id(r, "id", "teaching.ask");
    if (!id)
        return;
    g_autoptr(json_t) body = http_body_json(r);
    if (!body)
        return;
    g_autoptr(json_t) errors = json_array();
    if (!fields_check(body, fields, NULL, errors)) {
        g_autoptr(GError) error = err_new(ERR_INVALID, "some fields are not right");
        http_reply_fields(r, error, errors);
        return;
    }
    db_batch *batch = db_batch_new(http_actor(r));
    db_batch_add(batch, "teaching_expect", 1, id);
    db_batch_add(batch, "question_add", 2, id, json_get_text(body, "text"));
    db_batch_add(batch, "teaching_tell", 1, id);
    db_batch_add(batch, "audit_append", 4, "", "teaching.ask", id, NULL);
    db_pool_run(http_hub(r)->db, batch, on_asked, http_ref(r));
}

static void
on_answered(http_request *r, db_batch *batch)
{
    if (db_rows(batch, 1) == 0)
        api_refuse(r, "teaching.answer", http_param(r, "question"), ERR_NOT_FOUND, "no such question");
    else if (db_affected(batch, 0) == 0)
        api_refuse(r, "teaching.answer", http_param(r, "question"), ERR_DENIED, "only the teacher marks questions");
    else
        http_reply_json(r, 200, db_json(batch, 1, 0, 0));
}

void
api_question_answered(http_request *r)
{
    const char *id = api_id(r, "id", "teaching.answer"), *question = id ? api_id(r, "question", "teaching.answer") : NULL;
    if (!question)
        return;
    db_batch *batch = db_batch_new(http_actor(r));
    db_batch_add(batch, "question_answer", 2, question, id);
    db_batch_add(batch, "question_get", 2, question, id);
    db_batch_add(batch, "teaching_tell", 1, id);
    http_db(r, batch, on_answered);
}

/* --- recordings ------------------------------------------------------------------------------------------------- */

static void
on_recording(http_request *r, db_batch *batch)
{
    json_t *recording = db_json(batch, 1, 0, 0);
    if (!recording)
        http_reply_problem(r, ERR_NOT_FOUND, "no such recording");
    else
        http_reply_json(r, 200, recording);
}

void
api_recording_get(http_request *r)
{
    const char *id = api_id(r, "id", "recording.read");
    if (!id)
        return;
    db_batch *batch = db_batch_new(http_actor(r));
    db_batch_add(batch, "audit_case_read", 2, "recording", id);
    db_batch_add(batch, "recording_get", 1, id);
    http_db(r, batch, on_recording);
}

static void
on_recording_file(http_request *r, db_batch *batch)
{
    if (db_rows(batch, 1) == 0) {
        http_reply_problem(r, ERR_NOT_FOUND, "no such recording");
        return;
    }
    /* the names come from the database, which has checked them: no path of the client's reaches open() */
    g_autofree char *directory = directory_of(http_hub(r), http_param(r, "id"));
    g_autofree char *path = g_build_filename(directory, db_text(batch, 1, 0, 1), NULL);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        log_line(LOG_ERROR, http_id(r), "recording %s: a file cannot be opened: %s", http_param(r, "id"), g_strerror(errno));
        http_reply_problem(r, ERR_NOT_FOUND, "the file is not there any more");
        return;
    }
    http_reply_file(r, 200, db_text(batch, 1, 0, 0), fd, 0, -1);
}

void
api_recording_file(http_request *r)
{
    const char *id = api_id(r, "id", "recording.read");
    if (!id)
        return;
    db_batch *batch = db_batch_new(http_actor(r));
    db_batch_add(batch, "audit_read", 2, "recording.play", id); /* a player asks for many ranges: one row */
    db_batch_add(batch, "recording_file", 2, id, http_param(r, "file"));
    db_batch_repeatable(batch);
    http_db(r, batch, on_recording_file);
}

/* --- for main.c ------------------------------------------------------------------------------------------------- */

typedef struct {
    recorder *rec;
    gboolean on;
    db_actor actor;
} hooked;

/* Not the recorder: it lives until it has answered. */
static void
hooked_free(hooked *h)
{
    g_free((char *)h->actor.person);
    g_free((char *)h->actor.organisation);
    g_free(h);
}

static void
on_hook_acted(json_t *answer, const char *recording, const char *room, const GError *error, json_t *errors, gpointer data)
{
    (void)answer;
    (void)errors;
    hooked *h = data;
    if (error || !recording) {
        g_autoptr(GError) none = error ? NULL : err_new(ERR_CONFLICT, "it is not being recorded");
        recorder_finish(h->rec, error ? error : none);
    } else {
        h->rec->recording = g_strdup(recording);
        h->rec->room = g_strdup(room);
        call_worker(h->rec, h->on ? "record" : "stop");
    }
    hooked_free(h);
}

static void
on_hook_found(db_batch *batch, const GError *error, gpointer data)
{
    hooked *h = data;
    const char *session = error ? NULL : db_text(batch, 0, 0, 6);
    if (!session || g_strcmp0(db_text(batch, 0, 0, 2), "teaching") != 0) {
        g_autoptr(GError) none = error ? NULL : err_new(ERR_DENIED, "only teaching sessions are recorded");
        recorder_finish(h->rec, error ? error : none);
        hooked_free(h);
        return;
    }
    static const char *const roles[] = {"teacher", NULL}; /* the writer checks that it is this session's teacher */
    g_autoptr(json_t) body = json_object();
    g_autofree char *recording = id_new();
    teaching_request request = {.db = h->rec->hub->db, .actor = &h->actor, .roles = roles, .id = session,
                                .action = h->on ? "record" : "stop", .body = body, .version = -1, .recording = recording};
    teaching_act(&request, on_hook_acted, h);
}

void
api_teaching_record(struct hub *hub, const caller *who, const char *room, gboolean on, signaling_record_done done, gpointer data)
{
    hooked *h = g_new0(hooked, 1);
    h->rec = g_new0(recorder, 1);
    h->rec->hub = hub;
    h->rec->done = done;
    h->rec->data = data;
    h->on = on;
    h->actor = (db_actor){g_strdup(who->person), g_strdup(who->organisation), "teaching", ""};
    db_batch *batch = db_batch_new(&h->actor);
    db_batch_add(batch, "room_admit", 1, id_is_valid(room) ? room : NULL);
    db_pool_run(hub->db, batch, on_hook_found, h);
}

static void
on_taken_up(json_t *result, const GError *error, gpointer data)
{
    (void)result;
    recorder *rec = data;
    if (error && !err_is(error, ERR_UNAVAILABLE)) {
        log_line(LOG_WARNING, rec->recording, "recording does not go on: %s", error->message);
        signaling_room_recording(rec->hub->signaling, rec->room, FALSE, rec->recording);
        call_repair(rec);
        return;
    }
    recorder_finish(rec, NULL);
}

static void
take_up(const char *recording, const char *room, gboolean running, gpointer data)
{
    recorder *rec = g_new0(recorder, 1);
    rec->hub = data;
    rec->recording = g_strdup(recording);
    rec->room = g_strdup(room);
    if (!running) {
        call_repair(rec);
        return;
    }
    g_autofree char *directory = directory_of(rec->hub, recording);
    rpc_media_record_start(rec->hub->signaling, room, recording, directory, NULL, on_taken_up, rec);
}

void
api_recording_take_up(struct hub *hub)
{
    teaching_left(hub->db, take_up, hub);
}
