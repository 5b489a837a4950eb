/* Frames as pictures or samples: from the cache, or drawn by one of a few sandboxed children (sandbox.h),
 * each with a time limit. A child that dies or takes too long costs its frame an error and is replaced. */
#pragma once
#include "hub/base/config.h"
#include "hub/base/loop.h"

typedef struct render render;

typedef enum { RENDER_JPEG, RENDER_PNG, RENDER_RAW, RENDER_JLS, RENDER_JPH, RENDER_DATASET } render_format;

typedef struct {
    const char *blob;     /* SHA-256 */
    guint frame;          /* from 0 */
    render_format format; /* RAW: Explicit VR Little Endian samples; JLS, JPH: the same without loss; DATASET: all of it, in `syntax` */
    const char *syntax;   /* of DATASET: UID of a native one */
    gboolean has_window;
    double center, width;
    gboolean sigmoid;
    guint rows, columns, quality; /* 0: as it is, as we choose */
} render_request;

/** file: relative to <data>/cache; NULL with error. Called once, never inside render_frame. */
typedef void (*render_done)(const char *file, guint64 bytes, const GError *error, gpointer user_data);

render *render_new(loop *l, const config *c, const char *config_path, GError **error);
/** What is under way is not answered any more. */
void render_free(render *r);
/** The absolute path of a finished file. Caller frees. */
char *render_path(const render *r, const char *file);
void render_frame(render *r, const render_request *request, render_done done, gpointer user_data);
guint64 render_count(const render *r);
