/* consilium-supervise: the root of the process tree that hub/up leaves behind.
 *
 * It owns PostgreSQL, the hub and the two workers as siblings: each runs as its own system user, so one that may not
 * change users (the hub) could not start the others, and the workers live on when the hub is restarted. A program that
 * ends is started again, with back-off. Order: the database; then once the command given by --prepare, which migrates;
 * then the rest. SIGTERM, SIGINT, or the end of standard input with --stop-on-eof stop everything within 10 s: first
 * the hub and the workers, then the database. If the supervisor itself is killed, the kernel tells the children. */
#include "hub/supervise/service.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define STOP_PROGRAMS_US (5 * G_USEC_PER_SEC) /* after that SIGKILL */
#define STOP_DATABASE_US (8 * G_USEC_PER_SEC) /* after that SIGQUIT: immediate shutdown */
#define STOP_ALL_US (9 * G_USEC_PER_SEC)      /* after that SIGKILL for whatever is left */
#define HOPELESS 6                            /* failures in a row before the first success that end the attempt */
#define LOG_CHECK_US (60 * G_USEC_PER_SEC)

typedef enum { PHASE_DATABASE, PHASE_PREPARE, PHASE_RUN, PHASE_STOP_PROGRAMS, PHASE_STOP_DATABASE } phase;

enum { DATABASE, HUB, DICOM, MEDIA, SERVICES };

static const char *const data_arguments[] = {"--data", "%s", NULL};
static const char *const database_arguments[] = {"-D", "%s/db", NULL};

static const service_kind kinds[SERVICES] = {
    [DATABASE] = {"database", "consilium-pg", NULL, "postgres", SIGINT, database_arguments},
    [HUB] = {"hub", "consilium-hub", "consilium_hub", "consilium-hub", SIGTERM, data_arguments},
    [DICOM] = {"dicom", "consilium-dicom", "consilium_dicom", "consilium-dicom", SIGTERM, data_arguments},
    [MEDIA] = {"media", "consilium-media", NULL, "consilium-media", SIGTERM, data_arguments},
};

typedef struct {
    service services[SERVICES];
    char *data;
    const char *prepare;
    pid_t prepare_pid;
    gboolean stop_on_eof;
    phase phase;
    gint64 stopping_since_us;
    gint64 logs_checked_us;
    int status; /* our own exit status */
} supervisor;

static gboolean
is_stopping(const supervisor *sv)
{
    return sv->phase >= PHASE_STOP_PROGRAMS;
}

static void
begin_stop(supervisor *sv, int status)
{
    if (is_stopping(sv))
        return;
    sv->phase = PHASE_STOP_PROGRAMS;
    sv->status = status;
    sv->stopping_since_us = g_get_monotonic_time();
    if (sv->prepare_pid > 0)
        kill(-sv->prepare_pid, SIGTERM);
    for (int i = HUB; i < SERVICES; i++)
        service_signal(&sv->services[i], SIGTERM);
}

static gboolean
programs_are_gone(const supervisor *sv)
{
    for (int i = HUB; i < SERVICES; i++)
        if (sv->services[i].pid > 0)
            return FALSE;
    return sv->prepare_pid == 0;
}

static gboolean
all_are_gone(const supervisor *sv)
{
    return programs_are_gone(sv) && sv->services[DATABASE].pid == 0;
}

/* Called while stopping, after every event and at every deadline. Signals are sent again: it does no harm. */
static void
step_stop(supervisor *sv)
{
    gint64 spent = g_get_monotonic_time() - sv->stopping_since_us;
    if (spent >= STOP_PROGRAMS_US) {
        for (int i = HUB; i < SERVICES; i++)
            service_signal(&sv->services[i], SIGKILL);
        if (sv->prepare_pid > 0)
            kill(-sv->prepare_pid, SIGKILL);
    }
    if (sv->phase == PHASE_STOP_PROGRAMS && programs_are_gone(sv)) {
        sv->phase = PHASE_STOP_DATABASE;
        service_signal(&sv->services[DATABASE], SIGINT);
    }
    if (spent >= STOP_DATABASE_US)
        service_signal(&sv->services[DATABASE], SIGQUIT);
    if (spent >= STOP_ALL_US)
        service_signal(&sv->services[DATABASE], SIGKILL);
}

static void
start_prepare(supervisor *sv)
{
    pid_t parent = getpid();
    sv->phase = PHASE_PREPARE;
    sv->prepare_pid = fork();
    if (sv->prepare_pid < 0) {
        fprintf(stderr, "consilium-supervise: fork: %s\n", g_strerror(errno));
        sv->prepare_pid = 0;
        begin_stop(sv, 1);
        return;
    }
    if (sv->prepare_pid > 0)
        return;
    setsid();
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        _exit(0);
    execl("/bin/bash", "bash", "-c", sv->prepare, NULL);
    _exit(127);
}

static void
on_prepare_ended(supervisor *sv, int status)
{
    sv->prepare_pid = 0;
    if (is_stopping(sv))
        return;
    if (status == 0) {
        sv->phase = PHASE_RUN;
        return;
    }
    g_autofree char *text = service_status_text(status);
    fprintf(stderr, "consilium: preparing the database failed: it %s\n", text);
    begin_stop(sv, 1);
}

static void
on_service_ended(supervisor *sv, service *s, int status)
{
    service_ended(s);
    if (is_stopping(sv))
        return;
    g_autofree char *text = service_status_text(status);
    fprintf(stderr, "consilium: %s %s; see %s/log/%s.log; starting it again\n", s->kind->name, text, sv->data,
            s->kind->name);
    if (WIFEXITED(status) && !s->steady_once && s->failures >= HOPELESS) {
        fprintf(stderr, "consilium: %s does not start; giving up\n", s->kind->name);
        begin_stop(sv, 1);
    }
}

static void
reap(supervisor *sv)
{
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (pid == sv->prepare_pid)
            on_prepare_ended(sv, status);
        for (int i = 0; i < SERVICES; i++)
            if (pid == sv->services[i].pid)
                on_service_ended(sv, &sv->services[i], status);
    }
}

/* Starts what is due. Returns the microseconds until something more is due. */
static gint64
start_due(supervisor *sv)
{
    gint64 now = g_get_monotonic_time(), wait = LOG_CHECK_US;
    if (sv->phase == PHASE_DATABASE && sv->services[DATABASE].pid > 0)
        start_prepare(sv);
    int last = sv->phase == PHASE_RUN ? SERVICES - 1 : DATABASE;
    for (int i = 0; i <= last && !is_stopping(sv); i++) {
        service *s = &sv->services[i];
        if (s->pid > 0 || s->missing)
            continue;
        if (s->start_at_us <= now && !service_start(s)) {
            fprintf(stderr, "consilium: %s: %s\n", s->kind->name, g_strerror(errno));
            s->start_at_us = now + G_USEC_PER_SEC;
        }
        if (s->pid == 0)
            wait = MIN(wait, MAX(s->start_at_us - now, 0));
    }
    if (sv->phase == PHASE_DATABASE && sv->services[DATABASE].pid > 0)
        start_prepare(sv);
    return wait;
}

static void
check_logs(supervisor *sv)
{
    if (g_get_monotonic_time() - sv->logs_checked_us < LOG_CHECK_US)
        return;
    sv->logs_checked_us = g_get_monotonic_time();
    for (int i = 0; i < SERVICES; i++)
        service_rotate_log(&sv->services[i]);
}

static void
on_signals(supervisor *sv, int signals)
{
    struct signalfd_siginfo info;
    while (read(signals, &info, sizeof info) == sizeof info)
        if (info.ssi_signo != SIGCHLD)
            begin_stop(sv, 0);
    reap(sv);
}

static void
on_input(supervisor *sv)
{
    char ignored[256];
    ssize_t got = read(STDIN_FILENO, ignored, sizeof ignored);
    if (got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN)) {
        sv->stop_on_eof = FALSE;
        begin_stop(sv, 0);
    }
}

static int
run(supervisor *sv, int signals)
{
    while (!is_stopping(sv) || !all_are_gone(sv)) {
        gint64 wait = start_due(sv);
        if (is_stopping(sv)) {
            step_stop(sv);
            wait = G_USEC_PER_SEC / 4;
        }
        struct pollfd fds[] = {{.fd = signals, .events = POLLIN},
                               {.fd = sv->stop_on_eof ? STDIN_FILENO : -1, .events = POLLIN}};
        poll(fds, G_N_ELEMENTS(fds), (int)((wait + 999) / 1000));
        if (fds[0].revents)
            on_signals(sv, signals);
        if (fds[1].revents)
            on_input(sv);
        check_logs(sv);
    }
    return sv->status;
}

static int
block_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    for (const int *number = (const int[]){SIGCHLD, SIGTERM, SIGINT, SIGHUP, 0}; *number; number++)
        sigaddset(&set, *number);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* One supervisor per data directory. The lock lasts as long as the process. */
static gboolean
lock_data(const char *data)
{
    g_autofree char *path = g_build_filename(data, "run", "supervise.lock", NULL);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    return fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0;
}

int
main(int argc, char **argv)
{
    g_autofree char *data = NULL, *bin = NULL, *postgres = NULL, *prepare = NULL;
    gboolean stop_on_eof = FALSE;
    GOptionEntry options[] = {
        {"data", 0, 0, G_OPTION_ARG_FILENAME, &data, "data directory", "DIR"},
        {"bin", 0, 0, G_OPTION_ARG_FILENAME, &bin, "where consilium-hub and the workers are", "DIR"},
        {"postgres", 0, 0, G_OPTION_ARG_FILENAME, &postgres, "where PostgreSQL's programs are", "DIR"},
        {"prepare", 0, 0, G_OPTION_ARG_STRING, &prepare, "run once the database is started, before the hub", "COMMAND"},
        {"stop-on-eof", 0, 0, G_OPTION_ARG_NONE, &stop_on_eof, "stop when standard input ends", NULL},
        {0}};
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);
    g_autoptr(GError) error = NULL;
    g_option_context_add_main_entries(context, options, NULL);
    if (!g_option_context_parse(context, &argc, &argv, &error) || !data || !bin || !postgres) {
        fprintf(stderr, "consilium-supervise: %s\n", error ? error->message : "--data, --bin and --postgres are needed");
        return 2;
    }
    if (!lock_data(data)) {
        fprintf(stderr, "consilium: %s is in use by another instance\n", data);
        return 1;
    }
    supervisor sv = {.data = data,
                     .prepare = prepare ? prepare : "true",
                     .stop_on_eof = stop_on_eof,
                     .logs_checked_us = g_get_monotonic_time()};
    for (int i = 0; i < SERVICES; i++)
        sv.services[i] = (service){.kind = &kinds[i],
                                   .data = data,
                                   .path = g_build_filename(i == DATABASE ? postgres : bin, kinds[i].program, NULL)};
    for (int i = 0; i < SERVICES; i++)
        if (!g_file_test(sv.services[i].path, G_FILE_TEST_IS_EXECUTABLE)) {
            fprintf(stderr, "consilium: there is no %s\n", sv.services[i].path);
            sv.services[i].missing = TRUE;
        }
    int status = run(&sv, block_signals());
    for (int i = 0; i < SERVICES; i++)
        g_free(sv.services[i].path);
    return status;
}
