/* Rendered frames and thumbnails: made by the dicom program into its bounded cache, served from there. Which
 * file an image is in is remembered, so that the second reader costs a query and a file. */
#include "hub/dicomweb/accept.h"
#include "hub/dicomweb/dicomweb.h"
#include "hub/dicomweb/locate.h"
#include "hub/dicomweb/path.h"
#include "hub/hub.h"
#include "hub/workers/rpc_dicom.h"
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define REMEMBERED 20000
#define THUMBNAIL_SIZE 128
#define VIEWPORT_LIMIT 4096

struct rendering {
    http_request *request;
    char *key, *mime;
};

/* key -> file below the cache directory */
static GHashTable *
files(void)
{
    static GHashTable *table;
    if (!table)
        table = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    if (g_hash_table_size(table) > REMEMBERED)
        g_hash_table_remove_all(table);
    return table;
}

static void
rendering_free(struct rendering *x)
{
    g_free(x->key);
    g_free(x->mime);
    http_unref(x->request);
    g_free(x);
}

/* FALSE: the cache has dropped it. */
static gboolean
reply_file(struct rendering *x, const char *file)
{
    http_request *r = x->request;
    if (strchr(file, '/') == file || strstr(file, ".."))
        return FALSE;
    g_autofree char *path = g_build_filename(config_data_dir(http_hub(r)->config), "cache", file, NULL);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return FALSE;
    g_autofree char *tag = g_compute_checksum_for_string(G_CHECKSUM_SHA256, x->key, -1);
    g_autofree char *etag = g_strdup_printf("\"%.32s\"", tag);
    http_reply_header(r, "ETag", etag);
    http_reply_header(r, "Cache-Control", "private, max-age=3600");
    http_reply_header(r, "Vary", "Accept, Authorization, Cookie");
    http_reply_file(r, 200, x->mime, fd, 0, -1);
    return TRUE;
}

static void
on_rendered(const char *file, gint64 bytes, const char *kind, const GError *error, gpointer data)
{
    struct rendering *x = data;
    (void)bytes;
    (void)kind; /* as asked for */
    if (error)
        http_reply_error(x->request, error);
    else if (reply_file(x, file))
        g_hash_table_insert(files(), g_strdup(x->key), g_strdup(file));
    else
        http_reply_problem(x->request, ERR_UNAVAILABLE, "the rendered image is gone already; try again");
    rendering_free(x);
}

/* --- what is asked for -------------------------------------------------------------------------------------
 */
/* window=center,width[,function] */
static gboolean
parse_window(const char *text, rpc_dicom_render *what)
{
    static const char *const functions[] = {"linear", "linear-exact", "sigmoid", NULL};
    g_auto(GStrv) v = g_strsplit(text, ",", 4);
    if (g_strv_length(v) < 2 || g_strv_length(v) > 3)
        return FALSE;
    char *end1 = NULL, *end2 = NULL;
    what->has_window = TRUE;
    what->center = g_ascii_strtod(v[0], &end1);
    what->width = g_ascii_strtod(v[1], &end2);
    for (const char *const *f = functions; *f; f++)
        if (!strcmp(*f, v[2] ? v[2] : "linear"))
            what->function = *f;
    return end1 > v[0] && !*end1 && end2 > v[1] && !*end2 && what->width > 0 && what->width < 1e9 &&
           what->center > -1e9 && what->center < 1e9 && what->function;
}

/* viewport=columns,rows (the longer form with a source region is not taken) */
static gboolean
parse_viewport(const char *text, rpc_dicom_render *what)
{
    g_auto(GStrv) v = g_strsplit(text, ",", 3);
    guint64 columns, rows;
    if (g_strv_length(v) != 2 || !g_ascii_string_to_unsigned(v[0], 10, 1, VIEWPORT_LIMIT, &columns, NULL) ||
        !g_ascii_string_to_unsigned(v[1], 10, 1, VIEWPORT_LIMIT, &rows, NULL))
        return FALSE;
    what->columns = (guint)columns;
    what->rows = (guint)rows;
    return TRUE;
}

static gboolean
parse_quality(const char *text, rpc_dicom_render *what)
{
    guint64 quality;
    if (!g_ascii_string_to_unsigned(text, 10, 1, 100, &quality, NULL))
        return FALSE;
    what->quality = (guint)quality;
    return TRUE;
}

/* Fills in all but the frame. FALSE after having replied. */
static gboolean
parse(http_request *r, gboolean thumbnail, rpc_dicom_render *what, const char **ret_mime)
{
    static const char *const types[] = {"image/jpeg", "image/png", NULL};
    const char *accept = http_query(r, "accept");
    g_autoptr(GArray) ranges = accept_parse(accept ? accept : http_header(r, "accept"));
    const char *mime = accept_one(ranges, types);
    if (!mime) {
        http_reply_problem(r, ERR_NOT_ACCEPTABLE, "rendered images are image/jpeg or image/png");
        return FALSE;
    }
    const char *window = http_query(r, "window"), *viewport = http_query(r, "viewport"),
               *quality = http_query(r, "quality");
    if (thumbnail)
        what->columns = what->rows = THUMBNAIL_SIZE;
    if ((window && !parse_window(window, what)) || (viewport && !parse_viewport(viewport, what)) ||
        (quality && !parse_quality(quality, what))) {
        http_reply_problem(
            r, ERR_INVALID,
            "window=center,width[,function], viewport=columns,rows or quality=1…100 is malformed");
        return FALSE;
    }
    what->format = mime + strlen("image/");
    *ret_mime = mime;
    return TRUE;
}

/* --- answering
 * ---------------------------------------------------------------------------------------------- */
static void
render(http_request *r, const char *hash, guint frame, gboolean thumbnail)
{
    const char *mime = NULL;
    rpc_dicom_render what = {.blob = hash, .frame = frame};
    if (!parse(r, thumbnail, &what, &mime))
        return;
    struct rendering *x = g_new0(struct rendering, 1);
    x->request = http_ref(r);
    x->mime = g_strdup(mime);
    x->key = g_strdup_printf("%s %u %d %.17g %.17g %s %u %u %u %s", hash, frame, what.has_window, what.center,
                             what.width, what.function ? what.function : "", what.rows, what.columns,
                             what.quality, what.format);
    const char *file = g_hash_table_lookup(files(), x->key);
    if (file && reply_file(x, file))
        rendering_free(x);
    else
        rpc_dicom_render_frame(http_hub(r)->signaling, &what, on_rendered, x);
}

static gboolean
is_thumbnail(const http_request *r)
{
    return g_str_has_suffix(http_path(r), "/thumbnail");
}

/* frames/N of the path, from 1; the first without one. 0 after having replied. */
static guint
frame_of(http_request *r, guint frames)
{
    const char *text = http_param_maybe(r, "frames");
    guint64 number = 1;
    if (text && !g_ascii_string_to_unsigned(text, 10, 1, G_MAXUINT32, &number, NULL)) {
        http_reply_problem(r, ERR_INVALID, "one frame number is wanted");
        return 0;
    }
    if (number > frames) {
        http_reply_problem(r, ERR_NOT_FOUND,
                           frames ? "there is no such frame" : "this instance has no frames");
        return 0;
    }
    return (guint)number;
}

static void
audited(http_request *r)
{
    dicom_path p = {.code = http_param_maybe(r, "code"), .study = http_param(r, "study")};
    g_autofree char *object = dicom_path_object(&p);
    read_audit_done(r, "study.read", object);
}

static void
on_instance(http_request *r, const located *l)
{
    guint frame = frame_of(r, l->frames);
    if (frame)
        render(r, l->hash, frame - 1, is_thumbnail(r));
}

static void
on_middle(http_request *r, db_batch *batch)
{
    audited(r);
    if (db_rows(batch, 0) == 0) {
        http_reply_problem(r, ERR_NOT_FOUND, "%s", "");
        return;
    }
    guint frames = (guint)g_ascii_strtoull(db_text(batch, 0, 0, 1), NULL, 10);
    render(r, db_text(batch, 0, 0, 0), frames / 2, TRUE);
}

static void
ask_middle(http_request *r, const dicom_path *p)
{
    g_autofree char *object = dicom_path_object(p);
    db_batch *batch = db_batch_new(http_actor(r));
    db_batch_add(batch, "dicomweb_middle", 3, p->code, p->study, p->series);
    read_audit_add(r, batch, "study.read", object);
    http_db(r, batch, on_middle);
}

void
wado_rendered(http_request *r)
{
    dicom_path p;
    if (dicom_path_take(r, &p))
        locate_instance(r, &p, on_instance);
}

void
wado_thumbnail(http_request *r)
{
    dicom_path p;
    if (!dicom_path_take(r, &p))
        return;
    if (p.instance)
        locate_instance(r, &p, on_instance);
    else
        ask_middle(r, &p);
}
