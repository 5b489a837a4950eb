#include "tests/lib/pg_cluster.h"
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define BIN "/usr/lib/postgresql/15/bin/"
#define START_SECONDS 30

struct pg_cluster {
    char *directory;
    pid_t server;
};

/** In a child: becomes the unprivileged user when root, and dies with the parent. */
static void
become_unprivileged(pid_t parent)
{
    if (geteuid() == 0) {
        const struct passwd *user = getpwnam("postgres");
        if (!user)
            user = getpwnam("nobody");
        if (!user || setgroups(0, NULL) != 0 || setgid(user->pw_gid) != 0 || setuid(user->pw_uid) != 0)
            _exit(126);
    }
    prctl(PR_SET_PDEATHSIG, SIGINT);
    if (getppid() != parent)
        _exit(126);
}

static pid_t
spawn(const char *const *argv, const char *log)
{
    pid_t parent = getpid(), child = fork();
    if (child == 0) {
        if (log) {
            FILE *out = freopen(log, "a", stdout);
            if (out)
                dup2(fileno(out), STDERR_FILENO);
        }
        become_unprivileged(parent);
        if (chdir("/") == 0)
            execv(argv[0], (char *const *)argv);
        _exit(127);
    }
    return child;
}

static void
run(const char *const *argv, const char *log)
{
    int status = 0;
    pid_t child = spawn(argv, log);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        g_error("%s failed (status %d), see %s", argv[0], status, log ? log : "standard error");
}

static char *
path_in(const pg_cluster *c, const char *name)
{
    return g_build_filename(c->directory, name, NULL);
}

static gboolean
answers(const pg_cluster *c)
{
    const char *argv[] = {BIN "pg_isready", "-q", "-h", c->directory, "-d", "postgres", NULL};
    int status = 0;
    pid_t child = spawn(argv, "/dev/null");
    waitpid(child, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

void
pg_cluster_start(pg_cluster *c)
{
    g_autofree char *data = path_in(c, "data"), *log = path_in(c, "log");
    const char *argv[] = {BIN "postgres", "-D", data, "-k", c->directory, "-c", "listen_addresses=",
                          "-c", "fsync=off", "-c", "max_connections=50", "-c", "shared_buffers=32MB", NULL};
    c->server = spawn(argv, log);
    for (int tries = 0; !answers(c); tries++) {
        if (tries > START_SECONDS * 20 || waitpid(c->server, NULL, WNOHANG) == c->server)
            g_error("PostgreSQL does not start, see %s", log);
        g_usleep(50000);
    }
}

static void
reap(pg_cluster *c)
{
    while (waitpid(c->server, NULL, 0) < 0 && errno == EINTR)
        ;
    c->server = 0;
}

void
pg_cluster_stop(pg_cluster *c)
{
    kill(c->server, SIGINT);
    reap(c);
}

void
pg_cluster_kill(pg_cluster *c)
{
    /* its children see the closed pipe of the postmaster and leave */
    kill(c->server, SIGKILL);
    reap(c);
}

char *
pg_cluster_conninfo(const pg_cluster *c, const char *role)
{
    return g_strdup_printf("host=%s user=%s dbname=%s", c->directory, role,
                           strcmp(role, "postgres") == 0 ? "postgres" : "consilium");
}

char *
pg_cluster_sql(const pg_cluster *c, const char *sql)
{
    g_autofree char *conninfo = g_strdup_printf("host=%s user=postgres dbname=consilium", c->directory);
    const char *argv[] = {BIN "psql", "-qAtX", "-v", "ON_ERROR_STOP=1", "-d", conninfo, "-c", sql, NULL};
    g_autoptr(GError) error = NULL;
    char *out = NULL;
    int status = 0;
    if (!g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, &out, NULL, &status, &error) ||
        !g_spawn_check_wait_status(status, &error))
        g_error("psql: %s", error->message);
    return g_strchomp(out);
}

static void
make_roles(const pg_cluster *c)
{
    static const char *const steps[] = {
        "CREATE ROLE consilium_owner LOGIN", "CREATE ROLE consilium_hub LOGIN", "CREATE ROLE consilium_dicom LOGIN",
        "CREATE DATABASE consilium OWNER consilium_owner TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8'", NULL};
    for (int i = 0; steps[i]; i++) {
        const char *argv[] = {BIN "psql", "-qX", "-v", "ON_ERROR_STOP=1", "-h", c->directory, "-U", "postgres",
                              "-c", steps[i], "postgres", NULL};
        run(argv, NULL);
    }
}

pg_cluster *
pg_cluster_new(void)
{
    pg_cluster *c = g_new0(pg_cluster, 1);
    c->directory = g_dir_make_tmp("consilium-pg-XXXXXX", NULL);
    g_assert_nonnull(c->directory);
    if (geteuid() == 0) {
        const struct passwd *user = getpwnam("postgres");
        if (!user)
            user = getpwnam("nobody");
        if (chown(c->directory, user->pw_uid, user->pw_gid) != 0)
            g_error("chown: %s", g_strerror(errno));
    }
    g_autofree char *data = path_in(c, "data"), *log = path_in(c, "log");
    const char *initdb[] = {BIN "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8",
                            "--locale=C.UTF-8", "--no-sync", NULL};
    run(initdb, log);
    pg_cluster_start(c);
    make_roles(c);
    return c;
}

void
pg_cluster_free(pg_cluster *c)
{
    if (!c)
        return;
    if (c->server)
        pg_cluster_stop(c);
    const char *remove[] = {"/bin/rm", "-rf", c->directory, NULL};
    g_spawn_sync(NULL, (char **)remove, NULL, G_SPAWN_DEFAULT, NULL, NULL, NULL, NULL, NULL, NULL);
    g_free(c->directory);
    g_free(c);
}
