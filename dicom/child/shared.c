#include "dicom/child/shared.h"
#include "hub/base/err.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

struct shared {
    gatomicrefcount references;
    guint8 *memory;
};

static gboolean
map(int fd, int protection, guint8 **ret_memory, GError **error)
{
    void *memory = mmap(NULL, SHARED_SIZE, protection, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED)
        return err_set(error, ERR_UNAVAILABLE, "memory cannot be shared: %s", g_strerror(errno));
    *ret_memory = memory;
    return TRUE;
}

int
shared_make(guint8 **ret_memory, GError **error)
{
    int fd = memfd_create("consilium-object", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0 || ftruncate(fd, SHARED_SIZE) != 0 || fcntl(fd, F_ADD_SEALS, SEALS) != 0)
        err_set(error, ERR_UNAVAILABLE, "no memory to share: %s", g_strerror(errno));
    else if (map(fd, PROT_READ | PROT_WRITE, ret_memory, error))
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

shared *
shared_map(int fd, GError **error)
{
    struct stat st;
    guint8 *memory = NULL;
    gboolean sound = fstat(fd, &st) == 0 && st.st_size == SHARED_SIZE &&
                     (fcntl(fd, F_GET_SEALS) & F_SEAL_SHRINK) == F_SEAL_SHRINK;
    if (!sound)
        err_set(error, ERR_INVALID, "memory that may vanish");
    gboolean mapped = sound && map(fd, PROT_READ, &memory, error);
    close(fd);
    if (!mapped)
        return NULL;
    shared *s = g_new0(shared, 1);
    g_atomic_ref_count_init(&s->references);
    s->memory = memory;
    return s;
}

void
shared_unref(shared *s)
{
    if (!s || !g_atomic_ref_count_dec(&s->references))
        return;
    munmap(s->memory, SHARED_SIZE);
    g_free(s);
}

static void
drop(gpointer data)
{
    shared_unref(data);
}

GBytes *
shared_bytes(shared *s, gsize length)
{
    if (length > SHARED_SIZE)
        return NULL;
    g_atomic_ref_count_inc(&s->references);
    return g_bytes_new_with_free_func(s->memory, length, drop, s);
}
