/* The second half, for a group of named files: while PostgreSQL works on their rows, their directories'
 * entries and (in the threads that prepared them) their bytes are made durable; COMMIT waits for both, so
 * that a row never names a blob that is not on disk. */
#include "dicom/ingest/failpoint.h"
#include "dicom/ingest/internal.h"
#include "dicom/scan/digest.h"
#include "hub/base/err.h"
#include "hub/base/log.h"
#include <string.h>
#include <unistd.h>

#define STATUS_DUPLICATE 0x0111 /* PS3.7 C.4.2 */

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

static db_actor
actor_of(const ingest_job *job)
{
    return (db_actor){.person = job->person,
                      .organisation = job->organisation,
                      .purpose = "treatment",
                      .request = job->request};
}

static gboolean
have_one_actor(const ingest_job *a, const ingest_job *b)
{
    return !strcmp(a->organisation, b->organisation) && !g_strcmp0(a->person, b->person) &&
           !g_strcmp0(a->request, b->request);
}

/* previous: whose statement comes before. Returns the index of the result. */
static guint
add_job(db_batch *batch, const ingest_job *job, const ingest_job *previous)
{
    g_autofree char *item = job_item(job), *table = bytea_text(job->scan.frame_table),
                    *json = bytea_text(job->scan.metadata);
    if (!have_one_actor(job, previous))
        db_batch_add(batch, "dicom_act_as", 3, job->organisation, job->person, job->request);
    return db_batch_add(batch, "instance_index", 3, item, table, json);
}

static void
set_aside(ingest_job *job, const char *reason)
{
    job->outcome = INGEST_QUARANTINED;
    job->status = STATUS_DUPLICATE;
    job->reason = g_strdup(reason);
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
    } else if (!g_strcmp0(outcome, "known")) {
        job->other = g_strdup(reason);
    } else {
        set_aside(job, reason);
    }
}

typedef struct {
    committer *c;
    ingest_job **jobs;
    guint count;
} group;

static gboolean
make_durable(gpointer data, GError **error)
{
    const group *g = data;
    if (!blob_store_sync(g->c->blobs, error))
        return FALSE;
    for (guint i = 0; i < g->count; i++)
        if (!job_wait_synced(g->jobs[i], g->c->syncs, error))
            return FALSE;
    failpoint("durable");
    return TRUE;
}

static gboolean
commit_rows(committer *c, ingest_job **jobs, guint count, GError **error)
{
    if (!c->connection)
        c->connection = db_conn_open(c->conninfo, error);
    if (!c->connection)
        return FALSE;
    const db_actor actor = actor_of(jobs[0]);
    group g = {.c = c, .jobs = jobs, .count = count};
    g_autoptr(db_batch) batch = db_batch_new(&actor);
    guint results[INGEST_BATCH];
    for (guint i = 0; i < count; i++)
        results[i] = add_job(batch, jobs[i], jobs[i > 0 ? i - 1 : 0]);
    db_batch_before_commit(batch, make_durable, &g);
    if (!db_conn_run(c->connection, batch, error))
        return FALSE;
    for (guint i = 0; i < count; i++)
        take_outcome(jobs[i], batch, results[i]);
    return TRUE;
}

static gboolean
digest_blob(blob_store *blobs, const char *hash, guint8 ret_digest[DIGEST_LENGTH], GError **error)
{
    g_autofree char *path = blob_store_path(blobs, hash);
    g_autoptr(GMappedFile) file = g_mapped_file_new(path, FALSE, error);
    return file && digest_dataset((const guint8 *)g_mapped_file_get_contents(file),
                                  g_mapped_file_get_length(file), ret_digest, error);
}

/* The same image that came another way (C-STORE, STOW, another sender) has other bytes around its data set. A
 * blob that cannot be read is taken for another: nothing is lost by that. */
static gboolean
is_same_image(const ingest_job *job, blob_store *blobs)
{
    guint8 mine[DIGEST_LENGTH], other[DIGEST_LENGTH];
    g_autoptr(GError) error = NULL;
    if (!digest_blob(blobs, job->hash, mine, &error) || !digest_blob(blobs, job->other, other, &error)) {
        log_limited(LOG_WARNING, "ingest", "cannot compare with what is stored: %s", error->message);
        return FALSE;
    }
    return memcmp(mine, other, DIGEST_LENGTH) == 0;
}

static gboolean
is_named_by_another(ingest_job **jobs, guint count, const ingest_job *job)
{
    for (guint i = 0; i < count; i++)
        if (jobs[i] != job && !strcmp(jobs[i]->hash, job->hash))
            return TRUE;
    return FALSE;
}

static gboolean
commit_quarantine(ingest_job *job, db_conn *connection, GError **error)
{
    static const char reason[] = "same UID, other content";
    const db_actor actor = actor_of(job);
    g_autofree char *item = job_item(job);
    g_autoptr(db_batch) batch = db_batch_new(&actor);
    db_batch_add(batch, "instance_set_aside", 3, item, job->study, reason);
    if (!db_conn_run(connection, batch, error))
        return FALSE;
    set_aside(job, reason);
    return TRUE;
}

/* Instances whose UID is known with another hash. */
static void
settle_known(committer *c, ingest_job **jobs, guint count)
{
    for (guint i = 0; i < count; i++) {
        ingest_job *job = jobs[i];
        GError *error = NULL;
        if (!job->other)
            continue;
        if (!is_same_image(job, c->blobs)) {
            if (!commit_quarantine(job, c->connection, &error))
                job_fail(job, error);
            continue;
        }
        job->outcome = INGEST_SAME;
        if (job->made_blob && !is_named_by_another(jobs, count, job))
            blob_store_remove(c->blobs, job->hash);
    }
}

/* One that the database or the disk refuses must not take its company with it. */
static void
commit_one_by_one(committer *c, ingest_job **jobs, guint count)
{
    for (guint i = 0; i < count; i++) {
        GError *error = NULL;
        if (!commit_rows(c, &jobs[i], 1, &error))
            job_fail(jobs[i], error);
    }
}

/* After a failed sync the kernel takes the pages for clean: whoever sends the same again must write it anew.
 * The jobs are nobody else's once this returns. */
static void
settle_syncs(committer *c, ingest_job **jobs, guint count)
{
    for (guint i = 0; i < count; i++)
        if (!job_wait_synced(jobs[i], c->syncs, NULL) && jobs[i]->made_blob)
            blob_store_remove(c->blobs, jobs[i]->hash);
}

void
commit_jobs(committer *c, ingest_job **jobs, guint count)
{
    GError *error = NULL;
    if (commit_rows(c, jobs, count, &error)) {
        failpoint("committed");
        settle_known(c, jobs, count);
    } else if (count > 1 && !err_is(error, ERR_UNAVAILABLE)) {
        g_error_free(error);
        commit_one_by_one(c, jobs, count);
        settle_known(c, jobs, count);
    } else {
        for (guint i = 0; i < count; i++)
            job_fail(jobs[i], g_error_copy(error));
        g_error_free(error);
    }
    settle_syncs(c, jobs, count);
}
