/* What a request's JSON may hold, as tables; what is wrong with it, as [{field, problem}]. The same limits stand in
 * hub/api/openapi.yaml and in the schema's CHECKs; a contract test compares them. */
#pragma once
#include "hub/base/json.h"

typedef enum { FIELD_TEXT, FIELD_ID, FIELD_BOOLEAN, FIELD_DATE, FIELD_TIME, FIELD_CHOICE, FIELD_IDS, FIELD_OBJECT } field_type;

typedef struct field {
    const char *name; /* NULL ends a table */
    field_type type;
    gboolean required; /* present and not null; a text also not empty when min is 1 */
    guint min, max;    /* characters of a text; max: entries of FIELD_IDS */
    const char *choices; /* of FIELD_CHOICE: " a b c " */
    const struct field *object; /* of FIELD_OBJECT */
} field;

/** Appends what does not fit the table to errors (array), names prefixed with prefix ("opinion."; NULL: none). Members
 * that the table does not have are errors too. TRUE: nothing was appended. */
gboolean fields_check(const json_t *object, const field *table, const char *prefix, json_t *errors);
/** Appends one {field, problem}. */
void fields_error(json_t *errors, const char *name, const char *problem);
