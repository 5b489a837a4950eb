#include "dicom/scp/find.h"
#include <string.h>

struct find_query {
    db_pool *pool;
    char *organisation, *title, *level, *keys;
    guint skip;
    gboolean audited;
    struct find_request *open; /* the page under way */
};

struct find_request {
    find_query *q; /* NULL: freed meanwhile */
    find_page page;
    gpointer user_data;
    guint index, partial; /* of the statements in the batch */
};

find_query *
find_query_new(db_pool *pool, const char *organisation, const char *title, json_t *keys)
{
    find_query *q = g_new0(find_query, 1);
    *q = (find_query){.pool = pool,
                      .organisation = g_strdup(organisation),
                      .title = g_strdup(title),
                      .level = g_strdup(json_get_text(keys, "00080052")),
                      .keys = json_text(keys)};
    return q;
}

void
find_query_free(find_query *q)
{
    if (!q)
        return;
    if (q->open)
        q->open->q = NULL;
    g_free(q->organisation);
    g_free(q->title);
    g_free(q->level);
    g_free(q->keys);
    g_free(q);
}

/* What is the same for every match. */
static json_t *
match_of(const find_query *q, db_batch *batch, guint index, guint row)
{
    json_t *match = db_json(batch, index, row, 0);
    json_object_set_new(match, "00080052", json_pack("{s:s, s:[s]}", "vr", "CS", "Value", q->level));
    json_object_set_new(match, "00080056", json_pack("{s:s, s:[s]}", "vr", "CS", "Value", "ONLINE"));
    return match;
}

static void
on_found(db_batch *batch, const GError *error, gpointer data)
{
    struct find_request *r = data;
    find_query *q = r->q;
    if (q) {
        g_autoptr(json_t) matches = json_array();
        guint rows = error ? 0 : db_rows(batch, r->index);
        for (guint row = 0; row < MIN(rows, FIND_PAGE); row++)
            json_array_append_new(matches, match_of(q, batch, r->index, row));
        q->open = NULL;
        q->skip += FIND_PAGE;
        r->page(&(find_answer){.matches = matches,
                               .more = rows > FIND_PAGE,
                               .partial = !error && !g_strcmp0(db_text(batch, r->partial, 0, 0), "t")},
                error, r->user_data);
    } else {
        r->page(&(find_answer){0}, error, r->user_data);
    }
    g_free(r);
}

void
find_query_next(find_query *q, find_page page, gpointer user_data)
{
    const db_actor actor = {.organisation = q->organisation, .purpose = "treatment"};
    g_autofree char *options = g_strdup_printf(
        "{\"offset\": %u, \"limit\": %u, \"beyond\": 0, \"whole\": true}", q->skip, FIND_PAGE + 1);
    struct find_request *r = g_new0(struct find_request, 1);
    *r = (struct find_request){.q = q, .page = page, .user_data = user_data};
    db_batch *batch = db_batch_new(&actor);
    if (!q->audited)
        db_batch_add(batch, "dicom_audit", 4, q->title, "study.find", "", NULL);
    q->audited = TRUE;
    r->index = db_batch_add(batch, "dicom_find", 3, q->level, q->keys, options);
    r->partial = db_batch_add(batch, "dicom_find_partial", 1, q->keys);
    q->open = r;
    db_pool_run(q->pool, batch, on_found, r);
}
