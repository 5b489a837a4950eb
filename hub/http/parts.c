/* A reply's body as a list of pieces, read in order into the write area. A file is opened when its turn comes
 * and closed behind it, so that a study of 10,000 files holds one descriptor. */
#include "hub/http/internal.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

struct piece {
    GBytes *bytes; /* or a file: */
    char *path;
    int fd; /* -1: not open yet */
    guint64 offset, length;
};

struct http_parts {
    GArray *pieces;
    guint current;
    guint64 length;
};

static void
piece_clear(gpointer data)
{
    struct piece *p = data;
    g_clear_pointer(&p->bytes, g_bytes_unref);
    g_clear_pointer(&p->path, g_free);
    if (p->fd >= 0)
        close(p->fd);
    p->fd = -1;
}

http_parts *
http_parts_new(void)
{
    http_parts *p = g_new0(http_parts, 1);
    p->pieces = g_array_new(FALSE, TRUE, sizeof(struct piece));
    g_array_set_clear_func(p->pieces, piece_clear);
    return p;
}

void
http_parts_free(http_parts *p)
{
    if (!p)
        return;
    g_array_unref(p->pieces);
    g_free(p);
}

static void
add(http_parts *p, struct piece piece)
{
    if (piece.length == 0) {
        piece_clear(&piece);
        return;
    }
    p->length += piece.length;
    g_array_append_val(p->pieces, piece);
}

void
http_parts_add_bytes(http_parts *p, GBytes *bytes)
{
    add(p, (struct piece){.bytes = g_bytes_ref(bytes), .fd = -1, .length = g_bytes_get_size(bytes)});
}

void
http_parts_add_file(http_parts *p, const char *path, guint64 offset, guint64 length)
{
    add(p, (struct piece){.path = g_strdup(path), .fd = -1, .offset = offset, .length = length});
}

void
parts_add_fd(http_parts *p, int fd, guint64 offset, guint64 length)
{
    add(p, (struct piece){.fd = fd, .offset = offset, .length = length});
}

guint64
parts_length(const http_parts *p)
{
    return p ? p->length : 0;
}

/* Keeps only length bytes from offset. */
void
parts_cut(http_parts *p, guint64 offset, guint64 length)
{
    for (guint i = 0; i < p->pieces->len; i++) {
        struct piece *piece = &g_array_index(p->pieces, struct piece, i);
        guint64 skip = MIN(offset, piece->length);
        piece->offset += skip;
        piece->length -= skip;
        offset -= skip;
        piece->length = MIN(piece->length, length);
        length -= piece->length;
    }
    p->length = 0;
    for (guint i = 0; i < p->pieces->len; i++)
        p->length += g_array_index(p->pieces, struct piece, i).length;
}

static gboolean
piece_open(struct piece *piece, GError **error)
{
    if (piece->bytes || piece->fd >= 0)
        return TRUE;
    piece->fd = open(piece->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (piece->fd < 0)
        return err_set(error, errno == ENOENT ? ERR_NOT_FOUND : ERR_INTERNAL,
                       "a stored file cannot be opened: %s", g_strerror(errno));
    return TRUE;
}

/* Before the status line is sent, so that a missing file can still be told. */
gboolean
parts_open_first(http_parts *p, GError **error)
{
    return p->pieces->len == 0 || piece_open(&g_array_index(p->pieces, struct piece, 0), error);
}

static gssize
piece_read(struct piece *piece, guint8 *area, gsize size)
{
    gsize want = MIN(size, piece->length);
    if (piece->bytes) {
        memcpy(area, (const guint8 *)g_bytes_get_data(piece->bytes, NULL) + piece->offset, want);
        return (gssize)want;
    }
    if (!piece_open(piece, NULL))
        return -1;
    gssize got;
    do
        got = pread(piece->fd, area, want, (off_t)piece->offset);
    while (got < 0 && errno == EINTR);
    return got == 0 ? -1 : got; /* shorter than promised */
}

/* Fills the area as far as there is something; 0 at the end, -1 when a file failed. */
gssize
parts_read(http_parts *p, guint8 *area, gsize size)
{
    gsize done = 0;
    while (done < size && p->current < p->pieces->len) {
        struct piece *piece = &g_array_index(p->pieces, struct piece, p->current);
        if (piece->length == 0) {
            piece_clear(piece);
            p->current++;
            continue;
        }
        gssize got = piece_read(piece, area + done, size - done);
        if (got < 0)
            return -1;
        piece->offset += (guint64)got;
        piece->length -= (guint64)got;
        done += (gsize)got;
    }
    return (gssize)done;
}
