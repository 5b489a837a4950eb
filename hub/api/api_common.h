/* What the handlers of /api/v1 share: ids in paths, paging, lists, refusals that leave an audit row. */
#pragma once
#include "hub/http/http.h"

/** The path's parameter name when it is a UUID; NULL after having replied 404 and written an audit row for action. */
const char *api_id(http_request *r, const char *name, const char *action);
/** The JSON body, or an empty object when there was none; NULL after having replied 400. */
json_t *api_body(http_request *r);
/** The query's limit (1 … 200, default 50), as a number for a statement; FALSE after having replied 400. */
gboolean api_limit(http_request *r, guint *ret_limit);
/** The two halves of the query's cursor, "A|B"; both NULL when there is none. FALSE after having replied 400. */
gboolean api_cursor(http_request *r, char **ret_first, char **ret_second);
/** What follows the item whose cursor text is last, as the link `next`: this request's address with another cursor. New reference. */
json_t *api_next(http_request *r, const char *last);
/** Replies {items, next} of statement `index`: column 0 the items as JSON, column 1 (has_cursor) the cursor text of each;
 * one more row than limit says that there is a next page. */
void api_reply_rows(http_request *r, const db_batch *batch, guint index, guint limit, gboolean has_cursor);
/** Takes items. */
json_t *api_list(json_t *items, json_t *next);
/** Takes body; replies with it after an audit row for action has been written: the ids in body.items. */
void api_reply_audited(http_request *r, json_t *body, const char *action);
/** error with an audit row for the refused action on object. */
void api_refuse(http_request *r, const char *action, const char *object, err_code code, const char *detail);
