/* Blobs are files of mode 0640 in two levels of 256 directories each. A blob appears under its name by
 * link(2) of the finished temporary file, so a name never stands for half a file; it is on disk for good
 * after blob_store_sync. */
#include "hub/store/blob.h"
#include "hub/base/err.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define HASH_LENGTH 64
#define SECOND_LEVEL 5 /* length of "ab/cd" */

struct blob_store {
    char *directory;
    int root;            /* descriptor of directory */
    GMutex lock;         /* touched; puts may come from several threads */
    GHashTable *touched; /* "ab/cd", "ab" or ".": directories with entries that are not yet durable */
};

static gboolean
fail_errno(GError **error, const char *what, const char *path)
{
    int number = errno;
    err_code code = number == ENOSPC || number == EDQUOT ? ERR_STORAGE : ERR_INTERNAL;
    return err_set(error, code, "%s %s: %s", what, path, g_strerror(number));
}

static gboolean
is_hash(const char *text)
{
    if (!text || strlen(text) != HASH_LENGTH)
        return FALSE;
    for (const char *c = text; *c; c++)
        if (!((*c >= '0' && *c <= '9') || (*c >= 'a' && *c <= 'f')))
            return FALSE;
    return TRUE;
}

/** ab/cd/<hash> */
static char *
relative_path(const char *hash)
{
    return g_strdup_printf("%.2s/%.2s/%s", hash, hash + 2, hash);
}

blob_store *
blob_store_open(const char *directory, GError **error)
{
    if (g_mkdir_with_parents(directory, 0750) != 0) {
        fail_errno(error, "cannot make", directory);
        return NULL;
    }
    int root = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root < 0) {
        fail_errno(error, "cannot open", directory);
        return NULL;
    }
    blob_store *store = g_new0(blob_store, 1);
    store->directory = g_strdup(directory);
    store->root = root;
    g_mutex_init(&store->lock);
    store->touched = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    return store;
}

void
blob_store_close(blob_store *store)
{
    if (!store)
        return;
    close(store->root);
    g_hash_table_unref(store->touched);
    g_mutex_clear(&store->lock);
    g_free(store->directory);
    g_free(store);
}

static void
touch(blob_store *store, const char *path)
{
    g_mutex_lock(&store->lock);
    g_hash_table_add(store->touched, g_strdup(path));
    g_mutex_unlock(&store->lock);
}

/** Makes one directory level; its own entry in `parent` has to become durable too. */
static gboolean
make_level(blob_store *store, const char *path, const char *parent, GError **error)
{
    if (mkdirat(store->root, path, 0750) == 0)
        touch(store, parent);
    else if (errno != EEXIST)
        return fail_errno(error, "cannot make", path);
    return TRUE;
}

gboolean
blob_store_put(blob_store *store, const char *temp_path, const char *hash, gboolean *ret_new, GError **error)
{
    if (!is_hash(hash))
        return err_set(error, ERR_INVALID, "not a SHA-256");
    g_autofree char *path = relative_path(hash);
    g_autofree char *first = g_strndup(path, 2), *second = g_strndup(path, SECOND_LEVEL);
    if (!make_level(store, first, ".", error) || !make_level(store, second, first, error))
        return FALSE;
    *ret_new = linkat(AT_FDCWD, temp_path, store->root, path, 0) == 0;
    if (!*ret_new && errno != EEXIST)
        return fail_errno(error, "cannot link", path);
    /* also when it was there already: whoever put it may not have come to its sync */
    touch(store, second);
    if (unlink(temp_path) != 0 && errno != ENOENT)
        return fail_errno(error, "cannot remove", temp_path);
    return TRUE;
}

void
blob_store_remove(blob_store *store, const char *hash)
{
    g_autofree char *path = is_hash(hash) ? relative_path(hash) : NULL;
    if (path)
        unlinkat(store->root, path, 0);
}

static gboolean
sync_directory(blob_store *store, const char *path, GError **error)
{
    int fd = openat(store->root, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return fail_errno(error, "cannot open", path);
    gboolean ok = fsync(fd) == 0 || fail_errno(error, "cannot sync", path);
    close(fd);
    return ok;
}

gboolean
blob_store_sync(blob_store *store, GError **error)
{
    g_mutex_lock(&store->lock);
    g_autoptr(GHashTable) touched = g_steal_pointer(&store->touched);
    store->touched = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_mutex_unlock(&store->lock);

    GHashTableIter each;
    gpointer path;
    g_hash_table_iter_init(&each, touched);
    while (g_hash_table_iter_next(&each, &path, NULL))
        if (!sync_directory(store, path, error)) {
            /* all of them again next time: an fsync that failed has promised nothing */
            g_hash_table_iter_init(&each, touched);
            while (g_hash_table_iter_next(&each, &path, NULL))
                touch(store, path);
            return FALSE;
        }
    return TRUE;
}

int
blob_store_read(blob_store *store, const char *hash, GError **error)
{
    if (!is_hash(hash)) {
        err_set(error, ERR_NOT_FOUND, "no such blob");
        return -1;
    }
    g_autofree char *path = relative_path(hash);
    int fd = openat(store->root, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        err_set(error, ERR_NOT_FOUND, "no such blob");
    else if (fd < 0)
        fail_errno(error, "cannot open", path);
    return fd;
}

char *
blob_store_path(const blob_store *store, const char *hash)
{
    if (!is_hash(hash))
        return NULL;
    g_autofree char *path = relative_path(hash);
    return g_build_filename(store->directory, path, NULL);
}

guint64
blob_store_free_bytes(const blob_store *store)
{
    struct statvfs disk;
    return fstatvfs(store->root, &disk) == 0 ? (guint64)disk.f_bavail * disk.f_frsize : 0;
}
