#include "hub/workers/rpc_dicom.h"
#include "hub/base/err.h"

#define INGEST_MS (10 * 60 * 1000) /* a large upload on a slow disk */
#define RENDER_MS 60000
#define SHORT_MS 5000

struct file_call {
    rpc_dicom_file_done done;
    gpointer data;
    const char *kind; /* member of the result that says what the file is */
};

static void
on_file(json_t *result, const GError *error, gpointer data)
{
    struct file_call *call = data;
    const char *file = json_get_text(result, "file"), *kind = json_get_text(result, call->kind);
    g_autoptr(GError) bad = NULL;
    if (!error && (!file || !kind || g_str_has_prefix(file, "/") || g_strrstr(file, "..")))
        error = bad = err_new(ERR_INTERNAL, "the dicom worker named no usable file");
    call->done(error ? NULL : file, json_get_int(result, "bytes", -1), kind, error, call->data);
    g_free(call);
}

static void
call_file(signaling *s, const char *method, json_t *params, const char *kind, rpc_dicom_file_done done,
          gpointer data)
{
    struct file_call *call = g_new0(struct file_call, 1);
    call->done = done;
    call->data = data;
    call->kind = kind;
    signaling_worker_call(s, "dicom", method, params, RENDER_MS, on_file, call);
}

void
rpc_dicom_ingest_files(signaling *s, const char *organisation, const char *person, const char *request,
                       const char *study, json_t *files, rpc_dicom_done done, gpointer data)
{
    json_t *params = json_pack("{s:s,s:s*,s:s,s:s*,s:o}", "organisation", organisation, "person", person,
                               "request", request, "study", study, "files", files);
    signaling_worker_call(s, "dicom", "ingest.files", params, INGEST_MS, done, data);
}

void
rpc_dicom_render_frame(signaling *s, const rpc_dicom_render *what, rpc_dicom_file_done done, gpointer data)
{
    json_t *params =
        json_pack("{s:s,s:i,s:s}", "blob", what->blob, "frame", (int)what->frame, "format", what->format);
    if (what->has_window)
        json_object_set_new(params, "window",
                            json_pack("{s:f,s:f,s:s*}", "center", what->center, "width", what->width,
                                      "function", what->function));
    if (what->rows)
        json_object_set_new(params, "rows", json_integer(what->rows));
    if (what->columns)
        json_object_set_new(params, "columns", json_integer(what->columns));
    if (what->quality)
        json_object_set_new(params, "quality", json_integer(what->quality));
    call_file(s, "render.frame", params, "mime", done, data);
}

void
rpc_dicom_transcode_frame(signaling *s, const char *blob, guint frame, const char *transfer_syntax,
                          rpc_dicom_file_done done, gpointer data)
{
    json_t *params =
        json_pack("{s:s,s:i,s:s}", "blob", blob, "frame", (int)frame, "transfer_syntax", transfer_syntax);
    call_file(s, "transcode.frame", params, "transfer_syntax", done, data);
}

void
rpc_dicom_reload(signaling *s)
{
    signaling_worker_call(s, "dicom", "dicom.reload", json_object(), SHORT_MS, NULL, NULL);
}

void
rpc_dicom_stats(signaling *s, rpc_dicom_done done, gpointer data)
{
    signaling_worker_call(s, "dicom", "dicom.stats", json_object(), SHORT_MS, done, data);
}
