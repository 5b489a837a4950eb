/* WADO-RS frames and bulk data: one query finds the file and its frame table, the rest is ranges of that
 * file. Only a frame that is no range, or that the client wants uncompressed, goes to the dicom program. */
#include "dicom/scan/frame_table.h"
#include "hub/dicomweb/accept.h"
#include "hub/dicomweb/dicomweb.h"
#include "hub/dicomweb/locate.h"
#include "hub/dicomweb/parts.h"
#include "hub/dicomweb/path.h"
#include "hub/hub.h"
#include "hub/workers/rpc_dicom.h"
#include <string.h>

#define EXPLICIT_LITTLE "1.2.840.10008.1.2.1"
#define FRAMES_ASKED_LIMIT 4096 /* in one request; "all frames" of a longer one is refused */
#define TRANSCODED_LIMIT 512    /* of these, through the dicom program */

/* An instance as it was located, with its file's path; valid while a handler runs. */
struct found {
    const char *hash, *transfer_syntax;
    GBytes *table; /* NULL: no pixel data */
    guint64 size;
    char *path;
};

static struct found
found_of(http_request *r, const located *l)
{
    return (struct found){l->hash, l->transfer_syntax, l->table, l->size,
                          blob_store_path(http_hub(r)->blobs, l->hash)};
}

/* --- which frames -----------------------------------------------------------------------------------------
 */
/* "1,3,2", from 1, in the order asked; all frames without a list. NULL after having replied. */
static GArray *
frames_asked(http_request *r, guint frames)
{
    const char *list = http_param_maybe(r, "frames");
    g_autoptr(GArray) asked = g_array_new(FALSE, FALSE, sizeof(guint));
    g_auto(GStrv) numbers = g_strsplit(list ? list : "", ",", FRAMES_ASKED_LIMIT + 1);
    for (char **text = numbers; list && *text; text++) {
        guint64 number;
        if (!g_ascii_string_to_unsigned(*text, 10, 1, G_MAXUINT32, &number, NULL) ||
            asked->len == FRAMES_ASKED_LIMIT) {
            http_reply_problem(r, ERR_INVALID, "frames are numbers from 1, %d at most", FRAMES_ASKED_LIMIT);
            return NULL;
        }
        guint frame = (guint)number - 1;
        if (frame >= frames) {
            http_reply_problem(r, ERR_NOT_FOUND, "there is no frame %u", frame + 1);
            return NULL;
        }
        g_array_append_val(asked, frame);
    }
    for (guint frame = 0; !list && frame < frames; frame++)
        g_array_append_val(asked, frame);
    if (asked->len > FRAMES_ASKED_LIMIT) {
        http_reply_problem(r, ERR_TOO_LARGE, "ask for %d frames at a time", FRAMES_ASKED_LIMIT);
        return NULL;
    }
    return g_steal_pointer(&asked);
}

/* --- as stored
 * ---------------------------------------------------------------------------------------------- */
static guint64
extents_length(const GArray *extents)
{
    guint64 length = 0;
    for (guint i = 0; i < extents->len; i++)
        length += g_array_index(extents, frame_extent, i).length;
    return length;
}

static gboolean
extents_add(http_parts *parts, const struct found *f, const GArray *extents, GError **error)
{
    for (guint i = 0; i < extents->len; i++) {
        const frame_extent *e = &g_array_index(extents, frame_extent, i);
        if (e->offset > f->size || e->length > f->size - e->offset)
            return err_set(error, ERR_INTERNAL, "a frame lies outside of its file");
        http_parts_add_file(parts, f->path, e->offset, e->length);
    }
    return TRUE;
}

static char *
etag_of(http_request *r, const struct found *f, const media_choice *choice)
{
    return g_strdup_printf("\"%s-%s-%s-%s\"", f->hash,
                           http_param_maybe(r, "frames") ? http_param(r, "frames") : "all",
                           choice->transfer_syntax, choice->multipart ? "m" : "s");
}

static void
set_cache(http_request *r, const char *etag)
{
    http_reply_header(r, "ETag", etag);
    http_reply_header(r, "Cache-Control", "private, max-age=3600, immutable");
    http_reply_header(r, "Vary", "Accept, Authorization, Cookie");
}

/* One part after another, or the bare frame. */
static gboolean
reply_stored(http_request *r, const struct found *f, const GArray *asked, const media_choice *choice,
             GError **error)
{
    gsize size;
    const void *table = g_bytes_get_data(f->table, &size);
    g_autofree char *type = g_strdup_printf("%s; transfer-syntax=%s", choice->type, choice->transfer_syntax);
    part_writer w = {0};
    http_parts *single = choice->multipart ? NULL : http_parts_new();
    if (choice->multipart)
        part_writer_init(&w, r);
    gboolean good = TRUE;
    for (guint i = 0; good && i < asked->len; i++) {
        g_autoptr(GArray) extents = frame_table_find(table, size, g_array_index(asked, guint, i), error);
        good = extents != NULL;
        if (good && choice->multipart)
            part_begin(&w, choice->type, choice->transfer_syntax, extents_length(extents), NULL);
        good = good && extents_add(single ? single : w.parts, f, extents, error);
    }
    if (!good) {
        http_parts_free(single ? single : w.parts);
        g_free(w.boundary);
        return FALSE;
    }
    g_autofree char *etag = etag_of(r, f, choice);
    set_cache(r, etag);
    if (single)
        http_reply_parts(r, 200, type, single);
    else
        part_reply(&w, r, choice->type, choice->transfer_syntax);
    return TRUE;
}

/* --- through the dicom program
 * -------------------------------------------------------------------------------- */
struct transcoding {
    http_request *request;
    char *hash;
    GArray *asked;
    guint at;
    media_choice choice;
    char *etag;
    part_writer parts;
    http_parts *single;
};

static void step_transcode(struct transcoding *t);

static void
transcoding_free(struct transcoding *t)
{
    http_parts_free(t->single);
    http_parts_free(t->parts.parts);
    g_free(t->parts.boundary);
    g_array_unref(t->asked);
    g_free(t->etag);
    g_free(t->hash);
    http_unref(t->request);
    g_free(t);
}

static void
on_transcoded(const char *file, gint64 bytes, const char *kind, const GError *error, gpointer data)
{
    struct transcoding *t = data;
    (void)kind; /* as asked for */
    if (error || http_cancelled(t->request)) {
        if (error)
            http_reply_error(t->request, error);
        transcoding_free(t);
        return;
    }
    g_autofree char *path =
        g_build_filename(config_data_dir(http_hub(t->request)->config), "cache", file, NULL);
    if (t->choice.multipart)
        part_begin(&t->parts, t->choice.type, t->choice.transfer_syntax, (guint64)bytes, NULL);
    http_parts_add_file(t->choice.multipart ? t->parts.parts : t->single, path, 0, (guint64)bytes);
    t->at++;
    step_transcode(t);
}

static void
step_transcode(struct transcoding *t)
{
    http_request *r = t->request;
    if (t->at < t->asked->len) {
        rpc_dicom_transcode_frame(http_hub(r)->signaling, t->hash, g_array_index(t->asked, guint, t->at),
                                  t->choice.transfer_syntax, on_transcoded, t);
        return;
    }
    set_cache(r, t->etag);
    if (t->choice.multipart) {
        part_reply(&t->parts, r, t->choice.type, t->choice.transfer_syntax);
    } else {
        g_autofree char *type =
            g_strdup_printf("%s; transfer-syntax=%s", t->choice.type, t->choice.transfer_syntax);
        http_reply_parts(r, 200, type, g_steal_pointer(&t->single));
    }
    t->parts = (part_writer){0};
    transcoding_free(t);
}

static void
transcode(http_request *r, const struct found *f, GArray *asked, const media_choice *choice)
{
    if (asked->len > TRANSCODED_LIMIT) {
        http_reply_problem(r, ERR_TOO_LARGE, "ask for %d frames at a time to have them decoded or compressed",
                           TRANSCODED_LIMIT);
        return;
    }
    struct transcoding *t = g_new0(struct transcoding, 1);
    t->request = http_ref(r);
    t->hash = g_strdup(f->hash);
    t->asked = g_array_ref(asked);
    t->choice = *choice;
    t->etag = etag_of(r, f, choice);
    if (choice->multipart)
        part_writer_init(&t->parts, r);
    else
        t->single = http_parts_new();
    step_transcode(t);
}

/* --- handlers
 * -------------------------------------------------------------------------------------------------- */
static void
reply_frames(http_request *r, const struct found *f)
{
    frame_kind kind;
    guint32 count;
    g_autoptr(GError) error = NULL;
    gsize size = f->table ? g_bytes_get_size(f->table) : 0;
    if (!f->table || !frame_table_info(g_bytes_get_data(f->table, NULL), size, &kind, &count)) {
        http_reply_problem(r, ERR_NOT_FOUND, "this instance has no frames");
        return;
    }
    g_autoptr(GArray) asked = frames_asked(r, count);
    if (!asked)
        return;
    const char *accept = http_query(r, "accept");
    g_autoptr(GArray) ranges = accept_parse(accept ? accept : http_header(r, "accept"));
    media_choice choice;
    if (!accept_frames(ranges, f->transfer_syntax, asked->len, &choice)) {
        http_reply_problem(r, ERR_NOT_ACCEPTABLE,
                           "stored as %s; transfer-syntax=%s; ask for multipart/related with that type, with "
                           "application/octet-stream, or with application/octet-stream; transfer-syntax=*; "
                           "what is stored without loss can also be image/jls or image/jphc",
                           accept_type_of(f->transfer_syntax), f->transfer_syntax);
        return;
    }
    gboolean video = g_str_has_prefix(accept_type_of(f->transfer_syntax), "video/");
    if (kind == FRAMES_OPAQUE && video)
        http_reply_problem(r, ERR_NOT_ACCEPTABLE,
                           "video (%s) is stored and given as a whole instance only, it has no single frames",
                           f->transfer_syntax);
    else if (choice.transcode || kind == FRAMES_OPAQUE)
        transcode(r, f, asked, &choice);
    else if (!reply_stored(r, f, asked, &choice, &error))
        http_reply_error(r, error);
}

static void
on_frames(http_request *r, const located *l)
{
    struct found f = found_of(r, l);
    reply_frames(r, &f);
    g_free(f.path);
}

void
wado_frames(http_request *r)
{
    dicom_path path;
    if (dicom_path_take(r, &path))
        locate_instance(r, &path, on_frames);
}

static void
on_bulkdata(http_request *r, const located *l)
{
    struct found f = found_of(r, l);
    char *end = NULL;
    const char *range = http_param(r, "range");
    guint64 offset = g_ascii_strtoull(range, &end, 10);
    guint64 length = *end == '-' ? g_ascii_strtoull(end + 1, &end, 10) : 0;
    if (*end || length == 0 || offset > f.size || length > f.size - offset || !g_ascii_isdigit(range[0])) {
        http_reply_problem(r, ERR_NOT_FOUND, "%s", "");
    } else {
        g_autofree char *etag = g_strdup_printf("\"%s-%s\"", f.hash, range);
        http_parts *parts = http_parts_new();
        http_parts_add_file(parts, f.path, offset, length);
        http_reply_header(r, "ETag", etag);
        http_reply_header(r, "Cache-Control", "private, max-age=3600, immutable");
        http_reply_parts(r, 200, "application/octet-stream", parts);
    }
    g_free(f.path);
}

void
wado_bulkdata(http_request *r)
{
    dicom_path path;
    if (dicom_path_take(r, &path))
        locate_instance(r, &path, on_bulkdata);
}
