#include "dicom/render/cache.h"
#include "hub/base/err.h"
#include "hub/base/id.h"
#include <errno.h>
#include <stdio.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
    char *name;
    guint64 bytes;
} cached;

struct render_cache {
    char *directory;
    guint64 limit, bytes;
    GHashTable *links; /* name (of the entry) -> GList link in order */
    GQueue order;      /* cached, oldest first */
};

static void
cached_free(gpointer data)
{
    cached *e = data;
    g_free(e->name);
    g_free(e);
}

static void
remember(render_cache *c, const char *name, guint64 bytes)
{
    GList *known = g_hash_table_lookup(c->links, name);
    if (known) {
        cached *e = known->data;
        c->bytes = c->bytes - e->bytes + bytes;
        e->bytes = bytes;
        return;
    }
    cached *e = g_new0(cached, 1);
    *e = (cached){.name = g_strdup(name), .bytes = bytes};
    g_queue_push_tail(&c->order, e);
    g_hash_table_insert(c->links, e->name, c->order.tail);
    c->bytes += bytes;
}

static void
forget(render_cache *c, GList *link)
{
    cached *e = link->data;
    c->bytes -= e->bytes;
    g_hash_table_remove(c->links, e->name);
    g_queue_delete_link(&c->order, link);
    cached_free(e);
}

static void
make_room(render_cache *c)
{
    while (c->bytes > c->limit && c->order.head) {
        cached *e = c->order.head->data;
        g_autofree char *path = g_build_filename(c->directory, e->name, NULL);
        unlink(path);
        forget(c, c->order.head);
    }
}

typedef struct {
    char *name;
    guint64 bytes;
    gint64 at;
} found_file;

static gint
compare_age(gconstpointer a, gconstpointer b)
{
    const found_file *x = a, *y = b;
    return x->at < y->at ? -1 : x->at > y->at;
}

static void
read_directory(render_cache *c)
{
    g_autoptr(GArray) files = g_array_new(FALSE, FALSE, sizeof(found_file));
    g_autoptr(GDir) dir = g_dir_open(c->directory, 0, NULL);
    const char *name;
    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(c->directory, name, NULL);
        struct stat st;
        if (g_str_has_suffix(name, ".part")) {
            unlink(path);
        } else if (stat(path, &st) == 0 && S_ISREG(st.st_mode)) {
            found_file f = {.name = g_strdup(name), .bytes = (guint64)st.st_size, .at = (gint64)st.st_mtime};
            g_array_append_val(files, f);
        }
    }
    g_array_sort(files, compare_age);
    for (guint i = 0; i < files->len; i++) {
        found_file *f = &g_array_index(files, found_file, i);
        remember(c, f->name, f->bytes);
        g_free(f->name);
    }
}

render_cache *
cache_open(const char *directory, guint64 limit, GError **error)
{
    if (g_mkdir_with_parents(directory, 0750) != 0) {
        err_set(error, ERR_INTERNAL, "cannot make %s: %s", directory, g_strerror(errno));
        return NULL;
    }
    render_cache *c = g_new0(render_cache, 1);
    c->directory = g_strdup(directory);
    c->limit = limit;
    c->links = g_hash_table_new(g_str_hash, g_str_equal);
    read_directory(c);
    make_room(c);
    return c;
}

void
cache_close(render_cache *c)
{
    if (!c)
        return;
    g_hash_table_unref(c->links);
    g_queue_clear_full(&c->order, cached_free);
    g_free(c->directory);
    g_free(c);
}

static char *
name_of(const char *key, const char *extension)
{
    g_autofree char *hash = id_sha256_hex(key, strlen(key));
    return g_strdup_printf("%s.%s", hash, extension);
}

char *
cache_find(render_cache *c, const char *key, const char *extension, guint64 *ret_bytes)
{
    g_autofree char *name = name_of(key, extension);
    GList *link = g_hash_table_lookup(c->links, name);
    if (!link)
        return NULL;
    g_autofree char *path = g_build_filename(c->directory, name, NULL);
    if (access(path, R_OK) != 0) { /* somebody emptied the cache */
        forget(c, link);
        return NULL;
    }
    g_queue_unlink(&c->order, link);
    g_queue_push_tail_link(&c->order, link);
    *ret_bytes = ((cached *)link->data)->bytes;
    return g_steal_pointer(&name);
}

int
cache_begin(render_cache *c, char **ret_temp, GError **error)
{
    g_autofree char *id = id_new(), *path = g_strdup_printf("%s/%s.part", c->directory, id);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    if (fd < 0)
        err_set(error, errno == ENOSPC ? ERR_STORAGE : ERR_INTERNAL, "no file for the picture: %s",
                g_strerror(errno));
    else
        *ret_temp = g_steal_pointer(&path);
    return fd;
}

char *
cache_finish(render_cache *c, const char *temp, const char *key, const char *extension, guint64 bytes,
             GError **error)
{
    g_autofree char *name = name_of(key, extension), *path = g_build_filename(c->directory, name, NULL);
    if (rename(temp, path) != 0) {
        err_set(error, ERR_INTERNAL, "the picture cannot be kept: %s", g_strerror(errno));
        return NULL;
    }
    remember(c, name, bytes);
    make_room(c);
    return g_steal_pointer(&name);
}
