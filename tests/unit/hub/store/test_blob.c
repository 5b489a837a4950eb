#include "hub/base/err.h"
#include "hub/base/id.h"
#include "hub/store/blob.h"
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
    char *root;
    blob_store *store;
} fixture;

static void
set_up(fixture *f, gconstpointer data)
{
    (void)data;
    g_autoptr(GError) error = NULL;
    f->root = g_dir_make_tmp("consilium-blob-XXXXXX", NULL);
    g_autofree char *blobs = g_build_filename(f->root, "blobs", NULL);
    f->store = blob_store_open(blobs, &error);
    g_assert_no_error(error);
}

static void
tear_down(fixture *f, gconstpointer data)
{
    (void)data;
    blob_store_close(f->store);
    const char *remove_all[] = {"/bin/rm", "-rf", f->root, NULL};
    g_spawn_sync(NULL, (char **)remove_all, NULL, G_SPAWN_DEFAULT, NULL, NULL, NULL, NULL, NULL, NULL);
    g_free(f->root);
}

static char *
make_temp(fixture *f, const char *text)
{
    char *path = g_build_filename(f->root, "incoming", NULL);
    g_assert_true(g_file_set_contents(path, text, -1, NULL));
    return path;
}

static void
puts_and_reads_back(fixture *f, gconstpointer data)
{
    (void)data;
    g_autoptr(GError) error = NULL;
    g_autofree char *hash = id_sha256_hex("pixels", 6);
    g_autofree char *temp = make_temp(f, "pixels");
    gboolean is_new = FALSE;
    g_assert_true(blob_store_put(f->store, temp, hash, &is_new, &error));
    g_assert_true(is_new);
    g_assert_no_error(error);
    g_assert_true(blob_store_sync(f->store, &error));
    g_assert_no_error(error);
    g_assert_false(g_file_test(temp, G_FILE_TEST_EXISTS));

    int fd = blob_store_read(f->store, hash, &error);
    g_assert_no_error(error);
    char back[16] = "";
    g_assert_cmpint(read(fd, back, sizeof back), ==, 6);
    g_assert_cmpstr(back, ==, "pixels");
    close(fd);
    g_autofree char *path = blob_store_path(f->store, hash);
    g_assert_true(g_file_test(path, G_FILE_TEST_IS_REGULAR));
}

static void
same_content_twice_is_one_file(fixture *f, gconstpointer data)
{
    (void)data;
    g_autoptr(GError) error = NULL;
    g_autofree char *hash = id_sha256_hex("again", 5);
    for (int i = 0; i < 2; i++) {
        g_autofree char *temp = make_temp(f, "again");
        gboolean is_new;
        g_assert_true(blob_store_put(f->store, temp, hash, &is_new, &error));
        g_assert_cmpint(is_new, ==, i == 0);
        g_assert_false(g_file_test(temp, G_FILE_TEST_EXISTS));
    }
    struct stat status;
    g_autofree char *path = blob_store_path(f->store, hash);
    g_assert_cmpint(stat(path, &status), ==, 0);
    g_assert_cmpint(status.st_nlink, ==, 1);
    blob_store_remove(f->store, hash);
    g_assert_cmpint(stat(path, &status), ==, -1);
}

static void
refuses_what_is_no_hash(fixture *f, gconstpointer data)
{
    (void)data;
    static const char *const bad[] = {"", "../../etc/passwd", "ABCD", NULL};
    for (int i = 0; bad[i]; i++) {
        g_autoptr(GError) error = NULL;
        g_assert_cmpint(blob_store_read(f->store, bad[i], &error), ==, -1);
        g_assert_error(error, CONSILIUM_ERROR, ERR_NOT_FOUND);
        g_assert_null(blob_store_path(f->store, bad[i]));
        g_autofree char *temp = make_temp(f, "x");
        gboolean is_new;
        g_assert_false(blob_store_put(f->store, temp, bad[i], &is_new, NULL));
        g_assert_true(g_file_test(temp, G_FILE_TEST_EXISTS));
    }
    g_autofree char *absent = id_sha256_hex("absent", 6);
    g_autoptr(GError) error = NULL;
    g_assert_cmpint(blob_store_read(f->store, absent, &error), ==, -1);
    g_assert_error(error, CONSILIUM_ERROR, ERR_NOT_FOUND);
}

static void
missing_temporary_file_is_an_error(fixture *f, gconstpointer data)
{
    (void)data;
    g_autoptr(GError) error = NULL;
    g_autofree char *hash = id_sha256_hex("gone", 4);
    g_autofree char *temp = g_build_filename(f->root, "gone", NULL);
    gboolean is_new;
    g_assert_false(blob_store_put(f->store, temp, hash, &is_new, &error));
    g_assert_error(error, CONSILIUM_ERROR, ERR_INTERNAL);
    g_assert_cmpuint(blob_store_free_bytes(f->store), >, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add("/blob/put-read", fixture, NULL, set_up, puts_and_reads_back, tear_down);
    g_test_add("/blob/twice", fixture, NULL, set_up, same_content_twice_is_one_file, tear_down);
    g_test_add("/blob/no-hash", fixture, NULL, set_up, refuses_what_is_no_hash, tear_down);
    g_test_add("/blob/missing", fixture, NULL, set_up, missing_temporary_file_is_an_error, tear_down);
    return g_test_run();
}
