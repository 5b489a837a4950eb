/* Answers to a worker come later than its question, and the worker may be gone by then: each question holds a
 * small `pending` with a pointer back that association_free clears. */
#include "dicom/scp/association.h"
#include "dicom/child/child.h"
#include "dicom/child/shared.h"
#include "dicom/scan/syntax.h"
#include "dicom/scp/find.h"
#include "dicom/scp/retrieve.h"
#include "hub/base/id.h"
#include "hub/base/log.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

typedef enum { STARTING, IDLE, CONNECTED, ADMITTED } association_state;

typedef struct {
    scp_association *a; /* NULL: gone */
    guint serial;       /* of the association that asked */
} pending;

struct scp_association {
    child *worker;
    shared *memory; /* the worker's objects; NULL before it has said so */
    association_state state;
    guint serial; /* counts associations: late answers belong to an earlier one */
    association_context context;
    const association_events *events;
    gpointer user_data;
    char *address, *title, *organisation, *code, *charset, *request;
    GPtrArray *pending; /* borrowed: each is freed when answered */
    find_query *find;
    GPtrArray *reports; /* ids of commitments whose reports the worker has */
    guint stored, failed;
    gboolean over_tls;
    loop_timer *patience; /* while it has not been admitted */
};

static pending *
pending_new(scp_association *a)
{
    pending *p = g_new0(pending, 1);
    *p = (pending){.a = a, .serial = a->serial};
    g_ptr_array_add(a->pending, p);
    return p;
}

/* Ends p. Returns the association when it is still the one that asked. */
static scp_association *
pending_end(pending *p)
{
    scp_association *a = p->a;
    gboolean current = a && a->serial == p->serial;
    if (a)
        g_ptr_array_remove_fast(a->pending, p);
    g_free(p);
    return current ? a : NULL;
}

static void
tell(scp_association *a, json_t *message)
{
    g_autoptr(json_t) owned = message;
    if (!child_send(a->worker, owned, -1))
        child_kill(a->worker);
}

static void
forget(scp_association *a)
{
    if (a->state == ADMITTED)
        log_line(LOG_INFO, a->title, "association %s ended: %u stored, %u not", a->request, a->stored,
                 a->failed);
    g_autofree char *organisation = g_strdup(a->organisation);
    char **texts[] = {&a->address, &a->title, &a->organisation, &a->code, &a->charset, &a->request};
    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++)
        g_clear_pointer(texts[i], g_free);
    g_clear_pointer(&a->find, find_query_free);
    committer_forget(a->context.commitments, a);
    for (guint i = 0; i < a->reports->len; i++)
        committer_again(a->context.commitments, a->reports->pdata[i], organisation);
    g_ptr_array_set_size(a->reports, 0);
    a->stored = a->failed = 0;
    a->serial++;
    loop_timer_stop(a->patience);
}

static void
on_audited(db_batch *batch, const GError *error, gpointer data)
{
    (void)batch;
    (void)data;
    if (error)
        log_limited(LOG_WARNING, "dimse", "audit: %s", error->message);
}

/* A refused caller leaves a row; its title is a stranger's text, cut and printable. more: what else is to be
 * said. */
static void
audit_refusal(scp_association *a, const char *calling, const char *reason, const char *more,
              const ae_entry *entry)
{
    const db_actor actor = {.organisation = entry ? entry->organisation : NULL, .purpose = "system"};
    g_autofree char *title = g_strndup(calling, 16);
    g_autoptr(json_t) why = json_pack("{s:s}", "reason", reason);
    if (more)
        json_object_set_new(why, "certificate", json_string(more));
    g_autofree char *detail = json_text(why);
    for (char *c = title; *c; c++)
        if (!g_ascii_isprint(*c))
            *c = '?';
    g_autofree char *who = g_strdup_printf("%s %s", title, a->address);
    if (more) /* a limit of its own: what only knocks must not hide it */
        log_limited(LOG_WARNING, "dimse", "refused %s: %s: %s", who, reason, more);
    else
        log_limited(LOG_WARNING, "dimse", "refused %s: %s", who, reason);
    db_batch *batch = db_batch_new(&actor);
    db_batch_add(batch, "dicom_audit", 4, who, "association.refuse", "", detail);
    db_pool_run(a->context.pool, batch, on_audited, NULL);
}

static void
refuse(scp_association *a, const char *calling, const char *reason, const char *more, const ae_entry *entry)
{
    audit_refusal(a, calling, reason, more, entry);
    a->events->refused(a, a->user_data);
    tell(a, json_pack("{s:s, s:s}", "type", "refused", "reason", reason));
}

static void
begin(scp_association *a, const ae_entry *entry)
{
    a->state = ADMITTED;
    loop_timer_stop(a->patience);
    a->title = g_strdup(entry->title);
    a->organisation = g_strdup(entry->organisation);
    a->code = g_strdup(entry->code);
    a->charset = g_strdup(entry->charset);
    a->request = id_new();
    log_line(LOG_INFO, a->title, "association %s from %s", a->request, a->address);
    tell(a, json_pack("{s:s, s:I}", "type", "admitted", "object_limit", (json_int_t)entry->object_limit));
}

typedef struct {
    pending *p;
    char *calling, *shown; /* shown: certificate; NULL: plain */
} judgement;

static void
on_judged(ae_verdict verdict, const ae_entry *entry, gpointer data)
{
    judgement *j = data;
    scp_association *a = pending_end(j->p);
    g_autofree char *calling = j->calling, *shown = j->shown;
    g_free(j);
    if (!a)
        return;
    if (verdict == AE_NOT_READY || !ingest_is_ready(a->context.in))
        refuse(a, calling, "not-ready", NULL, entry);
    else if (verdict != AE_ADMITTED)
        refuse(a, calling, "calling", shown, entry);
    else if (!a->events->may_begin(a, entry, a->user_data))
        tell(a, json_pack("{s:s, s:s}", "type", "refused", "reason", "busy"));
    else
        begin(a, entry);
}

static gboolean
take_peer(json_t *shown, tls_peer *ret)
{
    const char *cn = shown ? json_get_text(shown, "cn") : NULL,
               *sha256 = shown ? json_get_text(shown, "sha256") : NULL;
    const char *organisation = shown ? json_get_text(shown, "organisation") : NULL;
    if (!cn || !sha256 || !organisation)
        return FALSE;
    *ret = (tls_peer){.trusted = json_get_bool(shown, "trusted", FALSE),
                      .ours = json_get_bool(shown, "ours", FALSE)};
    g_strlcpy(ret->cn, cn, sizeof ret->cn);
    g_strlcpy(ret->organisation, organisation, sizeof ret->organisation);
    g_strlcpy(ret->sha256, sha256, sizeof ret->sha256);
    return TRUE;
}

static void
handle_admit(scp_association *a, json_t *message)
{
    const char *calling = json_get_text(message, "calling"), *called = json_get_text(message, "called");
    if (!calling || !called || g_strcmp0(called, a->context.title)) {
        refuse(a, calling ? calling : "", "called", NULL, NULL);
        return;
    }
    tls_peer peer = {0};
    json_t *shown = json_object_get(message, "tls");
    if (a->over_tls && !take_peer(shown, &peer)) {
        child_kill(a->worker);
        return;
    }
    judgement *j = g_new0(judgement, 1);
    *j = (judgement){.p = pending_new(a),
                     .calling = g_strdup(calling),
                     .shown = a->over_tls ? g_strdup_printf("%s of %s", peer.cn, peer.organisation) : NULL};
    ae_table_judge(a->context.aes, calling, a->address, a->over_tls ? &peer : NULL, on_judged, j);
}

static void
handle_certificate(scp_association *a, json_t *message)
{
    const char *sha256 = json_get_text(message, "sha256");
    tell(a, json_pack("{s:s, s:b}", "type", "certificate", "known",
                      sha256 && ae_table_knows(a->context.aes, sha256)));
}

/* What only knocks leaves no audit row; who shows a wrong certificate does. */
static void
handle_no_handshake(scp_association *a, json_t *message)
{
    const char *reason = json_get_text(message, "reason");
    if (json_get_bool(message, "refused", FALSE)) {
        audit_refusal(a, "", "certificate", reason, NULL);
        a->events->refused(a, a->user_data);
    } else {
        log_limited(LOG_INFO, "dimse", "%s: %s", a->address, reason);
    }
}

static void
on_ingested(const ingest_result *result, gpointer data)
{
    scp_association *a = pending_end(data);
    if (!a)
        return;
    if (result->outcome == INGEST_STORED) {
        a->stored++;
        a->events->stored(a, a->organisation, result->study, result->study_instances, a->user_data);
    } else if (result->outcome != INGEST_SAME) {
        a->failed++;
        log_limited(LOG_INFO, a->title, "association %s: not stored (%04X): %s", a->request, result->status,
                    result->reason);
    }
    json_t *answer = json_pack("{s:s, s:i}", "type", "stored", "status", (int)result->status);
    if (result->reason)
        json_object_set_new(answer, "reason", json_string(result->reason));
    tell(a, answer);
}

/* The worker parses what strangers send: it may name only what it can have made. */
static char *
path_of(scp_association *a, json_t *message)
{
    const char *file = json_get_text(message, "file"), *name = file ? strrchr(file, '/') : NULL;
    return name && g_str_has_suffix(name, ".part")
               ? g_build_filename(ingest_temp_directory(a->context.in), name + 1, NULL)
               : NULL;
}

static GBytes *
bytes_of(scp_association *a, json_t *message)
{
    gint64 length = json_get_int(message, "bytes", 0);
    return a->memory && length > 0 ? shared_bytes(a->memory, (gsize)length) : NULL;
}

static void
handle_store(scp_association *a, json_t *message)
{
    g_autofree char *path = path_of(a, message);
    g_autoptr(GBytes) bytes = path ? NULL : bytes_of(a, message);
    if (a->state != ADMITTED || (!path && !bytes)) {
        child_kill(a->worker);
        return;
    }
    const ingest_source source = {.organisation = a->organisation,
                                  .code = a->code,
                                  .charset = a->charset,
                                  .received_from = a->title,
                                  .request = a->request,
                                  .sop_class = json_get_text(message, "sop_class"),
                                  .sop_uid = json_get_text(message, "sop_uid")};
    if (path)
        ingest_file(a->context.in, &source, path, on_ingested, pending_new(a));
    else
        ingest_memory(a->context.in, &source, bytes, on_ingested, pending_new(a));
}

static void
on_matches(const find_answer *found, const GError *error, gpointer data)
{
    scp_association *a = pending_end(data);
    if (!a)
        return;
    json_t *answer = json_pack("{s:s, s:i, s:b, s:b}", "type", "matches", "status", error ? 0xc000 : 0,
                               "more", (int)found->more, "partial", (int)found->partial);
    if (found->matches)
        json_object_set(answer, "matches", found->matches);
    tell(a, answer);
}

static void
handle_find(scp_association *a, json_t *message)
{
    if (a->state != ADMITTED) {
        child_kill(a->worker);
        return;
    }
    if (!json_get_bool(message, "next", FALSE)) {
        g_clear_pointer(&a->find, find_query_free);
        a->find =
            find_query_new(a->context.pool, a->organisation, a->title, json_object_get(message, "keys"));
    }
    if (a->find)
        find_query_next(a->find, on_matches, pending_new(a));
    else
        child_kill(a->worker);
}

/* Takes fd. */
static void
handle_memory(scp_association *a, int fd)
{
    shared *memory = fd >= 0 ? shared_map(fd, NULL) : NULL;
    if (memory && !a->memory) {
        a->memory = memory;
        return;
    }
    shared_unref(memory);
    child_kill(a->worker);
}

/* --- C-MOVE, C-GET
 * ------------------------------------------------------------------------------------------ */

typedef struct {
    pending *p;
    json_t *keys, *answer; /* answer: what the worker needs besides the list */
    const char *action;
} retrieval;

static void
on_listed(int list, guint count, guint16 status, gpointer data)
{
    retrieval *r = data;
    scp_association *a = pending_end(r->p);
    if (a) {
        json_object_update_new(r->answer, json_pack("{s:s, s:i, s:i}", "type", "instances", "status",
                                                    (int)status, "count", (int)count));
        if (!child_send(a->worker, r->answer, list))
            child_kill(a->worker);
    }
    if (list >= 0)
        close(list);
    json_decref(r->keys);
    json_decref(r->answer);
    g_free(r);
}

static void
begin_retrieval(retrieval *r, const ae_entry *destination)
{
    scp_association *a = r->p->a;
    gboolean elsewhere = destination && strcmp(destination->title, a->title);
    g_autofree char *who =
        elsewhere ? g_strdup_printf("%s to %s", a->title, destination->title) : g_strdup(a->title);
    const retrieve_request request = {.organisation = a->organisation,
                                      .receiver = destination ? destination->organisation : NULL,
                                      .action = r->action,
                                      .who = who,
                                      .request = a->request,
                                      .keys = r->keys,
                                      .most = a->context.retrieve_limit};
    retrieve_list(a->context.pool, &request, on_listed, r);
}

static void
on_destination(ae_verdict verdict, const ae_entry *entry, gpointer data)
{
    retrieval *r = data;
    if (!r->p->a || r->p->a->serial != r->p->serial || verdict != AE_ADMITTED || !entry->host ||
        !entry->port) {
        on_listed(-1, 0, RETRIEVE_UNKNOWN_DESTINATION, r);
        return;
    }
    json_object_update_new(r->answer,
                           json_pack("{s:s, s:i, s:b, s:s*, s:s*, s:s}", "host", entry->host, "port",
                                     (int)entry->port, "tls", entry->cert_cn || entry->cert_sha256, "cert_cn",
                                     entry->cert_cn, "cert_sha256", entry->cert_sha256, "code", entry->code));
    begin_retrieval(r, entry);
}

static void
handle_retrieve(scp_association *a, json_t *message)
{
    json_t *keys = json_object_get(message, "keys");
    const char *destination = json_get_text(message, "destination");
    if (a->state != ADMITTED || !json_is_object(keys)) {
        child_kill(a->worker);
        return;
    }
    retrieval *r = g_new0(retrieval, 1);
    *r = (retrieval){.p = pending_new(a),
                     .keys = json_incref(keys),
                     .answer = json_object(),
                     .action = destination ? "study.move" : "study.get"};
    if (destination)
        ae_table_find(a->context.aes, destination, on_destination, r);
    else
        begin_retrieval(r, NULL);
}

/* The file is opened before the cache may take it away again. */
static void
on_converted(const char *file, guint64 bytes, const GError *error, gpointer data)
{
    scp_association *a = pending_end(data);
    (void)bytes;
    if (!a)
        return;
    g_autofree char *path = file ? render_path(a->context.renderer, file) : NULL;
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    g_autoptr(json_t) answer = json_pack("{s:s}", "type", "converted");
    if (fd < 0)
        json_object_set_new(answer, "reason", json_string(error ? error->message : g_strerror(errno)));
    if (!child_send(a->worker, answer, fd))
        child_kill(a->worker);
    if (fd >= 0)
        close(fd);
}

static void
handle_convert(scp_association *a, json_t *message)
{
    const char *blob = json_get_text(message, "blob"), *wanted = json_get_text(message, "syntax");
    const syntax *s = wanted ? syntax_find(wanted) : NULL;
    if (a->state != ADMITTED || !blob || strlen(blob) != 64 || !s || s->encapsulation != SYNTAX_NATIVE) {
        child_kill(a->worker);
        return;
    }
    const render_request request = {.blob = blob, .format = RENDER_DATASET, .syntax = s->uid};
    render_frame(a->context.renderer, &request, on_converted, pending_new(a));
}

/* --- storage commitment
 * -------------------------------------------------------------------------------------- */

static gboolean
pass_report(const char *id, const char *transaction, const char *lines, gpointer data)
{
    scp_association *a = data;
    int fd = a->state == ADMITTED && a->worker ? channel_text(lines, strlen(lines)) : -1;
    g_autoptr(json_t) message =
        json_pack("{s:s, s:s, s:s}", "type", "report", "id", id, "transaction", transaction);
    gboolean sent = fd >= 0 && child_send(a->worker, message, fd);
    if (fd >= 0)
        close(fd);
    if (sent)
        g_ptr_array_add(a->reports, g_strdup(id));
    return sent;
}

static void
on_commit_begun(guint16 status, gpointer data)
{
    scp_association *a = pending_end(data);
    if (a)
        tell(a, json_pack("{s:s, s:i}", "type", "committing", "status", (int)status));
}

/* fd stays the caller's. */
static void
handle_commit(scp_association *a, json_t *message, int fd)
{
    const char *transaction = json_get_text(message, "transaction");
    g_autofree char *items = fd >= 0 ? channel_read_text(fd, COMMIT_ITEMS_LIMIT) : NULL;
    if (a->state != ADMITTED || !transaction || !items) {
        child_kill(a->worker);
        return;
    }
    const commit_caller caller = {
        .organisation = a->organisation, .title = a->title, .report = pass_report, .user_data = a};
    committer_begin(a->context.commitments, &caller, transaction, items, on_commit_begun, pending_new(a));
}

static void
handle_reported(scp_association *a, json_t *message)
{
    const char *id = json_get_text(message, "id");
    guint index;
    if (id && g_ptr_array_find_with_equal_func(a->reports, id, g_str_equal, &index)) {
        committer_reported(a->context.commitments, id, a->organisation, json_get_text(message, "reason"));
        g_ptr_array_remove_index_fast(a->reports, index);
    }
}

static void
handle_idle(scp_association *a, json_t *message)
{
    (void)message;
    forget(a);
    a->state = IDLE;
    a->events->idle(a, a->user_data);
}

static void
on_message(child *c, json_t *message, int fd, gpointer data)
{
    static const struct {
        const char *type;
        void (*handle)(scp_association *, json_t *);
    } handlers[] = {
        {"store", handle_store},       {"admit", handle_admit},       {"certificate", handle_certificate},
        {"find", handle_find},         {"retrieve", handle_retrieve}, {"convert", handle_convert},
        {"reported", handle_reported}, {"idle", handle_idle},         {"no-handshake", handle_no_handshake}};
    scp_association *a = data;
    const char *type = json_get_text(message, "type");
    (void)c;
    if (!g_strcmp0(type, "memory")) {
        handle_memory(a, fd);
        return;
    }
    if (!g_strcmp0(type, "commit"))
        handle_commit(a, message, fd);
    if (fd >= 0)
        close(fd);
    for (gsize i = 0; i < G_N_ELEMENTS(handlers); i++)
        if (!g_strcmp0(type, handlers[i].type))
            handlers[i].handle(a, message);
}

static void
on_gone(child *c, gpointer data)
{
    scp_association *a = data;
    (void)c;
    a->worker = NULL; /* frees itself */
    forget(a);
    a->events->gone(a, a->user_data);
}

static const child_handler handler = {.message = on_message, .gone = on_gone};

static void
on_patience_over(gpointer data)
{
    scp_association *a = data;
    log_limited(LOG_INFO, "dimse", "%s: no association within %" G_GUINT64_FORMAT " s", a->address,
                a->context.patience_ms / 1000);
    child_kill(a->worker);
}

scp_association *
association_new(const association_context *context, const association_events *events, gpointer user_data,
                GError **error)
{
    scp_association *a = g_new0(scp_association, 1);
    *a = (scp_association){
        .context = *context, .events = events, .user_data = user_data, .pending = g_ptr_array_new()};
    a->reports = g_ptr_array_new_with_free_func(g_free);
    a->patience = loop_timer_new(context->l, on_patience_over, a);
    a->worker = child_spawn(context->l, "association", context->config_path, &handler, a, error);
    if (!a->worker) {
        association_free(a);
        return NULL;
    }
    return a;
}

void
association_free(scp_association *a)
{
    if (!a)
        return;
    child_free(a->worker);
    shared_unref(a->memory);
    for (guint i = 0; i < a->pending->len; i++)
        ((pending *)a->pending->pdata[i])->a = NULL;
    g_ptr_array_unref(a->pending);
    forget(a);
    loop_timer_free(a->patience);
    g_ptr_array_unref(a->reports);
    g_free(a);
}

void
association_serve(scp_association *a, int fd, const char *address, gboolean over_tls)
{
    a->state = CONNECTED;
    a->address = g_strdup(address);
    a->over_tls = over_tls;
    loop_timer_start(a->patience, a->context.patience_ms, 0);
    g_autoptr(json_t) message = json_pack("{s:s, s:b}", "type", "serve", "tls", (int)over_tls);
    if (!child_send(a->worker, message, fd))
        child_kill(a->worker);
}

gboolean
association_is_idle(const scp_association *a)
{
    return a->state == IDLE;
}

gboolean
association_is_busy(const scp_association *a)
{
    return a->state == CONNECTED || a->state == ADMITTED;
}

const char *
association_title(const scp_association *a)
{
    return a->title;
}
