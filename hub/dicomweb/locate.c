#include "hub/dicomweb/locate.h"
#include "hub/hub.h"
#include <string.h>

/* What one person, acting for one organisation, was shown of one series. */
struct series {
    gint64 until_us;       /* monotonic */
    GHashTable *instances; /* UID (owned) -> located (owned); NULL: asked for once, not fetched yet */
};

struct asking {
    http_request *request;
    char *key;
    void (*done)(http_request *, const located *);
};

static void
located_free(gpointer data)
{
    located *l = data;
    g_free(l->hash);
    g_free(l->transfer_syntax);
    g_clear_pointer(&l->table, g_bytes_unref);
    g_free(l);
}

static void
series_free(gpointer data)
{
    struct series *s = data;
    g_clear_pointer(&s->instances, g_hash_table_unref);
    g_free(s);
}

static gboolean
is_old(gpointer key, gpointer value, gpointer now)
{
    (void)key;
    return ((struct series *)value)->until_us < *(gint64 *)now;
}

/* key (owned) -> struct series (owned) */
static GHashTable *
remembered(void)
{
    static GHashTable *table;
    if (!table)
        table = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, series_free);
    if (g_hash_table_size(table) >= LOCATE_SERIES_LIMIT) {
        gint64 now = g_get_monotonic_time();
        g_hash_table_foreach_remove(table, is_old, &now);
        if (g_hash_table_size(table) >= LOCATE_SERIES_LIMIT)
            g_hash_table_remove_all(table);
    }
    return table;
}

static struct series *
remember(const char *key, GHashTable *instances)
{
    struct series *s = g_new0(struct series, 1);
    s->until_us = g_get_monotonic_time() + LOCATE_SECONDS * G_USEC_PER_SEC;
    s->instances = instances;
    g_hash_table_replace(remembered(), g_strdup(key), s);
    return s;
}

static located *
located_from(db_batch *batch, guint row, guint column)
{
    located *l = g_new0(located, 1);
    l->hash = g_strdup(db_text(batch, 0, row, column));
    l->transfer_syntax = g_strdup(db_text(batch, 0, row, column + 1));
    l->frames = (guint)g_ascii_strtoull(db_text(batch, 0, row, column + 2), NULL, 10);
    l->table = db_bytes(batch, 0, row, column + 3);
    l->size = g_ascii_strtoull(db_text(batch, 0, row, column + 4), NULL, 10);
    return l;
}

static void
finish(http_request *r, const located *found, void (*done)(http_request *, const located *))
{
    if (found)
        done(r, found);
    else
        http_reply_problem(r, ERR_NOT_FOUND, "%s", "");
}

static void
audited(http_request *r)
{
    dicom_path p = {.code = http_param_maybe(r, "code"), .study = http_param(r, "study")};
    g_autofree char *object = dicom_path_object(&p);
    read_audit_done(r, "study.read", object);
}

/* One instance: column 0 on. */
static void
on_one(db_batch *batch, const GError *error, gpointer data)
{
    struct asking *a = data;
    g_autoptr(http_request) r = a->request;
    if (!http_cancelled(r) && error) {
        http_reply_error(r, error);
    } else if (!http_cancelled(r)) {
        located *found = db_rows(batch, 0) ? located_from(batch, 0, 0) : NULL;
        audited(r);
        if (found && !g_hash_table_contains(remembered(), a->key))
            remember(a->key, NULL);
        finish(r, found, a->done);
        g_clear_pointer(&found, located_free);
    }
    g_free(a->key);
    g_free(a);
}

/* From the series just fetched; what is not in it (a series over the limit is empty) is asked for alone. */
static void
locate_again(http_request *r, GHashTable *instances, void (*done)(http_request *, const located *))
{
    dicom_path p;
    const located *found = g_hash_table_lookup(instances, http_param(r, "instance"));
    if (found)
        done(r, found);
    else if (dicom_path_take(r, &p))
        locate_instance(r, &p, done);
}

/* The whole series: column 0 is the instance's UID. */
static void
on_series(db_batch *batch, const GError *error, gpointer data)
{
    struct asking *a = data;
    g_autoptr(http_request) r = a->request;
    if (!http_cancelled(r) && error) {
        http_reply_error(r, error);
    } else if (!http_cancelled(r)) {
        GHashTable *instances = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, located_free);
        for (guint row = 0; row < db_rows(batch, 0); row++)
            g_hash_table_replace(instances, g_strdup(db_text(batch, 0, row, 0)), located_from(batch, row, 1));
        audited(r);
        remember(a->key, instances);
        locate_again(r, instances, a->done);
    }
    g_free(a->key);
    g_free(a);
}

static void
ask(http_request *r, const dicom_path *p, const char *key, const char *object, gboolean whole,
    void (*done)(http_request *, const located *))
{
    struct asking *a = g_new0(struct asking, 1);
    a->request = http_ref(r);
    a->key = g_strdup(key);
    a->done = done;
    db_batch *batch = db_batch_new(http_actor(r));
    if (whole)
        db_batch_add(batch, "dicomweb_locate", 3, p->code, p->study, p->series);
    else
        db_batch_add(batch, "dicomweb_instance", 4, p->code, p->study, p->series, p->instance);
    read_audit_add(r, batch, "study.read", object);
    db_pool_run(http_hub(r)->db, batch, whole ? on_series : on_one, a);
}

void
locate_instance(http_request *r, const dicom_path *p, void (*done)(http_request *, const located *))
{
    const db_actor *actor = http_actor(r);
    g_autofree char *object = dicom_path_object(p);
    g_autofree char *key = g_strjoin("|", actor->person, actor->organisation, object, p->series, NULL);
    const struct series *s = g_hash_table_lookup(remembered(), key);
    gboolean fresh = s && s->until_us > g_get_monotonic_time();
    if (s && !fresh)
        g_hash_table_remove(remembered(), key);
    const located *found = fresh && s->instances ? g_hash_table_lookup(s->instances, p->instance) : NULL;
    if (found && read_audit_is_done(r, "study.read", object))
        done(r, found);
    else
        ask(r, p, key, object, fresh && !s->instances, done);
}
