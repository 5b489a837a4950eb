/* Starting one program safely: the order in service_start's child matters. The user is changed before the death signal
 * is set, because changing it clears the signal; the parent is looked at after that, because it may have died before. */
#include "hub/supervise/service.h"
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define BACK_OFF_FIRST_US (G_USEC_PER_SEC / 10)
#define BACK_OFF_MAX_US (5 * G_USEC_PER_SEC)
#define LOG_LIMIT (64 * 1024 * 1024)
#define MAX_ARGUMENTS 16
#define OPEN_FILES 65536

static void
fail_child(const char *what)
{
    fprintf(stderr, "consilium-supervise: %s: %s\n", what, g_strerror(errno));
    _exit(127);
}

static char *
log_path(const service *s)
{
    return g_strdup_printf("%s/log/%s.log", s->data, s->kind->name);
}

static void
redirect_output(const service *s)
{
    g_autofree char *path = log_path(s);
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int out = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    if (null < 0 || out < 0)
        fail_child(path);
    if (dup2(null, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0)
        fail_child("dup2");
    if (close_range(3, ~0U, 0) < 0)
        fail_child("close_range");
}

static void
become_user(const service *s)
{
    if (geteuid() != 0)
        return;
    struct passwd *user = getpwnam(s->kind->user);
    if (!user) {
        errno = ENOENT;
        fail_child(s->kind->user);
    }
    if (initgroups(user->pw_name, user->pw_gid) < 0 || setgid(user->pw_gid) < 0 || setuid(user->pw_uid) < 0)
        fail_child(s->kind->user);
    g_setenv("USER", user->pw_name, TRUE);
    g_setenv("LOGNAME", user->pw_name, TRUE);
}

static void
reset_signals(void)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
}

/* "%s…" is below the data directory. Never freed: the child executes next. */
static const char *
expand(const service *s, const char *argument)
{
    return g_str_has_prefix(argument, "%s") ? g_strconcat(s->data, argument + 2, NULL) : argument;
}

static G_GNUC_NORETURN void
run_child(const service *s, pid_t supervisor)
{
    const char *argv[MAX_ARGUMENTS + 2] = {s->path}; /* ends with NULL */
    for (guint i = 0; i < MAX_ARGUMENTS && s->kind->arguments[i]; i++)
        argv[i + 1] = expand(s, s->kind->arguments[i]);
    setsid();
    reset_signals();
    redirect_output(s);
    struct rlimit files = {OPEN_FILES, OPEN_FILES};
    setrlimit(RLIMIT_NOFILE, &files); /* refused to an ordinary user; the limit that is there then holds */
    become_user(s);
    umask(0007); /* the hub and each worker share folders through the worker's group */
    g_setenv("HOME", s->data, TRUE);
    if (s->kind->role)
        g_setenv("PGUSER", s->kind->role, TRUE);
    prctl(PR_SET_PDEATHSIG, s->kind->stop_signal);
    if (getppid() != supervisor)
        _exit(0);
    if (chdir("/") < 0)
        fail_child("/");
    execv(s->path, (char *const *)argv);
    fail_child(s->path);
    _exit(127);
}

gboolean
service_start(service *s)
{
    pid_t supervisor = getpid();
    s->started_us = g_get_monotonic_time();
    pid_t pid = fork();
    if (pid < 0)
        return FALSE;
    if (pid == 0)
        run_child(s, supervisor);
    s->pid = pid;
    return TRUE;
}

void
service_ended(service *s)
{
    gint64 now = g_get_monotonic_time();
    s->pid = 0;
    gboolean steady = now - s->started_us >= SERVICE_STEADY_US;
    s->steady_once |= steady;
    s->failures = steady ? 0 : s->failures + 1;
    gint64 wait = s->failures == 0 ? 0 : BACK_OFF_FIRST_US << MIN(s->failures - 1, 10);
    s->start_at_us = now + MIN(wait, BACK_OFF_MAX_US);
}

void
service_signal(service *s, int signal_number)
{
    if (s->pid > 0)
        kill(s->pid, signal_number);
}

/* The program keeps its descriptor (opened for appending), so the file is emptied in place; a line written between the
 * copy and the cut is lost. */
void
service_rotate_log(const service *s)
{
    g_autofree char *path = log_path(s);
    struct stat st;
    if (stat(path, &st) < 0 || st.st_size < LOG_LIMIT)
        return;
    g_autofree char *old = g_strconcat(path, ".1", NULL);
    int from = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    int to = open(old, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (from >= 0 && to >= 0) {
        while (copy_file_range(from, NULL, to, NULL, LOG_LIMIT, 0) > 0)
            ;
        if (ftruncate(from, 0) < 0)
            fprintf(stderr, "consilium-supervise: %s: %s\n", path, g_strerror(errno));
    }
    if (from >= 0)
        close(from);
    if (to >= 0)
        close(to);
}

char *
service_status_text(int status)
{
    if (WIFEXITED(status))
        return g_strdup_printf("exited with status %d", WEXITSTATUS(status));
    return g_strdup_printf("was ended by signal %d (%s)", WTERMSIG(status), g_strsignal(WTERMSIG(status)));
}
