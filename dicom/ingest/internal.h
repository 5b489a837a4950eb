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
    gboolean made_blob;                       /* the blob was not there before */
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
/** Scan, hash, write and sync. On failure the job has its status and reason, and its file is gone. Any
 * thread. */
gboolean job_prepare(ingest_job *job, buffer_pool *buffers);
/** The job failed for this reason. Takes error. */
void job_fail(ingest_job *job, GError *error);
/** The parameter of statement instance_index. Caller frees. */
char *job_item(const ingest_job *job);

/** Links, syncs and commits count jobs together, or one by one when together fails. Blocking; the committer's
 * thread. *connection is opened when NULL and closed when it failed. */
void commit_jobs(ingest_job **jobs, guint count, blob_store *blobs, db_conn **connection,
                 const char *conninfo);

/** Removes blobs that no organisation's rows name, of those younger than the marker file of the last sweep.
 * Returns how many were removed, -1 with error. Blocking; before the first commit. */
int sweep_blobs(const char *blob_directory, blob_store *blobs, db_conn *connection, GError **error);
