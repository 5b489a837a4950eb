#include "dicom/ingest/ingest.h"
#include "dicom/ingest/internal.h"
#include "hub/base/err.h"
#include "hub/base/id.h"
#include "hub/base/log.h"
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RETRY_US (500 * 1000) /* between attempts to reach the database at start */

struct ingest {
    loop *l;
    char *directory, *temp, *conninfo;
    guint64 floor;
    blob_store *blobs;
    buffer_pool *buffers;
    ingest_syncs syncs;
    GThread *committer;
    GAsyncQueue *queue; /* of ingest_job, prepared; a job without an owner ends the thread */
    GAsyncQueue *done;  /* of ingest_job, to be answered on the loop */
    uv_async_t wake;    /* something is in done, or ready changed */
    gint ready;         /* atomic */
    gboolean ready_told;
    gint stopping;   /* atomic */
    guint preparing; /* jobs in the pool */
    guint64 stored;
    void (*on_ready)(gpointer);
    gpointer on_ready_data;
};

static void
answer(ingest *i, ingest_job *job)
{
    const scan_result *s = &job->scan;
    const ingest_result result = {
        .outcome = job->outcome,
        .status = job->status,
        .reason = job->reason,
        .study = job->study,
        .study_uid = job->scanned ? s->study_uid : NULL,
        .series_uid = job->scanned ? s->series_uid : NULL,
        .sop_uid = job->scanned ? s->sop_uid : NULL,
        .sop_class = job->scanned ? s->sop_class : NULL,
        .study_instances = job->study_instances,
    };
    i->stored += job->outcome == INGEST_STORED;
    if (job->outcome == INGEST_FAILED && job->status == 0xa700)
        log_limited(LOG_WARNING, "ingest", "not stored: %s", job->reason);
    job->done(&result, job->user_data);
    job_free(job);
}

static void
on_wake(uv_async_t *async)
{
    ingest *i = async->data;
    ingest_job *job;
    while ((job = g_async_queue_try_pop(i->done)))
        answer(i, job);
    gboolean ready = ingest_is_ready(i);
    if (ready != i->ready_told && i->on_ready) {
        i->ready_told = ready;
        i->on_ready(i->on_ready_data);
    }
}

/* Before the first commit: what a crash left. Repeated until the database answers. */
static gboolean
recover(ingest *i, db_conn **connection)
{
    g_autoptr(GError) error = NULL;
    if (!*connection)
        *connection = db_conn_open(i->conninfo, &error);
    int removed = *connection ? sweep_blobs(i->directory, i->blobs, *connection, &error) : -1;
    if (removed < 0) {
        log_limited(LOG_WARNING, "ingest", "waiting for the database: %s", error->message);
        g_clear_pointer(connection, db_conn_close);
        return FALSE;
    }
    if (removed > 0)
        log_line(LOG_INFO, "ingest", "%d files of transactions that never ended were removed", removed);
    return TRUE;
}

static void
set_ready(ingest *i, gboolean ready)
{
    if (g_atomic_int_get(&i->ready) == ready)
        return;
    g_atomic_int_set(&i->ready, ready);
    uv_async_send(&i->wake);
}

static gpointer
commit_forever(gpointer data)
{
    ingest *i = data;
    committer c = {.blobs = i->blobs, .syncs = &i->syncs, .conninfo = i->conninfo};
    while (!g_atomic_int_get(&i->stopping) && !recover(i, &c.connection))
        g_usleep(RETRY_US);
    set_ready(i, TRUE);
    for (gboolean more = TRUE; more;) {
        ingest_job *jobs[INGEST_BATCH];
        guint count = 0;
        for (ingest_job *job = g_async_queue_pop(i->queue); job;
             job = count < INGEST_BATCH ? g_async_queue_try_pop(i->queue) : NULL) {
            if (job->owner) {
                jobs[count++] = job;
                continue;
            }
            job_free(job);
            more = FALSE;
        }
        if (count)
            commit_jobs(&c, jobs, count);
        for (guint n = 0; n < count; n++)
            g_async_queue_push(i->done, jobs[n]);
        uv_async_send(&i->wake);
    }
    db_conn_close(c.connection);
    return NULL;
}

static void
empty_directory(const char *path)
{
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    const char *name;
    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *file = g_build_filename(path, name, NULL);
        if (g_str_has_suffix(name, ".part"))
            unlink(file);
    }
}

ingest *
ingest_new(loop *l, const config *c, GError **error)
{
    g_autofree char *directory = g_build_filename(config_data_dir(c), "blobs", NULL);
    blob_store *blobs = blob_store_open(directory, error);
    if (!blobs)
        return NULL;
    ingest *i = g_new0(ingest, 1);
    i->l = l;
    i->directory = g_steal_pointer(&directory);
    i->temp = g_build_filename(i->directory, "tmp", NULL);
    i->conninfo = g_strdup(config_text(c, "store", "conninfo"));
    i->floor = (guint64)config_int(c, "store", "disk-floor");
    i->blobs = blobs;
    i->buffers = buffer_pool_new();
    g_mutex_init(&i->syncs.lock);
    g_cond_init(&i->syncs.ended);
    i->queue = g_async_queue_new();
    i->done = g_async_queue_new();
    uv_async_init(loop_uv(l), &i->wake, on_wake);
    i->wake.data = i;
    if (g_mkdir_with_parents(i->temp, 0700) != 0)
        log_line(LOG_ERROR, "ingest", "cannot make %s", i->temp);
    empty_directory(i->temp);
    i->committer = g_thread_new("committer", commit_forever, i);
    return i;
}

static void
on_wake_closed(uv_handle_t *handle)
{
    ingest *i = handle->data;
    ingest_job *job;
    while ((job = g_async_queue_try_pop(i->done)))
        job_free(job);
    g_async_queue_unref(i->queue);
    g_async_queue_unref(i->done);
    blob_store_close(i->blobs);
    buffer_pool_free(i->buffers);
    g_mutex_clear(&i->syncs.lock);
    g_cond_clear(&i->syncs.ended);
    g_free(i->directory);
    g_free(i->temp);
    g_free(i->conninfo);
    g_free(i);
}

void
ingest_free(ingest *i)
{
    if (!i)
        return;
    g_atomic_int_set(&i->stopping, TRUE);
    while (i->preparing > 0) /* their files are being read */
        uv_run(loop_uv(i->l), UV_RUN_ONCE);
    g_async_queue_push(i->queue, g_new0(ingest_job, 1));
    g_thread_join(i->committer);
    uv_close((uv_handle_t *)&i->wake, on_wake_closed);
}

static void
work_prepare(gpointer data)
{
    ingest_job *job = data;
    ingest *i = job->owner;
    if (job_prepare(job, i->buffers, i->blobs)) {
        g_async_queue_push(i->queue, job);
        job_sync(job, &i->syncs);
        return;
    }
    g_async_queue_push(i->done, job);
    uv_async_send(&i->wake);
}

typedef struct {
    ingest *owner;
    ingest_job *job;
} prepare_work;

static void
on_prepare(gpointer data)
{
    prepare_work *work = data;
    work_prepare(work->job);
}

static void
on_prepared(gpointer data)
{
    prepare_work *work = data;
    work->owner->preparing--; /* the job may be answered and freed by now */
    g_free(work);
}

static ingest_job *
job_new(ingest *i, const ingest_source *s, ingest_done done, gpointer user_data)
{
    ingest_job *job = g_new0(ingest_job, 1);
    job->owner = i;
    job->fd = -1;
    job->organisation = g_strdup(s->organisation);
    job->code = g_strdup(s->code);
    job->charset = g_strdup(s->charset);
    job->person = g_strdup(s->person);
    job->received_from = g_strdup(s->received_from ? s->received_from : "");
    job->request = g_strdup(s->request);
    job->want_class = g_strdup(s->sop_class);
    job->want_sop = g_strdup(s->sop_uid);
    job->want_study = g_strdup(s->study_uid);
    job->done = done;
    job->user_data = user_data;
    return job;
}

static void
start_job(ingest *i, ingest_job *job)
{
    if (g_atomic_int_get(&i->stopping) || !ingest_has_room(i)) {
        job_fail(job, err_new(ERR_STORAGE, "there is no room left to store this"));
        g_async_queue_push(i->done, job);
        uv_async_send(&i->wake);
        return;
    }
    prepare_work *work = g_new0(prepare_work, 1);
    *work = (prepare_work){.owner = i, .job = job};
    i->preparing++;
    loop_work(i->l, on_prepare, on_prepared, work);
}

void
ingest_file(ingest *i, const ingest_source *source, const char *path, ingest_done done, gpointer user_data)
{
    ingest_job *job = job_new(i, source, done, user_data);
    job->path = g_strdup(path);
    start_job(i, job);
}

static char *
temp_path(const ingest *i)
{
    g_autofree char *id = id_new();
    return g_strdup_printf("%s/%s.part", i->temp, id);
}

void
ingest_memory(ingest *i, const ingest_source *source, GBytes *bytes, ingest_done done, gpointer user_data)
{
    ingest_job *job = job_new(i, source, done, user_data);
    job->given = g_bytes_ref(bytes);
    job->path = temp_path(i);
    start_job(i, job);
}

typedef struct {
    char *path;
    ingest_done done;
    gpointer user_data;
} foreign_file;

static void
on_foreign_done(const ingest_result *result, gpointer user_data)
{
    foreign_file *file = user_data;
    unlink(file->path);
    file->done(result, file->user_data);
    g_free(file->path);
    g_free(file);
}

void
ingest_foreign_file(ingest *i, const ingest_source *source, const char *path, ingest_done done,
                    gpointer user_data)
{
    foreign_file *file = g_new0(foreign_file, 1);
    *file = (foreign_file){.path = g_strdup(path), .done = done, .user_data = user_data};
    ingest_job *job = job_new(i, source, on_foreign_done, file);
    job->foreign = g_strdup(path);
    job->path = temp_path(i);
    start_job(i, job);
}

const char *
ingest_temp_directory(const ingest *i)
{
    return i->temp;
}

gboolean
ingest_has_room(const ingest *i)
{
    return blob_store_free_bytes(i->blobs) >= i->floor;
}

gboolean
ingest_is_ready(const ingest *i)
{
    return g_atomic_int_get(&i->ready);
}

void
ingest_on_ready(ingest *i, void (*changed)(gpointer), gpointer user_data)
{
    i->on_ready = changed;
    i->on_ready_data = user_data;
    uv_async_send(&i->wake);
}

guint64
ingest_stored(const ingest *i)
{
    return i->stored;
}
