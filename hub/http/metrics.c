#include "hub/http/metrics.h"
#include "hub/http/server.h"
#include "hub/hub.h"
#include <string.h>

struct metric {
    char *name, *type, *help;
    double (*read)(gpointer);
    gpointer data;
};

struct metrics {
    GArray *values;
};

static void
metric_clear(gpointer data)
{
    struct metric *m = data;
    g_free(m->name);
    g_free(m->type);
    g_free(m->help);
}

metrics *
metrics_new(void)
{
    metrics *m = g_new0(metrics, 1);
    m->values = g_array_new(FALSE, FALSE, sizeof(struct metric));
    g_array_set_clear_func(m->values, metric_clear);
    return m;
}

void
metrics_free(metrics *m)
{
    if (!m)
        return;
    g_array_unref(m->values);
    g_free(m);
}

void
metrics_add(metrics *m, const char *name, const char *type, const char *help, double (*read)(gpointer),
            gpointer user_data)
{
    struct metric one = {g_strdup(name), g_strdup(type), g_strdup(help), read, user_data};
    g_array_append_val(m->values, one);
}

#define HTTP_METRIC(field, expression)                                                                       \
    static double read_##field(gpointer data)                                                                \
    {                                                                                                        \
        http_statistics s = http_server_statistics(data);                                                    \
        return (double)(expression);                                                                         \
    }
HTTP_METRIC(ok, s.by_class[2] + s.by_class[3])
HTTP_METRIC(client_error, s.by_class[4])
HTTP_METRIC(server_error, s.by_class[5])
HTTP_METRIC(bytes_out, s.bytes_out)
HTTP_METRIC(bytes_in, s.bytes_in)
HTTP_METRIC(refused, s.refused)
HTTP_METRIC(connections, s.connections)
HTTP_METRIC(in_flight, s.in_flight)
HTTP_METRIC(seconds, (double)s.microseconds / 1e6)

void
metrics_add_http(metrics *m, struct http_server *s)
{
    metrics_add(m, "consilium_http_requests_total{class=\"ok\"}", "counter", "Answered requests", read_ok, s);
    metrics_add(m, "consilium_http_requests_total{class=\"client\"}", "counter", "Answered requests",
                read_client_error, s);
    metrics_add(m, "consilium_http_requests_total{class=\"server\"}", "counter", "Answered requests",
                read_server_error, s);
    metrics_add(m, "consilium_http_sent_bytes_total", "counter", "Bytes of answers", read_bytes_out, s);
    metrics_add(m, "consilium_http_received_bytes_total", "counter", "Bytes of request bodies", read_bytes_in,
                s);
    metrics_add(m, "consilium_http_refused_connections_total", "counter", "Connections over a cap",
                read_refused, s);
    metrics_add(m, "consilium_http_connections", "gauge", "Open connections", read_connections, s);
    metrics_add(m, "consilium_http_requests_in_flight", "gauge", "Requests not answered yet", read_in_flight,
                s);
    metrics_add(m, "consilium_http_request_seconds_total", "counter", "Time spent on answered requests",
                read_seconds, s);
}

void
metrics_handle(http_request *r)
{
    const metrics *m = http_hub(r)->metrics;
    g_autoptr(GString) text = g_string_new(NULL);
    g_autofree char *last = NULL;
    for (guint i = 0; i < m->values->len; i++) {
        const struct metric *one = &g_array_index(m->values, struct metric, i);
        char *family = g_strndup(one->name, strcspn(one->name, "{"));
        if (g_strcmp0(family, last) != 0)
            g_string_append_printf(text, "# HELP %s %s\n# TYPE %s %s\n", family, one->help, family,
                                   one->type);
        g_free(last);
        last = family;
        g_string_append_printf(text, "%s %.15g\n", one->name, one->read(one->data));
    }
    g_autoptr(GBytes) bytes = g_bytes_new(text->str, text->len);
    http_reply_bytes(r, 200, "text/plain; version=0.0.4; charset=utf-8", bytes);
}
