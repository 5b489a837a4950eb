/* What is added to DCMTK's TCP transport: TCP_QUICKACK before every read (a sender that keeps Nagle's
 * algorithm on writes a PDU in two pieces and would wait 40 ms for our delayed acknowledgement), time limits,
 * and TLS by OpenSSL (dicom/tls). */
#include "dicom/dcmtk/internal.h"
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

DcmTransportConnection *
QuickLayer::createConnection(DcmNativeSocketType s, OFBool)
{
    struct timeval wait = {.tv_sec = limit, .tv_usec = 0};
    (void)setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
    (void)setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    if (request && request->connected)
        request->connected(s, request->user_data);
    connection = new QuickConnection(s, this);
    return connection;
}

static gboolean
is_expected(const char *sha256, gpointer data)
{
    const dcm_request *request = static_cast<const dcm_request *>(data);
    return !g_strcmp0(sha256, request->cert_sha256);
}

OFCondition
QuickConnection::clientSideHandshake()
{
    const dcm_request *q = layer->request;
    if (!q || !q->tls)
        return EC_Normal;
    layer->tls = tls_connect(q->tls, getSocket(), is_expected, const_cast<dcm_request *>(q), &layer->error);
    if (layer->tls && !tls_peer_matches(tls_session_peer(layer->tls), q->cert_cn, q->cert_sha256, q->code))
        err_set(&layer->error, ERR_DENIED,
                "the peer's certificate is of \"%s\", not of the registered \"%s\"",
                tls_session_peer(layer->tls)->cn, q->cert_cn ? q->cert_cn : "");
    return layer->error ? makeOFCondition(OFM_dcmnet, 1, OF_error, "TLS handshake") : EC_Normal;
}

ssize_t
QuickConnection::read(void *buffer, size_t length)
{
    int on = 1;
    (void)setsockopt(getSocket(), IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
    return layer->tls ? tls_read(layer->tls, buffer, length) : DcmTCPConnection::read(buffer, length);
}

ssize_t
QuickConnection::write(void *buffer, size_t length)
{
    return layer->tls ? tls_write(layer->tls, buffer, length) : DcmTCPConnection::write(buffer, length);
}

void
QuickConnection::close()
{
    g_clear_pointer(&layer->tls, tls_session_free);
    layer->connection = NULL;
    DcmTCPConnection::close();
}

void
QuickConnection::closeTransportConnection()
{
    g_clear_pointer(&layer->tls, tls_session_free);
    layer->connection = NULL;
    DcmTCPConnection::closeTransportConnection();
}

OFBool
QuickConnection::networkDataAvailable(int timeout)
{
    return (layer->tls && tls_pending(layer->tls)) || DcmTCPConnection::networkDataAvailable(timeout);
}

OFBool
QuickConnection::isTransparentConnection()
{
    return layer->tls == NULL;
}

gboolean
QuickConnection::wait(int other, int timeout_ms)
{
    struct pollfd fds[] = {{.fd = getSocket(), .events = POLLIN, .revents = 0},
                           {.fd = other, .events = POLLIN, .revents = 0}};
    if (layer->tls && tls_pending(layer->tls))
        return TRUE;
    (void)poll(fds, 2, timeout_ms);
    return fds[0].revents != 0;
}

gboolean
association_write(dcm_association *a, const guint8 *bytes, gsize length, GError **error)
{
    while (length > 0) {
        if (!a->layer->connection)
            return err_set(error, ERR_UNAVAILABLE, "the connection is closed");
        ssize_t n = a->layer->connection->write(const_cast<guint8 *>(bytes), length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return err_set(error, ERR_UNAVAILABLE, "the peer does not read: %s", g_strerror(errno));
        bytes += n;
        length -= (gsize)n;
    }
    return TRUE;
}
