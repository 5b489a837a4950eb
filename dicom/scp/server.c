/* Three files of this folder know a connection: listener.c accepts it and refuses it when too many are open,
 * association.c keeps what is known of the one that a worker serves, and this file brings the two together
 * and counts. */
#include "dicom/scp/server.h"
#include "dicom/scp/association.h"
#include "dicom/scp/listener.h"
#include "dicom/scp/rate.h"
#include "dicom/scp/worker.h"
#include "hub/base/err.h"
#include "hub/base/log.h"
#include <string.h>
#include <unistd.h>

#define SPARE_WORKERS 2  /* started and idle, so that a scanner does not wait for one */
#define WAITING_LIMIT 32 /* connections that wait for a worker to start */
#define NOTICE_MS 1000   /* between two notices of one study */
#define SPAWN_RETRY_MS 1000

typedef struct {
    int fd;
    char *address;
    gboolean over_tls;
} connection;

typedef struct {
    char *organisation;
    guint instances;
    gboolean news; /* since the last notice */
} study_notice;

struct scp_server {
    loop *l;
    const config *conf;
    char *config_path, *title;
    guint limit, limit_per_ae, rate_limit, rate_limit_per_ae; /* rates: a minute */
    rate connections;
    GHashTable *rates; /* AE title -> rate */
    ae_table *aes;
    ingest *in;
    render *renderer;
    db_pool *pool;
    GPtrArray *listeners; /* scp_listener */
    committer *commitments;
    GPtrArray *associations; /* scp_association: one for each worker */
    GQueue waiting;          /* connection */
    loop_timer *notices, *respawn;
    GHashTable *studies; /* study id -> study_notice */
    scp_events events;
    scp_stats stats;
};

static void give_work(scp_server *s);

static guint
count_busy(const scp_server *s, const char *title)
{
    guint count = 0;
    for (guint i = 0; i < s->associations->len; i++) {
        const scp_association *a = s->associations->pdata[i];
        count += association_is_busy(a) && (!title || !g_strcmp0(association_title(a), title));
    }
    return count;
}

static void
connection_free(connection *c)
{
    g_free(c->address);
    g_free(c);
}

static void
on_gone(scp_association *a, gpointer data)
{
    scp_server *s = data;
    g_ptr_array_remove(s->associations, a);
    association_free(a);
    give_work(s);
}

static void
on_idle(scp_association *a, gpointer data)
{
    (void)a;
    give_work(data);
}

static gboolean
may_begin(scp_association *a, const ae_entry *entry, gpointer data)
{
    scp_server *s = data;
    (void)a;
    rate *r = g_hash_table_lookup(s->rates, entry->title);
    if (!r)
        g_hash_table_insert(s->rates, g_strdup(entry->title), r = g_new0(rate, 1));
    gboolean fits =
        count_busy(s, entry->title) < (entry->associations ? entry->associations : s->limit_per_ae) &&
        rate_take(r, entry->association_rate ? entry->association_rate : s->rate_limit_per_ae,
                  g_get_monotonic_time());
    if (fits)
        s->stats.accepted++;
    else
        s->stats.refused++;
    return fits;
}

static void
on_refused(scp_association *a, gpointer data)
{
    scp_server *s = data;
    (void)a;
    s->stats.refused++;
}

static void
notice_free(gpointer data)
{
    study_notice *n = data;
    g_free(n->organisation);
    g_free(n);
}

static void
on_stored(scp_association *a, const char *organisation, const char *study, guint instances, gpointer data)
{
    scp_server *s = data;
    (void)a;
    study_notice *n = g_hash_table_lookup(s->studies, study);
    if (!n) {
        n = g_new0(study_notice, 1);
        n->organisation = g_strdup(organisation);
        g_hash_table_insert(s->studies, g_strdup(study), n);
    }
    n->instances = instances;
    n->news = TRUE;
}

static gboolean
tell_notice(gpointer key, gpointer value, gpointer data)
{
    scp_server *s = data;
    study_notice *n = value;
    if (!n->news)
        return TRUE; /* a quiet second: forgotten */
    n->news = FALSE;
    s->events.study_received(n->organisation, key, n->instances, s->events.user_data);
    return FALSE;
}

static void
on_notices(gpointer data)
{
    scp_server *s = data;
    g_hash_table_foreach_remove(s->studies, tell_notice, s);
}

static const association_events events = {
    .gone = on_gone, .idle = on_idle, .may_begin = may_begin, .refused = on_refused, .stored = on_stored};

static gboolean
start_worker(scp_server *s)
{
    g_autoptr(GError) error = NULL;
    const association_context context = {
        .l = s->l,
        .config_path = s->config_path,
        .title = s->title,
        .aes = s->aes,
        .in = s->in,
        .pool = s->pool,
        .renderer = s->renderer,
        .commitments = s->commitments,
        .patience_ms = (guint64)config_int(s->conf, "dicom", "acse-timeout") * 1000,
        .retrieve_limit = (guint)config_int(s->conf, "dicom", "retrieve-limit")};
    scp_association *a = association_new(&context, &events, s, &error);
    if (!a) {
        log_limited(LOG_ERROR, "dimse", "%s", error->message);
        loop_timer_start(s->respawn, SPAWN_RETRY_MS, 0);
        return FALSE;
    }
    g_ptr_array_add(s->associations, a);
    return TRUE;
}

static scp_association *
find_idle(const scp_server *s)
{
    for (guint i = 0; i < s->associations->len; i++)
        if (association_is_idle(s->associations->pdata[i]))
            return s->associations->pdata[i];
    return NULL;
}

/* Waiting connections to idle workers; then enough workers for those that still wait, and the spare ones. */
static void
give_work(scp_server *s)
{
    scp_association *idle;
    while (!g_queue_is_empty(&s->waiting) && (idle = find_idle(s))) {
        connection *c = g_queue_pop_head(&s->waiting);
        association_serve(idle, c->fd, c->address, c->over_tls);
        close(c->fd);
        connection_free(c);
    }
    guint free_workers = s->associations->len - count_busy(s, NULL);
    guint wanted = MIN(s->waiting.length + SPARE_WORKERS, s->limit - MIN(s->limit, count_busy(s, NULL)));
    while (free_workers < wanted && start_worker(s))
        free_workers++;
}

static void
on_respawn(gpointer data)
{
    give_work(data);
}

static gboolean
take_connection(scp_server *s, int fd, const char *address, gboolean over_tls)
{
    if (!rate_take(&s->connections, s->rate_limit, g_get_monotonic_time())) {
        s->stats.refused++;
        log_limited(LOG_WARNING, "dimse", "refused: more than %u connections a minute", s->rate_limit);
        return FALSE;
    }
    if (count_busy(s, NULL) + s->waiting.length >= s->limit || s->waiting.length >= WAITING_LIMIT) {
        s->stats.refused++;
        log_limited(LOG_WARNING, "dimse", "refused: %u associations are open", count_busy(s, NULL));
        return FALSE;
    }
    connection *c = g_new0(connection, 1);
    *c = (connection){.fd = fd, .address = g_strdup(address), .over_tls = over_tls};
    g_queue_push_tail(&s->waiting, c);
    give_work(s);
    return TRUE;
}

static gboolean
on_plain(int fd, const char *address, gpointer data)
{
    return take_connection(data, fd, address, FALSE);
}

static gboolean
on_tls(int fd, const char *address, gpointer data)
{
    return take_connection(data, fd, address, TRUE);
}

/* On the configured address, and, because this machine's own programs call that, on 127.0.0.1 unless the
 * address takes it in. */
static gboolean
listen_on(scp_server *s, const char *port_key, gboolean over_tls, GError **error)
{
    static const char *const local[] = {"127.0.0.1", "localhost", "0.0.0.0", "::", NULL};
    const char *host = config_text(s->conf, "hub", "host");
    const char *hosts[] = {host, g_strv_contains(local, host) ? NULL : "127.0.0.1"};
    guint16 port = (guint16)config_int(s->conf, "dicom", port_key);
    for (gsize i = 0; i < G_N_ELEMENTS(hosts) && hosts[i]; i++) {
        scp_listener *l =
            listener_new(s->l, hosts[i], port, !over_tls, over_tls ? on_tls : on_plain, s, error);
        if (!l)
            return FALSE;
        g_ptr_array_add(s->listeners, l);
    }
    return TRUE;
}

/* An instance that hub/up has not set up has nothing to show: it does without. */
static gboolean
listen_on_all(scp_server *s, GError **error)
{
    g_autofree char *tls = g_build_filename(config_data_dir(s->conf), "tls", NULL);
    if (!tls_is_set_up(tls))
        log_line(LOG_WARNING, "dimse", "no DICOM over TLS: there are no certificates in %s", tls);
    return listen_on(s, "port", FALSE, error) &&
           (!tls_is_set_up(tls) || listen_on(s, "tls-port", TRUE, error));
}

scp_server *
scp_server_new(loop *l, const config *conf, const char *config_path, db_pool *pool, ae_table *aes, ingest *in,
               render *renderer, const scp_events *to_tell, GError **error)
{
    scp_server *s = g_new0(scp_server, 1);
    s->l = l;
    s->conf = conf;
    s->config_path = g_strdup(config_path);
    s->title = g_strdup(config_text(conf, "dicom", "ae-title"));
    s->limit = (guint)config_int(conf, "dicom", "associations");
    s->limit_per_ae = (guint)config_int(conf, "dicom", "associations-per-ae");
    s->rate_limit = (guint)config_int(conf, "dicom", "association-rate");
    s->rate_limit_per_ae = (guint)config_int(conf, "dicom", "association-rate-per-ae");
    s->rates = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    s->pool = pool;
    s->aes = aes;
    s->in = in;
    s->renderer = renderer;
    s->events = *to_tell;
    s->commitments = committer_new(l, conf, config_path, pool, aes);
    s->associations = g_ptr_array_new();
    s->listeners = g_ptr_array_new_with_free_func((GDestroyNotify)listener_free);
    s->studies = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, notice_free);
    s->notices = loop_timer_new(l, on_notices, s);
    s->respawn = loop_timer_new(l, on_respawn, s);
    if (!listen_on_all(s, error)) {
        scp_server_free(s);
        return NULL;
    }
    loop_timer_start(s->notices, NOTICE_MS, NOTICE_MS);
    give_work(s);
    return s;
}

void
scp_server_free(scp_server *s)
{
    if (!s)
        return;
    g_ptr_array_unref(s->listeners);
    for (guint i = 0; i < s->associations->len; i++)
        association_free(s->associations->pdata[i]);
    g_ptr_array_unref(s->associations);
    committer_free(s->commitments);
    connection *c;
    while ((c = g_queue_pop_head(&s->waiting))) {
        close(c->fd);
        connection_free(c);
    }
    loop_timer_free(s->notices);
    loop_timer_free(s->respawn);
    g_hash_table_unref(s->studies);
    g_hash_table_unref(s->rates);
    g_free(s->config_path);
    g_free(s->title);
    g_free(s);
}

scp_stats
scp_server_stats(const scp_server *s)
{
    scp_stats stats = s->stats;
    stats.associations = count_busy(s, NULL);
    return stats;
}
