/* The simple lists: organisations, patients, audit rows; and the description of it all. */
#include "hub/api/api_directory.h"
#include "hub/api/api_common.h"
#include "hub/api/openapi_json.h"
#include "hub/base/id.h"
#include "hub/domain/fields.h"

static void
on_organisations(http_request *r, db_batch *batch)
{
    api_reply_rows(r, batch, 0, G_MAXUINT, FALSE);
}

void
api_organisation_list(http_request *r)
{
    db_batch *batch = db_batch_new(http_actor(r));
    db_batch_add(batch, "organisation_list", 0);
    db_batch_repeatable(batch);
    http_db(r, batch, on_organisations);
}

/* --- patients --------------------------------------------------------------------------------------------------- */

static void
on_patients(http_request *r, db_batch *batch)
{
    guint limit;
    if (!api_limit(r, &limit))
        return;
    json_t *items = json_array();
    guint rows = db_rows(batch, 0), shown = MIN(rows, limit);
    for (guint row = 0; row < shown; row++)
        json_array_append_new(items, db_json(batch, 0, row, 0));
    const char *last = rows > limit ? db_text(batch, 0, shown - 1, 1) : NULL;
    api_reply_audited(r, api_list(items, api_next(r, last)), "patient.search");
}

void
api_patient_find(http_request *r)
{
    const char *query = http_query(r, "query");
    guint limit;
    g_autofree char *after = NULL, *rest = NULL;
    if (query && g_utf8_strlen(query, -1) > 200) {
        http_reply_problem(r, ERR_INVALID, "the query is longer than 200 characters");
        return;
    }
    if (!api_limit(r, &limit) || !api_cursor(r, &after, &rest))
        return;
    g_autofree char *most = g_strdup_printf("%u", limit + 1);
    db_batch *batch = db_batch_new(http_actor(r));
    db_batch_add(batch, "patient_find", 3, query ? query : "", most, after);
    db_batch_repeatable(batch);
    http_db(r, batch, on_patients);
}

static void
on_patient(http_request *r, db_batch *batch)
{
    json_t *patient = db_json(batch, 1, 0, 0);
    if (!patient) {
        http_reply_problem(r, ERR_NOT_FOUND, "no such patient");
        return;
    }
    http_reply_version(r, json_get_int(patient, "version", 1));
    http_reply_json(r, 200, patient);
}

void
api_patient_get(http_request *r)
{
    const char *id = api_id(r, "id", "patient.read");
    if (!id)
        return;
    db_batch *batch = db_batch_new(http_actor(r));
    db_batch_add(batch, "audit_case_read", 2, "patient", id);
    db_batch_add(batch, "patient_get", 1, id);
    db_batch_repeatable(batch);
    http_db(r, batch, on_patient);
}

static void
on_patient_created(http_request *r, db_batch *batch)
{
    g_autoptr(json_t) patient = db_json(batch, 1, 0, 0);
    g_autofree char *location = g_strdup_printf("/api/v1/patients/%s", json_get_text(patient, "id"));
    http_reply_header(r, "Location", location);
    http_reply_version(r, json_get_int(patient, "version", 1));
    http_reply_json(r, 201, g_steal_pointer(&patient));
}

void
api_patient_create(http_request *r)
{
    static const field fields[] = {
        {"local_id", FIELD_TEXT, .required = TRUE, .min = 1, .max = 64},
        {"name", FIELD_TEXT, .required = TRUE, .min = 1, .max = 200},
        {"birth_date", .type = FIELD_DATE},
        {"sex", FIELD_CHOICE, .choices = " M F O  "}, /* the empty one between two spaces */
        {"phone", FIELD_TEXT, .max = 40},
        {"allergies", FIELD_TEXT, .max = 2000},
        {.name = NULL},
    };
    g_autoptr(json_t) body = http_body_json(r);
    if (!body)
        return;
    g_autoptr(json_t) errors = json_array();
    if (!fields_check(body, fields, NULL, errors)) {
        g_autoptr(GError) error = err_new(ERR_INVALID, "some fields are not right");
        http_reply_fields(r, error, errors);
        return;
    }
    g_autofree char *id = id_new();
    db_batch *batch = db_batch_new(http_actor(r));
    db_batch_add(batch, "patient_create", 7, id, json_get_text(body, "local_id"), json_get_text(body, "name"),
                 json_get_text(body, "birth_date"), json_get_text(body, "sex"), json_get_text(body, "phone"),
                 json_get_text(body, "allergies"));
    db_batch_add(batch, "patient_get", 1, id);
    db_batch_add(batch, "audit_append", 4, "", "patient.create", id, NULL);
    http_db(r, batch, on_patient_created);
}

/* --- audit ------------------------------------------------------------------------------------------------------ */

static void
on_audit(http_request *r, db_batch *batch)
{
    guint limit;
    if (api_limit(r, &limit))
        api_reply_rows(r, batch, 1, limit, TRUE);
}

void
api_audit_list(http_request *r)
{
    const char *person = http_query(r, "person");
    guint limit;
    g_autofree char *seq = NULL, *rest = NULL;
    if (!http_has_role(r, "auditor")) {
        api_refuse(r, "audit.read", "", ERR_DENIED, "the audit trail is the auditors'");
        return;
    }
    if (person && !id_is_valid(person)) {
        http_reply_problem(r, ERR_INVALID, "person is an id");
        return;
    }
    if (!api_limit(r, &limit) || !api_cursor(r, &seq, &rest))
        return;
    g_autofree char *most = g_strdup_printf("%u", limit + 1);
    db_batch *batch = db_batch_new(http_actor(r));
    db_batch_add(batch, "audit_append", 4, "", "audit.read", "", NULL);
    db_batch_add(batch, "audit_list", 5, person, http_query(r, "object"), http_query(r, "action"), most, seq);
    http_db(r, batch, on_audit);
}

/* --- the description -------------------------------------------------------------------------------------------- */

void
api_openapi_get(http_request *r)
{
    g_autoptr(GBytes) bytes = g_bytes_new_static(openapi_json, openapi_json_length);
    http_reply_header(r, "ETag", openapi_json_etag);
    http_reply_bytes(r, 200, "application/json", bytes);
}
