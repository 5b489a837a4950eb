/* After a crash there may be blobs whose rows were never committed. They do no harm (the sender repeats, and
 * finds the same bytes there), but nobody would ever remove them. A marker file dates the last sweep; only
 * directories that changed since are looked into. */
#include "dicom/ingest/internal.h"
#include "hub/base/err.h"
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MARKER "tmp/swept"
#define MARGIN_SECONDS 5 /* clocks of file systems are coarse */
#define GROUP 256        /* hashes asked for at once */
#define HASH_LENGTH 64

static gint64
changed_at(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 ? (gint64)st.st_mtime : -1;
}

static void
collect_hashes(GPtrArray *hashes, const char *folder, gint64 since)
{
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    const char *name;
    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(folder, name, NULL);
        struct stat st;
        if (strlen(name) == HASH_LENGTH && stat(path, &st) == 0 && st.st_ctime >= since)
            g_ptr_array_add(hashes, g_strdup(name));
    }
}

/* Names that were linked since; the folders have two letters. */
static GPtrArray *
recent_hashes(const char *directory, gint64 since)
{
    GPtrArray *hashes = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GDir) top = g_dir_open(directory, 0, NULL);
    const char *name;
    while (top && (name = g_dir_read_name(top))) {
        if (strlen(name) != 2)
            continue;
        g_autofree char *folder = g_build_filename(directory, name, NULL);
        if (changed_at(folder) >= since)
            collect_hashes(hashes, folder, since);
    }
    return hashes;
}

/* A PostgreSQL array of bytea: {"\\x…","\\x…"}. */
static char *
bytea_array(GPtrArray *hashes, guint from, guint count)
{
    GString *text = g_string_new("{");
    for (guint i = from; i < from + count; i++)
        g_string_append_printf(text, "%s\"\\\\x%s\"", i > from ? "," : "", (const char *)hashes->pdata[i]);
    g_string_append_c(text, '}');
    return g_string_free(text, FALSE);
}

/* Asks every organisation, as each: row-level security lets nobody ask for all. */
static gboolean
ask_known(db_conn *connection, const char *array, GHashTable *known, GError **error)
{
    const db_actor nobody = {.purpose = "system"};
    g_autoptr(db_batch) organisations = db_batch_new(&nobody);
    guint list = db_batch_add(organisations, "dicom_organisation_list", 0);
    if (!db_conn_run(connection, organisations, error))
        return FALSE;
    for (guint i = 0; i < db_rows(organisations, list); i++) {
        const db_actor actor = {.organisation = db_text(organisations, list, i, 0), .purpose = "system"};
        g_autoptr(db_batch) batch = db_batch_new(&actor);
        guint index = db_batch_add(batch, "blob_known", 1, array);
        if (!db_conn_run(connection, batch, error))
            return FALSE;
        for (guint row = 0; row < db_rows(batch, index); row++)
            g_hash_table_add(known, g_strdup(db_text(batch, index, row, 0)));
    }
    return TRUE;
}

static void
mark(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    if (fd >= 0)
        close(fd);
}

int
sweep_blobs(const char *blob_directory, blob_store *blobs, db_conn *connection, GError **error)
{
    g_autofree char *marker = g_build_filename(blob_directory, MARKER, NULL);
    gint64 since = changed_at(marker) - MARGIN_SECONDS;
    g_autoptr(GPtrArray) hashes = recent_hashes(blob_directory, since);
    int removed = 0;
    for (guint from = 0; from < hashes->len; from += GROUP) {
        guint count = MIN(GROUP, hashes->len - from);
        g_autofree char *array = bytea_array(hashes, from, count);
        g_autoptr(GHashTable) known = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        if (!ask_known(connection, array, known, error))
            return -1;
        for (guint i = from; i < from + count; i++) {
            if (g_hash_table_contains(known, hashes->pdata[i]))
                continue;
            g_autofree char *path = blob_store_path(blobs, hashes->pdata[i]);
            removed += path && unlink(path) == 0;
        }
    }
    mark(marker);
    return removed;
}
