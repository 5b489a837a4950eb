/* C-STORE: into the shared memory or a file, over to the program, answered when it is durable. */
#include "dicom/child/shared.h"
#include "dicom/scp/serve.h"
#include "hub/base/err.h"
#include "hub/base/id.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

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
    g_autoptr(json_t) answer = worker_ask(request);
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
    if (received && !in.sink.too_large)
        *ret_status = hand_over(command, &in, ret_reason);
    else if (in.path)
        unlink(in.path);
    if (in.sink.too_large)
        *ret_reason = g_strdup_printf("larger than the %" G_GUINT64_FORMAT " bytes accepted", w->limit);
    g_free(in.path);
    return received;
}

gboolean
serve_store(worker *w, const dcm_command *command, GError **error)
{
    guint16 status = STATUS_OUT_OF_RESOURCES;
    g_autofree char *reason = NULL;
    return receive_and_store(w, command, &status, &reason, error) &&
           dcm_association_respond(w->association, command, status, reason, error);
}
