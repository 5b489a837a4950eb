/* Storage Commitment (PS3.4 annex J): the request to the program, which keeps it; its reports, when they
 * come, to the caller. */
#include "dicom/child/channel.h"
#include "dicom/scp/commit.h"
#include "dicom/scp/serve.h"
#include "hub/base/err.h"
#include <string.h>
#include <unistd.h>

#define COMMITMENT_CLASS "1.2.840.10008.1.20.1"
#define COMMITMENT_INSTANCE "1.2.840.10008.1.20.1.1"
#define NO_SUCH_INSTANCE 0x0112
#define INVALID_ARGUMENT 0x0115
#define NO_SUCH_ACTION 0x0123
#define PROCESSING_FAILURE 0x0110

static gboolean
is_uid(const char *text)
{
    gsize length = strspn(text, "0123456789.");
    return length > 0 && length <= 64 && text[length] == '\0';
}

/* Every line names a class and an instance. */
static gboolean
are_references(const char *lines)
{
    g_auto(GStrv) all = g_strsplit(lines, "\n", -1);
    for (char **line = all; *line && **line; line++) {
        char *space = strchr(*line, ' ');
        if (!space)
            return FALSE;
        *space = '\0';
        if (!is_uid(*line) || !is_uid(space + 1))
            return FALSE;
    }
    return TRUE;
}

static guint16
hand_over(const char *transaction, const char *references)
{
    int fd = channel_text(references, strlen(references));
    g_autoptr(json_t) request = json_pack("{s:s, s:s}", "type", "commit", "transaction", transaction);
    int none = -1;
    g_autoptr(json_t) answer = fd >= 0 ? worker_ask_with(request, fd, &none) : NULL;
    if (fd >= 0)
        close(fd);
    if (none >= 0)
        close(none);
    return (guint16)(answer ? json_get_int(answer, "status", PROCESSING_FAILURE) : PROCESSING_FAILURE);
}

gboolean
serve_commit(worker *w, const dcm_command *command, GError **error)
{
    g_autofree char *transaction = NULL, *references = NULL;
    guint count = 0;
    guint16 status = 0;
    if (command->has_dataset && !dcm_association_action(w->association, command, w->idle_timeout,
                                                        &transaction, &references, &count, error))
        return FALSE;
    if (strcmp(command->sop_class, COMMITMENT_CLASS) || strcmp(command->sop_uid, COMMITMENT_INSTANCE))
        status = NO_SUCH_INSTANCE;
    else if (command->type != 1)
        status = NO_SUCH_ACTION;
    else if (count == 0 || !is_uid(transaction) || !are_references(references) ||
             strlen(references) > COMMIT_ITEMS_LIMIT)
        status = INVALID_ARGUMENT;
    else
        status = hand_over(transaction, references);
    return dcm_association_action_answer(w->association, command, status, error);
}

static void
tell_reported(const char *id, const char *why)
{
    g_autoptr(json_t) message = json_pack("{s:s, s:s, s:s*}", "type", "reported", "id", id, "reason", why);
    channel_send(CHANNEL_FD, message, -1);
}

/* One report at a time is under way. */
void
serve_reports(worker *w)
{
    worker_report *r;
    while (!w->reporting && (r = g_queue_pop_head(&w->reports))) {
        g_autoptr(GError) error = NULL;
        if (dcm_association_report(w->association, r->transaction, r->lines, &r->message, &error)) {
            w->reporting = r;
            return;
        }
        tell_reported(r->id, error->message);
        worker_report_free(r);
    }
}

void
serve_reported(worker *w, const dcm_command *command)
{
    worker_report *r = w->reporting;
    if (!r || command->message_id != r->message)
        return;
    g_autofree char *why =
        command->status ? g_strdup_printf("the caller answers %04X", command->status) : NULL;
    tell_reported(r->id, why);
    g_clear_pointer(&w->reporting, worker_report_free);
}

void
worker_report_free(worker_report *r)
{
    g_free(r->id);
    g_free(r->transaction);
    g_free(r->lines);
    g_free(r);
}
