/* QIDO-RS: the parameters become keys of the one search that C-FIND uses too (schema 0060); PostgreSQL makes
 * the answer's text. */
#include "hub/dicomweb/accept.h"
#include "hub/dicomweb/dicomweb.h"
#include "hub/dicomweb/path.h"
#include "hub/dicomweb/qido_query.h"
#include <string.h>

#define COUNTED 1000 /* what is left of a search is counted up to here */

struct parsing {
    qido_query *query;
    GError *error;
};

static const char *
answer_type(http_request *r)
{
    static const char *const types[] = {"application/dicom+json", "application/json", NULL};
    const char *accept = http_query(r, "accept");
    g_autoptr(GArray) ranges = accept_parse(accept ? accept : http_header(r, "accept"));
    return accept_one(ranges, types);
}

static void
on_parameter(const char *name, const char *value, gpointer data)
{
    struct parsing *p = data;
    if (!p->error)
        qido_query_add(p->query, name, value, &p->error);
}

static void
on_found(http_request *r, db_batch *batch)
{
    const char *text = db_text(batch, 0, 0, 0), *more = db_text(batch, 0, 0, 1);
    if (more && strcmp(more, "0") != 0) {
        g_autofree char *warning =
            g_strdup_printf("299 consilium \"There are %s%s additional results that can be requested\"",
                            g_ascii_strtoull(more, NULL, 10) >= COUNTED ? "at least " : "", more);
        http_reply_header(r, "Warning", warning);
    }
    g_autoptr(GBytes) bytes = g_bytes_new(text, strlen(text));
    http_reply_header(r, "Vary", "Accept");
    http_reply_bytes(r, 200, answer_type(r), bytes);
}

/* What the path names overrides the parameters. */
static json_t *
options_of(const qido_query *q, const dicom_path *path)
{
    gboolean below = q->level != QIDO_STUDIES;
    json_t *options = json_pack("{s:i, s:i, s:i, s:b, s:b, s:b, s:b}", "limit", (int)q->limit, "offset",
                                (int)q->offset, "beyond", COUNTED, "fuzzy", (int)q->fuzzy, "combined", 1,
                                "whole", (int)(q->upper || !path->study), "one", (int)(below && path->study));
    if (path->code)
        json_object_set_new(options, "organisation", json_string(path->code));
    if (path->study)
        json_object_set_new(q->keys, "0020000D", json_string(path->study));
    if (path->series)
        json_object_set_new(q->keys, "0020000E", json_string(path->series));
    return options;
}

static void
run(http_request *r, const qido_query *q, const dicom_path *path)
{
    static const char *const levels[] = {"STUDY", "SERIES", "IMAGE"};
    g_autoptr(json_t) options = options_of(q, path);
    g_autofree char *keys_text = json_text(q->keys), *options_text = json_text(options);
    const char *study = json_get_text(q->keys, "0020000D");
    g_autofree char *object = path->code ? g_strdup_printf("%s/%.256s", path->code, study ? study : "")
                                         : g_strndup(study ? study : "", 256);
    db_batch *batch = db_batch_new(http_actor(r));
    db_batch_add(batch, "qido_search", 4, levels[q->level], keys_text, options_text, http_base_url(r));
    read_audit_add(r, batch, "study.search", object);
    http_db(r, batch, on_found);
}

static void
search(http_request *r, qido_level level)
{
    qido_query query;
    struct parsing p = {.query = &query};
    dicom_path path;
    if (!dicom_path_take(r, &path))
        return;
    if (!answer_type(r)) {
        http_reply_problem(r, ERR_NOT_ACCEPTABLE, "searches answer application/dicom+json");
        return;
    }
    qido_query_init(&query, level);
    http_query_each(r, on_parameter, &p);
    if (p.error)
        http_reply_error(r, p.error);
    else
        run(r, &query, &path);
    g_clear_error(&p.error);
    qido_query_clear(&query);
}

void
qido_studies(http_request *r)
{
    search(r, QIDO_STUDIES);
}

void
qido_series(http_request *r)
{
    search(r, QIDO_SERIES);
}

void
qido_instances(http_request *r)
{
    search(r, QIDO_INSTANCES);
}
