#include "dicom/scp/retrieve.h"
#include "dicom/child/channel.h"
#include "hub/base/err.h"
#include "hub/base/log.h"
#include <string.h>

typedef struct {
    guint most;
    retrieve_done done;
    gpointer user_data;
} question;

static int
write_list(const db_batch *batch, guint rows)
{
    g_autoptr(GString) list = g_string_new(NULL);
    for (guint row = 0; row < rows; row++)
        g_string_append_printf(list, "%s %s %s %s %d\n", db_text(batch, 0, row, 0), db_text(batch, 0, row, 1),
                               db_text(batch, 0, row, 2), db_text(batch, 0, row, 3),
                               !strcmp(db_text(batch, 0, row, 4), "t"));
    return channel_text(list->str, list->len);
}

static void
on_rows(db_batch *batch, const GError *error, gpointer data)
{
    question *q = data;
    guint rows = error ? 0 : db_rows(batch, 0);
    guint16 status = 0;
    int list = -1;
    if (error && err_code_of(error) == ERR_INVALID)
        status = RETRIEVE_BAD_IDENTIFIER;
    else if (error)
        status = RETRIEVE_UNABLE;
    else if (rows > q->most)
        status = RETRIEVE_TOO_MANY;
    else if ((list = write_list(batch, rows)) < 0)
        status = RETRIEVE_TOO_MANY;
    if (error && status == RETRIEVE_UNABLE)
        log_limited(LOG_WARNING, "dimse", "retrieve: %s", error->message);
    q->done(list, list >= 0 ? rows : 0, status, q->user_data);
    g_free(q);
}

void
retrieve_list(db_pool *pool, const retrieve_request *r, retrieve_done done, gpointer user_data)
{
    const db_actor actor = {.organisation = r->organisation, .purpose = "treatment", .request = r->request};
    g_autofree char *keys = json_text(r->keys), *most = g_strdup_printf("%u", r->most + 1);
    question *q = g_new0(question, 1);
    *q = (question){.most = r->most, .done = done, .user_data = user_data};
    db_batch *batch = db_batch_new(&actor);
    db_batch_add(batch, "dicom_retrieve", 5, keys, r->receiver, r->action, r->who, most);
    db_pool_run(pool, batch, on_rows, q);
}
