/* C-FIND (PS3.4 C.6.1, C.6.2): keys of the identifier -> one SQL function under row-level security ->
 * matches. What an AE finds is what its organisation may see. */
#pragma once
#include "hub/store/db.h"

#define FIND_PAGE 50 /* matches a message */

typedef struct find_query find_query;

typedef struct {
    json_t *matches;  /* an array of DICOM JSON objects, NULL: the query was freed meanwhile */
    gboolean more;    /* there is another page */
    gboolean partial; /* some keys are of attributes that are not known here */
} find_answer;

/** page is called once for each find_query_next, never inside of it; the answer is borrowed; error NULL on
 * success. */
typedef void (*find_page)(const find_answer *answer, const GError *error, gpointer user_data);

/** keys, with a valid level (0008,0052), is borrowed. organisation: the calling AE's; title: for the audit
 * row. */
find_query *find_query_new(db_pool *pool, const char *organisation, const char *title, json_t *keys);
/** Pending answers do not come any more. */
void find_query_free(find_query *q);
void find_query_next(find_query *q, find_page page, gpointer user_data);
