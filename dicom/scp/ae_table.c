/* Requests wait in a list while a statement is under way; a host that is a name is resolved when the table is
 * read. */
#include "dicom/scp/ae_table.h"
#include "hub/base/log.h"
#include <netdb.h>
#include <string.h>

#define RELOAD_GAP_US (500 * 1000) /* strangers cannot make us read more often */

typedef struct {
    gboolean over_tls;
    tls_peer peer;
    char *title, *address; /* NULL title: only waits for the reload; NULL address: any will do */
    void (*decide)(ae_verdict, const ae_entry *, gpointer);
    void (*done)(gpointer);
    gpointer user_data;
} ae_request;

struct ae_table {
    loop *l;
    db_pool *pool;
    char *own;           /* this machine's address */
    GHashTable *entries; /* title -> ae_entry; NULL: never read */
    GQueue waiting;      /* ae_request, answered when the statement under way is done */
    gboolean reading;
    gint64 read_at;   /* monotonic µs */
    loop_timer *soon; /* answers that need no statement, outside of the caller */
    GQueue ready;     /* ae_request */
};

static void
entry_free(gpointer data)
{
    ae_entry *e = data;
    g_free(e->title);
    g_free(e->organisation);
    g_free(e->code);
    g_free(e->charset);
    g_free(e->host);
    g_free(e->cert_cn);
    g_free(e->cert_sha256);
    g_free(e);
}

static void
request_free(ae_request *r)
{
    g_free(r->title);
    g_free(r->address);
    g_free(r);
}

/* An address as getpeername gives it: numbers as they are, a name by its first IPv4 or IPv6 address. */
static char *
resolve(const char *host)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST}, *found = NULL;
    if (getaddrinfo(host, NULL, &hints, &found) != 0) {
        hints.ai_flags = 0;
        if (getaddrinfo(host, NULL, &hints, &found) != 0)
            return g_strdup(host);
    }
    char text[NI_MAXHOST] = "";
    getnameinfo(found->ai_addr, found->ai_addrlen, text, sizeof text, NULL, 0, NI_NUMERICHOST);
    freeaddrinfo(found);
    return g_strdup(text);
}

static ae_verdict
judge(const ae_table *t, const ae_request *r, const ae_entry **ret_entry)
{
    *ret_entry = t->entries ? g_hash_table_lookup(t->entries, r->title) : NULL;
    if (!t->entries)
        return AE_NOT_READY;
    if (!*ret_entry)
        return AE_UNKNOWN;
    if (!r->address)
        return AE_ADMITTED;
    if (r->over_tls)
        return tls_peer_matches(&r->peer, (*ret_entry)->cert_cn, (*ret_entry)->cert_sha256,
                                (*ret_entry)->code)
                   ? AE_ADMITTED
                   : AE_WRONG_CERTIFICATE;
    const char *host = (*ret_entry)->host;
    if (!host)
        return AE_WRONG_ADDRESS;
    gboolean is_here = g_str_has_prefix(host, "127.") || !strcmp(host, "::1");
    return !strcmp(host, r->address) || (is_here && !strcmp(t->own, r->address)) ? AE_ADMITTED
                                                                                 : AE_WRONG_ADDRESS;
}

static void
answer(ae_table *t, ae_request *r)
{
    const ae_entry *entry = NULL;
    if (r->title) {
        ae_verdict verdict = judge(t, r, &entry);
        r->decide(verdict, entry, r->user_data);
    } else if (r->done) {
        r->done(r->user_data);
    }
    request_free(r);
}

static void
on_soon(gpointer data)
{
    ae_table *t = data;
    ae_request *r;
    while ((r = g_queue_pop_head(&t->ready)))
        answer(t, r);
}

static guint64
number(const db_batch *batch, guint row, guint column)
{
    const char *text = db_text(batch, 0, row, column);
    return text ? g_ascii_strtoull(text, NULL, 10) : 0;
}

static void
take_rows(ae_table *t, db_batch *batch)
{
    GHashTable *entries = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, entry_free);
    for (guint row = 0; row < db_rows(batch, 0); row++) {
        ae_entry *e = g_new0(ae_entry, 1);
        const char *host = db_text(batch, 0, row, 4);
        *e = (ae_entry){.title = g_strdup(db_text(batch, 0, row, 0)),
                        .organisation = g_strdup(db_text(batch, 0, row, 1)),
                        .code = g_strdup(db_text(batch, 0, row, 2)),
                        .charset = g_strdup(db_text(batch, 0, row, 3)),
                        .host = host ? resolve(host) : NULL,
                        .port = (guint16)number(batch, row, 5),
                        .cert_cn = g_strdup(db_text(batch, 0, row, 6)),
                        .cert_sha256 = g_strdup(db_text(batch, 0, row, 7)),
                        .associations = (guint)number(batch, row, 8),
                        .association_rate = (guint)number(batch, row, 9),
                        .object_limit = number(batch, row, 10)};
        g_hash_table_replace(entries, e->title, e);
    }
    g_clear_pointer(&t->entries, g_hash_table_unref);
    t->entries = entries;
    t->read_at = g_get_monotonic_time();
}

static void
on_rows(db_batch *batch, const GError *error, gpointer data)
{
    ae_table *t = data;
    t->reading = FALSE;
    if (error)
        log_limited(LOG_WARNING, "ae table", "not read: %s", error->message);
    else
        take_rows(t, batch);
    GQueue waiting = t->waiting;
    t->waiting = (GQueue)G_QUEUE_INIT;
    ae_request *r;
    while ((r = g_queue_pop_head(&waiting)))
        answer(t, r);
}

static void
read_table(ae_table *t)
{
    if (t->reading)
        return;
    t->reading = TRUE;
    db_batch *batch = db_batch_new(NULL);
    db_batch_add(batch, "ae_list", 0);
    db_pool_run(t->pool, batch, on_rows, t);
}

ae_table *
ae_table_new(loop *l, db_pool *pool, const char *own)
{
    ae_table *t = g_new0(ae_table, 1);
    t->l = l;
    t->pool = pool;
    t->own = g_strdup(own);
    t->soon = loop_timer_new(l, on_soon, t);
    read_table(t);
    return t;
}

void
ae_table_free(ae_table *t)
{
    if (!t)
        return;
    loop_timer_free(t->soon);
    g_queue_clear_full(&t->waiting, (GDestroyNotify)request_free);
    g_queue_clear_full(&t->ready, (GDestroyNotify)request_free);
    g_clear_pointer(&t->entries, g_hash_table_unref);
    g_free(t->own);
    g_free(t);
}

void
ae_table_reload(ae_table *t, void (*done)(gpointer), gpointer user_data)
{
    ae_request *r = g_new0(ae_request, 1);
    *r = (ae_request){.done = done, .user_data = user_data};
    g_queue_push_tail(&t->waiting, r);
    read_table(t);
}

/* Takes r. */
static void
ask(ae_table *t, ae_request *r)
{
    const ae_entry *entry;
    gboolean fresh = g_get_monotonic_time() - t->read_at < RELOAD_GAP_US;
    if (judge(t, r, &entry) == AE_ADMITTED || (r->address && t->entries && fresh)) {
        g_queue_push_tail(&t->ready, r);
        loop_timer_start(t->soon, 0, 0);
        return;
    }
    g_queue_push_tail(&t->waiting, r);
    read_table(t);
}

void
ae_table_judge(ae_table *t, const char *title, const char *address, const tls_peer *peer,
               void (*decide)(ae_verdict, const ae_entry *, gpointer), gpointer user_data)
{
    ae_request *r = g_new0(ae_request, 1);
    *r = (ae_request){.title = g_strdup(title),
                      .address = g_strdup(address),
                      .over_tls = peer != NULL,
                      .decide = decide,
                      .user_data = user_data};
    if (peer)
        r->peer = *peer;
    ask(t, r);
}

void
ae_table_find(ae_table *t, const char *title, void (*decide)(ae_verdict, const ae_entry *, gpointer),
              gpointer user_data)
{
    ae_request *r = g_new0(ae_request, 1);
    *r = (ae_request){.title = g_strdup(title), .decide = decide, .user_data = user_data};
    ask(t, r);
}

gboolean
ae_table_knows(const ae_table *t, const char *sha256)
{
    GHashTableIter iter;
    gpointer value;
    if (!t->entries)
        return FALSE;
    g_hash_table_iter_init(&iter, t->entries);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        if (!g_strcmp0(((const ae_entry *)value)->cert_sha256, sha256))
            return TRUE;
    return FALSE;
}

gboolean
ae_table_is_loaded(const ae_table *t)
{
    return t->entries != NULL;
}
