/* C-MOVE (PS3.4 C.4.2): the objects go to a registered AE. The mover's threads send; this one tells the
 * caller how far they are and hears when it wants no more. */
#include "dicom/scp/mover.h"
#include "hub/base/err.h"
#include "hub/base/log.h"
#include <string.h>
#include <unistd.h>

#define WAKE_MS 1000 /* at least so often */

/* A C-CANCEL, or the caller's end. */
static gboolean
hear_caller(worker *w, mover *m, GError **error)
{
    dcm_command c;
    if (!dcm_association_next(w->association, w->idle_timeout, &c, error))
        return FALSE;
    mover_cancel(m);
    return c.kind == DCM_CANCEL ||
           err_set(error, ERR_INVALID, "the caller left before the last object: %s", c.why);
}

/* Until all is sent. FALSE: the caller is gone. */
static gboolean
attend(worker *w, const dcm_command *command, mover *m, gboolean *ret_cancelled, GError **error)
{
    dcm_counters told = {.remaining = G_MAXUINT}, now;
    for (;;) {
        if (dcm_association_wait(w->association, mover_descriptor(m), WAKE_MS)) {
            if (!hear_caller(w, m, error))
                return FALSE;
            *ret_cancelled = TRUE;
        }
        if (mover_progress(m, &now))
            return TRUE;
        if (now.remaining > 0 && memcmp(&now, &told, sizeof now) &&
            !dcm_association_progress(w->association, command, STATUS_PENDING, &now, NULL, NULL, error))
            return FALSE;
        told = now;
    }
}

static gboolean
move(worker *w, const dcm_command *command, const json_t *answer, outgoing *list, GError **error)
{
    const char *caller = dcm_association_calling(w->association);
    tls_context *tls = NULL;
    if (json_get_bool(answer, "tls", FALSE) && !(tls = worker_tls(w, error)))
        return FALSE;
    const mover_plan plan = {.w = w,
                             .tls = tls,
                             .cert_cn = json_get_text(answer, "cert_cn"),
                             .cert_sha256 = json_get_text(answer, "cert_sha256"),
                             .code = json_get_text(answer, "code"),
                             .list = list,
                             .called = command->destination,
                             .host = json_get_text(answer, "host"),
                             .port = (guint16)json_get_int(answer, "port", 0),
                             .originator = caller,
                             .originator_message = command->message_id,
                             .senders = w->move_associations};
    gboolean cancelled = FALSE, heard = TRUE;
    g_autofree char *reason = NULL;
    if (list->count > 0) {
        mover *m = mover_new(&plan);
        heard = attend(w, command, m, &cancelled, error);
        if (!heard)
            mover_cancel(m);
        reason = mover_finish(m);
    }
    const dcm_counters *n = &list->counters;
    log_line(n->failed ? LOG_WARNING : LOG_INFO, caller,
             "C-MOVE to %s: %u sent, %u with warning, %u failed, %u left%s%s", command->destination,
             n->completed, n->warning, n->failed, n->remaining, n->failed && reason ? ": " : "",
             n->failed && reason ? reason : "");
    g_autofree char *failed = outgoing_failed(list);
    return heard && dcm_association_progress(w->association, command, outgoing_status(list, cancelled), n,
                                             failed, n->failed ? reason : NULL, error);
}

gboolean
serve_move(worker *w, const dcm_command *command, GError **error)
{
    guint16 status = STATUS_UNABLE;
    json_t *keys = serve_identifier(w, command, error);
    if (!keys)
        return FALSE;
    int fd = -1;
    g_autoptr(json_t) answer = worker_ask_file(
        json_pack("{s:s, s:o, s:s}", "type", "retrieve", "keys", keys, "destination", command->destination),
        &fd);
    if (answer)
        status = (guint16)json_get_int(answer, "status", STATUS_UNABLE);
    if (fd < 0) {
        const dcm_counters none = {0};
        return dcm_association_progress(w->association, command, status, &none, NULL, NULL, error);
    }
    g_autoptr(outgoing) list = outgoing_read(fd, (guint)json_get_int(answer, "count", 0), error);
    close(fd);
    return list && move(w, command, answer, list, error);
}
