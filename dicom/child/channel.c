#include "dicom/child/channel.h"
#include "hub/base/err.h"
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

int
channel_text(const char *text, gsize length)
{
    int fd = memfd_create("text", MFD_CLOEXEC);
    for (gsize at = 0; fd >= 0 && at < length;) {
        ssize_t n = write(fd, text + at, length - at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            close(fd);
            return -1;
        }
        at += (gsize)n;
    }
    return fd;
}

char *
channel_read_text(int fd, gsize limit)
{
    struct stat st;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || (guint64)st.st_size > limit)
        return NULL;
    g_autofree char *text = g_malloc((gsize)st.st_size + 1);
    off_t at = 0;
    while (at < st.st_size) {
        ssize_t n = pread(fd, text + at, (gsize)(st.st_size - at), at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return NULL;
        at += n;
    }
    text[at] = '\0';
    return g_steal_pointer(&text);
}

gboolean
channel_pair(int ret_fds[2], GError **error)
{
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ret_fds) != 0)
        return err_set(error, ERR_UNAVAILABLE, "no channel for a child process: %s", g_strerror(errno));
    int room = 2 * CHANNEL_MESSAGE_LIMIT;
    setsockopt(ret_fds[0], SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
    setsockopt(ret_fds[1], SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
    return TRUE;
}

gboolean
channel_send(int channel, const json_t *message, int fd)
{
    g_autofree char *text = json_text(message);
    struct iovec io = {.iov_base = text, .iov_len = strlen(text)};
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct msghdr m = {.msg_iov = &io, .msg_iovlen = 1};
    if (io.iov_len > CHANNEL_MESSAGE_LIMIT)
        return FALSE;
    if (fd >= 0) {
        m.msg_control = &control;
        m.msg_controllen = sizeof control.space;
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(c), &fd, sizeof fd);
    }
    ssize_t sent;
    do {
        sent = sendmsg(channel, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    return sent == (ssize_t)io.iov_len;
}

static int
passed_fd(struct msghdr *m)
{
    int fd = -1;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c))
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS && c->cmsg_len == CMSG_LEN(sizeof(int)))
            memcpy(&fd, CMSG_DATA(c), sizeof fd);
    return fd;
}

channel_result
channel_receive(int channel, gboolean wait, json_t **ret_message, int *ret_fd)
{
    static __thread char buffer[CHANNEL_MESSAGE_LIMIT];
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec io = {.iov_base = buffer, .iov_len = sizeof buffer};
    struct msghdr m = {
        .msg_iov = &io, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control.space};
    ssize_t length;
    do {
        length = recvmsg(channel, &m, MSG_CMSG_CLOEXEC | (wait ? 0 : MSG_DONTWAIT));
    } while (length < 0 && errno == EINTR);
    if (length < 0)
        return errno == EAGAIN || errno == EWOULDBLOCK ? CHANNEL_EMPTY
               : errno == ECONNRESET                   ? CHANNEL_CLOSED
                                                       : CHANNEL_BROKEN;
    if (length == 0)
        return CHANNEL_CLOSED;
    int fd = passed_fd(&m);
    json_t *message = m.msg_flags & MSG_TRUNC ? NULL : json_parse(buffer, (gsize)length, NULL);
    if (!json_is_object(message)) {
        json_decref(message);
        if (fd >= 0)
            close(fd);
        return CHANNEL_BROKEN;
    }
    *ret_message = message;
    *ret_fd = fd;
    return CHANNEL_MESSAGE;
}
