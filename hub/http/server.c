/* libwebsockets on the loop: connections, their limits, and the path of bytes between sockets and requests.
 *
 * What version 4.1.6 does not do is done here (each has a test in tests/unit/hub/http/test_server.c): chunked
 * request bodies, a minimum rate for bodies, an answer to headers that are too large, connection caps in
 * total and by address (which also keep accept() away from EMFILE, where libwebsockets spins), POST without a
 * length, 100 Continue, clients that take no answer. ALPN is http/1.1 only and there are no WebSocket
 * extensions: both are broken in 4.1.6. */
#include "hub/http/internal.h"
#include "hub/base/log.h"
#include <arpa/inet.h>
#include <errno.h>
#include <openssl/ssl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define RESERVED_DESCRIPTORS 256 /* files, database, workers: never taken by connections */
#define DISCARD_SECONDS 5        /* a refused body may go on this long after its answer */

static const char *const methods[] = {
    [LWSHUMETH_GET] = "GET",    [LWSHUMETH_POST] = "POST",   [LWSHUMETH_OPTIONS] = "OPTIONS",
    [LWSHUMETH_PUT] = "PUT",    [LWSHUMETH_PATCH] = "PATCH", [LWSHUMETH_DELETE] = "DELETE",
    [LWSHUMETH_CONNECT] = NULL, [LWSHUMETH_HEAD] = "HEAD",   [LWSHUMETH_COLON_PATH] = NULL,
};

static http_server *
server_of(struct lws *wsi)
{
    return lws_context_user(lws_get_context(wsi));
}

/* --- connections
 * ------------------------------------------------------------------------------------------------ */
static void
address_text(const struct sockaddr_storage *a, char *text, gsize size)
{
    const struct sockaddr_in6 *v6 = (const void *)a;
    const struct sockaddr_in *v4 = (const void *)a;
    text[0] = '\0';
    if (a->ss_family == AF_INET)
        inet_ntop(AF_INET, &v4->sin_addr, text, (socklen_t)size);
    else if (a->ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
        inet_ntop(AF_INET, v6->sin6_addr.s6_addr + 12, text, (socklen_t)size);
    else if (a->ss_family == AF_INET6)
        inet_ntop(AF_INET6, &v6->sin6_addr, text, (socklen_t)size);
    else
        g_strlcpy(text, "unix", size);
}

/* One customer's IPv6 network counts as one address. */
static void
cap_key(const char *address, char *key, gsize size)
{
    struct in6_addr v6;
    g_strlcpy(key, address, size);
    if (inet_pton(AF_INET6, address, &v6) == 1) {
        memset(v6.s6_addr + 8, 0, 8);
        inet_ntop(AF_INET6, &v6, key, (socklen_t)size);
    }
}

static gboolean
may_connect(http_server *s, int fd)
{
    struct sockaddr_storage a = {0};
    socklen_t length = sizeof a;
    char address[64], key[64];
    if (getpeername(fd, (struct sockaddr *)&a, &length) != 0)
        return FALSE;
    address_text(&a, address, sizeof address);
    if (a.ss_family == AF_UNIX)
        return TRUE;
    cap_key(address, key, sizeof key);
    if (!s->stopping && s->statistics.connections < s->limit &&
        GPOINTER_TO_UINT(g_hash_table_lookup(s->addresses, key)) < s->limit_per_address)
        return TRUE;
    s->statistics.refused++;
    log_limited(LOG_WARNING, address, "connection refused: too many");
    return FALSE;
}

static void
address_count(http_server *s, const char *address, int by)
{
    char key[64];
    cap_key(address, key, sizeof key);
    guint count = GPOINTER_TO_UINT(g_hash_table_lookup(s->addresses, key)) + (guint)by;
    if (count > 0)
        g_hash_table_insert(s->addresses, g_strdup(key), GUINT_TO_POINTER(count));
    else
        g_hash_table_remove(s->addresses, key);
}

static void
connection_open(http_server *s, struct lws *wsi)
{
    struct connection *c = g_new0(struct connection, 1);
    struct sockaddr_storage a = {0};
    socklen_t length = sizeof a;
    c->server = s;
    c->wsi = wsi;
    c->link.data = c;
    getpeername(lws_get_socket_fd(wsi), (struct sockaddr *)&a, &length);
    address_text(&a, c->address, sizeof c->address);
    if (a.ss_family != AF_UNIX) {
        address_count(s, c->address, 1);
        c->counted = TRUE;
        s->statistics.connections++;
    }
    s->connections = g_list_concat(&c->link, s->connections);
    lws_set_opaque_user_data(wsi, c);
}

static void
request_detach(struct connection *c)
{
    http_request *r = g_steal_pointer(&c->request);
    if (!r)
        return;
    r->connection = NULL;
    c->server->statistics.in_flight--;
    body_abort(r);
    http_unref(r);
}

static void
connection_close(struct lws *wsi)
{
    struct connection *c = lws_get_opaque_user_data(wsi);
    if (!c)
        return;
    http_server *s = c->server;
    lws_set_opaque_user_data(wsi, NULL);
    request_detach(c);
    s->connections = g_list_remove_link(s->connections, &c->link);
    if (c->counted) {
        address_count(s, c->address, -1);
        s->statistics.connections--;
    }
    g_free(c);
}

const char *
http_server_peer(http_server *s, void *wsi)
{
    (void)s;
    struct connection *c = lws_get_opaque_user_data(wsi);
    return c ? c->address : "";
}

gboolean
request_from_loopback(const http_request *r)
{
    const char *a = r->connection ? r->connection->address : "";
    return g_str_has_prefix(a, "127.") || !strcmp(a, "::1");
}

void
connection_wake(http_request *r)
{
    r->waiting_us = g_get_monotonic_time();
    if (r->connection)
        lws_callback_on_writable(r->connection->wsi);
}

void
connection_pause(http_request *r, gboolean pause)
{
    if (!r->connection)
        return;
    lws_rx_flow_control(r->connection->wsi, !pause);
    /* what TLS had decrypted already is found again only after an event on the socket */
    if (!pause)
        lws_callback_on_writable(r->connection->wsi);
}

void
connection_continue(http_request *r)
{
    static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
    const char *expect = r->headers[HEADER_EXPECT];
    if (!r->connection || !expect || g_ascii_strcasecmp(expect, "100-continue") != 0)
        return;
    g_clear_pointer(&r->headers[HEADER_EXPECT], g_free);
    guint8 area[LWS_PRE + sizeof text];
    memcpy(area + LWS_PRE, text, sizeof text - 1);
    lws_write(r->connection->wsi, area + LWS_PRE, sizeof text - 1, LWS_WRITE_HTTP_HEADERS);
}

/* --- requests
 * --------------------------------------------------------------------------------------------------- */
static int
handshake_index(void)
{
    static int index = -1;
    if (index < 0)
        index = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
    return index;
}

/* Remembers how much of the wire was handshake. */
static void
on_tls_info(const SSL *ssl, int where, int ret)
{
    (void)ret;
    if (where & SSL_CB_HANDSHAKE_DONE)
        SSL_set_ex_data((SSL *)ssl, handshake_index(), GSIZE_TO_POINTER(BIO_number_read(SSL_get_rbio(ssl))));
}

/* Bytes that came over the wire since the last request, without what may be body: a lower bound of the
 * headers' size, which also counts headers that are not kept. */
static guint64
header_bytes(const http_request *r)
{
    SSL *ssl = lws_get_ssl(r->connection->wsi);
    if (!ssl)
        return 0;
    guint64 mark = r->connection->wire_mark;
    if (!mark)
        mark = GPOINTER_TO_SIZE(SSL_get_ex_data(ssl, handshake_index()));
    guint64 body =
        r->headers[HEADER_CONTENT_LENGTH] || r->headers[HEADER_TRANSFER_ENCODING] ? HTTP_READ_SIZE : 0;
    guint64 seen = BIO_number_read(SSL_get_rbio(ssl));
    return seen > mark + body ? seen - mark - body : 0;
}

/* The first callback of a request: all headers are there. Nonzero closes the connection. */
static int
on_request(struct connection *c)
{
    char *uri = NULL;
    int length = 0, method = lws_http_get_uri_and_method(c->wsi, &uri, &length);
    if (c->request || method < 0 || method >= (int)G_N_ELEMENTS(methods) || !methods[method])
        return -1;
    lws_set_timeout(c->wsi, NO_PENDING_TIMEOUT, 0);
    g_autoptr(GError) error = NULL;
    http_request *r = c->request = request_new(c, methods[method], g_strndup(uri, (gsize)length));
    c->server->statistics.in_flight++;
    G_GNUC_UNUSED g_autoptr(http_request) keep = http_ref(r);
    gboolean taken = request_take(r, c->wsi, &error);
    if (taken && header_bytes(r) > HTTP_HEADER_LIMIT)
        taken = err_set(&error, ERR_HEADERS, "the headers are larger than %d bytes", HTTP_HEADER_LIMIT);
    r->close |= c->server->stopping;
    if (taken) {
        request_begin(r);
    } else {
        r->close = TRUE;
        http_reply_error(r, error);
    }
    return 0;
}

static void
log_request(const http_request *r, gint64 elapsed_us)
{
    gboolean plain = r->status < 400 && (!strcmp(r->method, "GET") || r->head);
    log_line(plain ? LOG_DEBUG : LOG_INFO, r->id, "%s %s %u person=%s %.1fms", r->method,
             r->route ? r->route->pattern : "-", r->status, r->actor.person ? r->actor.person : "-",
             (double)elapsed_us / 1000);
}

/* The reply is with libwebsockets. Nonzero closes. */
static int
on_written(struct connection *c)
{
    http_request *r = c->request;
    gint64 elapsed = g_get_monotonic_time() - r->started_us;
    c->server->statistics.microseconds += (guint64)elapsed;
    log_request(r, elapsed);
    if (r->close && r->body.state == BODY_DISCARD && !c->server->stopping) {
        r->written = TRUE; /* the sweep closes when the client has had time to read the answer */
        return 0;
    }
    gboolean close = r->close || c->server->stopping;
    request_detach(c);
    if (c->receive_mark) {
        int one = 1;
        setsockopt(lws_get_socket_fd(c->wsi), SOL_SOCKET, SO_RCVLOWAT, &one, sizeof one);
        c->receive_mark = FALSE;
    }
    SSL *ssl = lws_get_ssl(c->wsi);
    if (ssl)
        c->wire_mark = BIO_number_read(SSL_get_rbio(ssl));
    return close || lws_http_transaction_completed(c->wsi) ? -1 : 0;
}

/* One piece of the reply. Nonzero closes; *ret_more: there is another. */
static int
write_piece(struct connection *c, gboolean *ret_more)
{
    http_request *r = c->request;
    guint8 *area = c->server->out + LWS_PRE;
    gssize length = reply_fill(r, area, HTTP_WRITE_SIZE);
    if (length < 0) {
        log_line(LOG_ERROR, r->id, "a reply was cut short: a stored file could not be read");
        return -1;
    }
    gboolean last = reply_is_done(r);
    c->server->statistics.bytes_out += (guint64)length;
    r->waiting_us = g_get_monotonic_time();
    if (length > 0 &&
        lws_write(c->wsi, area, (gsize)length, last ? LWS_WRITE_HTTP_FINAL : LWS_WRITE_HTTP) < (int)length)
        return -1;
    *ret_more = !last;
    return last ? on_written(c) : 0;
}

/* Several pieces while the socket takes them: going back to the loop for each costs a tenth of a large reply.
 */
static int
on_writeable(struct connection *c)
{
    http_request *r = c->request;
    if (!r || !r->status || r->written)
        return 0;
    gboolean more = TRUE;
    for (guint i = 0; more && i < HTTP_WRITES && (i == 0 || !lws_send_pipe_choked(c->wsi)); i++)
        if (write_piece(c, &more) != 0)
            return -1;
    if (more)
        lws_callback_on_writable(c->wsi);
    return 0;
}

static int
on_body(struct connection *c, const guint8 *bytes, gsize length)
{
    if (!c->request)
        return 0;
    G_GNUC_UNUSED g_autoptr(http_request) keep = http_ref(c->request);
    return body_bytes(keep, bytes, length) ? 0 : -1;
}

static void
on_body_end(struct connection *c)
{
    if (!c->request)
        return;
    G_GNUC_UNUSED g_autoptr(http_request) keep = http_ref(c->request);
    body_framing_end(keep);
}

/* WebSocket upgrades are for /signal only, on the workers' socket for any path; the transport's own protocol
 * decides the rest. */
static int
on_upgrade(struct lws *wsi)
{
    char *uri = NULL;
    int length = 0, method = lws_http_get_uri_and_method(wsi, &uri, &length);
    const struct connection *c = lws_get_opaque_user_data(wsi);
    gboolean known = c && (!c->counted || (length == 7 && !strncmp(uri, "/signal", 7)));
    if (known && method == LWSHUMETH_GET && lws_hdr_total_length(wsi, WSI_TOKEN_PROTOCOL) > 0)
        return 0;
    static const char answer[] = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    guint8 framed[LWS_PRE + sizeof answer];
    memcpy(framed + LWS_PRE, answer, sizeof answer);
    lws_write(wsi, framed + LWS_PRE, sizeof answer - 1, LWS_WRITE_RAW);
    return -1;
}

static int
on_tls(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t length)
{
    struct connection *c = NULL;
    switch (reason) {
    case LWS_CALLBACK_FILTER_NETWORK_CONNECTION:
        return may_connect(server_of(wsi), (int)(intptr_t)in) ? 0 : -1;
    case LWS_CALLBACK_SERVER_NEW_CLIENT_INSTANTIATED:
        connection_open(server_of(wsi), wsi);
        return 0;
    case LWS_CALLBACK_WSI_DESTROY:
        connection_close(wsi);
        return 0;
    case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
        return on_upgrade(wsi);
    case LWS_CALLBACK_HTTP:
        c = lws_get_opaque_user_data(wsi);
        return c ? on_request(c) : -1;
    case LWS_CALLBACK_HTTP_BODY:
        c = lws_get_opaque_user_data(wsi);
        return c ? on_body(c, in, length) : -1;
    case LWS_CALLBACK_HTTP_BODY_COMPLETION:
        c = lws_get_opaque_user_data(wsi);
        if (c)
            on_body_end(c);
        return 0;
    case LWS_CALLBACK_HTTP_WRITEABLE:
        c = lws_get_opaque_user_data(wsi);
        return c ? on_writeable(c) : -1;
    case LWS_CALLBACK_OPENSSL_LOAD_EXTRA_SERVER_VERIFY_CERTS:
        if (user)
            SSL_CTX_set_info_callback(user, on_tls_info);
        return 0;
    case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION: /* a WebSocket without a known subprotocol */
    case LWS_CALLBACK_RAW_ADOPT:
    case LWS_CALLBACK_RAW_RX:
        return -1;
    default:
        return 0;
    }
}

/* --- once a second
 * ---------------------------------------------------------------------------------------------- */
static void
kill_connection(struct connection *c)
{
    lws_set_timeout(c->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
}

/* A client that sends the next request before it took this answer would keep the socket readable and the loop
 * spinning. */
static void
quieten(struct connection *c)
{
    int most = 1 << 30;
    if (!c->receive_mark)
        setsockopt(lws_get_socket_fd(c->wsi), SOL_SOCKET, SO_RCVLOWAT, &most, sizeof most);
    c->receive_mark = TRUE;
}

static void
sweep_request(struct connection *c, http_request *r, gint64 now)
{
    gint64 silent = now - r->waiting_us;
    if (r->written) {
        if (silent > DISCARD_SECONDS * G_USEC_PER_SEC || r->body.state != BODY_DISCARD)
            kill_connection(c);
    } else if (body_too_slow(r, now)) {
        r->close = TRUE;
        body_abort(r);
        if (!r->status)
            http_reply_problem(r, ERR_TIMEOUT, "the body comes too slowly");
    } else if (r->status && silent > HTTP_STALL_SECONDS * G_USEC_PER_SEC) {
        kill_connection(c);
    } else if (silent > G_USEC_PER_SEC && r->body.state != BODY_READING && r->status) {
        quieten(c);
    } else if (silent > G_USEC_PER_SEC && r->body.state != BODY_READING && !r->held) {
        r->held =
            TRUE; /* the library reads nothing now: what comes, or a close, would wake the loop for ever */
        connection_pause(r, TRUE);
    }
    /* libwebsockets' own timer would end requests that wait for us */
    if (r->body.state != BODY_READING || r->body.paused_us)
        lws_set_timeout(c->wsi, NO_PENDING_TIMEOUT, 0);
}

static void
stopped(http_server *s)
{
    void (*done)(gpointer) = g_steal_pointer(&s->stopped);
    if (done)
        done(s->stopped_data);
}

static void
on_sweep(gpointer data)
{
    http_server *s = data;
    gint64 now = g_get_monotonic_time();
    for (GList *link = s->connections, *next; link; link = next) {
        struct connection *c = link->data;
        next = link->next;
        if (c->request) {
            G_GNUC_UNUSED g_autoptr(http_request) keep = http_ref(c->request);
            sweep_request(c, keep, now);
        }
    }
    if (s->stopping && (s->statistics.in_flight == 0 || now >= s->stop_by_us))
        stopped(s);
}

/* --- making it
 * -------------------------------------------------------------------------------------------------- */
static void
on_lws_log(int level, const char *line)
{
    /* its text may contain bytes from a peer; it is for developers */
    log_limited(level == LLL_ERR ? LOG_WARNING : LOG_DEBUG, "libwebsockets", "%s", line);
}

static void
copy_protocols(struct lws_protocols *to, const struct lws_protocols *from)
{
    to[0] = (struct lws_protocols){.name = "http", .callback = on_tls};
    for (int i = 0; from && from[i].name && i < 2; i++)
        to[i + 1] = from[i];
}

static gboolean
make_tls(http_server *s, const config *c, GError **error)
{
    g_autofree char *certificate = config_path(c, "hub", "certificate");
    g_autofree char *key = config_path(c, "hub", "private-key");
    const char *host = config_text(c, "hub", "host");
    copy_protocols(s->tls_protocols, s->options.tls_protocols);
    struct lws_context_creation_info info = {
        .vhost_name = "tls",
        .port = (int)config_int(c, "hub", "https-port"),
        .iface = strcmp(host, "0.0.0.0") && strcmp(host, "::") ? host : NULL,
        .protocols = s->tls_protocols,
        .ssl_cert_filepath = certificate,
        .ssl_private_key_filepath = key,
        .ssl_cipher_list = "ECDHE+AESGCM:ECDHE+CHACHA20",
        .ssl_options_set = SSL_OP_NO_SSLv3 | SSL_OP_NO_TLSv1 | SSL_OP_NO_TLSv1_1 | SSL_OP_NO_COMPRESSION |
                           SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE,
        .alpn = "http/1.1",
        .keepalive_timeout = HTTP_KEEPALIVE_SECONDS,
        .options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT,
    };
    if (!strchr(host, ':'))
        info.options |= LWS_SERVER_OPTION_DISABLE_IPV6;
    s->tls = lws_create_vhost(s->lws, &info);
    if (s->tls)
        return TRUE;
    return err_set(
        error, ERR_INVALID,
        "cannot listen on %s port %d with certificate %s and key %s (address in use, or files unreadable)",
        host, info.port, certificate, key);
}

static gboolean
make_unix(http_server *s, const config *c, GError **error)
{
    if (!s->options.unix_protocols)
        return TRUE;
    g_autofree char *path = config_path(c, "hub", "socket");
    copy_protocols(s->unix_protocols, s->options.unix_protocols);
    mode_t before = umask(0117); /* the workers' group may connect */
    struct lws_context_creation_info info = {
        .vhost_name = "workers",
        .iface = path,
        .protocols = s->unix_protocols,
        .options = LWS_SERVER_OPTION_UNIX_SOCK,
    };
    struct lws_vhost *vhost = lws_create_vhost(s->lws, &info);
    umask(before);
    if (vhost && chmod(path, 0660) == 0)
        return TRUE;
    return err_set(error, ERR_INVALID, "cannot listen on the workers' socket %s", path);
}

/* As many descriptors as the caps need; the caps shrink to what there is. */
static void
limit_connections(http_server *s, const config *c)
{
    struct rlimit r = {0};
    s->limit = (guint)config_int(c, "hub", "connections");
    s->limit_per_address = (guint)config_int(c, "hub", "connections-per-address");
    getrlimit(RLIMIT_NOFILE, &r);
    rlim_t wanted = (rlim_t)s->limit * 2 + RESERVED_DESCRIPTORS;
    r.rlim_cur = MIN(wanted, r.rlim_max);
    setrlimit(RLIMIT_NOFILE, &r);
    if (s->limit + RESERVED_DESCRIPTORS > r.rlim_cur)
        s->limit = r.rlim_cur > 2 * RESERVED_DESCRIPTORS ? (guint)r.rlim_cur - RESERVED_DESCRIPTORS
                                                         : (guint)r.rlim_cur / 2;
}

static gboolean
make_context(http_server *s, GError **error)
{
    void *loops[] = {loop_uv(s->options.loop)};
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN,
        .options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS |
                   LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT | LWS_SERVER_OPTION_UV_NO_SIGSEGV_SIGFPE_SPIN,
        .foreign_loops = loops,
        .user = s,
        .timeout_secs = HTTP_SILENCE_SECONDS,
        .max_http_header_data2 = HTTP_HEADER_AREA,
        .max_http_header_pool = (unsigned short)MIN(s->limit, G_MAXUINT16),
        .pt_serv_buf_size = HTTP_READ_SIZE + LWS_PRE,
        .uid = (uid_t)-1,
        .gid = (gid_t)-1,
    };
    lws_set_log_level(LLL_ERR | LLL_WARN, on_lws_log);
    s->lws = lws_create_context(&info);
    return s->lws || err_set(error, ERR_INTERNAL, "libwebsockets cannot start");
}

http_server *
http_server_new(const http_server_options *options, GError **error)
{
    g_autoptr(http_server) s = g_new0(http_server, 1);
    const config *c = options->config;
    s->options = *options;
    s->addresses = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    s->body_rate = (guint)config_int(c, "hub", "body-rate");
    s->cors_origins = g_strsplit_set(config_text(c, "hub", "cors-origins"), ", ", -1);
    s->default_host =
        g_strdup_printf("%s:%s", config_text(c, "hub", "host"), config_text(c, "hub", "https-port"));
    s->out = g_malloc(LWS_PRE + HTTP_WRITE_SIZE);
    limit_connections(s, c);
    if (!make_context(s, error) || !make_tls(s, c, error) || !make_unix(s, c, error))
        return NULL;
    s->sweep = loop_timer_new(options->loop, on_sweep, s);
    loop_timer_start(s->sweep, 1000, 1000);
    return g_steal_pointer(&s);
}

void
http_server_stop(http_server *s, guint grace_ms, void (*done)(gpointer), gpointer user_data)
{
    s->stopping = TRUE; /* connections are refused, answers close theirs */
    s->stop_by_us = g_get_monotonic_time() + (gint64)grace_ms * 1000;
    s->stopped = done;
    s->stopped_data = user_data;
    loop_timer_start(s->sweep, 200, 100); /* not at once: WebSocket peers are told goodbye first */
}

void
http_server_close(http_server *s)
{
    if (!s || !s->lws)
        return;
    loop_timer_free(g_steal_pointer(&s->sweep));
    lws_context_destroy(s->lws);
    /* libwebsockets closes its handles in the turns of the loop that follow; on a loop that is not its own,
     * the second call frees what is left */
    for (int turn = 0; turn < 50; turn++)
        uv_run(loop_uv(s->options.loop), UV_RUN_NOWAIT);
    lws_context_destroy(g_steal_pointer(&s->lws));
}

void
http_server_free(http_server *s)
{
    if (!s)
        return;
    http_server_close(s);
    loop_timer_free(s->sweep);
    g_hash_table_unref(s->addresses);
    g_strfreev(s->cors_origins);
    g_free(s->default_host);
    g_free(s->out);
    g_free(s);
}

http_statistics
http_server_statistics(const http_server *s)
{
    return s->statistics;
}
