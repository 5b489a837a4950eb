/* A job is a commitment in our hands: looked up, hashed in the thread pool, written down, then reported. What
 * is not reported at once is left to the table, which the timer asks for what is due. */
#include "dicom/scp/commit.h"
#include "dicom/child/child.h"
#include "hub/base/err.h"
#include "hub/base/log.h"
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <string.h>
#include <unistd.h>

#define DUE_MS 2000
#define DUE_AT_ONCE "4"   /* reports over associations of their own at once */
#define REPORT_MS 90000   /* a reporter that takes longer is stopped */
#define SWEEPS_EVERY 1800 /* times that we look for what is due */
#define REASON_FAILURE 0x0110
#define BLOCK (1024 * 1024)

struct committer {
    loop *l;
    char *config_path, *blobs, *title;
    db_pool *pool;
    ae_table *aes;
    loop_timer *due;
    guint rounds;
    committer **asking; /* what is due is being asked for: where the answer looks for us; NULL: it is not */
    GPtrArray *jobs;    /* job, all of them */
};

typedef struct {
    committer *owner; /* NULL: gone */
    char *id, *organisation, *title, *transaction;
    GString *report;   /* lines */
    GPtrArray *hashes; /* of each line, NULL where there is nothing to look at */
    char *blobs;
    commit_caller caller; /* report NULL: its association is over, or never was */
    commit_begun begun;
    gpointer begun_data;
    child *reporter;
    loop_timer *limit;
} job;

static void
job_free(job *j)
{
    if (j->owner)
        g_ptr_array_remove_fast(j->owner->jobs, j);
    child_free(j->reporter);
    loop_timer_free(j->limit);
    g_free(j->id);
    g_free(j->organisation);
    g_free(j->title);
    g_free(j->transaction);
    g_free(j->blobs);
    if (j->report)
        g_string_free(j->report, TRUE);
    g_clear_pointer(&j->hashes, g_ptr_array_unref);
    g_free(j);
}

static job *
job_new(committer *c, const char *organisation, const char *title, const char *transaction)
{
    job *j = g_new0(job, 1);
    *j = (job){.owner = c,
               .organisation = g_strdup(organisation),
               .title = g_strdup(title),
               .transaction = g_strdup(transaction),
               .blobs = g_strdup(c->blobs)};
    g_ptr_array_add(c->jobs, j);
    return j;
}

static db_batch *
batch_as(const char *organisation)
{
    const db_actor actor = {.organisation = organisation, .purpose = "treatment"};
    return db_batch_new(&actor);
}

static void
on_written(db_batch *batch, const GError *error, gpointer data)
{
    (void)batch;
    (void)data;
    if (error)
        log_limited(LOG_WARNING, "commitment", "not written: %s", error->message);
}

static void
write_tried(committer *c, const char *organisation, const char *id, const char *why)
{
    db_batch *batch = batch_as(organisation);
    db_batch_add(batch, "commitment_tried", 2, id, why ? why : "");
    db_pool_run(c->pool, batch, on_written, NULL);
    if (why)
        log_limited(LOG_WARNING, "commitment", "%s is not reported yet: %s", id, why);
}

/* --- over an association of its own
 * ---------------------------------------------------------------------------- */

static void
end_report(job *j, const char *why)
{
    write_tried(j->owner, j->organisation, j->id, why);
    job_free(j);
}

static void
on_reporter_message(child *c, json_t *message, int fd, gpointer data)
{
    (void)c;
    if (fd >= 0)
        close(fd);
    end_report(data, json_get_text(message, "reason"));
}

static void
on_reporter_gone(child *c, gpointer data)
{
    job *j = data;
    (void)c;
    j->reporter = NULL; /* frees itself */
    end_report(j, "the reporter ended");
}

static const child_handler reporter_handler = {.message = on_reporter_message, .gone = on_reporter_gone};

static void
on_reporter_slow(gpointer data)
{
    end_report(data, "the receiver takes too long");
}

static void
on_receiver(ae_verdict verdict, const ae_entry *e, gpointer data)
{
    job *j = data;
    g_autoptr(GError) error = NULL;
    if (!j->owner) {
        job_free(j);
        return;
    }
    if (verdict != AE_ADMITTED || !e->host || !e->port) {
        end_report(j, "the AE has no address that it listens on");
        return;
    }
    g_autoptr(json_t) order = json_pack(
        "{s:s, s:s, s:s, s:i, s:b, s:s*, s:s*, s:s, s:s}", "called", e->title, "calling", j->owner->title,
        "host", e->host, "port", (int)e->port, "tls", e->cert_cn || e->cert_sha256, "cert_cn", e->cert_cn,
        "cert_sha256", e->cert_sha256, "code", e->code, "transaction", j->transaction);
    int lines = channel_text(j->report->str, j->report->len);
    j->reporter =
        lines >= 0 ? child_spawn(j->owner->l, "report", j->owner->config_path, &reporter_handler, j, &error)
                   : NULL;
    gboolean sent = j->reporter && child_send(j->reporter, order, lines);
    if (lines >= 0)
        close(lines);
    if (!sent) {
        end_report(j, error ? error->message : "no reporter");
        return;
    }
    j->limit = loop_timer_new(j->owner->l, on_reporter_slow, j);
    loop_timer_start(j->limit, REPORT_MS, 0);
}

/* --- what is asked about
 * ------------------------------------------------------------------------------------------ */

static void
deliver(job *j)
{
    if (!j->caller.report) {
        ae_table_find(j->owner->aes, j->title, on_receiver, j);
        return;
    }
    commit_caller caller = j->caller;
    if (caller.report(j->id, j->transaction, j->report->str, caller.user_data)) {
        job_free(j); /* committer_reported tells how it ended, or the table's schedule holds */
        return;
    }
    j->caller.report = NULL;
    deliver(j);
}

static void
on_report_kept(db_batch *batch, const GError *error, gpointer data)
{
    job *j = data;
    on_written(batch, error, NULL);
    if (!j->owner || error)
        job_free(j); /* the table has it */
    else
        deliver(j);
}

static gboolean
is_right(const char *blobs, const char *hash)
{
    g_autofree char *path = g_strdup_printf("%s/%.2s/%s", blobs, hash, hash);
    g_autofree guint8 *block = g_malloc(BLOCK);
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    guint8 bytes[EVP_MAX_MD_SIZE];
    unsigned int length = 0;
    ssize_t n = -1;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    gboolean good = fd >= 0 && EVP_DigestInit_ex(digest, EVP_sha256(), NULL) == 1;
    while (good && (n = read(fd, block, BLOCK)) > 0)
        good = EVP_DigestUpdate(digest, block, (size_t)n) == 1;
    good = good && n == 0 && EVP_DigestFinal_ex(digest, bytes, &length) == 1;
    for (unsigned int i = 0; good && i < length; i++)
        good = g_ascii_xdigit_value(hash[2 * i]) * 16 + g_ascii_xdigit_value(hash[2 * i + 1]) == bytes[i];
    EVP_MD_CTX_free(digest);
    if (fd >= 0)
        close(fd);
    return good;
}

/* In the thread pool. */
static void
hash_files(gpointer data)
{
    job *j = data;
    g_auto(GStrv) lines = g_strsplit(j->report->str, "\n", -1);
    g_string_truncate(j->report, 0);
    for (guint i = 0; i < j->hashes->len; i++) {
        const char *hash = j->hashes->pdata[i];
        if (hash && !is_right(j->blobs, hash))
            g_string_append_printf(j->report, "%.*s%d\n", (int)(strrchr(lines[i], ' ') + 1 - lines[i]),
                                   lines[i], REASON_FAILURE);
        else
            g_string_append_printf(j->report, "%s\n", lines[i]);
    }
}

static void
on_hashed(gpointer data)
{
    job *j = data;
    if (!j->owner) {
        job_free(j);
        return;
    }
    db_batch *batch = batch_as(j->organisation);
    db_batch_add(batch, "commitment_report", 2, j->id, j->report->str);
    db_pool_run(j->owner->pool, batch, on_report_kept, j);
}

static void
on_items(db_batch *batch, const GError *error, gpointer data)
{
    job *j = data;
    if (!j->owner || error) {
        on_written(batch, error, NULL);
        job_free(j);
        return;
    }
    j->report = g_string_new(NULL);
    j->hashes = g_ptr_array_new_with_free_func(g_free);
    for (guint row = 0; row < db_rows(batch, 0); row++) {
        const char *reason = db_text(batch, 0, row, 2);
        g_string_append_printf(j->report, "%s %s %s\n", db_text(batch, 0, row, 0), db_text(batch, 0, row, 1),
                               reason);
        g_ptr_array_add(j->hashes, strcmp(reason, "0") ? NULL : g_strdup(db_text(batch, 0, row, 3)));
    }
    loop_work(j->owner->l, hash_files, on_hashed, j);
}

static void
look_up(job *j)
{
    db_batch *batch = batch_as(j->organisation);
    db_batch_add(batch, "commitment_items", 1, j->id);
    db_pool_run(j->owner->pool, batch, on_items, j);
}

/* --- requests
 * ---------------------------------------------------------------------------------------------------- */

static void
on_begun(db_batch *batch, const GError *error, gpointer data)
{
    job *j = data;
    gboolean good = !error && db_rows(batch, 0) == 1;
    if (error)
        log_limited(LOG_WARNING, "commitment", "%s", error->message);
    j->begun(good ? 0 : error && err_code_of(error) == ERR_INVALID ? 0x0115 : REASON_FAILURE, j->begun_data);
    if (!good || !j->owner) {
        job_free(j);
        return;
    }
    j->id = g_strdup(db_text(batch, 0, 0, 0));
    look_up(j);
}

void
committer_begin(committer *c, const commit_caller *caller, const char *transaction, const char *items,
                commit_begun begun, gpointer user_data)
{
    job *j = job_new(c, caller->organisation, caller->title, transaction);
    j->caller = *caller;
    j->caller.organisation = j->caller.title = NULL; /* not ours to keep */
    j->begun = begun;
    j->begun_data = user_data;
    db_batch *batch = batch_as(caller->organisation);
    db_batch_add(batch, "commitment_begin", 3, caller->title, transaction, items);
    db_batch_add(batch, "dicom_audit", 4, caller->title, "instance.commit", transaction, NULL);
    db_pool_run(c->pool, batch, on_begun, j);
}

void
committer_reported(committer *c, const char *id, const char *organisation, const char *why)
{
    write_tried(c, organisation, id, why);
}

void
committer_again(committer *c, const char *id, const char *organisation)
{
    db_batch *batch = batch_as(organisation);
    db_batch_add(batch, "commitment_again", 1, id);
    db_pool_run(c->pool, batch, on_written, NULL);
}

void
committer_forget(committer *c, gpointer user_data)
{
    for (guint i = 0; i < c->jobs->len; i++) {
        job *j = c->jobs->pdata[i];
        if (j->caller.user_data == user_data)
            j->caller.report = NULL;
    }
}

/* --- what is due
 * ------------------------------------------------------------------------------------------------- */

static gboolean
is_in_hand(const committer *c, const char *id)
{
    for (guint i = 0; i < c->jobs->len; i++)
        if (!g_strcmp0(((const job *)c->jobs->pdata[i])->id, id))
            return TRUE;
    return FALSE;
}

static void
on_due_rows(db_batch *batch, const GError *error, gpointer data)
{
    g_autofree committer **asking = data;
    committer *c = *asking;
    if (!c) /* freed meanwhile */
        return;
    c->asking = NULL;
    if (error) {
        on_written(batch, error, NULL);
        return;
    }
    for (guint row = 0; row < db_rows(batch, 0); row++) {
        if (is_in_hand(c, db_text(batch, 0, row, 0)))
            continue;
        job *j = job_new(c, db_text(batch, 0, row, 1), db_text(batch, 0, row, 2), db_text(batch, 0, row, 3));
        const char *report = db_text(batch, 0, row, 4);
        j->id = g_strdup(db_text(batch, 0, row, 0));
        if (report) {
            j->report = g_string_new(report);
            deliver(j);
        } else {
            look_up(j);
        }
    }
}

static void
on_due(gpointer data)
{
    committer *c = data;
    if (c->asking)
        return;
    c->asking = g_new(committer *, 1);
    *c->asking = c;
    db_batch *batch = db_batch_new(NULL);
    db_batch_add(batch, "commitment_due", 1, DUE_AT_ONCE);
    if (c->rounds++ % SWEEPS_EVERY == 0)
        db_batch_add(batch, "commitment_sweep", 0);
    db_pool_run(c->pool, batch, on_due_rows, c->asking);
}

committer *
committer_new(loop *l, const config *conf, const char *config_path, db_pool *pool, ae_table *aes)
{
    committer *c = g_new0(committer, 1);
    *c = (committer){.l = l,
                     .config_path = g_strdup(config_path),
                     .blobs = g_build_filename(config_data_dir(conf), "blobs", NULL),
                     .title = g_strdup(config_text(conf, "dicom", "ae-title")),
                     .pool = pool,
                     .aes = aes,
                     .jobs = g_ptr_array_new()};
    c->due = loop_timer_new(l, on_due, c);
    loop_timer_start(c->due, DUE_MS, DUE_MS);
    return c;
}

void
committer_free(committer *c)
{
    if (!c)
        return;
    loop_timer_free(c->due);
    if (c->asking)
        *c->asking = NULL;
    for (guint i = 0; i < c->jobs->len; i++) {
        job *j = c->jobs->pdata[i];
        j->owner = NULL; /* freed when what it waits for comes */
        j->caller.report = NULL;
        if (j->reporter)
            job_free(j); /* nothing else will come */
    }
    g_ptr_array_unref(c->jobs);
    g_free(c->config_path);
    g_free(c->blobs);
    g_free(c->title);
    g_free(c);
}
