/* See api_common.h. */
#include "hub/api/api_common.h"
#include "hub/base/id.h"
#include "hub/hub.h"
#include <string.h>

#define LIMIT_DEFAULT 50
#define LIMIT_MOST 200

typedef struct {
    http_request *request;
    json_t *body;   /* or */
    GError *error;
} audited;

static void
on_audited(db_batch *batch, const GError *error, gpointer data)
{
    (void)batch;
    audited *a = data;
    if (error)
        http_reply_error(a->request, error);
    else if (a->error)
        http_reply_error(a->request, a->error);
    else
        http_reply_json(a->request, 200, g_steal_pointer(&a->body));
    json_decref(a->body);
    g_clear_error(&a->error);
    http_unref(a->request);
    g_free(a);
}

static void
audit_then(audited *a, const char *action, const char *object, json_t *detail)
{
    g_autofree char *text = json_text(detail);
    json_decref(detail);
    g_autofree char *shown = g_utf8_substring(object, 0, MIN(g_utf8_strlen(object, -1), 100));
    db_batch *batch = db_batch_new(http_actor(a->request));
    db_batch_add(batch, "audit_append", 4, "", action, shown, text);
    db_pool_run(http_hub(a->request)->db, batch, on_audited, a);
}

void
api_refuse(http_request *r, const char *action, const char *object, err_code code, const char *detail)
{
    audited *a = g_new0(audited, 1);
    a->request = http_ref(r);
    a->error = err_new(code, "%s", detail);
    audit_then(a, action, object, json_pack("{s:s}", "refused", err_name(code)));
}

void
api_reply_audited(http_request *r, json_t *body, const char *action)
{
    audited *a = g_new0(audited, 1);
    a->request = http_ref(r);
    a->body = body;
    json_t *ids = json_array(), *items = json_object_get(body, "items");
    for (gsize i = 0; i < json_array_size(items); i++)
        json_array_append(ids, json_object_get(json_array_get(items, i), "id"));
    audit_then(a, action, "", json_pack("{s:o}", "items", ids));
}

const char *
api_id(http_request *r, const char *name, const char *action)
{
    const char *id = http_param(r, name);
    if (id_is_valid(id))
        return id;
    api_refuse(r, action, id, ERR_NOT_FOUND, "no such thing");
    return NULL;
}

json_t *
api_body(http_request *r)
{
    return g_bytes_get_size(http_body(r)) == 0 ? json_object() : http_body_json(r);
}

gboolean
api_limit(http_request *r, guint *ret_limit)
{
    const char *text = http_query(r, "limit");
    guint64 limit = LIMIT_DEFAULT;
    if (text && !g_ascii_string_to_unsigned(text, 10, 1, LIMIT_MOST, &limit, NULL)) {
        http_reply_problem(r, ERR_INVALID, "limit is a number from 1 to %d", LIMIT_MOST);
        return FALSE;
    }
    *ret_limit = (guint)limit;
    return TRUE;
}

gboolean
api_cursor(http_request *r, char **ret_first, char **ret_second)
{
    const char *text = http_query(r, "cursor");
    *ret_first = *ret_second = NULL;
    if (!text)
        return TRUE;
    gsize length = 0;
    g_autofree guchar *bytes = strlen(text) <= 2000 ? g_base64_decode(text, &length) : NULL;
    g_autofree char *decoded = g_strndup((const char *)bytes, length);
    char *bar = strrchr(decoded, '|');
    if (!bar || !g_utf8_validate(decoded, -1, NULL)) {
        http_reply_problem(r, ERR_INVALID, "the cursor is not one that a list gave");
        return FALSE;
    }
    *ret_first = g_strndup(decoded, (gsize)(bar - decoded));
    *ret_second = g_strdup(bar + 1);
    return TRUE;
}

static void
on_parameter(const char *name, const char *value, gpointer data)
{
    GString *link = data;
    if (strcmp(name, "cursor") == 0)
        return;
    g_autofree char *key = g_uri_escape_string(name, NULL, FALSE), *text = g_uri_escape_string(value, NULL, FALSE);
    g_string_append_printf(link, "%s=%s&", key, text);
}

json_t *
api_next(http_request *r, const char *last)
{
    if (!last)
        return json_null();
    GString *link = g_string_new(http_path(r));
    g_string_append_c(link, '?');
    http_query_each(r, on_parameter, link);
    g_autofree char *cursor = g_base64_encode((const guchar *)last, strlen(last));
    g_autofree char *escaped = g_uri_escape_string(cursor, NULL, FALSE);
    g_string_append_printf(link, "cursor=%s", escaped);
    json_t *text = json_string(link->str);
    g_string_free(link, TRUE);
    return text;
}

json_t *
api_list(json_t *items, json_t *next)
{
    return json_pack("{s:o, s:o}", "items", items, "next", next ? next : json_null());
}

void
api_reply_rows(http_request *r, const db_batch *batch, guint index, guint limit, gboolean has_cursor)
{
    json_t *items = json_array();
    guint rows = db_rows(batch, index), shown = MIN(rows, limit);
    for (guint row = 0; row < shown; row++)
        json_array_append_new(items, db_json(batch, index, row, 0));
    const char *last = has_cursor && rows > limit ? db_text(batch, index, shown - 1, 1) : NULL;
    http_reply_json(r, 200, api_list(items, api_next(r, last)));
}
