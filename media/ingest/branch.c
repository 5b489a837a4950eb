/* The chain runs on rtspsrc's streaming threads; `lock` guards what the libuv thread and they share. */
#include "media/ingest/branch.h"
#include "hub/base/clock.h"
#include "hub/base/err.h"
#include <gst/app/gstappsink.h>
#include <gst/video/video.h>
#include <string.h>

#define DEFAULT_H264_LEVEL "42e01f"
#define CLOCK_US G_USEC_PER_SEC

/* How a medium gets into packets that every browser takes. The first row that fits counts; encoding NULL: any. */
static const struct recipe {
    const char *media, *encoding;
    relay_kind kind;
    const char *codec;
    guint clock_rate;
    const char *chain; /* from rtspsrc's pad: its first element is called entry, the payloader pay */
} recipes[] = {
    {"video", "H264", RELAY_VIDEO, "H264", 90000,
     "rtph264depay name=entry ! h264parse ! rtph264pay name=pay pt=96 mtu=1200 config-interval=-1 aggregate-mode=zero-latency"},
    {"video", NULL, RELAY_VIDEO, "VP8", 90000,
     "decodebin name=entry ! videoconvert ! videorate ! video/x-raw,framerate=25/1 ! vp8enc name=encoder deadline=1 cpu-used=8 threads=2 "
     "target-bitrate=1500000 keyframe-max-dist=250 error-resilient=default ! rtpvp8pay name=pay pt=96 mtu=1200 "
     "picture-id-mode=2"},
    {"audio", "OPUS", RELAY_AUDIO, "opus", 48000, "rtpopusdepay name=entry ! rtpopuspay name=pay pt=96"},
    {"audio", NULL, RELAY_AUDIO, "opus", 48000,
     "decodebin name=entry ! audioconvert ! audioresample ! audio/x-raw,rate=48000,channels=2 ! opusenc frame-size=20 ! "
     "rtpopuspay name=pay pt=96"},
};

struct branch {
    const struct recipe *recipe;
    char *encoding; /* of the device */
    char *fmtp;
    source_description description;
    GMutex lock;
    source *target;
    GstElement *encoder; /* ours, to ask for keyframes; NULL when passed through or detached */
    gboolean numbered;   /* a packet was sent: number and time below go on from it */
    guint16 last_number;
    guint32 last_time;
    gint64 last_packet_us;
    gint64 clock_us; /* when the relay was told the time last */
};

static const struct recipe *
recipe_for(const char *media, const char *encoding)
{
    for (guint i = 0; i < G_N_ELEMENTS(recipes); i++)
        if (!strcmp(recipes[i].media, media) && (!recipes[i].encoding || !g_ascii_strcasecmp(recipes[i].encoding, encoding)))
            return &recipes[i];
    return NULL;
}

branch *
branch_new(const GstCaps *caps)
{
    const GstStructure *s = gst_caps_get_structure(caps, 0);
    const char *media = gst_structure_get_string(s, "media");
    const char *encoding = gst_structure_get_string(s, "encoding-name");
    const struct recipe *recipe = media && encoding ? recipe_for(media, encoding) : NULL;
    if (!recipe)
        return NULL;
    branch *b = g_new0(branch, 1);
    b->recipe = recipe;
    b->encoding = g_strdup(encoding);
    g_mutex_init(&b->lock);
    if (!strcmp(recipe->codec, "H264")) {
        const char *level = gst_structure_get_string(s, "profile-level-id");
        gboolean good = level && strlen(level) == 6 && strspn(level, "0123456789abcdefABCDEF") == 6;
        b->fmtp = g_strdup_printf("level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=%s",
                                  good ? level : DEFAULT_H264_LEVEL);
    }
    b->description = (source_description){
        .kind = recipe->kind, .source = RELAY_DEVICE, .codec = recipe->codec, .fmtp = b->fmtp};
    return b;
}

void
branch_free(branch *b)
{
    if (!b)
        return;
    g_clear_object(&b->encoder);
    g_mutex_clear(&b->lock);
    g_free(b->encoding);
    g_free(b->fmtp);
    g_free(b);
}

gboolean
branch_matches(const branch *b, const GstCaps *caps)
{
    const GstStructure *s = gst_caps_get_structure(caps, 0);
    const char *media = gst_structure_get_string(s, "media");
    const char *encoding = gst_structure_get_string(s, "encoding-name");
    return media && encoding && recipe_for(media, encoding) == b->recipe && !g_ascii_strcasecmp(encoding, b->encoding);
}

const source_description *
branch_description(const branch *b)
{
    return &b->description;
}

void
branch_set_source(branch *b, source *s)
{
    g_mutex_lock(&b->lock);
    b->target = s;
    g_mutex_unlock(&b->lock);
}

source *
branch_source(const branch *b)
{
    branch *mutable = (branch *)b;
    g_mutex_lock(&mutable->lock);
    source *s = b->target;
    g_mutex_unlock(&mutable->lock);
    return s;
}

/* Wall time of a sample: rtspsrc puts the media of one device on one running time (by its sender reports). 0: unknown. */
static gint64
wall_us_of(GstElement *sink, GstSample *sample)
{
    g_autoptr(GstClock) clock = gst_element_get_clock(sink);
    GstClockTime at = gst_segment_to_running_time(gst_sample_get_segment(sample), GST_FORMAT_TIME,
                                                  GST_BUFFER_PTS(gst_sample_get_buffer(sample)));
    if (!clock || !GST_CLOCK_TIME_IS_VALID(at))
        return 0;
    GstClockTimeDiff ahead = GST_CLOCK_DIFF(gst_clock_get_time(clock) - gst_element_get_base_time(sink), at);
    return clock_wall_us() + ahead / (GstClockTimeDiff)GST_USECOND;
}

static void
send_packet(branch *b, const guint8 *packet, gsize length, gint64 wall_us)
{
    if (length < 12)
        return;
    g_mutex_lock(&b->lock);
    b->numbered = TRUE;
    b->last_number = (guint16)(packet[2] << 8 | packet[3]);
    b->last_time = (guint32)packet[4] << 24 | (guint32)packet[5] << 16 | (guint32)packet[6] << 8 | packet[7];
    b->last_packet_us = clock_monotonic_us();
    if (b->target)
        source_push(b->target, packet, length);
    if (b->target && wall_us > 0 && b->last_packet_us - b->clock_us >= CLOCK_US) {
        b->clock_us = b->last_packet_us;
        source_clock(b->target, b->last_time, wall_us);
    }
    g_mutex_unlock(&b->lock);
}

static GstFlowReturn
on_sample(GstAppSink *sink, gpointer user_data)
{
    GstSample *sample = gst_app_sink_pull_sample(sink);
    if (!sample)
        return GST_FLOW_EOS;
    GstMapInfo map;
    GstBuffer *buffer = gst_sample_get_buffer(sample);
    if (buffer && gst_buffer_map(buffer, &map, GST_MAP_READ)) {
        send_packet(user_data, map.data, map.size, wall_us_of(GST_ELEMENT(sink), sample));
        gst_buffer_unmap(buffer, &map);
    }
    gst_sample_unref(sample);
    return GST_FLOW_OK;
}

/* Payloaders may give lists of packets; appsink then hands them out one by one. */
static void
watch_sink(branch *b, GstElement *sink)
{
    GstAppSinkCallbacks callbacks = {.new_sample = on_sample};
    gst_app_sink_set_callbacks(GST_APP_SINK(sink), &callbacks, b, NULL);
}

static void
go_on_numbering(branch *b, GstElement *pay)
{
    g_mutex_lock(&b->lock);
    if (b->numbered) {
        gint64 pause_us = clock_monotonic_us() - b->last_packet_us;
        guint32 pause = (guint32)(pause_us * b->recipe->clock_rate / G_USEC_PER_SEC);
        g_object_set(pay, "seqnum-offset", (gint)(guint16)(b->last_number + 1), "timestamp-offset", b->last_time + pause,
                     NULL);
    }
    g_mutex_unlock(&b->lock);
}

/* The chain's own pad, for its first element. GStreamer's ghosting of what is unlinked would take the element behind decodebin,
 * which is linked only later. */
static GstPad *
add_entry(GstElement *chain)
{
    g_autoptr(GstElement) first = gst_bin_get_by_name(GST_BIN(chain), "entry");
    g_autoptr(GstPad) pad = gst_element_get_static_pad(first, "sink");
    GstPad *entry = gst_ghost_pad_new("sink", pad);
    gst_element_add_pad(chain, entry);
    return entry;
}

gboolean
branch_attach(branch *b, GstElement *pipeline, GstPad *pad, GError **error)
{
    g_autofree char *text = g_strconcat(b->recipe->chain, " ! appsink name=sink sync=false max-buffers=512 drop=true", NULL);
    g_autoptr(GError) why = NULL;
    GstElement *chain = gst_parse_bin_from_description(text, FALSE, &why);
    if (!chain)
        return err_set(error, ERR_INTERNAL, "GStreamer lacks a part: %s", why->message);
    g_autoptr(GstElement) pay = gst_bin_get_by_name(GST_BIN(chain), "pay");
    g_autoptr(GstElement) sink = gst_bin_get_by_name(GST_BIN(chain), "sink");
    go_on_numbering(b, pay);
    watch_sink(b, sink);
    g_mutex_lock(&b->lock);
    g_clear_object(&b->encoder);
    b->encoder = gst_bin_get_by_name(GST_BIN(chain), "encoder");
    g_mutex_unlock(&b->lock);
    GstPad *entry = add_entry(chain);
    gst_bin_add(GST_BIN(pipeline), chain);
    if (GST_PAD_LINK_FAILED(gst_pad_link(pad, entry)))
        return err_set(error, ERR_UNSUPPORTED, "the device's %s cannot be used", b->encoding);
    gst_element_sync_state_with_parent(chain);
    return TRUE;
}

void
branch_detach(branch *b)
{
    g_mutex_lock(&b->lock);
    g_clear_object(&b->encoder);
    g_mutex_unlock(&b->lock);
}

void
branch_want_keyframe(branch *b)
{
    g_mutex_lock(&b->lock);
    g_autoptr(GstElement) encoder = b->encoder ? g_object_ref(b->encoder) : NULL;
    g_mutex_unlock(&b->lock);
    if (encoder)
        gst_element_send_event(encoder, gst_video_event_new_upstream_force_key_unit(GST_CLOCK_TIME_NONE, TRUE, 0));
}

gint64
branch_last_packet_us(const branch *b)
{
    branch *mutable = (branch *)b;
    g_mutex_lock(&mutable->lock);
    gint64 at = b->last_packet_us;
    g_mutex_unlock(&mutable->lock);
    return at;
}
