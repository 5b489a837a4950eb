/* The first half of a file's way in, done in any thread: it touches nothing but its own file. */
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

/* Files of the hub are copied: a link would leave them the hub's to change. */
static gboolean
take_foreign(ingest_job *job, GError **error)
{
    int from = open(job->foreign, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (from < 0)
        return fail_errno(error, "the upload cannot be opened");
    int to = open(job->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    gboolean copied = to >= 0 ? copy_bytes(from, to, error) : fail_errno(error, "no temporary file");
    close(from);
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

static gboolean
prepare(ingest_job *job, GError **error)
{
    if (job->foreign && !take_foreign(job, error))
        return FALSE;
    failpoint("received");
    int fd = open(job->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fail_errno(error, "the file cannot be opened");
    gboolean good = scan_file(job, fd, error);
    if (good)
        failpoint("scanned");
    if (good && fdatasync(fd) != 0)
        good = fail_errno(error, "the file cannot be made durable");
    close(fd);
    failpoint("synced");
    return good;
}

gboolean
job_prepare(ingest_job *job)
{
    GError *error = NULL;
    if (prepare(job, &error))
        return TRUE;
    job_fail(job, error);
    return FALSE;
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
