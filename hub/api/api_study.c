/* Studies for the web client: a list with total and cursor, one study with its series, and the compact
 * manifest a viewer starts from. */
#include "hub/api/api_study.h"
#include "hub/base/id.h"
#include "hub/dicomweb/path.h"
#include <string.h>

#define LIMIT_DEFAULT 50
#define LIMIT_MAX 200
#define QUERY_LIMIT 200
#define KNOWN_LIMIT 20000

/* --- list
 * -------------------------------------------------------------------------------------------------------- */
struct list_query {
    char *words; /* array of LIKE patterns */
    const char *modality, *patient, *from, *to, *scope;
    guint limit;
    char *cursor_date, *cursor_uid, *cursor_id; /* NULL: from the start */
};

static void
list_query_clear(struct list_query *q)
{
    g_free(q->words);
    g_free(q->cursor_date);
    g_free(q->cursor_uid);
    g_free(q->cursor_id);
}

/* Each word must be found somewhere; folded as the database folds (NFKC, lower case). */
static char *
words_of(const char *query)
{
    g_autofree char *normal = g_utf8_normalize(query ? query : "", -1, G_NORMALIZE_NFKC);
    g_autofree char *lower = g_utf8_strdown(normal ? normal : "", -1);
    g_auto(GStrv) words = g_strsplit_set(lower, " ^\t", 32);
    GString *out = g_string_new("{");
    for (char **word = words; *word; word++) {
        if (!**word)
            continue;
        g_string_append(out, out->len > 1 ? ",\"%" : "\"%");
        for (const char *c = *word; *c; c++) {
            if (strchr("%_\\", *c)) /* literal in LIKE: a backslash, which the array's text doubles */
                g_string_append(out, "\\\\");
            if (*c == '"' || *c == '\\')
                g_string_append_c(out, '\\');
            g_string_append_c(out, *c);
        }
        g_string_append(out, "%\"");
    }
    return g_string_free(g_string_append_c(out, '}'), FALSE);
}

static gboolean
is_date(const char *text)
{
    if (!text)
        return TRUE;
    return strlen(text) == 10 && text[4] == '-' && text[7] == '-' && strspn(text, "0123456789-") == 10;
}

static gboolean
parse_cursor(struct list_query *q, const char *cursor)
{
    if (!cursor)
        return TRUE;
    g_auto(GStrv) v = g_strsplit(cursor, "|", 4);
    if (g_strv_length(v) != 3 || (*v[0] && !is_date(v[0])) || !dicom_uid_is_valid(v[1]) || !id_is_valid(v[2]))
        return FALSE;
    q->cursor_date = g_strdup(v[0]);
    q->cursor_uid = g_strdup(v[1]);
    q->cursor_id = g_strdup(v[2]);
    return TRUE;
}

/* FALSE after having replied. */
static gboolean
parse_list(http_request *r, struct list_query *q)
{
    const char *query = http_query(r, "query"), *limit = http_query(r, "limit"),
               *scope = http_query(r, "scope");
    static const char *const scopes[] = {"all", "own", "granted", NULL};
    guint64 number = LIMIT_DEFAULT;
    *q = (struct list_query){
        .modality = http_query(r, "modality"),
        .patient = http_query(r, "patient"),
        .from = http_query(r, "from"),
        .to = http_query(r, "to"),
        .scope = scope ? scope : "all",
    };
    gboolean good = (!query || strlen(query) <= QUERY_LIMIT * 4) && g_strv_contains(scopes, q->scope) &&
                    (!limit || g_ascii_string_to_unsigned(limit, 10, 1, LIMIT_MAX, &number, NULL)) &&
                    (!q->patient || id_is_valid(q->patient)) && is_date(q->from) && is_date(q->to) &&
                    parse_cursor(q, http_query(r, "cursor"));
    if (!good) {
        http_reply_problem(r, ERR_INVALID,
                           "query, modality, patient, from, to, scope, limit or cursor is malformed");
        return FALSE;
    }
    q->limit = (guint)number;
    q->words = words_of(query);
    return TRUE;
}

static guint
limit_of(const http_request *r)
{
    const char *limit = http_query(r, "limit");
    return limit ? (guint)g_ascii_strtoull(limit, NULL, 10) : LIMIT_DEFAULT;
}

struct next_url {
    GString *text;
};

static void
add_parameter(const char *name, const char *value, gpointer data)
{
    struct next_url *next = data;
    if (!strcmp(name, "cursor"))
        return;
    g_autofree char *escaped = g_uri_escape_string(value, NULL, FALSE);
    g_autofree char *escaped_name = g_uri_escape_string(name, NULL, FALSE);
    g_string_append_printf(next->text, "%s=%s&", escaped_name, escaped);
}

/* The address of the next page: the same query behind the last row of this one. */
static char *
next_url(http_request *r, db_batch *batch, guint last)
{
    struct next_url next = {g_string_new("/api/v1/studies?")};
    http_query_each(r, add_parameter, &next);
    g_autofree char *cursor = g_strjoin("|", db_text(batch, 1, last, 1), db_text(batch, 1, last, 2),
                                        db_text(batch, 1, last, 3), NULL);
    g_autofree char *escaped = g_uri_escape_string(cursor, NULL, FALSE);
    g_string_append_printf(next.text, "cursor=%s", escaped);
    return g_string_free(next.text, FALSE);
}

/* Statement 0: the planner, 1: rows, 2: total. */
static void
on_list(http_request *r, db_batch *batch)
{
    guint rows = db_rows(batch, 1), limit = limit_of(r), shown = MIN(rows, limit);
    GString *out = g_string_new("{\"items\":[");
    for (guint i = 0; i < shown; i++)
        g_string_append_printf(out, "%s%s", i ? "," : "", db_text(batch, 1, i, 0));
    g_autofree char *next = rows > limit ? next_url(r, batch, shown - 1) : NULL;
    g_autoptr(json_t) next_value = next ? json_string(next) : json_null();
    g_autofree char *next_text = json_text(next_value);
    g_string_append_printf(out, "],\"next\":%s,\"total\":%s}", next_text, db_text(batch, 2, 0, 0));
    http_reply_json_text(r, 200, out->str);
    g_string_free(out, TRUE);
}

void
api_study_list(http_request *r)
{
    struct list_query q;
    if (!parse_list(r, &q))
        return;
    g_autofree char *limit = g_strdup_printf("%u", q.limit + 1);
    db_batch *batch = db_batch_new(http_actor(r));
    db_batch_add(batch, "dicomweb_custom_plan", 0);
    db_batch_add(batch, "study_list", 10, q.words, q.modality, q.patient, q.from, q.to, q.scope, limit,
                 q.cursor_date, q.cursor_uid, q.cursor_id);
    db_batch_add(batch, "study_count", 6, q.words, q.modality, q.patient, q.from, q.to, q.scope);
    read_audit_add(r, batch, "study.search", "");
    http_db(r, batch, on_list);
    list_query_clear(&q);
}

/* --- one
 * ------------------------------------------------------------------------------------------------------------
 */
/* FALSE after having replied: the same answer for what is no id as for what one may not see. */
static gboolean
take_id(http_request *r)
{
    if (id_is_valid(http_param(r, "id")))
        return TRUE;
    http_reply_problem(r, ERR_NOT_FOUND, "%s", "");
    return FALSE;
}

static void
on_study(http_request *r, db_batch *batch)
{
    read_audit_done(r, "study.read", http_param(r, "id"));
    const char *text = db_text(batch, 0, 0, 0);
    if (text)
        http_reply_json_text(r, 200, text);
    else
        http_reply_problem(r, ERR_NOT_FOUND, "%s", "");
}

static void
ask(http_request *r, const char *statement, void (*on_rows)(http_request *, db_batch *))
{
    if (!take_id(r))
        return;
    db_batch *batch = db_batch_new(http_actor(r));
    db_batch_add(batch, statement, 1, http_param(r, "id"));
    read_audit_add(r, batch, "study.read", http_param(r, "id"));
    http_db(r, batch, on_rows);
}

void
api_study_get(http_request *r)
{
    ask(r, "study_get", on_study);
}

static void
on_manifest(http_request *r, db_batch *batch)
{
    http_reply_header(r, "Cache-Control", "private, no-cache");
    on_study(r, batch);
}

static void
on_generation(http_request *r, db_batch *batch)
{
    const char *generation = db_text(batch, 0, 0, 0);
    read_audit_done(r, "study.read", http_param(r, "id"));
    if (!generation) {
        http_reply_problem(r, ERR_NOT_FOUND, "%s", "");
        return;
    }
    g_autofree char *hash = id_sha256_hex(generation, strlen(generation));
    g_autofree char *etag = g_strdup_printf("\"%.32s\"", hash);
    if (http_not_modified(r, etag))
        return;
    ask(r, "study_manifest", on_manifest);
}

void
api_study_manifest(http_request *r)
{
    ask(r, "study_generation", on_generation);
}

/* --- resuming an upload
 * ------------------------------------------------------------------------------------------------ */
static void
on_known(http_request *r, db_batch *batch)
{
    g_autofree char *text = g_strdup_printf("{\"known\":%s}", db_text(batch, 0, 0, 0));
    http_reply_json_text(r, 200, text);
}

void
api_upload_known(http_request *r)
{
    g_autoptr(json_t) body = http_body_json(r);
    if (!body)
        return;
    const json_t *instances = json_object_get(body, "instances");
    gboolean good =
        json_is_array(instances) && json_object_size(body) == 1 && json_array_size(instances) <= KNOWN_LIMIT;
    gsize i;
    json_t *one;
    json_array_foreach((json_t *)instances, i, one) good =
        good && json_is_string(one) && dicom_uid_is_valid(json_string_value(one));
    if (!good) {
        http_reply_problem(r, ERR_INVALID, "instances: a list of up to %d UIDs", KNOWN_LIMIT);
        return;
    }
    g_autofree char *text = json_text(instances);
    db_batch *batch = db_batch_new(http_actor(r));
    db_batch_add(batch, "upload_known", 1, text);
    http_db(r, batch, on_known);
}
