#include "dicom/scp/worker.h"
#include "dicom/child/child.h"
#include "dicom/child/shared.h"
#include "dicom/dcmtk/association.h"
#include "dicom/scan/syntax.h"
#include "hub/base/err.h"
#include "hub/base/id.h"
#include "hub/base/log.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define STATUS_OUT_OF_RESOURCES 0xa700
#define STATUS_PENDING 0xff00
#define STATUS_CANCELLED 0xfe00
#define STATUS_UNABLE 0xc000
#define STATUS_UNRECOGNIZED 0x0211

typedef struct {
    char *temp;     /* directory for what does not fit into memory */
    guint8 *memory; /* SHARED_SIZE bytes that the program sees too */
    guint64 limit, floor;
    int acse_timeout, idle_timeout; /* seconds */
    dcm_association *association;
} worker;

static gboolean
takes_syntax(const char *uid)
{
    return syntax_find(uid) != NULL;
}

/* Sends and waits for the one answer. NULL: the program is gone. */
static json_t *
ask(json_t *request)
{
    g_autoptr(json_t) owned = request;
    json_t *answer = NULL;
    int fd = -1;
    if (!channel_send(CHANNEL_FD, owned, -1))
        return NULL;
    if (channel_receive(CHANNEL_FD, TRUE, &answer, &fd) != CHANNEL_MESSAGE)
        return NULL;
    if (fd >= 0)
        close(fd);
    return answer;
}

static gboolean
has_room(const worker *w)
{
    struct statvfs fs;
    return statvfs(w->temp, &fs) == 0 && (guint64)fs.f_bavail * fs.f_frsize >= w->floor;
}

/* An object being received. */
typedef struct {
    const worker *w;
    dcm_sink sink;
    char *path; /* of its file; NULL: it is in memory */
} incoming;

static int
open_incoming(gpointer data)
{
    incoming *in = data;
    g_autofree char *id = id_new();
    in->path = g_strdup_printf("%s/%s.part", in->w->temp, id);
    return open(in->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
}

/* Hands the object over; from here on it is the program's. */
static guint16
hand_over(const dcm_command *command, const incoming *in, char **ret_reason)
{
    json_t *request = json_pack("{s:s, s:s, s:s}", "type", "store", "sop_class", command->sop_class,
                                "sop_uid", command->sop_uid);
    if (in->path)
        json_object_set_new(request, "file", json_string(in->path));
    else
        json_object_set_new(request, "bytes", json_integer((json_int_t)in->sink.length));
    g_autoptr(json_t) answer = ask(request);
    if (!answer) {
        if (in->path)
            unlink(in->path);
        return STATUS_OUT_OF_RESOURCES;
    }
    *ret_reason = g_strdup(json_get_text(answer, "reason"));
    return (guint16)json_get_int(answer, "status", STATUS_OUT_OF_RESOURCES);
}

static gboolean
receive_and_store(worker *w, const dcm_command *command, guint16 *ret_status, char **ret_reason,
                  GError **error)
{
    if (!has_room(w)) {
        *ret_status = STATUS_OUT_OF_RESOURCES;
        return dcm_association_discard(w->association, command, w->idle_timeout, error);
    }
    incoming in = {.w = w,
                   .sink = {.memory = w->memory,
                            .capacity = SHARED_SIZE,
                            .open_file = open_incoming,
                            .user_data = &in,
                            .fd = -1}};
    gboolean received =
        dcm_association_store(w->association, command, &in.sink, w->limit, w->idle_timeout, error);
    if (in.sink.fd >= 0 && close(in.sink.fd) != 0 && received)
        received = err_set(error, ERR_STORAGE, "the object cannot be written: %s", g_strerror(errno));
    if (received)
        *ret_status = hand_over(command, &in, ret_reason);
    else if (in.path)
        unlink(in.path);
    g_free(in.path);
    return received;
}

static gboolean
serve_store(worker *w, const dcm_command *command, GError **error)
{
    guint16 status = STATUS_OUT_OF_RESOURCES;
    g_autofree char *reason = NULL;
    return receive_and_store(w, command, &status, &reason, error) &&
           dcm_association_respond(w->association, command, status, reason, error);
}

/* Passes on one page of matches; *ret_more: the program has another. */
static gboolean
send_matches(worker *w, const dcm_command *command, json_t *page, guint16 *ret_status, gboolean *ret_more,
             GError **error)
{
    size_t i;
    json_t *match;
    json_array_foreach(json_object_get(page, "matches"), i, match)
    {
        if (!dcm_association_match(w->association, command, STATUS_PENDING, match, error))
            return FALSE;
    }
    *ret_status = (guint16)json_get_int(page, "status", STATUS_UNABLE);
    *ret_more = json_get_bool(page, "more", FALSE);
    return TRUE;
}

static gboolean
serve_find(worker *w, const dcm_command *command, GError **error)
{
    json_t *keys = dcm_association_keys(w->association, command, w->idle_timeout, error);
    if (!keys)
        return FALSE;
    guint16 status = STATUS_UNABLE;
    gboolean more = TRUE;
    json_t *request = json_pack("{s:s, s:o}", "type", "find", "keys", keys);
    while (more) {
        g_autoptr(json_t) page = ask(request);
        more = FALSE;
        if (page && !send_matches(w, command, page, &status, &more, error))
            return FALSE;
        request = more ? json_pack("{s:s, s:b}", "type", "find", "next", 1) : NULL;
    }
    return dcm_association_match(w->association, command, status, NULL, error);
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
                   : dcm_association_match(w->association, command, STATUS_UNABLE, NULL, error);
    case DCM_CANCEL:
        return TRUE; /* what it would cancel is over */
    default:
        return err_set(error, ERR_UNSUPPORTED, "an operation that was not negotiated");
    }
}

static gboolean
admit(worker *w)
{
    g_autoptr(json_t) answer =
        ask(json_pack("{s:s, s:s, s:s}", "type", "admit", "calling", dcm_association_calling(w->association),
                      "called", dcm_association_called(w->association)));
    const char *type = answer ? json_get_text(answer, "type") : NULL;
    if (!g_strcmp0(type, "admitted"))
        return TRUE;
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

static void
serve_commands(worker *w)
{
    for (;;) {
        dcm_command command;
        g_autoptr(GError) error = NULL;
        if (!dcm_association_next(w->association, w->idle_timeout, &command, &error) ||
            command.kind == DCM_RELEASED || command.kind == DCM_ENDED)
            return;
        if (!serve_command(w, &command, &error)) {
            log_line(LOG_INFO, dcm_association_calling(w->association), "association aborted: %s",
                     error->message);
            dcm_association_abort(w->association);
            return;
        }
    }
}

static void
serve(worker *w, int fd)
{
    w->association = dcm_association_receive(fd, w->acse_timeout, NULL);
    if (w->association && admit(w) && dcm_association_accept(w->association, takes_syntax, NULL))
        serve_commands(w);
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
    dcm_network_init();
    g_autofree char *temp = g_build_filename(config_data_dir(c), "blobs", "tmp", NULL);
    worker w = {.temp = temp,
                .limit = (guint64)config_int(c, "dicom", "object-limit"),
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
        serve(&w, fd);
    }
    return 0;
}
