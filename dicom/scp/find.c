#include "dicom/scp/find.h"
#include <string.h>

struct find_query {
    db_pool *pool;
    char *organisation, *title, *keys;
    guint skip;
    gboolean audited;
    struct find_request *open; /* the page under way */
};

struct find_request {
    find_query *q; /* NULL: freed meanwhile */
    find_page page;
    gpointer user_data;
    guint index; /* of the statement in the batch */
};

find_query *
find_query_new(db_pool *pool, const char *organisation, const char *title, json_t *keys)
{
    find_query *q = g_new0(find_query, 1);
    *q = (find_query){.pool = pool,
                      .organisation = g_strdup(organisation),
                      .title = g_strdup(title),
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
    g_free(q->keys);
    g_free(q);
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
            json_array_append_new(matches, db_json(batch, r->index, row, 0));
        q->open = NULL;
        q->skip += FIND_PAGE;
        r->page(matches, rows > FIND_PAGE, error, r->user_data);
    } else {
        r->page(NULL, FALSE, error, r->user_data);
    }
    g_free(r);
}

void
find_query_next(find_query *q, find_page page, gpointer user_data)
{
    const db_actor actor = {.organisation = q->organisation, .purpose = "treatment"};
    g_autofree char *skip = g_strdup_printf("%u", q->skip), *most = g_strdup_printf("%u", FIND_PAGE + 1);
    struct find_request *r = g_new0(struct find_request, 1);
    *r = (struct find_request){.q = q, .page = page, .user_data = user_data};
    db_batch *batch = db_batch_new(&actor);
    if (!q->audited)
        db_batch_add(batch, "dicom_audit", 4, q->title, "study.find", "", NULL);
    q->audited = TRUE;
    r->index = db_batch_add(batch, "dicom_find", 3, q->keys, skip, most);
    q->open = r;
    db_pool_run(q->pool, batch, on_found, r);
}
