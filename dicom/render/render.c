#include "dicom/render/render.h"
#include "dicom/child/child.h"
#include "dicom/render/cache.h"
#include "hub/base/err.h"
#include "hub/base/log.h"
#include "hub/store/blob.h"
#include <string.h>
#include <unistd.h>

#define PAINTERS 2           /* children */
#define QUEUE_LIMIT 512      /* frames that wait */
#define FRAMES_PER_CHILD 500 /* then it is replaced: decoders lose memory */
#define RESTART_MS 200
#define WHOLE_PATIENCE 2 /* times as long as one frame may take */

typedef struct {
    render *owner;
    gboolean whole; /* all frames: it may take longer */
    char *key;
    const char *extension;
    char *blob;
    json_t *message; /* for the child */
    char *temp;      /* file it writes */
    char *cached;    /* found in the cache */
    guint64 bytes;
    GError *error; /* to be answered at once */
    render_done done;
    gpointer user_data;
} frame_job;

typedef struct {
    render *owner;
    child *process; /* NULL: to be started */
    gboolean ready;
    guint drawn;
    frame_job *job; /* NULL: idle */
    loop_timer *limit;
} painter;

struct render {
    loop *l;
    char *config_path, *directory; /* directory: of finished files */
    guint64 time_limit_ms;
    blob_store *blobs;
    render_cache *cache;
    painter painters[PAINTERS];
    GQueue waiting; /* frame_job */
    GQueue answers; /* frame_job that need no child */
    loop_timer *soon, *restart;
    guint64 count;
};

static void start_painters(render *r);
static void give_work(render *r);

static void
job_free(frame_job *job)
{
    g_free(job->key);
    g_free(job->blob);
    json_decref(job->message);
    g_free(job->temp);
    g_free(job->cached);
    g_clear_error(&job->error);
    g_free(job);
}

/* Takes error. */
static void
fail_job(frame_job *job, GError *error)
{
    if (job->temp)
        unlink(job->temp);
    job->done(NULL, 0, error, job->user_data);
    g_error_free(error);
    job_free(job);
}

static void
finish_job(frame_job *job, json_t *message)
{
    render *r = job->owner;
    guint64 bytes = (guint64)json_get_int(message, "bytes", 0);
    GError *error = NULL;
    g_autofree char *name = NULL;
    if (!g_strcmp0(json_get_text(message, "type"), "done"))
        name = cache_finish(r->cache, job->temp, job->key, job->extension, bytes, &error);
    else
        error = err_new(err_from_rpc((int)json_get_int(message, "error", 0)), "%s",
                        json_get_text(message, "reason"));
    if (!name) {
        fail_job(job, error);
        return;
    }
    r->count++;
    job->done(name, bytes, NULL, job->user_data);
    job_free(job);
}

static void
on_message(child *c, json_t *message, int fd, gpointer data)
{
    painter *p = data;
    (void)c;
    if (fd >= 0)
        close(fd);
    if (!g_strcmp0(json_get_text(message, "type"), "ready")) {
        p->ready = TRUE;
    } else if (p->job) {
        frame_job *job = g_steal_pointer(&p->job);
        loop_timer_stop(p->limit);
        finish_job(job, message);
        if (++p->drawn >= FRAMES_PER_CHILD)
            child_kill(p->process);
    }
    give_work(p->owner);
}

static void
on_gone(child *c, gpointer data)
{
    painter *p = data;
    (void)c;
    p->process = NULL;
    p->ready = FALSE;
    loop_timer_stop(p->limit);
    frame_job *job = g_steal_pointer(&p->job);
    if (job) {
        log_limited(LOG_WARNING, "render", "a decoder ended at frame of %s", job->blob);
        fail_job(job, err_new(ERR_UNPROCESSABLE, "the frame cannot be decoded"));
    }
    loop_timer_start(p->owner->restart, p->drawn ? 0 : RESTART_MS, 0);
}

static void
on_too_slow(gpointer data)
{
    painter *p = data;
    child_kill(p->process);
}

static const child_handler handler = {.message = on_message, .gone = on_gone};

static void
start_painters(render *r)
{
    for (guint i = 0; i < PAINTERS; i++) {
        painter *p = &r->painters[i];
        g_autoptr(GError) error = NULL;
        if (p->process)
            continue;
        p->drawn = 0;
        p->process = child_spawn(r->l, "render", r->config_path, &handler, p, &error);
        if (!p->process)
            log_limited(LOG_ERROR, "render", "%s", error->message);
    }
}

static void
on_restart(gpointer data)
{
    start_painters(data);
}

/* The descriptor of the result first, then the request with the descriptor of the stored file. */
static gboolean
send_job(painter *p, frame_job *job, GError **error)
{
    render *r = p->owner;
    int blob = blob_store_read(r->blobs, job->blob, error);
    if (blob < 0)
        return FALSE;
    int output = cache_begin(r->cache, &job->temp, error);
    gboolean sent = output >= 0;
    if (sent) {
        g_autoptr(json_t) first = json_pack("{s:s}", "type", "output");
        sent = child_send(p->process, first, output) && child_send(p->process, job->message, blob);
        close(output);
        if (!sent)
            err_set(error, ERR_UNAVAILABLE, "the decoder does not answer");
    }
    close(blob);
    return sent;
}

static void
give_work(render *r)
{
    for (guint i = 0; i < PAINTERS && !g_queue_is_empty(&r->waiting); i++) {
        painter *p = &r->painters[i];
        if (!p->process || !p->ready || p->job)
            continue;
        frame_job *job = g_queue_pop_head(&r->waiting);
        GError *error = NULL;
        if (!send_job(p, job, &error)) {
            fail_job(job, error);
            i--;
            continue;
        }
        p->job = job;
        loop_timer_start(p->limit, r->time_limit_ms * (job->whole ? WHOLE_PATIENCE : 1), 0);
    }
}

static void
on_soon(gpointer data)
{
    render *r = data;
    frame_job *job;
    while ((job = g_queue_pop_head(&r->answers))) {
        if (job->error) {
            fail_job(job, g_steal_pointer(&job->error));
            continue;
        }
        job->done(job->cached, job->bytes, NULL, job->user_data);
        job_free(job);
    }
    give_work(r);
}

render *
render_new(loop *l, const config *c, const char *config_path, GError **error)
{
    g_autofree char *blobs = g_build_filename(config_data_dir(c), "blobs", NULL);
    g_autofree char *cache = g_build_filename(config_data_dir(c), "cache", NULL);
    render *r = g_new0(render, 1);
    r->l = l;
    r->config_path = g_strdup(config_path);
    r->directory = g_strdup(cache);
    r->time_limit_ms = (guint64)config_int(c, "dicom", "render-timeout") * 1000;
    r->soon = loop_timer_new(l, on_soon, r);
    r->restart = loop_timer_new(l, on_restart, r);
    for (guint i = 0; i < PAINTERS; i++) {
        r->painters[i].owner = r;
        r->painters[i].limit = loop_timer_new(l, on_too_slow, &r->painters[i]);
    }
    r->blobs = blob_store_open(blobs, error);
    r->cache = r->blobs ? cache_open(cache, (guint64)config_int(c, "dicom", "cache-limit"), error) : NULL;
    if (!r->cache) {
        render_free(r);
        return NULL;
    }
    start_painters(r);
    return r;
}

void
render_free(render *r)
{
    if (!r)
        return;
    for (guint i = 0; i < PAINTERS; i++) {
        child_free(r->painters[i].process);
        loop_timer_free(r->painters[i].limit);
        if (r->painters[i].job)
            job_free(r->painters[i].job);
    }
    g_queue_clear_full(&r->waiting, (GDestroyNotify)job_free);
    g_queue_clear_full(&r->answers, (GDestroyNotify)job_free);
    loop_timer_free(r->soon);
    loop_timer_free(r->restart);
    cache_close(r->cache);
    g_free(r->directory);
    blob_store_close(r->blobs);
    g_free(r->config_path);
    g_free(r);
}

static const char *
extension_of(render_format format)
{
    static const char *const extensions[] = {
        [RENDER_JPEG] = "jpg", [RENDER_PNG] = "png", [RENDER_RAW] = "raw",
        [RENDER_JLS] = "jls",  [RENDER_JPH] = "jph", [RENDER_DATASET] = "dcm"};
    return extensions[format];
}

static json_t *
message_of(const render_request *q)
{
    if (q->format == RENDER_DATASET)
        return json_pack("{s:s, s:s}", "type", "convert", "syntax", q->syntax);
    static const char *const formats[] = {[RENDER_JPEG] = "jpeg",
                                         [RENDER_PNG] = "png",
                                         [RENDER_RAW] = "raw",
                                         [RENDER_JLS] = "jls",
                                         [RENDER_JPH] = "jph"};
    json_t *m = json_pack("{s:s, s:i, s:s, s:i, s:i, s:i, s:b}", "type", "frame", "frame", (int)q->frame,
                          "format", formats[q->format], "quality", (int)q->quality, "rows", (int)q->rows,
                          "columns", (int)q->columns, "sigmoid", (int)q->sigmoid);
    if (q->has_window) {
        json_object_set_new(m, "center", json_real(q->center));
        json_object_set_new(m, "width", json_real(q->width));
    }
    return m;
}

void
render_frame(render *r, const render_request *request, render_done done, gpointer user_data)
{
    frame_job *job = g_new0(frame_job, 1);
    *job = (frame_job){.owner = r,
                       .blob = g_strdup(request->blob),
                       .whole = request->format == RENDER_DATASET,
                       .extension = extension_of(request->format),
                       .message = message_of(request),
                       .done = done,
                       .user_data = user_data};
    g_autofree char *view = json_text(job->message);
    job->key = g_strconcat(request->blob, " ", view, NULL);
    job->cached = cache_find(r->cache, job->key, job->extension, &job->bytes);
    if (!job->cached && r->waiting.length >= QUEUE_LIMIT)
        job->error = err_new(ERR_UNAVAILABLE, "too many frames wait to be drawn");
    g_queue_push_tail(job->cached || job->error ? &r->answers : &r->waiting, job);
    loop_timer_start(r->soon, 0, 0);
}

char *
render_path(const render *r, const char *file)
{
    return g_build_filename(r->directory, file, NULL);
}

guint64
render_count(const render *r)
{
    return r->count;
}
