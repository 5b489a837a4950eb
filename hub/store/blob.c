/* Blobs are files of mode 0640 in 256 directories. One level, all made before the first blob: each new blob
 * then costs the fsync of one directory and no more. The finished temporary file is renamed to its name, so
 * that a name never stands for half a file; it is on disk for good after blob_store_sync. */
#include "hub/store/blob.h"
#include "hub/base/err.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define HASH_LENGTH 64
#define FOLDERS 256

struct blob_store {
    char *directory;
    int root;    /* descriptor of directory */
    GMutex lock; /* of what follows; puts may come from several threads */
    gboolean has_folders;
    gboolean touched[FOLDERS]; /* has entries that are not yet durable */
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

/** ab/<hash> */
static char *
relative_path(const char *hash)
{
    return g_strdup_printf("%.2s/%s", hash, hash);
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
    return store;
}

void
blob_store_close(blob_store *store)
{
    if (!store)
        return;
    close(store->root);
    g_mutex_clear(&store->lock);
    g_free(store->directory);
    g_free(store);
}

static gboolean
make_folders(blob_store *store, GError **error)
{
    for (guint i = 0; i < FOLDERS; i++) {
        char name[3];
        g_snprintf(name, sizeof name, "%02x", i);
        if (mkdirat(store->root, name, 0750) != 0 && errno != EEXIST)
            return fail_errno(error, "cannot make", name);
    }
    return fsync(store->root) == 0 || fail_errno(error, "cannot sync", store->directory);
}

static gboolean
touch(blob_store *store, const char *hash, GError **error)
{
    g_mutex_lock(&store->lock);
    if (!store->has_folders)
        store->has_folders = make_folders(store, error);
    guint folder = (guint)(g_ascii_xdigit_value(hash[0]) << 4 | g_ascii_xdigit_value(hash[1]));
    store->touched[folder] = TRUE;
    gboolean good = store->has_folders;
    g_mutex_unlock(&store->lock);
    return good;
}

gboolean
blob_store_put(blob_store *store, const char *temp_path, const char *hash, gboolean *ret_new, GError **error)
{
    if (!is_hash(hash))
        return err_set(error, ERR_INVALID, "not a SHA-256");
    g_autofree char *path = relative_path(hash);
    /* also when it is there already: whoever put it may not have come to its sync */
    if (!touch(store, hash, error))
        return FALSE;
    *ret_new = renameat2(AT_FDCWD, temp_path, store->root, path, RENAME_NOREPLACE) == 0;
    if (*ret_new)
        return TRUE;
    if (errno == EINVAL) /* a file system without it */
        *ret_new = linkat(AT_FDCWD, temp_path, store->root, path, 0) == 0;
    if (!*ret_new && errno != EEXIST)
        return fail_errno(error, "cannot name", path);
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
sync_folder(blob_store *store, guint folder, GError **error)
{
    char name[3];
    g_snprintf(name, sizeof name, "%02x", folder);
    int fd = openat(store->root, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return fail_errno(error, "cannot open", name);
    gboolean ok = fsync(fd) == 0 || fail_errno(error, "cannot sync", name);
    close(fd);
    return ok;
}

gboolean
blob_store_sync(blob_store *store, GError **error)
{
    gboolean touched[FOLDERS], good = TRUE;
    g_mutex_lock(&store->lock);
    memcpy(touched, store->touched, sizeof touched);
    memset(store->touched, 0, sizeof store->touched);
    g_mutex_unlock(&store->lock);

    for (guint i = 0; good && i < FOLDERS; i++)
        good = !touched[i] || sync_folder(store, i, error);
    if (good)
        return TRUE;
    /* all of them again next time: an fsync that failed has promised nothing */
    g_mutex_lock(&store->lock);
    for (guint i = 0; i < FOLDERS; i++)
        store->touched[i] |= touched[i];
    g_mutex_unlock(&store->lock);
    return FALSE;
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
