#include "hub/http/health.h"
#include "hub/hub.h"

struct component {
    const char *name;
    gboolean (*ready)(gpointer, char **);
    gpointer data;
};

struct health {
    GArray *components;
};

health *
health_new(void)
{
    health *h = g_new0(health, 1);
    h->components = g_array_new(FALSE, FALSE, sizeof(struct component));
    return h;
}

void
health_free(health *h)
{
    if (!h)
        return;
    g_array_unref(h->components);
    g_free(h);
}

void
health_add(health *h, const char *name, gboolean (*ready)(gpointer, char **), gpointer user_data)
{
    struct component c = {name, ready, user_data};
    g_array_append_val(h->components, c);
}

void
health_alive(http_request *r)
{
    http_reply_json(r, 200, json_pack("{s:s}", "status", "alive"));
}

void
health_ready(http_request *r)
{
    const health *h = http_hub(r)->health;
    gboolean all = TRUE;
    json_t *components = json_object();
    for (guint i = 0; i < h->components->len; i++) {
        const struct component *c = &g_array_index(h->components, struct component, i);
        g_autofree char *reason = NULL;
        gboolean ready = c->ready(c->data, &reason);
        json_t *one = json_pack("{s:b}", "ready", ready);
        if (!ready && reason)
            json_object_set_new(one, "reason", json_string(reason));
        json_object_set_new(components, c->name, one);
        all &= ready;
    }
    http_reply_json(r, all ? 200 : 503,
                    json_pack("{s:s, s:o}", "status", all ? "ready" : "not-ready", "components", components));
}
