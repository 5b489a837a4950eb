/* Measurements and key images of a study. The browser makes their ids and saves each as soon as it is drawn, so creating is a PUT with
 * If-None-Match: * that may be repeated; changing and deleting want If-Match. Who may do what is decided in the database
 * (schema/0090_measurement.sql); here is only what a measurement may look like. */
#include "hub/api/api_measurement.h"
#include "hub/api/api_common.h"
#include "hub/base/id.h"
#include "hub/dicomweb/path.h"
#include <math.h>
#include <string.h>

#define LABEL_LIMIT 500
#define RESULTS_LIMIT 12
#define UNIT_LIMIT 16
#define FRAME_LIMIT 100000
/* Points may lie a little outside of an image, but no image is this large. */
#define COORDINATE_LIMIT 1e6

/* How many points each kind has. */
static const struct kind {
    const char *name;
    guint points;
} kinds[] = {
    {"length", 2}, {"bidirectional", 4}, {"angle", 3}, {"cobb", 4}, {"ellipse", 2},
    {"rectangle", 2}, {"probe", 1}, {"arrow", 2}, {"text", 1}, {"key", 0},
};

static const char *const result_names[] = {"length", "width", "angle", "area", "mean", "sd", "min", "max", "value", NULL};

static gboolean
is_number(const json_t *value)
{
    return json_is_number(value) && isfinite(json_number_value(value));
}

static gboolean
points_are_good(const json_t *points, const char *kind)
{
    const struct kind *found = NULL;
    for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++)
        if (kind && !strcmp(kinds[i].name, kind))
            found = &kinds[i];
    if (!found || !json_is_array(points) || json_array_size(points) != found->points)
        return FALSE;
    for (guint i = 0; i < found->points; i++) {
        const json_t *point = json_array_get(points, i);
        if (!json_is_array(point) || json_array_size(point) != 2)
            return FALSE;
        for (guint axis = 0; axis < 2; axis++) {
            const json_t *value = json_array_get(point, axis);
            if (!is_number(value) || fabs(json_number_value(value)) > COORDINATE_LIMIT)
                return FALSE;
        }
    }
    return TRUE;
}

static gboolean
results_are_good(const json_t *results)
{
    if (!json_is_array(results) || json_array_size(results) > RESULTS_LIMIT)
        return FALSE;
    for (gsize i = 0; i < json_array_size(results); i++) {
        const json_t *one = json_array_get(results, i);
        const char *name = json_get_text(one, "name"), *unit = json_get_text(one, "unit");
        if (!json_is_object(one) || json_object_size(one) != 3 || !name || !g_strv_contains(result_names, name) || !unit ||
            strlen(unit) > UNIT_LIMIT || !is_number(json_object_get(one, "value")))
            return FALSE;
    }
    return TRUE;
}

static gboolean
fields_are_good(const json_t *body)
{
    const char *series = json_get_text(body, "series"), *instance = json_get_text(body, "instance"),
               *label = json_get_text(body, "label");
    const json_t *frame = json_object_get(body, "frame");
    return json_object_size(body) == 7 && series && dicom_uid_is_valid(series) && instance && dicom_uid_is_valid(instance) &&
           json_is_integer(frame) && json_integer_value(frame) >= 1 && json_integer_value(frame) <= FRAME_LIMIT && label &&
           g_utf8_strlen(label, -1) <= LABEL_LIMIT &&
           points_are_good(json_object_get(body, "points"), json_get_text(body, "kind")) &&
           results_are_good(json_object_get(body, "results"));
}

static void
on_list(http_request *r, db_batch *batch)
{
    read_audit_done(r, "study.read", http_param(r, "id"));
    const char *text = db_text(batch, 0, 0, 0);
    if (!text) {
        http_reply_problem(r, ERR_NOT_FOUND, "%s", "");
        return;
    }
    g_autofree char *body = g_strdup_printf("{\"items\":%s}", text);
    http_reply_header(r, "Cache-Control", "private, no-cache");
    http_reply_json_text(r, 200, body);
}

void
api_measurement_list(http_request *r)
{
    const char *id = api_id(r, "id", "study.read");
    if (!id)
        return;
    db_batch *batch = db_batch_new(http_actor(r));
    db_batch_add(batch, "measurement_list", 1, id);
    read_audit_add(r, batch, "study.read", id);
    http_db(r, batch, on_list);
}

/* The version that is to be replaced, 0 for a new one; FALSE after having replied. */
static gboolean
take_version(http_request *r, gint64 *ret_version)
{
    const char *none = http_header(r, "if-none-match");
    if (none && !strcmp(none, "*") && !http_header(r, "if-match")) {
        *ret_version = 0;
        return TRUE;
    }
    return http_if_match(r, ret_version);
}

static void
on_put(http_request *r, db_batch *batch)
{
    gint64 version = g_ascii_strtoll(db_text(batch, 0, 0, 1), NULL, 10);
    http_reply_version(r, version);
    http_reply_json_text(r, http_header(r, "if-none-match") ? 201 : 200, db_text(batch, 0, 0, 0));
}

void
api_measurement_put(http_request *r)
{
    gint64 version = 0;
    const char *id = api_id(r, "id", "measurement.write");
    const char *measurement = id ? api_id(r, "measurement", "measurement.write") : NULL;
    if (!measurement || !take_version(r, &version))
        return;
    g_autoptr(json_t) body = http_body_json(r);
    if (!body)
        return;
    if (!fields_are_good(body) || version > G_MAXINT32) {
        http_reply_problem(r, ERR_INVALID, "series, instance, frame, kind, points, label and results, as the contract has them");
        return;
    }
    g_autofree char *fields = json_text(body), *expected = g_strdup_printf("%" G_GINT64_FORMAT, version);
    g_autofree char *detail = g_strdup_printf("{\"measurement\": \"%s\"}", measurement);
    db_batch *batch = db_batch_new(http_actor(r));
    db_batch_add(batch, "measurement_put", 4, measurement, id, expected, fields);
    db_batch_add(batch, "measurement_tell", 1, id);
    db_batch_add(batch, "audit_append", 4, "", "measurement.write", id, detail);
    http_db(r, batch, on_put);
}

static void
on_deleted(http_request *r, db_batch *batch)
{
    http_reply_version(r, g_ascii_strtoll(db_text(batch, 0, 0, 0), NULL, 10));
    http_reply_empty(r, 204);
}

void
api_measurement_delete(http_request *r)
{
    gint64 version = 0;
    const char *id = api_id(r, "id", "measurement.delete");
    const char *measurement = id ? api_id(r, "measurement", "measurement.delete") : NULL;
    if (!measurement || !http_if_match(r, &version))
        return;
    g_autofree char *expected = g_strdup_printf("%" G_GINT64_FORMAT, MIN(version, G_MAXINT32));
    g_autofree char *detail = g_strdup_printf("{\"measurement\": \"%s\"}", measurement);
    db_batch *batch = db_batch_new(http_actor(r));
    db_batch_add(batch, "measurement_delete", 3, measurement, id, expected);
    db_batch_add(batch, "measurement_tell", 1, id);
    db_batch_add(batch, "audit_append", 4, "", "measurement.delete", id, detail);
    http_db(r, batch, on_deleted);
}
