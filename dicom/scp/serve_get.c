/* C-GET (PS3.4 C.4.3): the objects go back over the association that asks for them. */
#include "dicom/scp/outgoing.h"
#include "hub/base/err.h"
#include "hub/base/log.h"
#include <unistd.h>

typedef struct {
    worker *w;
    const dcm_command *command;
    outgoing *list;
    gboolean cancelled;
} retrieval;

/* Waits for the answer to the object that is under way; a C-CANCEL may come before it. FALSE: the association
 * is over. */
static gboolean
take_answer(retrieval *r, guint16 message, guint16 *ret_status, GError **error)
{
    for (;;) {
        dcm_command c;
        if (!dcm_association_next(r->w->association, r->w->idle_timeout, &c, error))
            return FALSE;
        if (c.kind == DCM_STORED && c.message_id == message) {
            *ret_status = c.status;
            return TRUE;
        }
        if (c.kind != DCM_CANCEL)
            return err_set(error, ERR_INVALID, "no answer to a sub-operation: %s", c.why);
        r->cancelled = TRUE;
    }
}

static gboolean
take_cancel(retrieval *r, GError **error)
{
    dcm_command c;
    if (!dcm_association_wait(r->w->association, -1, 0))
        return TRUE;
    if (!dcm_association_next(r->w->association, r->w->idle_timeout, &c, error))
        return FALSE;
    if (c.kind != DCM_CANCEL)
        return err_set(error, ERR_INVALID, "the caller left before the last object: %s", c.why);
    r->cancelled = TRUE;
    return TRUE;
}

static gboolean
send_one(retrieval *r, outgoing_item *item, GError **error)
{
    g_autoptr(GError) why = NULL;
    guint16 message = 0, status = STATUS_UNABLE_TO_PERFORM;
    outgoing_result result = outgoing_send(r->w, r->w->association, item, NULL, 0, &message, &why);
    if (result == OUTGOING_LOST)
        return err_set(error, ERR_UNAVAILABLE, "%s", why ? why->message : "the association is lost");
    if (result == OUTGOING_NOT_SENT)
        log_limited(LOG_WARNING, dcm_association_calling(r->w->association), "C-GET of %s: %s", item->sop_uid,
                    why->message);
    if (result == OUTGOING_SENT && !take_answer(r, message, &status, error))
        return FALSE;
    outgoing_count(r->list, item, status);
    return r->list->counters.remaining == 0 || r->cancelled ||
           dcm_association_progress(r->w->association, r->command, STATUS_PENDING, &r->list->counters, NULL,
                                    NULL, error);
}

static gboolean
send_all(retrieval *r, GError **error)
{
    for (guint i = 0; i < r->list->count && !r->cancelled; i++)
        if (!take_cancel(r, error) || (!r->cancelled && !send_one(r, &r->list->items[i], error)))
            return FALSE;
    g_autofree char *failed = outgoing_failed(r->list);
    return dcm_association_progress(r->w->association, r->command, outgoing_status(r->list, r->cancelled),
                                    &r->list->counters, failed, NULL, error);
}

gboolean
serve_get(worker *w, const dcm_command *command, GError **error)
{
    guint16 status = STATUS_UNABLE;
    json_t *keys = serve_identifier(w, command, error);
    if (!keys)
        return FALSE;
    int fd = -1;
    g_autoptr(json_t) answer =
        worker_ask_file(json_pack("{s:s, s:o}", "type", "retrieve", "keys", keys), &fd);
    if (answer)
        status = (guint16)json_get_int(answer, "status", STATUS_UNABLE);
    if (fd < 0) {
        const dcm_counters none = {0};
        return dcm_association_progress(w->association, command, status, &none, NULL, NULL, error);
    }
    g_autoptr(outgoing) list = outgoing_read(fd, (guint)json_get_int(answer, "count", 0), error);
    close(fd);
    retrieval r = {.w = w, .command = command, .list = list};
    return list && send_all(&r, error);
}
