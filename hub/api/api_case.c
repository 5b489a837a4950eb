/* Consultations and referrals over HTTP: parse, hand to the engine, answer. The handlers of both kinds are the same; the
 * public ones at the end say which. */
#include "hub/api/api_case.h"
#include "hub/api/api_common.h"
#include "hub/domain/case.h"
#include "hub/hub.h"
#include <string.h>

static case_request
request_of(http_request *r, const char *id, json_t *body)
{
    struct hub *hub = http_hub(r);
    return (case_request){
        .db = hub->db,
        .actor = http_actor(r),
        .roles = http_roles(r),
        .id = id,
        .body = body,
        .version = -1,
        .grace = config_int(hub->config, "auth", "grant-grace"),
    };
}

static gboolean
is_failure(http_request *r, const GError *error, json_t *errors)
{
    if (error)
        http_reply_fields(r, error, errors);
    return error != NULL;
}

static void
reply_case(http_request *r, guint status, json_t *answer)
{
    http_reply_version(r, json_get_int(answer, "version", 0));
    http_reply_json(r, status, json_incref(answer));
}

static void
on_case(json_t *answer, const GError *error, json_t *errors, gpointer data)
{
    g_autoptr(http_request) r = data;
    if (!is_failure(r, error, errors))
        reply_case(r, 200, answer);
}

static void
on_created(json_t *answer, const GError *error, json_t *errors, gpointer data)
{
    g_autoptr(http_request) r = data;
    if (is_failure(r, error, errors))
        return;
    g_autofree char *location = g_strdup_printf("%s/%s", http_path(r), json_get_text(answer, "id"));
    http_reply_header(r, "Location", location);
    reply_case(r, 201, answer);
}

static void
on_actions(json_t *answer, const GError *error, json_t *errors, gpointer data)
{
    g_autoptr(http_request) r = data;
    if (is_failure(r, error, errors))
        return;
    http_reply_version(r, json_get_int(answer, "version", 0));
    http_reply_json(r, 200, api_list(json_incref(json_object_get(answer, "actions")), NULL));
}

static void
create(http_request *r, const case_kind *kind)
{
    g_autoptr(json_t) body = http_body_json(r);
    if (!body)
        return;
    case_request request = request_of(r, NULL, body);
    case_create(kind, &request, on_created, http_ref(r));
}

static void
read_case(http_request *r, const case_kind *kind, const char *action, case_done done)
{
    const char *id = api_id(r, "id", action);
    if (!id)
        return;
    case_request request = request_of(r, id, NULL);
    case_read(kind, &request, done, http_ref(r));
}

static void
edit(http_request *r, const case_kind *kind, const char *action)
{
    gint64 version;
    const char *id = api_id(r, "id", action);
    if (!id || !http_if_match(r, &version))
        return;
    g_autoptr(json_t) body = http_body_json(r);
    if (!body)
        return;
    case_request request = request_of(r, id, body);
    request.version = version;
    case_edit(kind, &request, on_case, http_ref(r));
}

static void
act(http_request *r, const case_kind *kind, const char *action)
{
    gint64 version;
    const char *id = api_id(r, "id", action);
    if (!id || !http_if_match(r, &version))
        return;
    g_autoptr(json_t) body = api_body(r);
    if (!body)
        return;
    case_request request = request_of(r, id, body);
    request.version = version;
    request.action = http_param(r, "action");
    case_act(kind, &request, on_case, http_ref(r));
}

static void
on_events(http_request *r, db_batch *batch)
{
    if (db_rows(batch, 1) == 0)
        http_reply_problem(r, ERR_NOT_FOUND, "no such case");
    else
        api_reply_rows(r, batch, 1, G_MAXUINT, FALSE);
}

static void
events(http_request *r, const case_kind *kind, const char *action)
{
    const char *id = api_id(r, "id", action);
    if (!id)
        return;
    db_batch *batch = db_batch_new(http_actor(r));
    db_batch_add(batch, "audit_case_read", 2, kind->machine->kind, id);
    db_batch_add(batch, "case_events", 2, kind->machine->kind, id);
    http_db(r, batch, on_events);
}

void
api_consult_create(http_request *r)
{
    create(r, &case_consult);
}

void
api_consult_get(http_request *r)
{
    read_case(r, &case_consult, "consult.read", on_case);
}

void
api_consult_edit(http_request *r)
{
    edit(r, &case_consult, "consult.edit");
}

void
api_consult_actions(http_request *r)
{
    read_case(r, &case_consult, "consult.read", on_actions);
}

void
api_consult_act(http_request *r)
{
    act(r, &case_consult, "consult.act");
}

void
api_consult_events(http_request *r)
{
    events(r, &case_consult, "consult.read");
}

void
api_consult_opinion(http_request *r)
{
    gint64 version;
    const char *id = api_id(r, "id", "consult.opinion");
    if (!id || !http_if_match(r, &version))
        return;
    g_autoptr(json_t) body = http_body_json(r);
    if (!body)
        return;
    case_request request = request_of(r, id, body);
    request.version = version;
    case_save_opinion(&request, on_case, http_ref(r));
}

void
api_referral_create(http_request *r)
{
    create(r, &case_referral);
}

void
api_referral_get(http_request *r)
{
    read_case(r, &case_referral, "referral.read", on_case);
}

void
api_referral_edit(http_request *r)
{
    edit(r, &case_referral, "referral.edit");
}

void
api_referral_actions(http_request *r)
{
    read_case(r, &case_referral, "referral.read", on_actions);
}

void
api_referral_act(http_request *r)
{
    act(r, &case_referral, "referral.act");
}

void
api_referral_events(http_request *r)
{
    events(r, &case_referral, "referral.read");
}

/* --- the work list ---------------------------------------------------------------------------------------------- */

static void
on_worklist(http_request *r, db_batch *batch)
{
    guint limit;
    if (!api_limit(r, &limit))
        return;
    g_autoptr(json_t) list = db_json(batch, 0, 0, 0);
    json_t *items = json_object_get(list, "items");
    const char *last = NULL;
    if (json_array_size(items) > limit) {
        last = json_get_text(json_array_get(items, limit - 1), "_cursor");
        json_array_remove(items, limit);
    }
    json_object_set_new(list, "next", api_next(r, last));
    guint roles = fsm_roles(http_roles(r));
    for (gsize i = 0; i < json_array_size(items); i++) {
        json_t *item = json_array_get(items, i);
        const case_kind *kind = case_kind_of(json_get_text(item, "kind"));
        case_complete(kind->machine, item, http_actor(r), roles, TRUE);
    }
    api_reply_audited(r, g_steal_pointer(&list), "worklist.read");
}

void
api_worklist_get(http_request *r)
{
    static const fsm_owner owners[] = {OWNER_SENDER, OWNER_CLAIMER, OWNER_DESK, OWNER_COORDINATOR, OWNER_CLINICIAN, OWNER_NOBODY};
    static const fsm *const machines[] = {&fsm_consult, &fsm_referral};
    static const char *const views[] = {"todo", "unclaimed", "sent", "closed", NULL};
    const char *view = http_query(r, "view");
    guint limit;
    g_autofree char *at = NULL, *id = NULL;
    if (view && !g_strv_contains(views, view)) {
        http_reply_problem(r, ERR_INVALID, "view is todo, unclaimed, sent or closed");
        return;
    }
    if (!api_limit(r, &limit) || !api_cursor(r, &at, &id))
        return;
    g_autofree char *most = g_strdup_printf("%u", limit + 1);
    g_autoptr(GPtrArray) lists = g_ptr_array_new_with_free_func(g_free);
    const char *params[16] = {view ? view : "", most, at, id};
    for (guint m = 0; m < G_N_ELEMENTS(machines); m++)
        for (guint o = 0; o < G_N_ELEMENTS(owners); o++) {
            g_ptr_array_add(lists, fsm_state_list(machines[m], owners[o]));
            params[4 + m * G_N_ELEMENTS(owners) + o] = g_ptr_array_index(lists, lists->len - 1);
        }
    db_batch *batch = db_batch_new(http_actor(r));
    db_batch_add_array(batch, "worklist_get", 16, params);
    http_db(r, batch, on_worklist);
}
