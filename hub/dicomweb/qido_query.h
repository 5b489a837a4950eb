/* The parameters of a QIDO-RS search (PS3.18 8.3.4) as keys and options of the function image_search. No I/O.
 */
#pragma once
#include "hub/base/err.h"
#include "hub/base/json.h"

typedef enum { QIDO_STUDIES, QIDO_SERIES, QIDO_INSTANCES } qido_level;

typedef struct {
    qido_level level;
    json_t *keys; /* {"GGGGEEEE": text as DICOM writes it} */
    guint limit, offset;
    gboolean fuzzy;
    gboolean upper; /* includefield was given: attributes of the levels above are wanted too */
} qido_query;

/** For a level with its default limit. Clear it with qido_query_clear. */
void qido_query_init(qido_query *q, qido_level level);
void qido_query_clear(qido_query *q);
/** Takes one parameter; both valid UTF-8. FALSE with an error that names it: ERR_INVALID or ERR_TOO_LARGE. */
gboolean qido_query_add(qido_query *q, const char *name, const char *value, GError **error);
