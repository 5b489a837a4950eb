/* Idempotency-Key on POST: the first answer is kept for 24 hours per person and organisation and given again.
 * The row is claimed before the handler runs; the same key with another body is 422, while the first still
 * runs 409. */
#include "hub/http/internal.h"
#include "hub/base/id.h"
#include "hub/base/log.h"
#include <string.h>

#define KEY_LIMIT 128
#define STORED_LIMIT (256 * 1024) /* a larger answer is not kept; the key then answers 409 */

static gboolean
applies(const http_request *r)
{
    return r->headers[HEADER_IDEMPOTENCY_KEY] && !strcmp(r->method, "POST") && r->who &&
           r->server->options.db;
}

/* Columns: fresh, same, status, content type, location, etag, body. */
static void
on_claimed(http_request *r, db_batch *batch)
{
    if (r->status)
        return;
    const char *fresh = db_text(batch, 1, 0, 0), *same = db_text(batch, 1, 0, 1),
               *status = db_text(batch, 1, 0, 2);
    if (fresh && !strcmp(fresh, "t")) {
        r->dispatched = TRUE;
        r->route->handle(r);
        return;
    }
    g_clear_pointer(&r->idempotency_hash, g_free); /* not ours to finish */
    if (!same || strcmp(same, "t") != 0) {
        http_reply_problem(r, ERR_UNPROCESSABLE, "this Idempotency-Key was used with another request");
        return;
    }
    if (!status) {
        http_reply_problem(r, ERR_CONFLICT, "the first request with this Idempotency-Key has not ended");
        return;
    }
    const char *location = db_text(batch, 1, 0, 4), *etag = db_text(batch, 1, 0, 5),
               *body = db_text(batch, 1, 0, 6);
    if (location)
        http_reply_header(r, "Location", location);
    if (etag)
        http_reply_header(r, "ETag", etag);
    g_autoptr(GBytes) bytes = g_bytes_new(body ? body : "", body ? strlen(body) : 0);
    const char *type = db_text(batch, 1, 0, 3);
    http_reply_bytes(r, (guint)atoi(status), type ? type : "application/json", bytes);
}

gboolean
idempotency_begin(http_request *r)
{
    if (!applies(r))
        return FALSE;
    const char *key = r->headers[HEADER_IDEMPOTENCY_KEY];
    if (!*key || strlen(key) > KEY_LIMIT) {
        http_reply_problem(r, ERR_INVALID, "Idempotency-Key has 1 to %d characters", KEY_LIMIT);
        return TRUE;
    }
    g_autoptr(GString) text = g_string_new(r->path);
    g_string_append_c(text, '\n');
    g_string_append_len(text, g_bytes_get_data(r->whole, NULL), (gssize)g_bytes_get_size(r->whole));
    r->idempotency_hash = id_sha256_hex(text->str, text->len);
    db_batch *batch = db_batch_new(&r->actor);
    db_batch_add(batch, "idempotency_sweep", 0);
    db_batch_add(batch, "idempotency_claim", 2, key, r->idempotency_hash);
    http_db(r, batch, on_claimed);
    return TRUE;
}

static char *
header_of(const http_request *r, const char *name)
{
    if (!r->reply_headers)
        return NULL;
    g_auto(GStrv) lines = g_strsplit(r->reply_headers->str, "\r\n", -1);
    for (char **line = lines; *line; line++)
        if (g_str_has_prefix(*line, name))
            return g_strdup(*line + strlen(name));
    return NULL;
}

/* --- the answer waits until it is kept: who repeats at once finds it, and who lost the line before it came too */
struct kept {
    http_request *request;
    guint status;
    char *content_type;
    GBytes *body; /* or NULL */
    gboolean rangeable;
};

static void
on_kept(db_batch *batch, const GError *error, gpointer data)
{
    (void)batch;
    g_autofree struct kept *k = data;
    g_autoptr(http_request) r = k->request;
    if (error)
        log_limited(LOG_WARNING, "idempotency", "an answer could not be kept: %s", error->message);
    reply_send(r, k->status, k->content_type, k->body, k->rangeable);
    g_free(k->content_type);
    g_clear_pointer(&k->body, g_bytes_unref);
}

/* A success is kept; after an error the key is free again. */
gboolean
idempotency_holds(http_request *r, guint status, const char *content_type, GBytes *body, gboolean rangeable)
{
    if (!r->idempotency_hash || r->status)
        return FALSE;
    g_clear_pointer(&r->idempotency_hash, g_free);
    const char *key = r->headers[HEADER_IDEMPOTENCY_KEY];
    db_batch *batch = db_batch_new(&r->actor);
    gsize length = body ? g_bytes_get_size(body) : 0;
    if (status < 300 && length <= STORED_LIMIT) {
        g_autofree char *code = g_strdup_printf("%u", status);
        g_autofree char *location = header_of(r, "Location: ");
        g_autofree char *etag = header_of(r, "ETag: ");
        g_autofree char *text = g_strndup(body ? g_bytes_get_data(body, NULL) : "", length);
        db_batch_add(batch, "idempotency_keep", 6, key, code, content_type, location, etag, text);
    } else {
        db_batch_add(batch, "idempotency_forget", 1, key);
    }
    struct kept *k = g_new0(struct kept, 1);
    *k = (struct kept){http_ref(r), status, g_strdup(content_type), body ? g_bytes_ref(body) : NULL, rangeable};
    db_pool_run(r->server->options.db, batch, on_kept, k);
    return TRUE;
}
