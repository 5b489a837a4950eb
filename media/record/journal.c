/* One write(2) per record: after it the kernel has the packet, and the program may die. */
#include "media/record/journal.h"
#include "hub/base/buf.h"
#include "hub/base/err.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#define MAGIC "CJN1"
#define MAGIC_LENGTH 4
#define HEAD_LENGTH 13

struct journal {
    int fd;
    guint64 bytes;
};

struct journal_reader {
    FILE *file;
    json_t *track;
    long first; /* offset of the record after TRACK */
};

static gboolean
set_errno(GError **error, const char *what)
{
    int number = errno;
    return err_set(error, number == ENOSPC || number == EDQUOT ? ERR_STORAGE : ERR_INTERNAL, "%s: %s", what,
                   g_strerror(number));
}

journal *
journal_create(const char *path, json_t *track, GError **error)
{
    g_autoptr(journal) j = g_new0(journal, 1);
    j->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0640);
    if (j->fd < 0) {
        set_errno(error, "a recording's journal cannot be made");
        return NULL;
    }
    if (write(j->fd, MAGIC, MAGIC_LENGTH) != MAGIC_LENGTH) {
        set_errno(error, "a recording's journal cannot be written");
        return NULL;
    }
    g_autofree char *text = json_text(track);
    if (!journal_append(j, JOURNAL_TRACK, 0, text, strlen(text), error))
        return NULL;
    return g_steal_pointer(&j);
}

gboolean
journal_append(journal *j, journal_type type, gint64 wall_us, const void *payload, gsize length, GError **error)
{
    if (length > JOURNAL_PAYLOAD_LIMIT)
        return err_set(error, ERR_TOO_LARGE, "a record of %zu bytes does not fit a journal", length);
    guint8 head[HEAD_LENGTH];
    buf_writer w = buf_writer_of(head, sizeof head);
    buf_put_u8(&w, (guint8)type);
    buf_put_be32(&w, (guint32)length);
    buf_put_be64(&w, (guint64)wall_us);
    struct iovec parts[] = {{head, sizeof head}, {(void *)payload, length}};
    gssize written = writev(j->fd, parts, 2);
    if (written == (gssize)(sizeof head + length)) {
        j->bytes += (guint64)written;
        return TRUE;
    }
    if (written >= 0)
        errno = ENOSPC; /* a short write to a regular file; its torn record ends the journal */
    return set_errno(error, "a recording's journal cannot be written");
}

gboolean
journal_sync(journal *j, GError **error)
{
    return fdatasync(j->fd) == 0 || set_errno(error, "a recording's journal cannot be synced");
}

guint64
journal_bytes(const journal *j)
{
    return j->bytes;
}

void
journal_free(journal *j)
{
    if (!j)
        return;
    if (j->fd >= 0)
        close(j->fd);
    g_free(j);
}

journal_reader *
journal_reader_open(const char *path, GError **error)
{
    g_autoptr(journal_reader) r = g_new0(journal_reader, 1);
    char magic[MAGIC_LENGTH];
    r->file = fopen(path, "rbe");
    if (!r->file) {
        set_errno(error, "a recording's journal cannot be opened");
        return NULL;
    }
    g_autofree journal_record *record = g_new(journal_record, 1);
    if (fread(magic, 1, sizeof magic, r->file) != sizeof magic || memcmp(magic, MAGIC, sizeof magic) != 0 ||
        !journal_reader_next(r, record) || record->type != JOURNAL_TRACK) {
        err_set(error, ERR_INVALID, "not a recording's journal");
        return NULL;
    }
    r->track = json_parse((const char *)record->payload, record->length, error);
    if (!r->track)
        return NULL;
    r->first = ftell(r->file);
    return g_steal_pointer(&r);
}

json_t *
journal_reader_track(const journal_reader *r)
{
    return r->track;
}

gboolean
journal_reader_next(journal_reader *r, journal_record *ret_record)
{
    guint8 head[HEAD_LENGTH];
    if (fread(head, 1, sizeof head, r->file) != sizeof head)
        return FALSE;
    buf_reader b = buf_reader_of(head, sizeof head);
    journal_type type = (journal_type)buf_u8(&b);
    gsize length = buf_be32(&b);
    gint64 wall_us = (gint64)buf_be64(&b);
    if (length > JOURNAL_PAYLOAD_LIMIT || fread(ret_record->payload, 1, length, r->file) != length)
        return FALSE;
    ret_record->type = type;
    ret_record->length = length;
    ret_record->wall_us = wall_us;
    return TRUE;
}

void
journal_reader_rewind(journal_reader *r)
{
    clearerr(r->file);
    if (fseek(r->file, r->first, SEEK_SET) != 0)
        g_error("a journal that was read cannot be read again"); /* a regular file seeks */
}

void
journal_reader_free(journal_reader *r)
{
    if (!r)
        return;
    if (r->file)
        fclose(r->file);
    g_clear_pointer(&r->track, json_decref);
    g_free(r);
}
