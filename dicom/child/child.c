/* A child has three handles on the loop (process, poll of the channel, and their closing); it is freed when
 * both are closed and the process was reaped. */
#include "dicom/child/child.h"
#include "hub/base/err.h"
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

struct child {
    uv_process_t process;
    uv_poll_t poll;
    int channel;
    guint open_handles;
    gboolean told;   /* `gone` was called, or is not to be */
    gboolean exited; /* reaped */
    const child_handler *handler;
    gpointer user_data;
};

static void
on_closed(uv_handle_t *handle)
{
    child *c = handle->data;
    if (--c->open_handles == 0) {
        close(c->channel);
        g_free(c);
    }
}

static void
close_process(child *c)
{
    if (!uv_is_closing((uv_handle_t *)&c->process))
        uv_close((uv_handle_t *)&c->process, on_closed);
}

static void
lose(child *c)
{
    if (!uv_is_closing((uv_handle_t *)&c->poll)) {
        uv_poll_stop(&c->poll);
        uv_close((uv_handle_t *)&c->poll, on_closed);
    }
    if (!c->exited)
        uv_process_kill(&c->process, SIGKILL);
    else
        close_process(c);
    if (c->told)
        return;
    c->told = TRUE;
    c->handler->gone(c, c->user_data);
}

static void
on_exit_of(uv_process_t *process, int64_t status, int number)
{
    (void)status;
    (void)number;
    child *c = process->data;
    c->exited = TRUE;
    lose(c);
}

static void
on_readable(uv_poll_t *poll, int status, int events)
{
    child *c = poll->data;
    (void)status;
    (void)events;
    while (!uv_is_closing((uv_handle_t *)poll)) {
        g_autoptr(json_t) message = NULL;
        int fd = -1;
        channel_result result = channel_receive(c->channel, FALSE, &message, &fd);
        if (result == CHANNEL_EMPTY)
            return;
        if (result != CHANNEL_MESSAGE) {
            lose(c);
            return;
        }
        c->handler->message(c, message, fd, c->user_data);
    }
}

child *
child_spawn(loop *l, const char *role, const char *config_path, const child_handler *handler,
            gpointer user_data, GError **error)
{
    int pair[2];
    if (!channel_pair(pair, error))
        return NULL;
    child *c = g_new0(child, 1);
    *c = (child){.channel = pair[0], .handler = handler, .user_data = user_data};
    c->process.data = c->poll.data = c;
    char *arguments[] = {"consilium-dicom", "--child", (char *)role, "--config", (char *)config_path, NULL};
    if (!config_path)
        arguments[3] = NULL;
    uv_stdio_container_t stdio[] = {{.flags = UV_IGNORE},
                                    {.flags = UV_INHERIT_FD, .data.fd = STDOUT_FILENO},
                                    {.flags = UV_INHERIT_FD, .data.fd = STDERR_FILENO},
                                    {.flags = UV_INHERIT_FD, .data.fd = pair[1]}};
    uv_process_options_t options = {.file = "/proc/self/exe",
                                    .args = arguments,
                                    .exit_cb = on_exit_of,
                                    .stdio = stdio,
                                    .stdio_count = G_N_ELEMENTS(stdio)};
    uv_poll_init(loop_uv(l), &c->poll, c->channel);
    int result = uv_spawn(loop_uv(l), &c->process, &options);
    close(pair[1]);
    c->open_handles = 2;
    if (result != 0) {
        err_set(error, ERR_UNAVAILABLE, "a child process cannot be started: %s", uv_strerror(result));
        c->told = c->exited = TRUE;
        lose(c);
        return NULL;
    }
    uv_poll_start(&c->poll, UV_READABLE, on_readable);
    return c;
}

void
child_free(child *c)
{
    if (!c)
        return;
    c->told = TRUE;
    lose(c);
}

gboolean
child_send(child *c, const json_t *message, int fd)
{
    return channel_send(c->channel, message, fd);
}

void
child_kill(child *c)
{
    uv_process_kill(&c->process, SIGKILL);
}

int
child_pid(const child *c)
{
    return c->process.pid;
}

void
child_begin(void)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() == 1)
        _exit(0); /* the parent was faster */
    signal(SIGINT, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
}
