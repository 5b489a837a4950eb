/* The plain main of a fuzz target: runs it over every file of the folders given, so that each seed (and each crash
 * ever found) is a regression test in ordinary builds. */
#include <glib.h>

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

static guint
run_folder(const char *folder)
{
    guint count = 0;
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    const char *name;
    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(folder, name, NULL);
        g_autofree char *data = NULL;
        gsize size;
        if (!g_file_get_contents(path, &data, &size, NULL))
            continue;
        /* an exact heap copy, so that the sanitizer sees a read past its end */
        g_autofree guint8 *copy = g_memdup2(data, size);
        LLVMFuzzerTestOneInput(copy, size);
        count++;
    }
    return count;
}

int
main(int argc, char **argv)
{
    guint count = 0;
    for (int i = 1; i < argc; i++)
        count += run_folder(argv[i]);
    LLVMFuzzerTestOneInput(NULL, 0);
    g_print("%u seeds\n", count);
    return count > 0 ? 0 : 1;
}
