/* The first half of an object's way in, done in any thread: it touches nothing but its own file.
 *
 * What fits into a buffer is scanned and hashed there and then written past the page cache: that spares a
 * copy and the making of pages that, with luck, are read once. */
#include "dicom/ingest/failpoint.h"
#include "dicom/ingest/internal.h"
#include "hub/base/err.h"
#include "hub/base/json.h"
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define COPY_CHUNK (1024 * 1024)

/* PS3.4 table B.2-1, PS3.7 annex C */
#define STATUS_OUT_OF_RESOURCES 0xa700
#define STATUS_DOES_NOT_MATCH 0xa900
#define STATUS_CANNOT_UNDERSTAND 0xc000

void
job_free(ingest_job *job)
{
    if (!job)
        return;
    char *texts[] = {job->organisation, job->code,       job->charset,  job->person,     job->received_from,
                     job->request,      job->want_class, job->want_sop, job->want_study, job->path,
                     job->foreign,      job->reason,     job->study,    job->other};
    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++)
        g_free(texts[i]);
    if (job->given)
        g_bytes_unref(job->given);
    if (job->fd >= 0)
        close(job->fd);
    g_clear_error(&job->sync_error);
    scan_result_clear(&job->scan);
    g_free(job);
}

void
job_fail(ingest_job *job, GError *error)
{
    switch (err_code_of(error)) {
    case ERR_INVALID:
    case ERR_UNSUPPORTED:
    case ERR_TOO_LARGE:
        job->status = STATUS_CANNOT_UNDERSTAND;
        break;
    case ERR_UNPROCESSABLE:
        job->status = STATUS_DOES_NOT_MATCH;
        break;
    default: /* ours to mend: the sender may try again */
        job->status = STATUS_OUT_OF_RESOURCES;
    }
    job->outcome = INGEST_FAILED;
    g_free(job->reason);
    job->reason = g_strdup(error->message);
    g_error_free(error);
    if (job->path)
        unlink(job->path);
    g_clear_pointer(&job->path, g_free);
}

static gboolean
fail_errno(GError **error, const char *what)
{
    err_code code = errno == ENOSPC || errno == EDQUOT ? ERR_STORAGE : ERR_INTERNAL;
    return err_set(error, code, "%s: %s", what, g_strerror(errno));
}

/* A file of the hub may have been changed or cut while we look: what is read is what counts. */
static gboolean
read_bytes(int fd, guint8 *to, guint64 length, GError **error)
{
    while (length > 0) {
        ssize_t n = read(fd, to, length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail_errno(error, "the upload cannot be read");
        if (n == 0)
            return err_set(error, ERR_INVALID, "the upload was cut");
        to += n;
        length -= (guint64)n;
    }
    return TRUE;
}

static gboolean
copy_bytes(int from, int to, GError **error)
{
    for (;;) {
        ssize_t n = copy_file_range(from, NULL, to, NULL, COPY_CHUNK, 0);
        if (n == 0)
            return TRUE;
        if (n < 0 && errno != EINTR)
            return fail_errno(error, "the upload cannot be copied");
    }
}

static int
create(const char *path, int flags)
{
    return open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | flags, 0640);
}

static gboolean
copy_foreign(ingest_job *job, int from, GError **error)
{
    int to = create(job->path, 0);
    gboolean copied = to >= 0 ? copy_bytes(from, to, error) : fail_errno(error, "no temporary file");
    if (to >= 0 && close(to) != 0 && copied)
        copied = fail_errno(error, "the upload cannot be copied");
    return copied;
}

static void
hash_bytes(const guint8 *bytes, gsize length, char ret_hash[65])
{
    guint8 digest[EVP_MAX_MD_SIZE];
    guint size = 0;
    if (EVP_Digest(bytes, length, digest, &size, EVP_sha256(), NULL) != 1)
        g_error("SHA-256 is not available");
    for (guint i = 0; i < size; i++)
        g_snprintf(ret_hash + 2 * i, 3, "%02x", digest[i]);
}

/* Does the data set keep the promises of the C-STORE command or of the request? */
static gboolean
check_promises(const ingest_job *job, GError **error)
{
    const scan_result *s = &job->scan;
    if (job->want_class && strcmp(job->want_class, s->sop_class))
        return err_set(error, ERR_UNPROCESSABLE,
                       "the data set is of another SOP class than the command says");
    if (job->want_sop && strcmp(job->want_sop, s->sop_uid))
        return err_set(error, ERR_UNPROCESSABLE,
                       "the data set is another SOP instance than the command says");
    if (job->want_study && strcmp(job->want_study, s->study_uid))
        return err_set(error, ERR_UNPROCESSABLE, "the instance belongs to another study");
    return TRUE;
}

static gboolean
scan_mapped(ingest_job *job, const guint8 *bytes, GError **error)
{
    g_autofree char *origin = g_strdup_printf("/dicom-web/orgs/%s", job->code);
    const scan_options options = {.charset = job->charset, .origin = origin};
    if (!scan_bytes(bytes, job->size, &options, &job->scan, error))
        return FALSE;
    job->scanned = TRUE;
    if (!check_promises(job, error))
        return FALSE;
    hash_bytes(bytes, job->size, job->hash);
    return TRUE;
}

static gboolean
scan_file(ingest_job *job, int fd, GError **error)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return fail_errno(error, "the file cannot be read");
    if (st.st_size == 0)
        return err_set(error, ERR_INVALID, "the file is empty");
    job->size = (guint64)st.st_size;
    /* the disk may begin to write while we read */
    sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE);
    guint8 *bytes = mmap(NULL, job->size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
    if (bytes == MAP_FAILED)
        return fail_errno(error, "the file cannot be read");
    gboolean good = scan_mapped(job, bytes, error);
    munmap(bytes, job->size);
    return good;
}

/* A large one, by its file. */
static gboolean
prepare_file(ingest_job *job, GError **error)
{
    failpoint("received");
    job->fd = open(job->path, O_RDONLY | O_CLOEXEC);
    if (job->fd < 0)
        return fail_errno(error, "the file cannot be opened");
    if (!scan_file(job, job->fd, error))
        return FALSE;
    failpoint("scanned");
    return TRUE;
}

static gboolean
write_bytes(int fd, const guint8 *bytes, guint64 length, GError **error)
{
    while (length > 0) {
        ssize_t n = write(fd, bytes, length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return fail_errno(error, "the object cannot be written");
        bytes += n;
        length -= (guint64)n;
    }
    return TRUE;
}

/* Whole blocks past the page cache, the rest through it. A file system that has no O_DIRECT says so in open.
 */
static gboolean
write_direct(const ingest_job *job, int fd, const guint8 *buffer, GError **error)
{
    guint64 rest = job->size % BUFFER_ALIGNMENT, blocks = job->size - rest;
    if (!write_bytes(fd, buffer, blocks, error))
        return FALSE;
    if (fcntl(fd, F_SETFL, 0) != 0)
        return fail_errno(error, "the object cannot be written");
    return write_bytes(fd, buffer + blocks, rest, error);
}

static gboolean
write_object(ingest_job *job, const guint8 *buffer, GError **error)
{
    job->fd = create(job->path, O_DIRECT);
    gboolean direct = job->fd >= 0;
    if (job->fd < 0 && errno == EINVAL) {
        unlink(job->path); /* some create it all the same */
        job->fd = create(job->path, 0);
    }
    if (job->fd < 0)
        return fail_errno(error, "no temporary file");
    return direct ? write_direct(job, job->fd, buffer, error)
                  : write_bytes(job->fd, buffer, job->size, error);
}

static gboolean
prepare_buffer(ingest_job *job, const guint8 *buffer, GError **error)
{
    failpoint("received");
    if (!scan_mapped(job, buffer, error))
        return FALSE;
    failpoint("scanned");
    return write_object(job, buffer, error);
}

/* Files of the hub are copied: a link would leave them the hub's to change. */
static gboolean
prepare_foreign(ingest_job *job, int fd, buffer_pool *buffers, GError **error)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return fail_errno(error, "the upload cannot be read");
    if (st.st_size == 0 || st.st_size > BUFFER_SIZE)
        return copy_foreign(job, fd, error) && prepare_file(job, error);
    guint8 *buffer = buffer_take(buffers);
    job->size = (guint64)st.st_size;
    gboolean good = read_bytes(fd, buffer, job->size, error) && prepare_buffer(job, buffer, error);
    buffer_give(buffers, buffer);
    return good;
}

static gboolean
open_foreign(ingest_job *job, buffer_pool *buffers, GError **error)
{
    int fd = open(job->foreign, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return fail_errno(error, "the upload cannot be opened");
    gboolean good = prepare_foreign(job, fd, buffers, error);
    close(fd);
    return good;
}

static gboolean
prepare_given(ingest_job *job, buffer_pool *buffers, GError **error)
{
    gsize length;
    const guint8 *bytes = g_bytes_get_data(job->given, &length);
    if (length > BUFFER_SIZE)
        return err_set(error, ERR_TOO_LARGE, "the object is too large for memory");
    guint8 *buffer = buffer_take(buffers);
    memcpy(buffer, bytes, length);
    job->size = length;
    gboolean good = prepare_buffer(job, buffer, error);
    buffer_give(buffers, buffer);
    return good;
}

static gboolean
prepare(ingest_job *job, buffer_pool *buffers, GError **error)
{
    if (job->given)
        return prepare_given(job, buffers, error);
    return job->foreign ? open_foreign(job, buffers, error) : prepare_file(job, error);
}

/* Gives the file its name, before its bytes are durable: no row names it yet, and what a crash leaves is
 * swept. When the name is there already, whoever made it may not have come to the sync: that file is synced
 * too. */
static gboolean
name_blob(ingest_job *job, blob_store *blobs, GError **error)
{
    if (!blob_store_put(blobs, job->path, job->hash, &job->made_blob, error))
        return FALSE;
    g_clear_pointer(&job->path, g_free);
    if (!job->made_blob) {
        close(job->fd);
        job->fd = blob_store_read(blobs, job->hash, error);
    }
    failpoint("named");
    return job->fd >= 0;
}

gboolean
job_prepare(ingest_job *job, buffer_pool *buffers, blob_store *blobs)
{
    GError *error = NULL;
    if (prepare(job, buffers, &error) && name_blob(job, blobs, &error))
        return TRUE;
    job_fail(job, error);
    return FALSE;
}

void
job_sync(ingest_job *job, ingest_syncs *syncs)
{
    GError *error = NULL;
    if (fdatasync(job->fd) != 0)
        fail_errno(&error, "the object cannot be made durable");
    failpoint("synced");
    g_mutex_lock(&syncs->lock);
    job->sync_error = error;
    job->synced = TRUE;
    g_cond_broadcast(&syncs->ended);
    g_mutex_unlock(&syncs->lock);
}

gboolean
job_wait_synced(ingest_job *job, ingest_syncs *syncs, GError **error)
{
    g_mutex_lock(&syncs->lock);
    while (!job->synced)
        g_cond_wait(&syncs->ended, &syncs->lock);
    g_mutex_unlock(&syncs->lock);
    if (job->sync_error && error)
        *error = g_error_copy(job->sync_error);
    return !job->sync_error;
}

static json_t *
json_or_null(const char *text)
{
    return text ? json_string(text) : json_null();
}

char *
job_item(const ingest_job *job)
{
    const scan_result *s = &job->scan;
    g_autoptr(json_t) item = json_object();
    const struct {
        const char *key, *value;
    } texts[] = {
        {"patient_id", s->patient_id},
        {"name_alphabetic", s->patient_name.alphabetic},
        {"name_ideographic", s->patient_name.ideographic},
        {"name_phonetic", s->patient_name.phonetic},
        {"name_search", s->patient_search},
        {"birth_date", s->birth_date},
        {"sex", s->sex},
        {"study_uid", s->study_uid},
        {"study_date", s->study_date},
        {"study_time", s->study_time},
        {"accession", s->accession},
        {"study_id", s->study_id},
        {"study_description", s->study_description},
        {"referring", s->referring},
        {"series_uid", s->series_uid},
        {"modality", s->modality},
        {"series_number", s->series_number},
        {"series_description", s->series_description},
        {"sop_uid", s->sop_uid},
        {"sop_class", s->sop_class},
        {"number", s->instance_number},
        {"transfer_syntax", s->transfer_syntax->uid},
        {"hash", job->hash},
        {"received_from", job->received_from},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++)
        json_object_set_new(item, texts[i].key, json_or_null(texts[i].value));
    json_object_set_new(item, "charset_doubt", json_boolean(s->charset_doubt));
    json_object_set_new(item, "rows", s->rows ? json_integer(s->rows) : json_null());
    json_object_set_new(item, "columns", s->columns ? json_integer(s->columns) : json_null());
    json_object_set_new(item, "frames", json_integer(s->frames));
    json_object_set_new(item, "size", json_integer((json_int_t)job->size));
    json_object_set_new(item, "metadata_crc", json_integer(s->metadata_crc));
    json_object_set_new(item, "metadata_size", json_integer((json_int_t)s->metadata_size));
    json_object_set_new(item, "study_attributes",
                        json_parse(s->study_attributes, strlen(s->study_attributes), NULL));
    json_object_set_new(item, "series_attributes",
                        json_parse(s->series_attributes, strlen(s->series_attributes), NULL));
    return json_text(item);
}
