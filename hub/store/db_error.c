/* SQLSTATE to our error codes, the only place that knows both. PostgreSQL's DETAIL and the values in its messages
 * may be patient data: they stay here; what leaves is the SQLSTATE, the constraint's name and our own words. */
#include "hub/store/db_internal.h"
#include <string.h>

/* The longest matching prefix wins. */
static const struct {
    const char *sqlstate;
    err_code code;
    const char *words;
} table[] = {
    {"08", ERR_UNAVAILABLE, "the database connection failed"},
    {"22", ERR_INVALID, "a value is not valid"},
    {"22001", ERR_INVALID, "a text is too long"},
    {"22P02", ERR_INVALID, "a value has the wrong form"},
    {"23", ERR_CONFLICT, "the data does not fit what is stored"},
    {"23502", ERR_INVALID, "a value is missing"},
    {"23503", ERR_UNPROCESSABLE, "something referred to does not exist"},
    {"23505", ERR_CONFLICT, "it exists already"},
    {"23514", ERR_INVALID, "a value is not allowed"},
    {"40", ERR_CONFLICT, "somebody else is changing the same"},
    {"42501", ERR_DENIED, "this is not allowed"},
    {"53", ERR_UNAVAILABLE, "the database has no resources left"},
    {"53100", ERR_STORAGE, "the database's disk is full"},
    {"55P03", ERR_CONFLICT, "somebody else is changing the same"},
    {"57014", ERR_TIMEOUT, "the database took too long"},
    {"57P", ERR_UNAVAILABLE, "the database is being restarted"},
};

static gboolean
code_of_refusal(const char *sqlstate, err_code *ret_code)
{
    int status = (int)g_ascii_strtoll(sqlstate + 2, NULL, 10);
    for (int code = 0; code < ERR_COUNT; code++)
        if (err_http_status((err_code)code) == status) {
            *ret_code = (err_code)code;
            return TRUE;
        }
    return FALSE;
}

GError *
db_error_of(const PGresult *result, const char *statement)
{
    const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    if (!sqlstate)
        return err_new(ERR_UNAVAILABLE, "the database connection was lost");
    err_code code;
    if (g_str_has_prefix(sqlstate, "CN") && code_of_refusal(sqlstate, &code))
        return err_new(code, "%s", PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY));

    const char *words = NULL;
    gsize best = 0;
    code = ERR_INTERNAL;
    for (gsize i = 0; i < G_N_ELEMENTS(table); i++) {
        gsize length = strlen(table[i].sqlstate);
        if (length > best && strncmp(sqlstate, table[i].sqlstate, length) == 0) {
            best = length;
            code = table[i].code;
            words = table[i].words;
        }
    }
    const char *constraint = PQresultErrorField(result, PG_DIAG_CONSTRAINT_NAME);
    if (words)
        return err_new(code, "%s (%s%s%s)", words, sqlstate, constraint ? ", " : "", constraint ? constraint : "");
    /* what is left is a mistake of ours (a missing table, a syntax error): its text names no data */
    return err_new(ERR_INTERNAL, "statement %s failed: %s (%s)", statement,
                   PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY), sqlstate);
}

gboolean
db_error_is_retryable(const char *sqlstate)
{
    /* 26000: the statement was to be prepared by a batch before us, which did not get that far */
    return sqlstate && (strcmp(sqlstate, "40001") == 0 || strcmp(sqlstate, "40P01") == 0 || strcmp(sqlstate, "26000") == 0);
}

gboolean
db_error_is_termination(const char *sqlstate)
{
    return sqlstate && g_str_has_prefix(sqlstate, "57P");
}

GError *
db_error_of_connection(PGconn *pg)
{
    g_autofree char *text = g_strdup(pg ? PQerrorMessage(pg) : "out of memory");
    g_strdelimit(text, "\n", ' ');
    return err_new(ERR_UNAVAILABLE, "no connection to the database: %s", g_strstrip(text));
}
