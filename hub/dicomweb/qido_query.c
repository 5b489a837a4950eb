#include "hub/dicomweb/qido_query.h"
#include "hub/dicomweb/uid.h"
#include <stdlib.h>
#include <string.h>

#define STUDIES_DEFAULT 100
#define STUDIES_LIMIT 1000
#define ROWS_LIMIT 10000
#define OFFSET_LIMIT 10000000
#define VALUE_LIMIT 65536 /* bytes of one value; a list of UIDs is the longest */
#define LIST_LIMIT 1000   /* values of one list */

typedef enum { TEXT, UIDS, CODES, DATES, TIMES, NUMBER } match_kind;

/* What can be matched, and from which level on: the attributes of the index. */
static const struct match_key {
    const char *keyword, *tag;
    match_kind kind;
    qido_level level;
} match_keys[] = {
    {"StudyDate", "00080020", DATES, QIDO_STUDIES},
    {"StudyTime", "00080030", TIMES, QIDO_STUDIES},
    {"AccessionNumber", "00080050", TEXT, QIDO_STUDIES},
    {"ModalitiesInStudy", "00080061", CODES, QIDO_STUDIES},
    {"Modality", "00080060", CODES, QIDO_STUDIES}, /* of a study: that it has */
    {"ReferringPhysicianName", "00080090", TEXT, QIDO_STUDIES},
    {"StudyDescription", "00081030", TEXT, QIDO_STUDIES},
    {"PatientName", "00100010", TEXT, QIDO_STUDIES},
    {"PatientID", "00100020", TEXT, QIDO_STUDIES},
    {"IssuerOfPatientID", "00100021", TEXT, QIDO_STUDIES},
    {"PatientBirthDate", "00100030", DATES, QIDO_STUDIES},
    {"PatientSex", "00100040", TEXT, QIDO_STUDIES},
    {"PatientAge", "00101010", TEXT, QIDO_STUDIES},
    {"StudyInstanceUID", "0020000D", UIDS, QIDO_STUDIES},
    {"StudyID", "00200010", TEXT, QIDO_STUDIES},
    {"NumberOfStudyRelatedSeries", "00201206", NUMBER, QIDO_STUDIES},
    {"NumberOfStudyRelatedInstances", "00201208", NUMBER, QIDO_STUDIES},
    {"SeriesDate", "00080021", DATES, QIDO_SERIES},
    {"SeriesTime", "00080031", TIMES, QIDO_SERIES},
    {"Manufacturer", "00080070", TEXT, QIDO_SERIES},
    {"SeriesDescription", "0008103E", TEXT, QIDO_SERIES},
    {"ManufacturerModelName", "00081090", TEXT, QIDO_SERIES},
    {"BodyPartExamined", "00180015", TEXT, QIDO_SERIES},
    {"ProtocolName", "00181030", TEXT, QIDO_SERIES},
    {"PatientPosition", "00185100", TEXT, QIDO_SERIES},
    {"SeriesInstanceUID", "0020000E", UIDS, QIDO_SERIES},
    {"SeriesNumber", "00200011", NUMBER, QIDO_SERIES},
    {"Laterality", "00200060", TEXT, QIDO_SERIES},
    {"NumberOfSeriesRelatedInstances", "00201209", NUMBER, QIDO_SERIES},
    {"PerformedProcedureStepStartDate", "00400244", DATES, QIDO_SERIES},
    {"PerformedProcedureStepStartTime", "00400245", TIMES, QIDO_SERIES},
    {"SOPClassUID", "00080016", UIDS, QIDO_INSTANCES},
    {"SOPInstanceUID", "00080018", UIDS, QIDO_INSTANCES},
    {"AvailableTransferSyntaxUID", "00083002", UIDS, QIDO_INSTANCES},
    {"InstanceNumber", "00200013", NUMBER, QIDO_INSTANCES},
    {"NumberOfFrames", "00280008", NUMBER, QIDO_INSTANCES},
    {"Rows", "00280010", NUMBER, QIDO_INSTANCES},
    {"Columns", "00280011", NUMBER, QIDO_INSTANCES},
};

void
qido_query_init(qido_query *q, qido_level level)
{
    *q = (qido_query){
        .level = level, .keys = json_object(), .limit = level == QIDO_STUDIES ? STUDIES_DEFAULT : ROWS_LIMIT};
}

void
qido_query_clear(qido_query *q)
{
    g_clear_pointer(&q->keys, json_decref);
}

/* --- values --------------------------------------------------------------------------------------------- */
static char *
list_value(const struct match_key *key, const char *value, GError **error)
{
    g_auto(GStrv) values = g_strsplit_set(value, ",\\", LIST_LIMIT + 1);
    if (g_strv_length(values) > LIST_LIMIT) {
        err_set(error, ERR_TOO_LARGE, "%s: more than %d values", key->keyword, LIST_LIMIT);
        return NULL;
    }
    for (char **v = values; *v; v++) {
        if (key->kind == UIDS && !dicom_uid_is_valid(g_strstrip(*v))) {
            err_set(error, ERR_INVALID, "%s: not a list of UIDs", key->keyword);
            return NULL;
        }
    }
    return g_strjoinv("\\", values);
}

static gboolean
is_date(const char *text, gsize length)
{
    char digits[9];
    if (length != 8 || strspn(text, "0123456789") < 8)
        return FALSE;
    g_strlcpy(digits, text, sizeof digits);
    guint number = (guint)strtoul(digits, NULL, 10);
    return g_date_valid_dmy((GDateDay)(number % 100), (GDateMonth)(number / 100 % 100),
                            (GDateYear)(number / 10000));
}

static gboolean
is_time(const char *text, gsize length)
{
    return length >= 2 && length <= 13 && strspn(text, "0123456789.") >= length;
}

/* a-b, a-, -b or a. */
static gboolean
is_interval(const struct match_key *key, const char *value)
{
    gboolean (*good)(const char *, gsize) = key->kind == DATES ? is_date : is_time;
    const char *dash = strchr(value, '-');
    if (!dash)
        return good(value, strlen(value));
    gsize first = (gsize)(dash - value), second = strlen(dash + 1);
    return first + second > 0 && (!first || good(value, first)) && (!second || good(dash + 1, second));
}

static gboolean
add_key(qido_query *q, const struct match_key *key, const char *value, GError **error)
{
    g_autofree char *text = NULL;
    gint64 number;
    if (key->kind == UIDS || key->kind == CODES) {
        text = list_value(key, value, error);
        if (!text)
            return FALSE;
    } else if ((key->kind == DATES || key->kind == TIMES) && !is_interval(key, value)) {
        return err_set(error, ERR_INVALID, "%s: neither a value nor a range a-b", key->keyword);
    } else if (key->kind == NUMBER &&
               !g_ascii_string_to_signed(value, 10, -999999999, 999999999, &number, NULL)) {
        return err_set(error, ERR_INVALID, "%s: no whole number", key->keyword);
    }
    json_object_set_new(q->keys, key->tag, json_string(text ? text : value));
    return TRUE;
}

/* --- parameters ----------------------------------------------------------------------------------------- */
static gboolean
set_count(guint *ret, const char *name, const char *value, guint max, gboolean cap, GError **error)
{
    guint64 number;
    if (!g_ascii_string_to_unsigned(value, 10, 0, G_MAXUINT32, &number, NULL) || (!cap && number > max))
        return err_set(error, ERR_INVALID, "%s: no whole number up to %u", name, max);
    *ret = (guint)MIN(number, max);
    return TRUE;
}

/* A comma list of keywords, tags and paths of them, or all. What the index has of a level always goes. */
static gboolean
set_fields(qido_query *q, const char *value, GError **error)
{
    static const char *const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789,.";
    if (strspn(value, letters) < strlen(value))
        return err_set(error, ERR_INVALID, "includefield: not a list of attributes");
    q->upper = *value != '\0';
    return TRUE;
}

static const struct match_key *
find_key(const char *name, qido_level level)
{
    for (gsize i = 0; i < G_N_ELEMENTS(match_keys); i++) {
        const struct match_key *key = &match_keys[i];
        if (key->level <= level && (!strcmp(key->keyword, name) || !g_ascii_strcasecmp(key->tag, name)))
            return key;
    }
    return NULL;
}

gboolean
qido_query_add(qido_query *q, const char *name, const char *value, GError **error)
{
    if (strlen(value) > VALUE_LIMIT)
        return err_set(error, ERR_TOO_LARGE, "%.64s: the value is too long", name);
    if (!strcmp(name, "limit"))
        return set_count(&q->limit, name, value, q->level == QIDO_STUDIES ? STUDIES_LIMIT : ROWS_LIMIT, TRUE,
                         error);
    if (!strcmp(name, "offset"))
        return set_count(&q->offset, name, value, OFFSET_LIMIT, FALSE, error);
    if (!strcmp(name, "includefield"))
        return set_fields(q, value, error);
    if (!strcmp(name, "accept"))
        return TRUE;
    if (!strcmp(name, "fuzzymatching")) {
        q->fuzzy = !strcmp(value, "true");
        return q->fuzzy || !strcmp(value, "false") ||
               err_set(error, ERR_INVALID, "fuzzymatching: neither true nor false");
    }
    const struct match_key *key = find_key(name, q->level);
    if (!key)
        return err_set(error, ERR_INVALID, "%.64s is no attribute that can be matched at this level", name);
    if (!*value || !strcmp(value, "*")) /* universal matching */
        return TRUE;
    return add_key(q, key, value, error);
}
