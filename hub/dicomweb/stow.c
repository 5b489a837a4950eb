/* STOW-RS: parts of any size go to files below incoming/ as they arrive; every BATCH_FILES of them are handed
 * to the dicom program while the upload goes on, with at most BATCHES under way (then the client is paused).
 * The answer is made of its results. Whatever ends the request, files that were not handed over are removed.
 */
#include "hub/base/log.h"
#include "hub/dicomweb/dicomweb.h"
#include "hub/dicomweb/multipart.h"
#include "hub/dicomweb/path.h"
#include "hub/hub.h"
#include "hub/workers/rpc_dicom.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define BATCH_FILES 32
#define BATCH_BYTES (256 * 1024 * 1024)
#define BATCHES 3
#define FILES_LIMIT 100000 /* parts of one request */

enum {
    FAILURE_PROCESSING = 0x0110,
    FAILURE_NO_DICOM = 0xc000,
    FAILURE_DUPLICATE = 0x0111,
    FAILURE_RESOURCES = 0xa700
};

struct stow {
    http_request *request;
    multipart *parser;
    char *directory; /* <data>/incoming */
    char *study;     /* named in the path, or NULL */
    int fd;          /* of the part being received, -1: none */
    guint parts;     /* seen */
    guint64 part_bytes, batch_bytes;
    GPtrArray *ready; /* names of complete files, not handed over */
    guint under_way;  /* batches */
    gboolean ended, finished, failed;
    GError *failure; /* of a whole batch */
    char *code;      /* of the acting organisation */
    guint stored;
    json_t *success, *failures; /* items of the two sequences */
    char *study_url;
};

static void
stow_free(struct stow *s)
{
    if (s->fd >= 0)
        close(s->fd);
    for (guint i = 0; i < s->ready->len; i++) {
        g_autofree char *path = g_build_filename(s->directory, s->ready->pdata[i], NULL);
        unlink(path);
    }
    g_ptr_array_unref(s->ready);
    multipart_free(s->parser);
    g_free(s->directory);
    g_free(s->study);
    g_free(s->code);
    g_free(s->study_url);
    g_clear_error(&s->failure);
    json_decref(s->success);
    json_decref(s->failures);
    http_unref(s->request);
    g_free(s);
}

/* --- the answer (PS3.18 table 10.5.3-1)
 * ------------------------------------------------------------------------ */
static json_t *
element(const char *vr, json_t *value)
{
    return json_pack("{s:s, s:[o]}", "vr", vr, "Value", value);
}

static void
add_failure(struct stow *s, const char *sop_class, const char *instance, int reason)
{
    json_t *item = json_object();
    if (sop_class)
        json_object_set_new(item, "00081150", element("UI", json_string(sop_class)));
    if (instance)
        json_object_set_new(item, "00081155", element("UI", json_string(instance)));
    json_object_set_new(item, "00081197", element("US", json_integer(reason)));
    json_array_append_new(s->failures, item);
}

static void
add_success(struct stow *s, const json_t *result)
{
    const char *study = json_get_text(result, "study"), *series = json_get_text(result, "series");
    const char *instance = json_get_text(result, "instance"), *sop_class = json_get_text(result, "sop_class");
    const char *base = http_base_url(s->request);
    g_autofree char *study_url = g_strdup_printf("%s/dicom-web/orgs/%s/studies/%s", base, s->code, study);
    g_autofree char *url = g_strdup_printf("%s/series/%s/instances/%s", study_url, series, instance);
    json_t *item = json_object();
    json_object_set_new(item, "00081150", element("UI", json_string(sop_class ? sop_class : "")));
    json_object_set_new(item, "00081155", element("UI", json_string(instance)));
    json_object_set_new(item, "00081190", element("UR", json_string(url)));
    json_array_append_new(s->success, item);
    if (!s->study_url)
        s->study_url = g_steal_pointer(&study_url);
    s->stored++;
}

static void
take_result(struct stow *s, const json_t *result)
{
    const char *status = json_get_text(result, "status");
    if (!g_strcmp0(status, "stored") || !g_strcmp0(status, "same")) {
        add_success(s, result);
        return;
    }
    int reason = !g_strcmp0(status, "quarantined") ? FAILURE_DUPLICATE : FAILURE_NO_DICOM;
    add_failure(s, json_get_text(result, "sop_class"), json_get_text(result, "instance"),
                (int)json_get_int(result, "failure", reason));
}

static void
finish(struct stow *s)
{
    http_request *r = s->request;
    guint failed = (guint)json_array_size(s->failures);
    if (s->stored == 0 && s->failure) {
        http_reply_error(r, s->failure);
    } else if (s->stored == 0 && failed == 0) {
        http_reply_problem(r, ERR_INVALID, "the body holds no DICOM instance");
    } else {
        json_t *body = json_object();
        if (s->study_url)
            json_object_set_new(body, "00081190", element("UR", json_string(s->study_url)));
        if (failed)
            json_object_set_new(body, "00081198", json_pack("{s:s, s:O}", "vr", "SQ", "Value", s->failures));
        if (s->stored)
            json_object_set_new(body, "00081199", json_pack("{s:s, s:O}", "vr", "SQ", "Value", s->success));
        char *text = json_text(body);
        json_decref(body);
        g_autoptr(GBytes) bytes = g_bytes_new_take(text, strlen(text));
        http_reply_bytes(r, !s->stored ? 409 : failed ? 202 : 200, "application/dicom+json", bytes);
    }
    s->finished = TRUE;
    stow_free(s);
}

/* Everything is handed over and answered, or the client has gone and no batch is under way. */
static void
step(struct stow *s)
{
    if (s->under_way > 0)
        return;
    if (s->failed)
        stow_free(s);
    else if (s->ended && s->ready->len == 0)
        finish(s);
}

/* --- handing over
 * ------------------------------------------------------------------------------------------------ */
static void hand_over(struct stow *s);

static void
on_ingested(json_t *result, const GError *error, gpointer data)
{
    struct stow *s = data;
    s->under_way--;
    if (error) {
        if (!s->failure)
            s->failure = g_error_copy(error);
        add_failure(s, NULL, NULL, FAILURE_PROCESSING);
    }
    gsize i;
    json_t *one;
    json_array_foreach(json_object_get(result, "results"), i, one) take_result(s, one);
    if (!s->failed && s->ended && s->ready->len > 0)
        hand_over(s);
    if (!s->failed && !s->ended) {
        http_body_resume(s->request, TRUE); /* may end in step() */
        return;
    }
    step(s);
}

static void
hand_over(struct stow *s)
{
    const db_actor *actor = http_actor(s->request);
    json_t *files = json_array();
    for (guint i = 0; i < s->ready->len; i++)
        json_array_append_new(files, json_pack("{s:s}", "file", s->ready->pdata[i]));
    g_ptr_array_set_size(s->ready, 0);
    s->batch_bytes = 0;
    s->under_way++;
    rpc_dicom_ingest_files(http_hub(s->request)->signaling, actor->organisation, actor->person,
                           http_id(s->request), s->study, files, on_ingested, s);
}

/* --- receiving
 * ----------------------------------------------------------------------------------------------------- */
static gboolean
on_part(const char *content_type, gpointer data)
{
    struct stow *s = data;
    g_autofree char *name = g_strdup_printf("%s-%u", http_id(s->request), s->parts);
    g_autofree char *path = g_build_filename(s->directory, name, NULL);
    if (++s->parts > FILES_LIMIT)
        return err_set(&s->failure, ERR_TOO_LARGE, "more than %d parts", FILES_LIMIT);
    if (content_type && g_ascii_strncasecmp(content_type, "application/dicom", 17) != 0)
        return err_set(&s->failure, ERR_UNSUPPORTED, "every part must be application/dicom");
    if (content_type && content_type[17] == '+')
        return err_set(&s->failure, ERR_UNSUPPORTED,
                       "metadata and bulk data as separate parts are not taken");
    s->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0660);
    if (s->fd < 0)
        return err_set(&s->failure, errno == ENOSPC ? ERR_STORAGE : ERR_INTERNAL, "incoming: %s",
                       g_strerror(errno));
    fchmod(s->fd, 0660); /* the dicom program consumes it, whatever our umask */
    g_ptr_array_add(s->ready, g_steal_pointer(&name));
    s->part_bytes = 0;
    return TRUE;
}

static gboolean
on_part_data(const guint8 *bytes, gsize length, gpointer data)
{
    struct stow *s = data;
    while (length > 0) {
        gssize n = write(s->fd, bytes, length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_set(&s->failure, errno == ENOSPC || errno == EDQUOT ? ERR_STORAGE : ERR_INTERNAL,
                           "incoming: %s", g_strerror(errno));
        bytes += n;
        length -= (gsize)n;
        s->part_bytes += (gsize)n;
    }
    return TRUE;
}

static gboolean
on_part_end(gpointer data)
{
    struct stow *s = data;
    close(s->fd);
    s->fd = -1;
    s->batch_bytes += s->part_bytes;
    if (s->ready->len >= BATCH_FILES || s->batch_bytes >= BATCH_BYTES)
        hand_over(s);
    return TRUE;
}

static const multipart_sink part_sink = {on_part, on_part_data, on_part_end};

/* The request cannot succeed any more; batches under way still end. */
static void
give_up(struct stow *s)
{
    s->failed = TRUE;
    step(s);
}

static gboolean
on_data(http_request *r, const guint8 *bytes, gsize length, gpointer data)
{
    struct stow *s = data;
    if (multipart_feed(s->parser, bytes, length)) {
        if (s->under_way >= BATCHES)
            http_body_resume(r, FALSE);
        return TRUE;
    }
    if (s->failure)
        http_reply_error(r, s->failure);
    else
        http_reply_problem(r, ERR_INVALID, "the multipart body is malformed");
    give_up(s);
    return FALSE;
}

static void
on_end(http_request *r, gpointer data)
{
    struct stow *s = data;
    s->ended = TRUE;
    if (!multipart_is_complete(s->parser)) {
        http_reply_problem(r, ERR_INVALID, "the multipart body has no end");
        give_up(s);
        return;
    }
    if (s->ready->len > 0 && s->under_way < BATCHES)
        hand_over(s);
    step(s);
}

static void
on_aborted(http_request *r, gpointer data)
{
    (void)r;
    give_up(data);
}

static const http_body_sink body_sink = {on_data, on_end, on_aborted};

/* --- beginning
 * ---------------------------------------------------------------------------------------------------------
 */
static gboolean
has_room(const struct hub *hub)
{
    struct statvfs v;
    return statvfs(config_data_dir(hub->config), &v) == 0 &&
           (guint64)v.f_bavail * v.f_frsize >= (guint64)config_int(hub->config, "store", "disk-floor");
}

static gboolean
may_store(const http_request *r)
{
    static const char *const roles[] = {"doctor", "specialist", "radiologist", "radiographer", "coordinator"};
    for (gsize i = 0; i < G_N_ELEMENTS(roles); i++)
        if (http_has_role(r, roles[i]))
            return TRUE;
    return FALSE;
}

static void
on_begun(http_request *r, db_batch *batch)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *type = NULL;
    struct stow *s = g_new0(struct stow, 1);
    s->request = http_ref(r);
    s->fd = -1;
    s->ready = g_ptr_array_new_with_free_func(g_free);
    s->success = json_array();
    s->failures = json_array();
    s->study = g_strdup(http_param_maybe(r, "study"));
    s->code = g_strdup(db_text(batch, 0, 0, 0));
    s->directory = g_build_filename(config_data_dir(http_hub(r)->config), "incoming", NULL);
    s->parser = multipart_new(http_header(r, "content-type"), &part_sink, s, &type, &error);
    if (s->parser && type && strcmp(type, "application/dicom") != 0)
        err_set(&error, ERR_UNSUPPORTED, "the parts must be application/dicom");
    if (error) {
        http_reply_error(r, error);
        stow_free(s);
        return;
    }
    http_body_stream(r, &body_sink, s);
}

void
stow_store(http_request *r)
{
    dicom_path p;
    if (!dicom_path_take(r, &p))
        return;
    if (!may_store(r)) {
        http_reply_problem(r, ERR_DENIED, "your role does not send images");
        return;
    }
    if (!has_room(http_hub(r))) {
        http_reply_problem(r, ERR_STORAGE, "%s", "");
        return;
    }
    db_batch *batch = db_batch_new(http_actor(r));
    db_batch_add(batch, "stow_begin", 0);
    db_batch_add(batch, "audit_append", 4, http_peer(r), "study.upload", p.study, NULL);
    http_db(r, batch, on_begun);
}
