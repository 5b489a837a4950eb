/* What the files of dicom/ingest share. */
#pragma once
#include "dicom/ingest/buffer.h"
#include "dicom/ingest/ingest.h"
#include "dicom/scan/scan.h"
#include "hub/store/blob.h"
#include "hub/store/db.h"

#define INGEST_BATCH 32 /* instances of one group commit */

/* One file on its way. Owned by whoever works on it: a thread of the pool, then the committer's queue, then
 * the loop. */
typedef struct {
    ingest *owner;
    char *organisation, *code, *charset, *person, *received_from, *request;
    char *want_class, *want_sop, *want_study; /* what the sender said; NULL: nothing */
    char *path;                               /* in the temporary directory; NULL once it is a blob */
    int fd;                                   /* of the blob, to be synced; -1: none */
    gboolean made_blob;                       /* the blob was not there before */
    gboolean synced;                          /* under the syncs' lock: fdatasync has ended … */
    GError *sync_error;                       /* … like this */
    char *foreign;                            /* to be copied from; NULL: none */
    GBytes *given;                            /* to be copied from; NULL: none */
    gboolean scanned;
    scan_result scan;
    char hash[65];
    guint64 size;
    ingest_outcome outcome;
    guint16 status;
    char *reason, *study;
    char *other; /* the instance is known with this hash: the committer compares */
    guint study_instances;
    ingest_done done;
    gpointer user_data;
} ingest_job;

void job_free(ingest_job *job);
/* Of all jobs: what waits for a sync waits here. */
typedef struct {
    GMutex lock;
    GCond ended;
} ingest_syncs;

/** Scan, hash, write, name. On failure the job has its status and reason, and its file is gone. Any thread.
 */
gboolean job_prepare(ingest_job *job, buffer_pool *buffers, blob_store *blobs);
/** Makes the blob's bytes durable; the committer has the job meanwhile, and its own once this returns. */
void job_sync(ingest_job *job, ingest_syncs *syncs);
/** Waits for job_sync. FALSE with error: it failed. */
gboolean job_wait_synced(ingest_job *job, ingest_syncs *syncs, GError **error);
/** The job failed for this reason. Takes error. */
void job_fail(ingest_job *job, GError *error);
/** The parameter of statement instance_index. Caller frees. */
char *job_item(const ingest_job *job);

typedef struct {
    blob_store *blobs;
    ingest_syncs *syncs;
    const char *conninfo;
    db_conn *connection; /* NULL: not open */
} committer;

/** Syncs the directories of and commits count named jobs together, or one by one when together fails.
 * Blocking; the committer's thread. */
void commit_jobs(committer *c, ingest_job **jobs, guint count);

/** Removes blobs that no organisation's rows name, of those younger than the marker file of the last sweep.
 * Returns how many were removed, -1 with error. Blocking; before the first commit. */
int sweep_blobs(const char *blob_directory, blob_store *blobs, db_conn *connection, GError **error);
