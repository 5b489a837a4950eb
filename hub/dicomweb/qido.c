/* QIDO-RS: query parameters become the parameters of one prepared statement per level; PostgreSQL makes the
 * answer's text. */
#include "hub/dicomweb/accept.h"
#include "hub/dicomweb/dicomweb.h"
#include "hub/dicomweb/path.h"
#include <stdlib.h>
#include <string.h>

#define PARAMETERS 20
#define STUDIES_DEFAULT 100
#define STUDIES_LIMIT 1000
#define ROWS_LIMIT 10000
#define OFFSET_LIMIT 10000000
#define VALUE_LIMIT 4096 /* bytes of one value; a list of UIDs is the longest */
#define LIST_LIMIT 1000  /* values of one list */

typedef enum { PATTERN, NAME, UIDS, CODES, CODE, DATES, TIMES, NUMBER } match_kind;

/* A key that can be matched: its keyword and tag, how, and the statement's parameter (from 1; ranges take the
 * next one too). */
typedef struct {
    const char *keyword, *tag;
    match_kind kind;
    guint parameter;
} match_key;

static const match_key study_keys[] = {
    {"StudyInstanceUID", "0020000D", UIDS, 2},
    {"PatientID", "00100020", PATTERN, 3},
    {"PatientName", "00100010", NAME, 4},
    {"StudyDate", "00080020", DATES, 6},
    {"AccessionNumber", "00080050", PATTERN, 8},
    {"ModalitiesInStudy", "00080061", CODES, 9},
    {"Modality", "00080060", CODES, 9},
    {"StudyID", "00200010", PATTERN, 10},
    {"StudyDescription", "00081030", PATTERN, 11},
    {"ReferringPhysicianName", "00080090", PATTERN, 12},
    {"PatientSex", "00100040", CODE, 13},
    {"PatientBirthDate", "00100030", DATES, 14},
    {"StudyTime", "00080030", TIMES, 16},
    {NULL, NULL, 0, 0},
};

static const match_key series_keys[] = {
    {"SeriesInstanceUID", "0020000E", UIDS, 3},
    {"Modality", "00080060", CODES, 4},
    {"SeriesNumber", "00200011", NUMBER, 5},
    {"SeriesDescription", "0008103E", PATTERN, 6},
    {NULL, NULL, 0, 0},
};

static const match_key instance_keys[] = {
    {"SOPInstanceUID", "00080018", UIDS, 4},
    {"SOPClassUID", "00080016", UIDS, 5},
    {"InstanceNumber", "00200013", NUMBER, 6},
    {NULL, NULL, 0, 0},
};

typedef struct {
    const char *statement;
    const match_key *keys;
    guint base_url, limit, offset, count; /* parameters */
    guint default_limit, max_limit;
} level;

static const level levels[] = {
    {"qido_studies", study_keys, 18, 19, 20, 20, STUDIES_DEFAULT, STUDIES_LIMIT},
    {"qido_series", series_keys, 7, 8, 9, 9, ROWS_LIMIT, ROWS_LIMIT},
    {"qido_instances", instance_keys, 7, 8, 9, 9, ROWS_LIMIT, ROWS_LIMIT},
};

struct search {
    const level *level;
    char *parameters[PARAMETERS + 1]; /* by number, from 1 */
    const char *study;                /* named in the path or the query, for the audit row */
    guint limit, offset;
    gboolean fuzzy;
    GError *error;
};

/* --- values to parameters ------------------------------------------------------------------------------- */
static void
set(struct search *s, guint parameter, char *value)
{
    g_free(s->parameters[parameter]);
    s->parameters[parameter] = value;
}

/* DICOM's * and ? as a LIKE pattern. */
static char *
like_pattern(const char *value)
{
    GString *out = g_string_new(NULL);
    for (const char *c = value; *c; c++) {
        if (*c == '*')
            g_string_append_c(out, '%');
        else if (*c == '?')
            g_string_append_c(out, '_');
        else if (strchr("%_\\", *c))
            g_string_append_printf(out, "\\%c", *c);
        else
            g_string_append_c(out, *c);
    }
    return g_string_free(out, FALSE);
}

/* PostgreSQL's text form of an array. */
static char *
array_text(char **values)
{
    GString *out = g_string_new("{");
    for (char **v = values; *v; v++) {
        g_string_append(out, out->len > 1 ? ",\"" : "\"");
        for (const char *c = *v; *c; c++) {
            if (*c == '"' || *c == '\\')
                g_string_append_c(out, '\\');
            g_string_append_c(out, *c);
        }
        g_string_append_c(out, '"');
    }
    return g_string_free(g_string_append_c(out, '}'), FALSE);
}

static gboolean
match_list(struct search *s, const match_key *key, const char *value)
{
    g_autofree char *upper = key->kind == CODES ? g_ascii_strup(value, -1) : g_strdup(value);
    g_auto(GStrv) values = g_strsplit_set(upper, ",\\", LIST_LIMIT + 1);
    if (g_strv_length(values) > LIST_LIMIT)
        return err_set(&s->error, ERR_TOO_LARGE, "%s: more than %d values", key->keyword, LIST_LIMIT);
    for (char **v = values; *v; v++)
        if (key->kind == UIDS && !dicom_uid_is_valid(g_strstrip(*v)))
            return err_set(&s->error, ERR_INVALID, "%s: not a list of UIDs", key->keyword);
    set(s, key->parameter, array_text(values));
    return TRUE;
}

/* A name matches as one of its groups with wildcards, or when each of its words is a word of the folded forms
 * under which the patient is searched (as written, simplified, pinyin). */
static gboolean
match_name(struct search *s, const match_key *key, const char *value)
{
    set(s, key->parameter, like_pattern(value));
    g_auto(GStrv) parts = g_strsplit_set(value, "^= ,", 64);
    g_autoptr(GStrvBuilder) words = g_strv_builder_new();
    for (char **part = parts; *part; part++) {
        if (strspn(*part, "*?") == strlen(*part))
            continue;
        g_autofree char *word = like_pattern(*part);
        g_autofree char *pattern = g_strconcat("% ", word, s->fuzzy ? "% %" : " %", NULL);
        g_strv_builder_add(words, pattern);
    }
    g_auto(GStrv) list = g_strv_builder_end(words);
    set(s, key->parameter + 1, array_text(list));
    return TRUE;
}

/* "20260131" as "2026-01-31"; NULL when it is no date. */
static char *
date_text(const char *dicom, gsize length)
{
    if (length != 8 || strspn(dicom, "0123456789") < 8)
        return NULL;
    char digits[9];
    g_strlcpy(digits, dicom, sizeof digits);
    guint number = (guint)strtoul(digits, NULL, 10);
    if (!g_date_valid_dmy((GDateDay)(number % 100), (GDateMonth)(number / 100 % 100),
                          (GDateYear)(number / 10000)))
        return NULL;
    return g_strdup_printf("%04u-%02u-%02u", number / 10000, number / 100 % 100, number % 100);
}

static char *
time_text(const char *dicom, gsize length)
{
    if (length < 2 || length > 13 || strspn(dicom, "0123456789.") < length)
        return NULL;
    return g_strndup(dicom, length);
}

/* a-b, a- and -b; a alone is a-a. */
static gboolean
match_interval(struct search *s, const match_key *key, const char *value)
{
    char *(*convert)(const char *, gsize) = key->kind == DATES ? date_text : time_text;
    const char *dash = strchr(value, '-'), *second = dash ? dash + 1 : value;
    gsize first_length = dash ? (gsize)(dash - value) : strlen(value);
    char *from = first_length ? convert(value, first_length) : NULL,
         *to = *second ? convert(second, strlen(second)) : NULL;
    set(s, key->parameter, from);
    set(s, key->parameter + 1, to);
    if ((first_length && !from) || (*second && !to) || (!from && !to))
        return err_set(&s->error, ERR_INVALID, "%s: neither a value nor a range a-b", key->keyword);
    if (key->kind == TIMES && to) { /* 10 includes 10:59:59 */
        g_autofree char *upper = g_strconcat(to, "~", NULL);
        set(s, key->parameter + 1, g_steal_pointer(&upper));
    }
    return TRUE;
}

static gboolean
match_number(struct search *s, const match_key *key, const char *value)
{
    gint64 number;
    if (!g_ascii_string_to_signed(value, 10, G_MININT32, G_MAXINT32, &number, NULL))
        return err_set(&s->error, ERR_INVALID, "%s: no whole number", key->keyword);
    set(s, key->parameter, g_strdup(value));
    return TRUE;
}

static gboolean
match(struct search *s, const match_key *key, const char *value)
{
    switch (key->kind) {
    case NAME:
        return match_name(s, key, value);
    case UIDS:
    case CODES:
        return match_list(s, key, value);
    case DATES:
    case TIMES:
        return match_interval(s, key, value);
    case NUMBER:
        return match_number(s, key, value);
    case CODE:
        set(s, key->parameter, g_ascii_strup(value, -1));
        return TRUE;
    default:
        set(s, key->parameter, like_pattern(value));
        return TRUE;
    }
}

/* --- the query string -------------------------------------------------------------------------------------
 */
static gboolean
parse_count(struct search *s, const char *name, const char *value, guint max, gboolean cap, guint *ret)
{
    guint64 number;
    if (!g_ascii_string_to_unsigned(value, 10, 0, G_MAXUINT32, &number, NULL) || (!cap && number > max))
        return err_set(&s->error, ERR_INVALID, "%s: no whole number up to %u", name, max);
    *ret = (guint)MIN(number, max);
    return TRUE;
}

/* includefield names what may be left out; nothing is left out, so that it changes nothing. Names are checked
 * all the same. */
static gboolean
is_attribute_list(const char *value)
{
    return strspn(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789,.") == strlen(value);
}

static void
on_parameter(const char *name, const char *value, gpointer data)
{
    struct search *s = data;
    if (s->error)
        return;
    if (!strcmp(name, "limit")) {
        parse_count(s, name, value, s->level->max_limit, TRUE, &s->limit);
    } else if (!strcmp(name, "offset")) {
        parse_count(s, name, value, OFFSET_LIMIT, FALSE, &s->offset);
    } else if (!strcmp(name, "includefield")) {
        if (!is_attribute_list(value))
            err_set(&s->error, ERR_INVALID, "includefield: not a list of attributes");
    } else if (!strcmp(name, "StudyInstanceUID") || !g_ascii_strcasecmp(name, "0020000D")) {
        s->study = *value ? value : s->study;
    }
}

static const match_key *
find_key(const level *l, const char *name)
{
    for (const match_key *key = l->keys; key->keyword; key++)
        if (!strcmp(key->keyword, name) || !g_ascii_strcasecmp(key->tag, name))
            return key;
    return NULL;
}

static gboolean
is_control(const char *name)
{
    static const char *const names[] = {"limit", "offset", "includefield", "fuzzymatching", "accept", NULL};
    return g_strv_contains(names, name);
}

static void
on_match(const char *name, const char *value, gpointer data)
{
    struct search *s = data;
    const match_key *key = find_key(s->level, name);
    gboolean study = !strcmp(name, "StudyInstanceUID") || !g_ascii_strcasecmp(name, "0020000D");
    if (s->error || is_control(name))
        return;
    if (!key && study && s->level != &levels[0] && !s->parameters[2]) {
        if (dicom_uid_is_valid(value))
            set(s, 2, g_strdup(value));
        else
            err_set(&s->error, ERR_INVALID, "StudyInstanceUID: one UID");
    } else if (!key && !study) {
        err_set(&s->error, ERR_INVALID, "%.64s is no attribute that can be matched at this level", name);
    } else if (strlen(value) > VALUE_LIMIT * 16) {
        err_set(&s->error, ERR_TOO_LARGE, "a value is too long");
    } else if (key && *value && strcmp(value, "*") != 0) { /* empty or *: universal matching */
        match(s, key, value);
    }
}

static void
search_clear(struct search *s)
{
    for (guint i = 0; i <= PARAMETERS; i++)
        g_free(s->parameters[i]);
    g_clear_error(&s->error);
}

/* --- running it
 * ---------------------------------------------------------------------------------------------- */
static const char *
answer_type(http_request *r)
{
    static const char *const types[] = {"application/dicom+json", "application/json", NULL};
    const char *accept = http_query(r, "accept");
    g_autoptr(GArray) ranges = accept_parse(accept ? accept : http_header(r, "accept"));
    return accept_one(ranges, types);
}

static char *
audit_object(const struct search *s)
{
    const char *code = s->parameters[1], *study = s->study ? s->study : "";
    return code ? g_strconcat(code, "/", study, NULL) : g_strndup(study, 256);
}

/* Statement 0 sets the planner, 1 is the search. */
static void
on_found(http_request *r, db_batch *batch)
{
    const char *more = db_text(batch, 1, 0, 2);
    if (more && strcmp(more, "0") != 0) {
        g_autofree char *text =
            g_strdup_printf("299 consilium \"There are %s additional results that can be requested\"", more);
        http_reply_header(r, "Warning", text);
    }
    const char *text = db_text(batch, 1, 0, 0);
    g_autoptr(GBytes) bytes = g_bytes_new(text, strlen(text));
    http_reply_header(r, "Vary", "Accept");
    http_reply_bytes(r, 200, answer_type(r), bytes);
}

static void
run(http_request *r, struct search *s)
{
    const level *l = s->level;
    set(s, l->base_url, g_strdup(http_base_url(r)));
    set(s, l->limit, g_strdup_printf("%u", s->limit));
    set(s, l->offset, g_strdup_printf("%u", s->offset));
    g_autofree char *object = audit_object(s);
    db_batch *batch = db_batch_new(http_actor(r));
    db_batch_add(batch, "dicomweb_custom_plan", 0);
    db_batch_add_array(batch, l->statement, l->count, (const char *const *)s->parameters + 1);
    read_audit_add(r, batch, "study.search", object);
    http_db(r, batch, on_found);
}

static void
search(http_request *r, const level *l)
{
    struct search s = {.level = l, .limit = l->default_limit};
    dicom_path path;
    if (!dicom_path_take(r, &path))
        return;
    if (!answer_type(r)) {
        http_reply_problem(r, ERR_NOT_ACCEPTABLE, "searches answer application/dicom+json");
        return;
    }
    s.fuzzy = !g_strcmp0(http_query(r, "fuzzymatching"), "true");
    s.study = path.study;
    s.parameters[1] = g_strdup(path.code);
    if (l != &levels[0]) {
        s.parameters[2] = g_strdup(path.study);
        if (l == &levels[2])
            s.parameters[3] = g_strdup(path.series);
    }
    http_query_each(r, on_parameter, &s);
    http_query_each(r, on_match, &s);
    if (s.error)
        http_reply_error(r, s.error);
    else
        run(r, &s);
    search_clear(&s);
}

void
qido_studies(http_request *r)
{
    search(r, &levels[0]);
}

void
qido_series(http_request *r)
{
    search(r, &levels[1]);
}

void
qido_instances(http_request *r)
{
    search(r, &levels[2]);
}
