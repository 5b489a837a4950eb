/* A call is answered when its last file is: the files of one call share group commits with each other and
 * with whatever scanners send meanwhile. The organisation's code and charset are asked of the database first.
 */
#include "dicom/rpc_ingest.h"
#include "hub/base/err.h"
#include "hub/base/id.h"
#include <string.h>

#define FILES_LIMIT 1000 /* files of one call */

struct rpc_ingest {
    char *incoming; /* <data>/incoming, absolute */
    db_pool *pool;
    ingest *in;
    void (*told)(const char *, const char *, guint, gpointer);
    gpointer user_data;
};

typedef struct {
    rpc_ingest *owner;
    rpc_call *call;
    json_t *params, *results;
    guint left;
} upload;

typedef struct {
    upload *u;
    guint index;
} upload_file;

static const char *const outcome_names[] = {[INGEST_STORED] = "stored",
                                            [INGEST_SAME] = "same",
                                            [INGEST_QUARANTINED] = "quarantined",
                                            [INGEST_FAILED] = "failed"};

static void
finish(upload *u)
{
    rpc_call_result(u->call, json_pack("{s:o}", "results", u->results));
    json_decref(u->params);
    g_free(u);
}

static void
set_text(json_t *object, const char *key, const char *value)
{
    if (value)
        json_object_set_new(object, key, json_string(value));
}

static json_t *
describe(const char *file, const ingest_result *r)
{
    json_t *o = json_pack("{s:s, s:s}", "file", file, "status", outcome_names[r->outcome]);
    set_text(o, "study", r->study_uid);
    set_text(o, "series", r->series_uid);
    set_text(o, "instance", r->sop_uid);
    set_text(o, "sop_class", r->sop_class);
    set_text(o, "reason", r->reason);
    if (r->status)
        json_object_set_new(o, "failure", json_integer(r->status));
    return o;
}

static void
on_ingested(const ingest_result *r, gpointer data)
{
    upload_file *f = data;
    upload *u = f->u;
    json_t *file = json_array_get(json_object_get(u->params, "files"), f->index);
    json_array_set_new(u->results, f->index, describe(json_get_text(file, "file"), r));
    if (r->outcome == INGEST_STORED)
        u->owner->told(json_get_text(u->params, "organisation"), r->study, r->study_instances,
                       u->owner->user_data);
    g_free(f);
    if (--u->left == 0)
        finish(u);
}

/* A plain relative path below incoming/. The hub makes the names; a bug there must not become a way out of
 * here. */
static char *
path_of(const rpc_ingest *r, const char *file)
{
    if (!file || !file[0] || file[0] == '/' || strstr(file, ".."))
        return NULL;
    return g_build_filename(r->incoming, file, NULL);
}

static void
start_file(upload *u, guint index, const ingest_source *source)
{
    upload_file *f = g_new0(upload_file, 1);
    *f = (upload_file){.u = u, .index = index};
    const char *file = json_get_text(json_array_get(json_object_get(u->params, "files"), index), "file");
    g_autofree char *path = path_of(u->owner, file);
    if (path) {
        ingest_foreign_file(u->owner->in, source, path, on_ingested, f);
        return;
    }
    const ingest_result refused = {
        .outcome = INGEST_FAILED, .status = 0xc000, .reason = "not a path below incoming"};
    on_ingested(&refused, f);
}

static void
on_organisation(db_batch *batch, const GError *error, gpointer data)
{
    upload *u = data;
    const char *organisation = json_get_text(u->params, "organisation"), *code = NULL, *charset = NULL;
    for (guint row = 0; !error && row < db_rows(batch, 0); row++) {
        if (strcmp(db_text(batch, 0, row, 0), organisation))
            continue;
        code = db_text(batch, 0, row, 1);
        charset = db_text(batch, 0, row, 2);
    }
    if (!code) {
        g_autoptr(GError) unknown =
            error ? g_error_copy(error) : err_new(ERR_NOT_FOUND, "there is no such organisation");
        rpc_call_error(u->call, unknown);
        json_decref(u->params);
        json_decref(u->results);
        g_free(u);
        return;
    }
    const char *person = json_get_text(u->params, "person");
    const ingest_source source = {.organisation = organisation,
                                  .code = code,
                                  .charset = charset,
                                  .person = person,
                                  .received_from = person,
                                  .request = json_get_text(u->params, "request"),
                                  .study_uid = json_get_text(u->params, "study")};
    guint count = (guint)json_array_size(json_object_get(u->params, "files"));
    u->left = count + 1;
    for (guint i = 0; i < count; i++)
        start_file(u, i, &source);
    if (--u->left == 0)
        finish(u);
}

rpc_ingest *
rpc_ingest_new(const config *c, db_pool *pool, ingest *in,
               void (*told)(const char *, const char *, guint, gpointer), gpointer user_data)
{
    rpc_ingest *r = g_new0(rpc_ingest, 1);
    *r = (rpc_ingest){.incoming = g_build_filename(config_data_dir(c), "incoming", NULL),
                      .pool = pool,
                      .in = in,
                      .told = told,
                      .user_data = user_data};
    return r;
}

void
rpc_ingest_free(rpc_ingest *r)
{
    if (!r)
        return;
    g_free(r->incoming);
    g_free(r);
}

void
rpc_ingest_files(rpc_ingest *r, rpc_call *call, json_t *params)
{
    json_t *files = json_object_get(params, "files");
    const char *organisation = json_get_text(params, "organisation"),
               *person = json_get_text(params, "person");
    if (!id_is_valid(organisation) || (person && !id_is_valid(person)) || !json_is_array(files) ||
        json_array_size(files) > FILES_LIMIT) {
        g_autoptr(GError) error =
            err_new(ERR_INVALID, "organisation, person and at most %d files are wanted", FILES_LIMIT);
        rpc_call_error(call, error);
        return;
    }
    upload *u = g_new0(upload, 1);
    *u = (upload){.owner = r, .call = call, .params = json_incref(params), .results = json_array()};
    for (size_t i = 0; i < json_array_size(files); i++)
        json_array_append_new(u->results, json_null());
    db_batch *batch = db_batch_new(NULL);
    db_batch_add(batch, "dicom_organisation_list", 0);
    db_pool_run(r->pool, batch, on_organisation, u);
}
