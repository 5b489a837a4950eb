/* The second half, for a group of files: their names, their directories' entries, their rows, in this order,
 * so that a row never names a blob that is not on disk. */
#include "dicom/ingest/failpoint.h"
#include "dicom/ingest/internal.h"
#include "hub/base/err.h"
#include <string.h>
#include <unistd.h>

#define STATUS_DUPLICATE 0x0111 /* PS3.7 C.4.2 */
#define STATEMENTS_PER_JOB 2

/* bytea as text: \x and hexadecimal digits. */
static char *
bytea_text(GBytes *bytes)
{
    static const char digits[] = "0123456789abcdef";
    if (!bytes)
        return NULL;
    gsize length;
    const guint8 *b = g_bytes_get_data(bytes, &length);
    char *text = g_malloc(2 * length + 3), *at = text;
    *at++ = '\\';
    *at++ = 'x';
    for (gsize i = 0; i < length; i++) {
        *at++ = digits[b[i] >> 4];
        *at++ = digits[b[i] & 15];
    }
    *at = '\0';
    return text;
}

static void
add_job(db_batch *batch, const ingest_job *job)
{
    g_autofree char *item = job_item(job), *table = bytea_text(job->scan.frame_table),
                    *json = bytea_text(job->scan.metadata);
    db_batch_add(batch, "dicom_act_as", 3, job->organisation, job->person, job->request);
    db_batch_add(batch, "instance_index", 3, item, table, json);
}

static void
take_outcome(ingest_job *job, db_batch *batch, guint index)
{
    const char *outcome = db_text(batch, index, 0, 0), *reason = db_text(batch, index, 0, 1);
    const char *study = db_text(batch, index, 0, 2), *instances = db_text(batch, index, 0, 3);
    job->study = g_strdup(study);
    job->study_instances = instances ? (guint)g_ascii_strtoull(instances, NULL, 10) : 0;
    if (!g_strcmp0(outcome, "stored")) {
        job->outcome = INGEST_STORED;
    } else if (!g_strcmp0(outcome, "same")) {
        job->outcome = INGEST_SAME;
    } else {
        job->outcome = INGEST_QUARANTINED;
        job->status = STATUS_DUPLICATE;
        job->reason = g_strdup(reason);
    }
}

static gboolean
commit_rows(ingest_job **jobs, guint count, db_conn **connection, const char *conninfo, GError **error)
{
    if (!*connection)
        *connection = db_conn_open(conninfo, error);
    if (!*connection)
        return FALSE;
    const db_actor actor = {.organisation = jobs[0]->organisation, .purpose = "treatment"};
    g_autoptr(db_batch) batch = db_batch_new(&actor);
    for (guint i = 0; i < count; i++)
        add_job(batch, jobs[i]);
    if (!db_conn_run(*connection, batch, error))
        return FALSE;
    for (guint i = 0; i < count; i++)
        take_outcome(jobs[i], batch, STATEMENTS_PER_JOB * i + 1);
    return TRUE;
}

static gboolean
name_blobs(ingest_job **jobs, guint count, blob_store *blobs, GError **error)
{
    for (guint i = 0; i < count; i++)
        if (!blob_store_put(blobs, jobs[i]->path, jobs[i]->hash, error))
            return FALSE;
    failpoint("linked");
    if (!blob_store_sync(blobs, error))
        return FALSE;
    failpoint("durable");
    for (guint i = 0; i < count; i++)
        g_clear_pointer(&jobs[i]->path, g_free);
    return TRUE;
}

/* One that the database refuses must not take its company with it. */
static void
commit_one_by_one(ingest_job **jobs, guint count, db_conn **connection, const char *conninfo)
{
    for (guint i = 0; i < count; i++) {
        GError *error = NULL;
        if (!commit_rows(&jobs[i], 1, connection, conninfo, &error))
            job_fail(jobs[i], error);
    }
}

void
commit_jobs(ingest_job **jobs, guint count, blob_store *blobs, db_conn **connection, const char *conninfo)
{
    GError *error = NULL;
    if (!name_blobs(jobs, count, blobs, &error)) {
        for (guint i = 0; i < count; i++)
            job_fail(jobs[i], g_error_copy(error));
        g_error_free(error);
        return;
    }
    if (commit_rows(jobs, count, connection, conninfo, &error)) {
        failpoint("committed");
        return;
    }
    if (count > 1 && !err_is(error, ERR_UNAVAILABLE)) {
        g_error_free(error);
        commit_one_by_one(jobs, count, connection, conninfo);
        return;
    }
    for (guint i = 0; i < count; i++)
        job_fail(jobs[i], g_error_copy(error));
    g_error_free(error);
}
