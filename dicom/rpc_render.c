#include "dicom/rpc_render.h"
#include "hub/base/err.h"
#include <math.h>
#include <string.h>

#define EXPLICIT_LITTLE_ENDIAN "1.2.840.10008.1.2.1"

/* What frames can be made into. */
static const struct {
    const char *transfer_syntax;
    render_format format;
} frame_formats[] = {
    {EXPLICIT_LITTLE_ENDIAN, RENDER_RAW},
    {"1.2.840.10008.1.2.4.80", RENDER_JLS},
    {"1.2.840.10008.1.2.4.201", RENDER_JPH},
};

typedef struct {
    rpc_call *call;
    const char *kind_key, *kind; /* "mime" or "transfer_syntax" of the answer */
} drawing;

static void
on_drawn(const char *file, guint64 bytes, const GError *error, gpointer data)
{
    drawing *d = data;
    if (error)
        rpc_call_error(d->call, error);
    else
        rpc_call_result(d->call, json_pack("{s:s, s:I, s:s}", "file", file, "bytes", (json_int_t)bytes,
                                           d->kind_key, d->kind));
    g_free(d);
}

static gboolean
refuse(rpc_call *call, const char *why)
{
    g_autoptr(GError) error = err_new(ERR_INVALID, "%s", why);
    rpc_call_error(call, error);
    return FALSE;
}

static gboolean
take_common(rpc_call *call, json_t *params, render_request *request)
{
    const char *blob = json_get_text(params, "blob");
    gint64 frame = json_get_int(params, "frame", -1);
    if (!blob || strlen(blob) != 64 || frame < 0 || frame > G_MAXINT32)
        return refuse(call, "blob and frame are wanted");
    request->blob = blob;
    request->frame = (guint)frame;
    return TRUE;
}

static gboolean
take_window(rpc_call *call, json_t *window, render_request *request)
{
    if (!window || json_is_null(window))
        return TRUE;
    request->center = json_number_value(json_object_get(window, "center"));
    request->width = json_number_value(json_object_get(window, "width"));
    const char *function = json_get_text(window, "function");
    request->sigmoid = function && !g_ascii_strcasecmp(function, "SIGMOID");
    request->has_window = TRUE;
    if (!isfinite(request->center) || !isfinite(request->width) || request->width < 1)
        return refuse(call, "the window's width must be at least 1");
    return TRUE;
}

static void
draw(render *r, rpc_call *call, const render_request *request, const char *kind_key, const char *kind)
{
    drawing *d = g_new0(drawing, 1);
    *d = (drawing){.call = call, .kind_key = kind_key, .kind = kind};
    render_frame(r, request, on_drawn, d);
}

void
rpc_render_frame(render *r, rpc_call *call, json_t *params)
{
    render_request request = {.rows = (guint)CLAMP(json_get_int(params, "rows", 0), 0, G_MAXUINT16),
                              .columns = (guint)CLAMP(json_get_int(params, "columns", 0), 0, G_MAXUINT16),
                              .quality = (guint)CLAMP(json_get_int(params, "quality", 0), 0, 100)};
    gboolean png = !g_strcmp0(json_get_text(params, "format"), "png");
    request.format = png ? RENDER_PNG : RENDER_JPEG;
    if (!take_common(call, params, &request) ||
        !take_window(call, json_object_get(params, "window"), &request))
        return;
    draw(r, call, &request, "mime", png ? "image/png" : "image/jpeg");
}

void
rpc_transcode_frame(render *r, rpc_call *call, json_t *params)
{
    render_request request = {0};
    const char *wanted = json_get_text(params, "transfer_syntax");
    gsize i = 0;
    if (!take_common(call, params, &request))
        return;
    while (wanted && i < G_N_ELEMENTS(frame_formats) && strcmp(wanted, frame_formats[i].transfer_syntax) != 0)
        i++;
    if (i == G_N_ELEMENTS(frame_formats)) {
        g_autoptr(GError) error = err_new(ERR_NOT_ACCEPTABLE, "frames are not made into %s", wanted);
        rpc_call_error(call, error);
        return;
    }
    request.format = frame_formats[i].format;
    draw(r, call, &request, "transfer_syntax", frame_formats[i].transfer_syntax);
}
