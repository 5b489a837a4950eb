/* Life: a line is connected → it plays → silence or an error → it is stopped → after a pause the next one … → freed.
 *
 * rtspsrc works on threads of its own; what they find out (a new medium, no more media, an error) is noted under `lock` and
 * looked at on the libuv thread by `on_wake`. A line is stopped in the thread pool, because that talks to the device; the
 * ingest outlives it, so that nothing on those threads ever sees freed memory. */
#include "media/ingest/ingest.h"
#include "hub/base/clock.h"
#include "hub/base/err.h"
#include "hub/base/log.h"
#include "media/ingest/branch.h"
#include <string.h>

#define TICK_MS 500
#define KEEPALIVE_US (15 * G_USEC_PER_SEC) /* servers end sessions after 60 s (RFC 2326 §12.37), some after 30 */
#define BACKOFF_FIRST_MS 500
#define BACKOFF_LAST_MS 10000

/* One connection to the device. */
struct line {
    ingest *owner;
    GstElement *pipeline;
    GstElement *rtsp;
};

/* What the relay's callbacks about one source get; lives as long as the ingest. */
struct medium {
    ingest *owner;
    branch *branch;
};

struct ingest {
    loop *l;
    relay *r;
    char *room, *participant, *url;
    void (*done)(GPtrArray *, const GError *, gpointer);
    gpointer user_data;
    GPtrArray *tracks;  /* relay_track_info: in the room */
    GPtrArray *media;   /* of struct medium: in the room or on its way there */
    guint adding;       /* source_new calls without an answer */
    uv_async_t wake;
    loop_timer *tick;
    struct line *line;  /* NULL while one is being stopped or waited for */
    gboolean stopping;  /* a line is in the thread pool */
    gint64 begun_us;    /* of the ingest */
    gint64 started_us;  /* of this line */
    gint64 keepalive_us;
    gint64 retry_at_us;
    guint backoff_ms;
    gboolean told;      /* done was called */
    gboolean freed;     /* ingest_free was called; waits for adding and stopping to end */
    GMutex lock;        /* guards what follows */
    GPtrArray *branches; /* of branch; live as long as the ingest */
    gboolean complete;  /* no more media */
    GError *error;      /* of this line */
};

static void
note_error(ingest *i, GError *error)
{
    g_mutex_lock(&i->lock);
    if (!i->error)
        i->error = g_steal_pointer(&error);
    g_mutex_unlock(&i->lock);
    g_clear_error(&error);
    uv_async_send(&i->wake);
}

/* The branch that this medium had before, or a new one. */
static branch *
branch_for(ingest *i, const GstCaps *caps)
{
    branch *found = NULL;
    g_mutex_lock(&i->lock);
    for (guint n = 0; n < i->branches->len && !found; n++)
        if (branch_matches(i->branches->pdata[n], caps))
            found = i->branches->pdata[n];
    if (!found && i->branches->len < INGEST_TRACK_LIMIT && (found = branch_new(caps)))
        g_ptr_array_add(i->branches, found);
    g_mutex_unlock(&i->lock);
    return found;
}

static void
on_pad_added(GstElement *rtsp, GstPad *pad, gpointer user_data)
{
    ingest *i = user_data;
    g_autoptr(GstCaps) caps = gst_pad_get_current_caps(pad);
    branch *b = caps ? branch_for(i, caps) : NULL;
    if (!b)
        return; /* metadata, or more than we take */
    g_autoptr(GstObject) pipeline = gst_element_get_parent(rtsp);
    GError *error = NULL;
    if (!pipeline || !branch_attach(b, GST_ELEMENT(pipeline), pad, &error))
        note_error(i, error ? error : err_new(ERR_UNAVAILABLE, "the device's connection was ending"));
    uv_async_send(&i->wake);
}

static void
on_no_more_pads(GstElement *rtsp, gpointer user_data)
{
    (void)rtsp;
    ingest *i = user_data;
    g_mutex_lock(&i->lock);
    i->complete = TRUE;
    g_mutex_unlock(&i->lock);
    uv_async_send(&i->wake);
}

static GstBusSyncReply
on_bus(GstBus *bus, GstMessage *message, gpointer user_data)
{
    (void)bus;
    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR) {
        g_autoptr(GError) why = NULL;
        gst_message_parse_error(message, &why, NULL);
        note_error(user_data, err_new(ERR_UNAVAILABLE, "the device: %s", why->message));
    } else if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_EOS) {
        note_error(user_data, err_new(ERR_UNAVAILABLE, "the device ended the stream"));
    }
    gst_message_unref(message);
    return GST_BUS_DROP;
}

static void
connect_line(ingest *i)
{
    struct line *line = g_new0(struct line, 1);
    line->owner = i;
    line->pipeline = gst_object_ref_sink(gst_pipeline_new(NULL));
    line->rtsp = gst_element_factory_make("rtspsrc", NULL);
    g_assert(line->rtsp); /* in gstreamer1.0-plugins-good, which packages.txt lists */
    g_object_set(line->rtsp, "location", i->url, "latency", 150u, "drop-on-latency", TRUE, "tcp-timeout",
                 (guint64)INGEST_OPEN_MS * 1000, "timeout", (guint64)0, NULL);
    gst_util_set_object_arg(G_OBJECT(line->rtsp), "protocols", "tcp");
    gst_bin_add(GST_BIN(line->pipeline), line->rtsp);
    g_signal_connect(line->rtsp, "pad-added", G_CALLBACK(on_pad_added), i);
    g_signal_connect(line->rtsp, "no-more-pads", G_CALLBACK(on_no_more_pads), i);
    g_autoptr(GstBus) bus = gst_element_get_bus(line->pipeline);
    gst_bus_set_sync_handler(bus, on_bus, i, NULL);
    i->line = line;
    i->started_us = i->keepalive_us = clock_monotonic_us();
    gst_element_set_state(line->pipeline, GST_STATE_PLAYING); /* rtspsrc connects in its own thread */
}

static void
on_wake_closed(uv_handle_t *handle)
{
    ingest *i = handle->data;
    g_clear_pointer(&i->branches, g_ptr_array_unref);
    g_clear_pointer(&i->tracks, g_ptr_array_unref);
    g_clear_pointer(&i->media, g_ptr_array_unref);
    g_clear_error(&i->error);
    g_mutex_clear(&i->lock);
    g_free(i->room);
    g_free(i->participant);
    g_free(i->url);
    g_free(i);
}

/* The end, once nothing is under way any more. */
static void
destroy_when_idle(ingest *i)
{
    if (i->freed && i->adding == 0 && !i->stopping)
        uv_close((uv_handle_t *)&i->wake, on_wake_closed);
}

static void
line_stop_work(gpointer data)
{
    struct line *line = data;
    gst_element_set_state(line->pipeline, GST_STATE_NULL);
    gst_object_unref(line->pipeline);
}

static void
on_line_stopped(gpointer data)
{
    struct line *line = data;
    ingest *i = line->owner;
    g_free(line);
    i->stopping = FALSE;
    g_mutex_lock(&i->lock);
    i->complete = FALSE;
    g_clear_error(&i->error); /* of the line that is gone */
    for (guint n = 0; n < i->branches->len; n++)
        branch_detach(i->branches->pdata[n]);
    g_mutex_unlock(&i->lock);
    destroy_when_idle(i);
}

static void
drop_line(ingest *i)
{
    if (!i->line)
        return;
    i->stopping = TRUE;
    loop_work(i->l, line_stop_work, on_line_stopped, g_steal_pointer(&i->line));
}

/* Before the first success a failure is the caller's; afterwards the device is tried again, ever less often. */
static void
fail(ingest *i, const GError *error)
{
    if (!i->told) {
        i->told = TRUE;
        i->done(NULL, error, i->user_data);
        ingest_free(i);
        return;
    }
    log_line(LOG_WARNING, i->room, "device lost (%s), tried again in %u ms", error->message, i->backoff_ms);
    drop_line(i);
    i->retry_at_us = clock_monotonic_us() + i->backoff_ms * 1000;
    i->backoff_ms = MIN(i->backoff_ms * 2, BACKOFF_LAST_MS);
}

static void
tell_when_complete(ingest *i)
{
    g_mutex_lock(&i->lock);
    gboolean complete = i->complete && i->tracks->len == i->branches->len;
    g_mutex_unlock(&i->lock);
    if (!complete || i->told || i->adding > 0)
        return;
    if (i->tracks->len == 0) {
        g_autoptr(GError) error = err_new(ERR_UNSUPPORTED, "the device offers neither a picture nor sound");
        fail(i, error);
        return;
    }
    i->told = TRUE;
    i->done(i->tracks, NULL, i->user_data);
}

static void
on_source_added(const relay_reply *reply, const GError *error, gpointer user_data)
{
    ingest *i = ((struct medium *)user_data)->owner;
    i->adding--;
    if (i->freed) {
        destroy_when_idle(i);
        return;
    }
    if (error) {
        fail(i, error);
        return;
    }
    const relay_track_info *added = reply->tracks->pdata[0];
    relay_track_info *info = g_new0(relay_track_info, 1);
    *info = (relay_track_info){.track = g_strdup(added->track), .participant = g_strdup(added->participant),
                               .kind = added->kind, .source = added->source};
    g_ptr_array_add(i->tracks, info);
    tell_when_complete(i);
}

static void
on_keyframe_wanted(gpointer user_data)
{
    branch_want_keyframe(((struct medium *)user_data)->branch);
}

/* Puts media that have come into the room. */
static void
add_sources(ingest *i)
{
    g_autoptr(GPtrArray) fresh = g_ptr_array_new();
    g_mutex_lock(&i->lock);
    for (guint n = 0; n < i->branches->len; n++)
        if (!branch_source(i->branches->pdata[n]))
            g_ptr_array_add(fresh, i->branches->pdata[n]);
    g_mutex_unlock(&i->lock);
    for (guint n = 0; n < fresh->len; n++) {
        branch *b = fresh->pdata[n];
        struct medium *m = g_new0(struct medium, 1);
        *m = (struct medium){i, b};
        g_ptr_array_add(i->media, m);
        i->adding++;
        branch_set_source(b, source_new(i->r, i->room, i->participant, branch_description(b), on_keyframe_wanted,
                                        on_source_added, m));
    }
}

static void
on_wake(uv_async_t *handle)
{
    ingest *i = handle->data;
    if (i->freed || i->stopping)
        return;
    g_mutex_lock(&i->lock);
    g_autoptr(GError) error = g_steal_pointer(&i->error);
    g_mutex_unlock(&i->lock);
    if (error) {
        fail(i, error);
        return;
    }
    add_sources(i);
    tell_when_complete(i);
}

static gint64
last_packet_us(ingest *i)
{
    gint64 last = i->started_us;
    g_mutex_lock(&i->lock);
    for (guint n = 0; n < i->branches->len; n++)
        last = MAX(last, branch_last_packet_us(i->branches->pdata[n]));
    g_mutex_unlock(&i->lock);
    return last;
}

/* rtspsrc sends a keep-alive over TCP only after a pause in the stream, so a steady stream would be ended by its server. */
static void
keep_alive(ingest *i, gint64 now_us)
{
    if (now_us - i->keepalive_us < KEEPALIVE_US)
        return;
    i->keepalive_us = now_us;
    gboolean sent;
    GstPromise *promise = gst_promise_new();
    g_signal_emit_by_name(i->line->rtsp, "get-parameter", "ping", NULL, promise, &sent);
    gst_promise_unref(promise);
}

static void
on_tick(gpointer user_data)
{
    ingest *i = user_data;
    gint64 now_us = clock_monotonic_us();
    g_autoptr(GError) error = NULL;
    if (!i->line) {
        if (!i->stopping && now_us >= i->retry_at_us)
            connect_line(i);
        return;
    }
    gint64 silence_ms = (now_us - last_packet_us(i)) / 1000;
    if (!i->told && now_us - i->begun_us > INGEST_OPEN_MS * 1000LL)
        error = err_new(ERR_TIMEOUT, "the device did not show its media within %d s", INGEST_OPEN_MS / 1000);
    else if (i->told && silence_ms > INGEST_SILENCE_MS)
        error = err_new(ERR_UNAVAILABLE, "no packet for %d s", INGEST_SILENCE_MS / 1000);
    if (error) {
        fail(i, error);
        return;
    }
    if (i->told && silence_ms < TICK_MS)
        i->backoff_ms = BACKOFF_FIRST_MS;
    keep_alive(i, now_us);
}

ingest *
ingest_start(loop *l, relay *r, const char *room, const char *participant, const char *url,
             void (*done)(GPtrArray *, const GError *, gpointer), gpointer user_data)
{
    gst_init(NULL, NULL);
    ingest *i = g_new0(ingest, 1);
    i->l = l;
    i->r = r;
    i->room = g_strdup(room);
    i->participant = g_strdup(participant);
    i->url = g_strdup(url);
    i->done = done;
    i->user_data = user_data;
    i->backoff_ms = BACKOFF_FIRST_MS;
    i->begun_us = clock_monotonic_us();
    i->tracks = g_ptr_array_new_with_free_func((GDestroyNotify)relay_track_info_free);
    i->media = g_ptr_array_new_with_free_func(g_free);
    i->branches = g_ptr_array_new_with_free_func((GDestroyNotify)branch_free);
    g_mutex_init(&i->lock);
    uv_async_init(loop_uv(l), &i->wake, on_wake);
    i->wake.data = i;
    i->tick = loop_timer_new(l, on_tick, i);
    loop_timer_start(i->tick, TICK_MS, TICK_MS);
    if (g_str_has_prefix(url, "rtsp://") || g_str_has_prefix(url, "rtsps://"))
        connect_line(i);
    else
        note_error(i, err_new(ERR_INVALID, "a device's address begins with rtsp:// or rtsps://"));
    return i;
}

void
ingest_free(ingest *i)
{
    if (!i || i->freed)
        return;
    i->freed = TRUE;
    i->told = TRUE;
    g_clear_pointer(&i->tick, loop_timer_free);
    /* the relay may be gone before the device has let go */
    for (guint n = 0; n < i->branches->len; n++) {
        source *s = branch_source(i->branches->pdata[n]);
        branch_set_source(i->branches->pdata[n], NULL);
        source_free(s);
    }
    drop_line(i);
    destroy_when_idle(i);
}
