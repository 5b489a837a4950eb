#include "hub/base/config.h"
#include "hub/base/err.h"
#include <unistd.h>

static char *
write_file(const char *text)
{
    char *path = NULL;
    g_autoptr(GError) error = NULL;
    int fd = g_file_open_tmp("consilium-XXXXXX", &path, &error);
    g_assert_no_error(error);
    close(fd);
    g_assert_true(g_file_set_contents(path, text, -1, NULL));
    return path;
}

static void
test_environment_wins(void)
{
    g_autofree char *path = write_file("[hub]\nhttps-port=9000\ndata-dir=/srv/x\n");
    g_setenv("CONSILIUM_HUB_HTTPS_PORT", "9001", TRUE);
    g_autoptr(GError) error = NULL;
    g_autoptr(config) c = config_load(path, &error);
    g_unsetenv("CONSILIUM_HUB_HTTPS_PORT");
    unlink(path);
    g_assert_no_error(error);
    g_assert_cmpint(config_int(c, "hub", "https-port"), ==, 9001);
    g_autofree char *socket = config_path(c, "hub", "socket");
    g_assert_cmpstr(socket, ==, "/srv/x/run/hub.sock");
}

static void
test_mistakes_are_named(void)
{
    static const char *const wrong[][2] = {{"[hub]\nhttps-prot=1\n", "https-prot"}, {"[hub]\nhttps-port=abc\n", "abc"}};
    for (gsize i = 0; i < G_N_ELEMENTS(wrong); i++) {
        g_autofree char *path = write_file(wrong[i][0]);
        g_autoptr(GError) error = NULL;
        g_autoptr(config) c = config_load(path, &error);
        unlink(path);
        g_assert_null(c);
        g_assert_true(err_is(error, ERR_INVALID));
        g_assert_nonnull(strstr(error->message, wrong[i][1]));
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/config/environment-wins", test_environment_wins);
    g_test_add_func("/config/mistakes-are-named", test_mistakes_are_named);
    return g_test_run();
}
