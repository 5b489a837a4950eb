#include "hub/api/api_stream.h"
#include "hub/api/api_common.h"
#include "hub/base/id.h"
#include "hub/hub.h"
#include <string.h>

#define SDP "application/sdp"
#define FRAGMENT "application/trickle-ice-sdpfrag"

static const char *const words[] = {[STREAM_PUBLISH] = "whip", [STREAM_PLAY] = "whep"};

/** The media type without its parameters. */
static gboolean
has_type(const http_request *r, const char *wanted)
{
    const char *type = http_header(r, "content-type");
    gsize length = type ? strcspn(type, "; \t") : 0;
    return length == strlen(wanted) && g_ascii_strncasecmp(type, wanted, length) == 0;
}

/** The body as text; NULL after having replied. Caller frees. */
static char *
body_text(http_request *r, const char *type)
{
    gsize length = 0;
    const char *bytes = g_bytes_get_data(http_body(r), &length);
    if (!has_type(r, type)) {
        http_reply_header(r, "Accept-Post", SDP);
        http_reply_header(r, "Accept-Patch", FRAGMENT);
        http_reply_problem(r, ERR_UNSUPPORTED, "the body has to be %s", type);
        return NULL;
    }
    if (length == 0 || !g_utf8_validate(bytes, (gssize)length, NULL)) {
        http_reply_problem(r, ERR_INVALID, "the body is empty or no text");
        return NULL;
    }
    return g_strndup(bytes, length);
}

static void
reply_failed(http_request *r, const GError *error)
{
    if (err_is(error, ERR_UNAVAILABLE))
        http_reply_header(r, "Retry-After", "1");
    http_reply_error(r, error);
}

struct opening {
    http_request *r; /* reference */
    stream_kind kind;
    char *person, *organisation;
};

static void
on_opened(const char *id, const char *sdp, const char *etag, const GError *error, gpointer data)
{
    struct opening *o = data;
    g_autoptr(http_request) r = o->r;
    if (!error && http_cancelled(r)) {
        /* the client has gone without knowing its resource: nobody else will close it */
        stream_close(http_hub(r)->signaling, o->kind, http_param(r, "room"), id, o->person, o->organisation, NULL);
    } else if (error) {
        reply_failed(r, error);
    } else {
        g_autofree char *location = g_strdup_printf("/%s/%s/%s", words[o->kind], http_param(r, "room"), id);
        g_autoptr(GBytes) body = g_bytes_new(sdp, strlen(sdp));
        http_reply_header(r, "Location", location);
        http_reply_header(r, "ETag", etag);
        http_reply_header(r, "Accept-Patch", FRAGMENT);
        http_reply_header(r, "Cache-Control", "no-store");
        http_reply_bytes(r, 201, SDP, body);
    }
    g_free(o->person);
    g_free(o->organisation);
    g_free(o);
}

void
api_stream_open(http_request *r, stream_kind kind)
{
    g_autofree char *sdp = body_text(r, SDP);
    if (!sdp)
        return;
    const char *id = api_id(r, "room", "room.join");
    if (!id)
        return;
    struct opening *o = g_new0(struct opening, 1);
    *o = (struct opening){http_ref(r), kind, g_strdup(http_actor(r)->person), g_strdup(http_actor(r)->organisation)};
    stream_open(http_hub(r)->signaling, kind, id, http_header(r, "cookie"), http_header(r, "authorization"), sdp, on_opened, o);
}

static void
on_patched(const char *fragment, const char *etag, const GError *error, gpointer data)
{
    g_autoptr(http_request) r = data;
    if (error) {
        reply_failed(r, error);
        return;
    }
    if (etag)
        http_reply_header(r, "ETag", etag);
    if (!fragment) {
        http_reply_empty(r, 204);
        return;
    }
    g_autoptr(GBytes) body = g_bytes_new(fragment, strlen(fragment));
    http_reply_bytes(r, 200, FRAGMENT, body);
}

void
api_stream_patch(http_request *r, stream_kind kind)
{
    g_autofree char *fragment = body_text(r, FRAGMENT);
    if (!fragment)
        return;
    const db_actor *actor = http_actor(r);
    stream_patch(http_hub(r)->signaling, kind, http_param(r, "room"), http_param(r, "stream"), actor->person,
                 actor->organisation, http_header(r, "if-match"), fragment, on_patched, http_ref(r));
}

void
api_stream_close(http_request *r, stream_kind kind)
{
    g_autoptr(GError) error = NULL;
    const db_actor *actor = http_actor(r);
    if (stream_close(http_hub(r)->signaling, kind, http_param(r, "room"), http_param(r, "stream"), actor->person,
                     actor->organisation, &error))
        http_reply_empty(r, 200);
    else
        http_reply_error(r, error);
}

void
api_stream_no_get(http_request *r)
{
    http_reply_header(r, "Allow", "OPTIONS, POST, PATCH, DELETE");
    http_reply_problem(r, ERR_METHOD, "there is nothing to read here");
}
