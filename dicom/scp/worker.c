#include "dicom/scp/worker.h"
#include "dicom/child/child.h"
#include "dicom/child/shared.h"
#include "dicom/scan/syntax.h"
#include "dicom/scp/commit.h"
#include "dicom/scp/serve.h"
#include "hub/base/err.h"
#include "hub/base/log.h"
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static gboolean
takes_syntax(const char *uid)
{
    return syntax_find(uid) != NULL;
}

static GQueue early; /* reports that came while an answer was waited for */

static void
keep_report(GQueue *queue, json_t *message, int fd)
{
    worker_report *r = g_new0(worker_report, 1);
    r->id = g_strdup(json_get_text(message, "id"));
    r->transaction = g_strdup(json_get_text(message, "transaction"));
    r->lines = fd >= 0 ? channel_read_text(fd, 2 * COMMIT_ITEMS_LIMIT) : NULL;
    if (fd >= 0)
        close(fd);
    if (r->id && r->transaction && r->lines)
        g_queue_push_tail(queue, r);
    else
        worker_report_free(r);
}

json_t *
worker_ask_with(const json_t *request, int fd, int *ret_fd)
{
    static GMutex one_at_a_time; /* answers come in the order of the questions */
    json_t *answer = NULL;
    *ret_fd = -1;
    g_mutex_lock(&one_at_a_time);
    gboolean good = channel_send(CHANNEL_FD, request, fd);
    while (good) {
        good = channel_receive(CHANNEL_FD, TRUE, &answer, ret_fd) == CHANNEL_MESSAGE;
        if (!good || g_strcmp0(json_get_text(answer, "type"), "report"))
            break;
        keep_report(&early, answer, *ret_fd);
        g_clear_pointer(&answer, json_decref);
    }
    g_mutex_unlock(&one_at_a_time);
    return good ? answer : NULL;
}

json_t *
worker_ask_file(json_t *request, int *ret_fd)
{
    g_autoptr(json_t) owned = request;
    return worker_ask_with(owned, -1, ret_fd);
}

json_t *
worker_ask(json_t *request)
{
    int fd = -1;
    json_t *answer = worker_ask_file(request, &fd);
    if (fd >= 0)
        close(fd);
    return answer;
}

json_t *
serve_identifier(worker *w, const dcm_command *command, GError **error)
{
    json_t *keys = dcm_association_keys(w->association, command, w->idle_timeout, error);
    const char *level = keys ? json_get_text(keys, "00080052") : NULL;
    gboolean study_root = g_str_has_prefix(command->sop_class, "1.2.840.10008.5.1.4.1.2.2.");
    if (study_root && level && g_str_has_prefix(level, "PATIENT"))
        json_object_set_new(keys, "00080052", json_string("")); /* a level that this model does not have */
    return keys;
}

static gboolean
serve_command(worker *w, const dcm_command *command, GError **error)
{
    switch (command->kind) {
    case DCM_ECHO:
        return dcm_association_respond(w->association, command, 0, NULL, error);
    case DCM_STORE:
        return command->has_dataset
                   ? serve_store(w, command, error)
                   : dcm_association_respond(w->association, command, STATUS_UNABLE, "no data set", error);
    case DCM_FIND:
        return command->has_dataset
                   ? serve_find(w, command, error)
                   : dcm_association_match(w->association, command, STATUS_UNABLE, NULL, NULL, error);
    case DCM_GET:
    case DCM_MOVE: {
        static const dcm_counters none;
        if (!command->has_dataset)
            return dcm_association_progress(w->association, command, STATUS_NO_IDENTIFIER, &none, NULL, NULL,
                                            error);
        return command->kind == DCM_GET ? serve_get(w, command, error) : serve_move(w, command, error);
    }
    case DCM_ACTION:
        return serve_commit(w, command, error);
    case DCM_REPORTED:
        serve_reported(w, command);
        return !command->has_dataset ||
               dcm_association_discard(w->association, command, w->idle_timeout, error);
    case DCM_CANCEL:
        return TRUE; /* what it would cancel is over */
    default:
        return err_set(error, ERR_UNSUPPORTED, "an operation that was not negotiated");
    }
}

tls_context *
worker_tls(worker *w, GError **error)
{
    if (!w->tls)
        w->tls = tls_context_new(w->tls_files, error);
    return w->tls;
}

static gboolean
is_registered(const char *sha256, gpointer unused)
{
    (void)unused;
    g_autoptr(json_t) answer = worker_ask(json_pack("{s:s, s:s}", "type", "certificate", "sha256", sha256));
    return answer && json_get_bool(answer, "known", FALSE);
}

/* NULL: the connection is closed, the program was told why. */
static tls_session *
shake_hands(worker *w, int fd)
{
    g_autoptr(GError) error = NULL;
    tls_context *tls = worker_tls(w, &error);
    tls_session *session = NULL;
    struct timeval wait = {.tv_sec = w->acse_timeout};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
    if (tls)
        session = tls_accept(tls, fd, is_registered, NULL, &error);
    if (session)
        return session;
    g_autoptr(json_t) report = json_pack("{s:s, s:s, s:b}", "type", "no-handshake", "reason", error->message,
                                         "refused", error->code == ERR_DENIED);
    channel_send(CHANNEL_FD, report, -1);
    close(fd);
    return NULL;
}

static json_t *
describe_peer(const tls_peer *p)
{
    return json_pack("{s:s, s:s, s:s, s:b, s:b}", "cn", p->cn, "organisation", p->organisation, "sha256",
                     p->sha256, "trusted", (int)p->trusted, "ours", (int)p->ours);
}

static gboolean
admit(worker *w, json_t *peer)
{
    json_t *question = json_pack("{s:s, s:s, s:s, s:o*}", "type", "admit", "calling",
                                 dcm_association_calling(w->association), "called",
                                 dcm_association_called(w->association), "tls", peer);
    g_autoptr(json_t) answer = question ? worker_ask(question) : NULL;
    const char *type = answer ? json_get_text(answer, "type") : NULL;
    if (!g_strcmp0(type, "admitted")) {
        gint64 own = json_get_int(answer, "object_limit", 0);
        w->limit = own > 0 ? (guint64)own : w->limit_of_all;
        return TRUE;
    }
    static const struct {
        const char *name;
        dcm_reject_reason reason;
    } reasons[] = {{"calling", DCM_REJECT_CALLING}, {"called", DCM_REJECT_CALLED}, {"busy", DCM_REJECT_BUSY}};
    dcm_reject_reason reason = DCM_REJECT_NOT_READY;
    for (gsize i = 0; answer && i < G_N_ELEMENTS(reasons); i++)
        if (!g_strcmp0(json_get_text(answer, "reason"), reasons[i].name))
            reason = reasons[i].reason;
    dcm_association_reject(w->association, reason);
    return FALSE;
}

/* Waits for the peer, and sends what the program has for it meanwhile. FALSE: nothing came for too long, or
 * the program is gone. */
static gboolean
wait_for_command(worker *w)
{
    gint64 deadline = g_get_monotonic_time() + w->idle_timeout * G_USEC_PER_SEC;
    for (;;) {
        json_t *message = NULL;
        int fd = -1;
        channel_result result;
        while ((result = channel_receive(CHANNEL_FD, FALSE, &message, &fd)) == CHANNEL_MESSAGE) {
            keep_report(&w->reports, message, fd);
            json_decref(message);
        }
        if (result != CHANNEL_EMPTY)
            return FALSE; /* the program is gone */
        worker_report *r;
        while ((r = g_queue_pop_head(&early)))
            g_queue_push_tail(&w->reports, r);
        serve_reports(w);
        gint64 left = deadline - g_get_monotonic_time();
        if (left <= 0 || dcm_association_wait(w->association, CHANNEL_FD, (int)(left / 1000) + 1))
            return left > 0;
    }
}

static void
forget_reports(worker *w)
{
    g_clear_pointer(&w->reporting, worker_report_free);
    g_queue_clear_full(&w->reports, (GDestroyNotify)worker_report_free);
    g_queue_clear_full(&early, (GDestroyNotify)worker_report_free);
}

static void
serve_commands(worker *w)
{
    for (;;) {
        dcm_command command;
        g_autoptr(GError) error = NULL;
        if (!wait_for_command(w)) {
            log_line(LOG_INFO, dcm_association_calling(w->association),
                     "association aborted: nothing came, or the program is gone");
            dcm_association_abort(w->association);
            return;
        }
        if (!dcm_association_next(w->association, w->idle_timeout, &command, &error) ||
            command.kind == DCM_RELEASED)
            return;
        if (command.kind == DCM_ENDED) {
            log_line(LOG_INFO, dcm_association_calling(w->association), "association broken: %s",
                     command.why);
            return;
        }
        if (!serve_command(w, &command, &error)) {
            log_line(LOG_INFO, dcm_association_calling(w->association), "association aborted: %s",
                     error->message);
            dcm_association_abort(w->association);
            return;
        }
    }
}

static void
serve(worker *w, int fd, gboolean over_tls)
{
    json_t *peer = NULL;
    tls_session *session = over_tls ? shake_hands(w, fd) : NULL;
    if (over_tls && !session)
        return;
    if (session)
        peer = describe_peer(tls_session_peer(session));
    w->association = dcm_association_receive(fd, session, w->acse_timeout, NULL);
    if (w->association && admit(w, g_steal_pointer(&peer)) &&
        dcm_association_accept(w->association, takes_syntax, NULL))
        serve_commands(w);
    forget_reports(w);
    json_decref(peer);
    g_clear_pointer(&w->association, dcm_association_free);
}

static gboolean
share_memory(worker *w)
{
    g_autoptr(GError) error = NULL;
    int fd = shared_make(&w->memory, &error);
    if (fd < 0) {
        log_line(LOG_ERROR, "dimse", "%s", error->message);
        return FALSE;
    }
    g_autoptr(json_t) message = json_pack("{s:s}", "type", "memory");
    gboolean sent = channel_send(CHANNEL_FD, message, fd);
    close(fd);
    return sent;
}

static gboolean
say_idle(void)
{
    g_autoptr(json_t) idle = json_pack("{s:s}", "type", "idle");
    return channel_send(CHANNEL_FD, idle, -1);
}

int
worker_run(const config *c)
{
    child_begin();
    dcm_network_init((guint)config_int(c, "dicom", "pdu-size"));
    g_autofree char *blobs = g_build_filename(config_data_dir(c), "blobs", NULL);
    g_autofree char *temp = g_build_filename(blobs, "tmp", NULL);
    g_autofree char *tls_files = g_build_filename(config_data_dir(c), "tls", NULL);
    worker w = {.title = config_text(c, "dicom", "ae-title"),
                .blobs = blobs,
                .temp = temp,
                .tls_files = tls_files,
                .move_associations = (guint)config_int(c, "dicom", "move-associations"),
                .limit_of_all = (guint64)config_int(c, "dicom", "object-limit"),
                .floor = (guint64)config_int(c, "store", "disk-floor"),
                .acse_timeout = (int)config_int(c, "dicom", "acse-timeout"),
                .idle_timeout = (int)config_int(c, "dicom", "idle-timeout")};
    if (!share_memory(&w))
        return 1;
    for (guint served = 0; served < WORKER_ASSOCIATIONS && say_idle(); served++) {
        g_autoptr(json_t) message = NULL;
        int fd = -1;
        if (channel_receive(CHANNEL_FD, TRUE, &message, &fd) != CHANNEL_MESSAGE || fd < 0)
            return 0;
        serve(&w, fd, json_get_bool(message, "tls", FALSE));
    }
    return 0;
}
