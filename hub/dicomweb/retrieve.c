/* WADO-RS of whole instances: the stored files, unchanged, as parts. Nothing is transcoded: what is stored in
 * a syntax that the client did not name is left out (206) or, when nothing fits, refused (406). */
#include "hub/dicomweb/accept.h"
#include "hub/dicomweb/dicomweb.h"
#include "hub/dicomweb/locate.h"
#include "hub/dicomweb/parts.h"
#include "hub/dicomweb/path.h"
#include "hub/hub.h"
#include <string.h>

struct file {
    const char *hash, *transfer_syntax, *series, *instance, *code;
    guint64 size;
};

static struct file
file_of(db_batch *batch, guint row)
{
    return (struct file){
        .hash = db_text(batch, 0, row, 0),
        .transfer_syntax = db_text(batch, 0, row, 1),
        .size = g_ascii_strtoull(db_text(batch, 0, row, 2), NULL, 10),
        .series = db_text(batch, 0, row, 3),
        .instance = db_text(batch, 0, row, 4),
        .code = db_text(batch, 0, row, 5),
    };
}

static GArray *
ranges_of(const http_request *r)
{
    const char *accept = http_query(r, "accept");
    return accept_parse(accept ? accept : http_header(r, "accept"));
}

/* The file itself: application/dicom as a single part, with Range and ETag. */
static void
reply_single(http_request *r, const char *hash, const char *transfer_syntax, guint64 size)
{
    g_autofree char *path = blob_store_path(http_hub(r)->blobs, hash);
    g_autofree char *type = g_strdup_printf("application/dicom; transfer-syntax=%s", transfer_syntax);
    g_autofree char *etag = g_strdup_printf("\"%s\"", hash);
    http_parts *parts = http_parts_new();
    http_parts_add_file(parts, path, 0, size);
    http_reply_header(r, "ETag", etag);
    http_reply_header(r, "Cache-Control", "private, max-age=3600, immutable");
    http_reply_header(r, "Vary", "Accept, Authorization, Cookie");
    http_reply_parts(r, 200, type, parts);
}

static void
reply_all(http_request *r, db_batch *batch, const GArray *ranges)
{
    part_writer w;
    part_writer_init(&w, r);
    for (guint row = 0; row < db_rows(batch, 0); row++) {
        struct file f = file_of(batch, row);
        if (!accept_stored(ranges, f.transfer_syntax))
            continue;
        g_autofree char *path = blob_store_path(http_hub(r)->blobs, f.hash);
        g_autofree char *location = g_strdup_printf("/dicom-web/orgs/%s/studies/%s/series/%s/instances/%s",
                                                    f.code, http_param(r, "study"), f.series, f.instance);
        part_begin(&w, "application/dicom", f.transfer_syntax, f.size, location);
        http_parts_add_file(w.parts, path, 0, f.size);
    }
    part_reply(&w, r, "application/dicom", NULL);
}

static void
refuse(http_request *r, const char *transfer_syntax)
{
    http_reply_problem(r, ERR_NOT_ACCEPTABLE,
                       "instances are given as they are stored: multipart/related; "
                       "type=\"application/dicom\"; transfer-syntax=* (the first is %s)",
                       transfer_syntax);
}

/* One instance: its place may be known without asking the database. */
static void
on_located(http_request *r, const located *l)
{
    g_autoptr(GArray) ranges = ranges_of(r);
    media_choice choice;
    if (!accept_instances(ranges, TRUE, &choice) || !accept_stored(ranges, l->transfer_syntax)) {
        refuse(r, l->transfer_syntax);
    } else if (!choice.multipart) {
        reply_single(r, l->hash, l->transfer_syntax, l->size);
    } else {
        g_autofree char *path = blob_store_path(http_hub(r)->blobs, l->hash);
        part_writer w;
        part_writer_init(&w, r);
        part_begin(&w, "application/dicom", l->transfer_syntax, l->size, http_path(r));
        http_parts_add_file(w.parts, path, 0, l->size);
        part_reply(&w, r, "application/dicom", NULL);
    }
}

static guint
count_fitting(db_batch *batch, const GArray *ranges)
{
    guint count = 0;
    for (guint row = 0; row < db_rows(batch, 0); row++)
        count += accept_stored(ranges, db_text(batch, 0, row, 1)) ? 1 : 0;
    return count;
}

static void
on_instances(http_request *r, db_batch *batch)
{
    g_autoptr(GArray) ranges = ranges_of(r);
    media_choice choice;
    dicom_path path = {.code = http_param_maybe(r, "code"), .study = http_param(r, "study")};
    g_autofree char *object = dicom_path_object(&path);
    read_audit_done(r, "study.read", object);
    guint rows = db_rows(batch, 0), fitting = count_fitting(batch, ranges);
    if (rows == 0) {
        http_reply_problem(r, ERR_NOT_FOUND, "%s", "");
    } else if (!accept_instances(ranges, rows == 1, &choice) || fitting == 0) {
        refuse(r, db_text(batch, 0, 0, 1));
    } else if (!choice.multipart) {
        struct file f = file_of(batch, 0);
        reply_single(r, f.hash, f.transfer_syntax, f.size);
    } else {
        if (fitting < rows)
            http_reply_header(r, "Warning",
                              "299 consilium \"Instances in other transfer syntaxes were left out\"");
        reply_all(r, batch, ranges);
    }
}

void
wado_instances(http_request *r)
{
    dicom_path p;
    if (!dicom_path_take(r, &p))
        return;
    if (p.instance) {
        locate_instance(r, &p, on_located);
        return;
    }
    g_autofree char *object = dicom_path_object(&p);
    db_batch *batch = db_batch_new(http_actor(r));
    db_batch_add(batch, "dicomweb_instances", 3, p.code, p.study, p.series);
    read_audit_add(r, batch, "study.read", object);
    http_db(r, batch, on_instances);
}
