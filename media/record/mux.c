/* appsrc ! depayloader ! muxer ! filesink, run flat out: no clock, no live source. Each appsrc asks for data from its
 * own streaming thread, which reads its lane there. */
#include "media/record/mux.h"
#include "hub/base/err.h"
#include <gst/app/gstappsrc.h>
#include <gst/gst.h>
#include <string.h>
#include <sys/resource.h>

#define FEED_BYTES (1024 * 1024)      /* an appsrc asks for more below this */
#define PATIENCE (30 * 60 * GST_SECOND) /* the longest that one file may take */
#define NICENESS 10

static const mux_format formats[] = {
    {"VP8", "webm", "video/webm", NULL, "rtpvp8depay wait-for-keyframe=true", "webmmux"},
    {"VP9", "webm", "video/webm", NULL, "rtpvp9depay wait-for-keyframe=true", "webmmux"},
    {"opus", "webm", NULL, "audio/webm", "rtpopusdepay", "webmmux"},
    /* avc3: parameter sets stay in band, so that a camera may change its size */
    {"H264", "mp4", "video/mp4", NULL,
     "rtph264depay wait-for-keyframe=true ! h264parse ! video/x-h264,stream-format=avc3,alignment=au",
     "mp4mux faststart=true"},
};

const mux_format *
mux_format_for(const char *codec)
{
    for (guint i = 0; i < G_N_ELEMENTS(formats); i++)
        if (!g_ascii_strcasecmp(formats[i].codec, codec))
            return &formats[i];
    return NULL;
}

static void
on_need_data(GstAppSrc *source, guint wanted, gpointer user_data)
{
    (void)wanted;
    lane *l = user_data;
    gint64 pts_us;
    g_autoptr(GBytes) packet = lane_next(l, &pts_us);
    if (!packet) {
        gst_app_src_end_of_stream(source);
        return;
    }
    GstBuffer *buffer = gst_buffer_new_wrapped_bytes(packet);
    GST_BUFFER_PTS(buffer) = (GstClockTime)pts_us * GST_USECOND;
    gst_app_src_push_buffer(source, buffer);
}

static void
set_up_source(GstElement *pipeline, const char *name, lane *l)
{
    const lane_info *info = lane_describe(l);
    g_autoptr(GstElement) source = gst_bin_get_by_name(GST_BIN(pipeline), name);
    g_autofree char *encoding = g_ascii_strup(info->codec, -1);
    g_autoptr(GstCaps) caps = gst_caps_new_simple(
        "application/x-rtp", "media", G_TYPE_STRING, relay_kind_name(info->kind), "encoding-name", G_TYPE_STRING, encoding,
        "clock-rate", G_TYPE_INT, (gint)info->clock_rate, "payload", G_TYPE_INT, (gint)info->payload_type, NULL);
    if (info->kind == RELAY_AUDIO) {
        g_autofree char *channels = g_strdup_printf("%u", info->channels > 0 ? info->channels : 2);
        gst_caps_set_simple(caps, "encoding-params", G_TYPE_STRING, channels, NULL);
    }
    g_object_set(source, "caps", caps, "format", GST_FORMAT_TIME, "max-bytes", (guint64)FEED_BYTES, NULL);
    GstAppSrcCallbacks callbacks = {.need_data = on_need_data};
    gst_app_src_set_callbacks(GST_APP_SRC(source), &callbacks, l, NULL);
}

/* One picture that got through to the muxer is enough to know that there was a keyframe. It shows from the beginning of the
 * file, though the sound may be older: the muxer's index begins with it, and Chromium gives up when it shall seek to a time
 * before the first one in the index. */
static GstPadProbeReturn
on_picture(GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
    (void)pad;
    g_atomic_int_set((gint *)user_data, TRUE);
    GstBuffer *first = gst_buffer_make_writable(GST_PAD_PROBE_INFO_BUFFER(info));
    GST_BUFFER_PTS(first) = 0;
    if (GST_BUFFER_DTS_IS_VALID(first))
        GST_BUFFER_DTS(first) = 0;
    info->data = first;
    return GST_PAD_PROBE_REMOVE;
}

/* Muxers refuse a change of caps, which a browser causes whenever it changes the size of its picture. The size is in the
 * stream too, so later changes are simply not told. */
static GstPadProbeReturn
on_caps(GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
    (void)user_data;
    if (GST_EVENT_TYPE(GST_PAD_PROBE_INFO_EVENT(info)) != GST_EVENT_CAPS)
        return GST_PAD_PROBE_OK;
    g_autoptr(GstCaps) before = gst_pad_get_current_caps(pad);
    return before ? GST_PAD_PROBE_DROP : GST_PAD_PROBE_OK;
}

static void
watch_picture(GstElement *pipeline, gint *ret_seen)
{
    g_autoptr(GstElement) queue = gst_bin_get_by_name(GST_BIN(pipeline), "picture");
    g_autoptr(GstPad) pad = queue ? gst_element_get_static_pad(queue, "sink") : NULL;
    if (!pad)
        return;
    gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, on_caps, NULL, NULL);
    gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER, on_picture, ret_seen, NULL);
}

/* Muxing must not take the processor from running calls: its threads step back as they start. */
static GstBusSyncReply
on_bus_sync(GstBus *bus, GstMessage *message, gpointer user_data)
{
    (void)bus;
    (void)user_data;
    GstStreamStatusType type;
    GstElement *owner;
    if (GST_MESSAGE_TYPE(message) != GST_MESSAGE_STREAM_STATUS)
        return GST_BUS_PASS;
    gst_message_parse_stream_status(message, &type, &owner);
    if (type == GST_STREAM_STATUS_TYPE_ENTER)
        setpriority(PRIO_PROCESS, 0, NICENESS); /* Linux: this thread only */
    return GST_BUS_PASS;
}

static char *
describe_pipeline(const mux_format *format, gboolean video, gboolean audio)
{
    GString *text = g_string_new(NULL);
    g_string_append_printf(text, "%s name=mux ! filesink name=out", format->muxer);
    if (video)
        g_string_append_printf(text, " appsrc name=video ! %s ! queue name=picture ! mux.", format->depay);
    if (audio)
        g_string_append(text, " appsrc name=audio ! rtpopusdepay ! opusparse ! queue ! mux.");
    return g_string_free(text, FALSE);
}

static gboolean
run(GstElement *pipeline, GError **error)
{
    g_autoptr(GstBus) bus = gst_element_get_bus(pipeline);
    gst_bus_set_sync_handler(bus, on_bus_sync, NULL, NULL);
    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    g_autoptr(GstMessage) message = gst_bus_timed_pop_filtered(bus, PATIENCE, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
    gst_element_set_state(pipeline, GST_STATE_NULL);
    if (!message)
        return err_set(error, ERR_TIMEOUT, "a recording took too long to be put into a file");
    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_EOS)
        return TRUE;
    g_autoptr(GError) why = NULL;
    gst_message_parse_error(message, &why, NULL);
    gboolean full = g_error_matches(why, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NO_SPACE_LEFT);
    return err_set(error, full ? ERR_STORAGE : ERR_INTERNAL, "a recording cannot be put into a file: %s", why->message);
}

gboolean
mux_file(const mux_format *format, lane *video, lane *audio, const char *path, GError **error)
{
    gst_init(NULL, NULL);
    g_autofree char *description = describe_pipeline(format, video != NULL, audio != NULL);
    g_autoptr(GError) why = NULL;
    g_autoptr(GstElement) pipeline = gst_parse_launch(description, &why);
    if (!pipeline || why)
        return err_set(error, ERR_INTERNAL, "GStreamer lacks a part: %s", why ? why->message : "unknown");
    g_autoptr(GstElement) out = gst_bin_get_by_name(GST_BIN(pipeline), "out");
    g_object_set(out, "location", path, NULL);
    gint seen = FALSE; /* atomic while the pipeline runs */
    if (video) {
        set_up_source(pipeline, "video", video);
        watch_picture(pipeline, &seen);
    }
    if (audio)
        set_up_source(pipeline, "audio", audio);
    if (!run(pipeline, error))
        return FALSE;
    return !video || seen || err_set(error, ERR_UNPROCESSABLE, "no keyframe came on this track");
}
