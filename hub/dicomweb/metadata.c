/* WADO-RS metadata: the pieces written at ingest, each a raw deflate stream ended by a full flush, are joined
 * to one gzip member between stored blocks for the brackets and commas; nothing is compressed again. Answers
 * are kept by their generation, which is also the ETag, so that reading a series again is one small query. */
#include "hub/base/id.h"
#include "hub/dicomweb/accept.h"
#include "hub/dicomweb/dicomweb.h"
#include "hub/dicomweb/path.h"
#include "hub/hub.h"
#include <string.h>
#include <zlib.h>

#define CACHE_BYTES (64 * 1024 * 1024)
#define CACHE_ANSWERS 256
#define PLAIN_LIMIT (512 * 1024 * 1024) /* inflated for a client that takes no gzip */

/* --- the cache: least recently used goes first
 * -------------------------------------------------------------- */
struct kept {
    char *etag;
    gboolean plain; /* inflated, for clients that take no gzip */
    GBytes *bytes;
};

static GQueue recent = G_QUEUE_INIT; /* struct kept, latest at the head; a few dozen series at most */
static gsize recent_bytes;

static void
kept_free(struct kept *k)
{
    recent_bytes -= g_bytes_get_size(k->bytes);
    g_free(k->etag);
    g_bytes_unref(k->bytes);
    g_free(k);
}

static GBytes *
cache_find(const char *etag, gboolean plain)
{
    for (GList *link = recent.head; link; link = link->next) {
        struct kept *k = link->data;
        if (k->plain != plain || strcmp(k->etag, etag) != 0)
            continue;
        g_queue_unlink(&recent, link);
        g_queue_push_head_link(&recent, link);
        return g_bytes_ref(k->bytes);
    }
    return NULL;
}

static void
cache_keep(const char *etag, gboolean plain, GBytes *bytes)
{
    gsize size = g_bytes_get_size(bytes);
    if (size > CACHE_BYTES / 4)
        return;
    while (recent_bytes + size > CACHE_BYTES || g_queue_get_length(&recent) >= CACHE_ANSWERS)
        kept_free(g_queue_pop_tail(&recent));
    struct kept *k = g_new0(struct kept, 1);
    k->etag = g_strdup(etag);
    k->plain = plain;
    k->bytes = g_bytes_ref(bytes);
    recent_bytes += size;
    g_queue_push_head(&recent, k);
}

/* --- joining and inflating, in the thread pool
 * --------------------------------------------------------------- */
struct joining {
    http_request *request;
    char *etag;
    GPtrArray *pieces; /* GBytes */
    GArray *crcs, *sizes;
    GBytes *gzip;
    GBytes *plain;
    gboolean want_plain;
    gboolean broken;
};

static void
joining_free(struct joining *j)
{
    g_free(j->etag);
    g_clear_pointer(&j->pieces, g_ptr_array_unref);
    g_clear_pointer(&j->crcs, g_array_unref);
    g_clear_pointer(&j->sizes, g_array_unref);
    g_clear_pointer(&j->gzip, g_bytes_unref);
    g_clear_pointer(&j->plain, g_bytes_unref);
    http_unref(j->request);
    g_free(j);
}

struct member {
    GByteArray *out;
    uLong crc;
    guint32 size;
};

/* One character as a stored block (RFC 1951 3.2.4); the last one ends the stream. */
static void
put_character(struct member *m, char c, gboolean last)
{
    const guint8 block[] = {last ? 1 : 0, 1, 0, 0xfe, 0xff, (guint8)c};
    g_byte_array_append(m->out, block, sizeof block);
    m->crc = crc32(m->crc, (const Bytef *)&c, 1);
    m->size++;
}

static void
put_le32(GByteArray *out, guint32 value)
{
    const guint8 bytes[] = {(guint8)value, (guint8)(value >> 8), (guint8)(value >> 16),
                            (guint8)(value >> 24)};
    g_byte_array_append(out, bytes, sizeof bytes);
}

static GBytes *
join(const struct joining *j)
{
    static const guint8 header[] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255}; /* RFC 1952 */
    struct member m = {.out = g_byte_array_new(), .crc = crc32(0, NULL, 0)};
    g_byte_array_append(m.out, header, sizeof header);
    put_character(&m, '[', FALSE);
    for (guint i = 0; i < j->pieces->len; i++) {
        if (i > 0)
            put_character(&m, ',', FALSE);
        guint32 size = g_array_index(j->sizes, guint32, i);
        gsize length;
        const guint8 *piece = g_bytes_get_data(j->pieces->pdata[i], &length);
        g_byte_array_append(m.out, piece, (guint)length);
        m.crc = crc32_combine(m.crc, g_array_index(j->crcs, guint32, i), (z_off_t)size);
        m.size += size;
    }
    put_character(&m, ']', TRUE);
    put_le32(m.out, (guint32)m.crc);
    put_le32(m.out, m.size);
    return g_byte_array_free_to_bytes(m.out);
}

/* NULL: damaged, or longer than the limit. */
static GBytes *
inflate_gzip(GBytes *gzip)
{
    gsize length;
    const guint8 *bytes = g_bytes_get_data(gzip, &length);
    z_stream z = {.next_in = (Bytef *)bytes, .avail_in = (uInt)length};
    g_autoptr(GByteArray) out = g_byte_array_sized_new((guint)MIN(length * 8, PLAIN_LIMIT));
    g_autofree guint8 *area = g_malloc(65536);
    if (inflateInit2(&z, 15 + 16) != Z_OK)
        return NULL;
    int state = Z_OK;
    while (state == Z_OK && out->len <= PLAIN_LIMIT) {
        z.next_out = area;
        z.avail_out = 65536;
        state = inflate(&z, Z_NO_FLUSH);
        g_byte_array_append(out, area, 65536 - z.avail_out);
    }
    inflateEnd(&z);
    return state == Z_STREAM_END ? g_byte_array_free_to_bytes(g_steal_pointer(&out)) : NULL;
}

static void
step_join(gpointer data)
{
    struct joining *j = data;
    if (!j->gzip)
        j->gzip = join(j);
    if (j->want_plain)
        j->plain = inflate_gzip(j->gzip);
    j->broken = j->want_plain && !j->plain;
}

/* --- answering
 * -------------------------------------------------------------------------------------------------- */
static gboolean
wants_plain(const http_request *r)
{
    const char *accept = http_header(r, "accept-encoding");
    return !accept || !strstr(accept, "gzip") || strstr(accept, "gzip;q=0");
}

static void
answer(http_request *r, const char *etag, GBytes *bytes, gboolean plain)
{
    g_autofree char *tag = g_strdup_printf("\"%s%s\"", etag, plain ? "p" : "z");
    if (!plain)
        http_reply_header(r, "Content-Encoding", "gzip");
    http_reply_header(r, "ETag", tag);
    http_reply_header(r, "Cache-Control", "private, no-cache");
    http_reply_header(r, "Vary", "Accept-Encoding, Authorization, Cookie");
    http_reply_bytes(r, 200, "application/dicom+json", bytes);
}

static void
on_joined(gpointer data)
{
    struct joining *j = data;
    if (!j->broken && j->pieces)
        cache_keep(j->etag, FALSE, j->gzip);
    if (!j->broken && j->want_plain)
        cache_keep(j->etag, TRUE, j->plain);
    if (j->broken)
        http_reply_problem(j->request, ERR_INTERNAL, "stored metadata is damaged");
    else
        answer(j->request, j->etag, j->want_plain ? j->plain : j->gzip, j->want_plain);
    joining_free(j);
}

static void
run_joining(struct joining *j)
{
    loop_work(http_hub(j->request)->loop, step_join, on_joined, j);
}

static struct joining *
joining_new(http_request *r, const char *etag)
{
    struct joining *j = g_new0(struct joining, 1);
    j->request = http_ref(r);
    j->etag = g_strdup(etag);
    j->want_plain = wants_plain(r);
    return j;
}

/* The generation text as a short tag. */
static char *
etag_of(db_batch *batch)
{
    g_autofree char *hash = id_sha256_hex(db_text(batch, 0, 0, 0), db_length(batch, 0, 0, 0));
    return g_strndup(hash, 32);
}

/* Statement 0: the generation, 1: the pieces. */
static void
on_pieces(http_request *r, db_batch *batch)
{
    if (!db_text(batch, 0, 0, 0)) {
        http_reply_problem(r, ERR_NOT_FOUND, "%s", "");
        return;
    }
    g_autofree char *etag = etag_of(batch);
    struct joining *j = joining_new(r, etag);
    j->pieces = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
    j->crcs = g_array_new(FALSE, FALSE, sizeof(guint32));
    j->sizes = g_array_new(FALSE, FALSE, sizeof(guint32));
    for (guint row = 0; row < db_rows(batch, 1); row++) {
        guint32 crc = (guint32)g_ascii_strtoull(db_text(batch, 1, row, 1), NULL, 10);
        guint32 size = (guint32)g_ascii_strtoull(db_text(batch, 1, row, 2), NULL, 10);
        g_ptr_array_add(j->pieces, db_bytes(batch, 1, row, 0));
        g_array_append_val(j->crcs, crc);
        g_array_append_val(j->sizes, size);
    }
    run_joining(j);
}

static void
on_generation(http_request *r, db_batch *batch)
{
    dicom_path p;
    if (!dicom_path_take(r, &p))
        return;
    g_autofree char *object = dicom_path_object(&p);
    read_audit_done(r, "study.read", object);
    if (!db_text(batch, 0, 0, 0)) {
        http_reply_problem(r, ERR_NOT_FOUND, "%s", "");
        return;
    }
    g_autofree char *etag = etag_of(batch);
    g_autofree char *tag = g_strdup_printf("\"%s%s\"", etag, wants_plain(r) ? "p" : "z");
    if (http_not_modified(r, tag))
        return;
    gboolean plain = wants_plain(r);
    g_autoptr(GBytes) kept = cache_find(etag, plain);
    g_autoptr(GBytes) gzip = kept ? NULL : cache_find(etag, FALSE);
    if (kept) {
        answer(r, etag, kept, plain);
    } else if (gzip) {
        struct joining *j = joining_new(r, etag);
        j->gzip = g_steal_pointer(&gzip);
        run_joining(j);
    } else {
        /* the generation again: what is kept must be of one moment */
        db_batch *next = db_batch_new(http_actor(r));
        db_batch_add(next, "dicomweb_generation", 4, p.code, p.study, p.series, p.instance);
        db_batch_add(next, "dicomweb_metadata", 4, p.code, p.study, p.series, p.instance);
        db_batch_repeatable(next);
        http_db(r, next, on_pieces);
    }
}

void
wado_metadata(http_request *r)
{
    static const char *const types[] = {"application/dicom+json", "application/json", NULL};
    const char *accept = http_query(r, "accept");
    g_autoptr(GArray) ranges = accept_parse(accept ? accept : http_header(r, "accept"));
    dicom_path p;
    if (!dicom_path_take(r, &p))
        return;
    if (!accept_one(ranges, types)) {
        http_reply_problem(r, ERR_NOT_ACCEPTABLE, "metadata is application/dicom+json");
        return;
    }
    g_autofree char *object = dicom_path_object(&p);
    db_batch *batch = db_batch_new(http_actor(r));
    db_batch_add(batch, "dicomweb_generation", 4, p.code, p.study, p.series, p.instance);
    read_audit_add(r, batch, "study.read", object);
    http_db(r, batch, on_generation);
}
