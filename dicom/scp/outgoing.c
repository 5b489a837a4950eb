#include "dicom/scp/outgoing.h"
#include "dicom/child/channel.h"
#include "dicom/scan/walk.h"
#include "hub/base/err.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define META_LIMIT (64 * 1024) /* bytes of preamble and file meta information */
#define PREAMBLE 132
#define LIST_LIMIT (256 * 1024 * 1024) /* bytes of the list */

/* "SOP-INSTANCE SOP-CLASS TRANSFER-SYNTAX SHA-256 0|1\n": cut up in place. */
static gboolean
take_line(char **at, outgoing_item *item)
{
    const char **fields[] = {&item->sop_uid, &item->sop_class, &item->syntax, &item->hash};
    for (gsize i = 0; i < G_N_ELEMENTS(fields); i++) {
        char *end = strchr(*at, ' ');
        if (!end)
            return FALSE;
        *end = '\0';
        *fields[i] = *at;
        *at = end + 1;
    }
    item->may_go = **at == '1';
    char *end = strchr(*at, '\n');
    *at = end ? end + 1 : *at;
    return end != NULL && strlen(item->hash) == 64;
}

outgoing *
outgoing_read(int fd, guint count, GError **error)
{
    g_autoptr(outgoing) o = g_new0(outgoing, 1);
    o->text = channel_read_text(fd, LIST_LIMIT);
    gboolean good = o->text != NULL;
    o->items = g_new0(outgoing_item, MAX(count, 1));
    o->count = o->counters.remaining = count;
    char *at = o->text;
    for (guint i = 0; good && i < count; i++)
        good = take_line(&at, &o->items[i]);
    if (!good) {
        err_set(error, ERR_INTERNAL, "the list of instances is broken");
        return NULL;
    }
    return g_steal_pointer(&o);
}

void
outgoing_free(outgoing *o)
{
    if (!o)
        return;
    g_free(o->items);
    g_free(o->text);
    g_free(o);
}

void
outgoing_count(outgoing *o, outgoing_item *item, guint16 status)
{
    o->counters.remaining--;
    item->failed = status != 0 && (status & 0xf000) != 0xb000;
    if (status == 0)
        o->counters.completed++;
    else if (item->failed)
        o->counters.failed++;
    else
        o->counters.warning++;
}

char *
outgoing_failed(const outgoing *o)
{
    if (o->counters.failed == 0)
        return NULL;
    GString *list = g_string_new(NULL);
    for (guint i = 0; i < o->count; i++)
        if (o->items[i].failed)
            g_string_append_printf(list, "%s%s", list->len ? "\\" : "", o->items[i].sop_uid);
    return g_string_free(list, FALSE);
}

guint16
outgoing_status(const outgoing *o, gboolean cancelled)
{
    const dcm_counters *n = &o->counters;
    if (cancelled && n->remaining > 0)
        return STATUS_CANCELLED;
    if (n->failed > 0 && n->completed + n->warning == 0)
        return STATUS_UNABLE_TO_PERFORM;
    return n->failed + n->warning > 0 ? STATUS_WARNING : 0;
}

/* Where the data set begins in a Part 10 file (PS3.10 7.1). */
static gboolean
find_dataset(int fd, guint64 *ret_offset)
{
    g_autofree guint8 *head = g_malloc(META_LIMIT);
    ssize_t n = pread(fd, head, META_LIMIT, 0);
    gsize at = PREAMBLE, length = n > 0 ? (gsize)n : 0;
    if (length < PREAMBLE || memcmp(head + PREAMBLE - 4, "DICM", 4))
        return FALSE;
    while (length - at >= 8 && head[at] == 2 && head[at + 1] == 0) {
        walk_value value;
        if (!walk_meta_element(head, length, &at, &value))
            return FALSE;
    }
    *ret_offset = at;
    return TRUE;
}

static int
open_stored(const worker *w, const outgoing_item *item, guint64 *ret_offset, GError **error)
{
    g_autofree char *path = g_strdup_printf("%s/%.2s/%s", w->blobs, item->hash, item->hash);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && find_dataset(fd, ret_offset))
        return fd;
    err_set(error, ERR_STORAGE, "the stored file %s cannot be read: %s", item->hash,
            fd < 0 ? g_strerror(errno) : "it is damaged");
    if (fd >= 0)
        close(fd);
    return -1;
}

/* The data set in another transfer syntax, from the program's sandboxed decoder. */
static int
open_converted(const outgoing_item *item, const char *syntax, GError **error)
{
    int fd = -1;
    g_autoptr(json_t) answer = worker_ask_file(
        json_pack("{s:s, s:s, s:s}", "type", "convert", "blob", item->hash, "syntax", syntax), &fd);
    if (fd < 0)
        err_set(error, ERR_UNPROCESSABLE,
                "it is stored in %s, which is not accepted, and cannot be converted: %s", item->syntax,
                answer ? json_get_text(answer, "reason") : "no answer");
    return fd;
}

outgoing_result
outgoing_send(const worker *w, dcm_association *a, const outgoing_item *item, const char *originator,
              guint16 originator_message, guint16 *ret_message, GError **error)
{
    const char *syntax = NULL;
    dcm_object object = {.sop_class = item->sop_class,
                         .sop_uid = item->sop_uid,
                         .originator = originator,
                         .originator_message = originator_message};
    if (!item->may_go) {
        err_set(error, ERR_DENIED, "what was granted by another organisation is not passed on");
        return OUTGOING_NOT_SENT;
    }
    guint8 context = dcm_association_context(a, item->sop_class, item->syntax, &syntax);
    if (context) {
        object.fd = open_stored(w, item, &object.offset, error);
    } else if ((context = dcm_association_context(a, item->sop_class, NULL, &syntax))) {
        object.fd = open_converted(item, syntax, error);
    } else {
        err_set(error, ERR_NOT_ACCEPTABLE, "the receiver accepts no context for %s in %s", item->sop_class,
                item->syntax);
        return OUTGOING_NOT_SENT;
    }
    struct stat st;
    if (object.fd < 0)
        return OUTGOING_NOT_SENT;
    gboolean sent = fstat(object.fd, &st) == 0 && (guint64)st.st_size >= object.offset;
    if (sent) {
        object.length = (guint64)st.st_size - object.offset;
        sent = dcm_association_send(a, context, &object, ret_message, error);
    }
    close(object.fd);
    return sent ? OUTGOING_SENT : OUTGOING_LOST;
}
