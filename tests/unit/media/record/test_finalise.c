/* Real encoders make RTP, journals are written as a recorder writes them, and real decoders look at the files. */
#include "hub/base/buf.h"
#include "media/record/finalise.h"
#include "media/record/journal.h"
#include "hub/base/err.h"
#include <fcntl.h>
#include <glib/gstdio.h>
#include <gst/app/gstappsink.h>
#include <gst/gst.h>
#include <string.h>
#include <unistd.h>

#define START_US (1700000000LL * G_USEC_PER_SEC)
#define PARTICIPANT "8a6f0b38-0000-4000-8000-000000000001"

typedef gboolean (*packet_filter)(guint index, guint8 *packet, gsize length);

struct fixture {
    char *directory;
};

static void
set_up(struct fixture *f, gconstpointer data)
{
    (void)data;
    f->directory = g_dir_make_tmp("consilium-record-XXXXXX", NULL);
    g_assert_nonnull(f->directory);
}

static void
tear_down(struct fixture *f, gconstpointer data)
{
    (void)data;
    g_autoptr(GDir) dir = g_dir_open(f->directory, 0, NULL);
    const char *name;
    while ((name = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(f->directory, name, NULL);
        unlink(path);
    }
    rmdir(f->directory);
    g_free(f->directory);
}

static char *
path_of(struct fixture *f, const char *name)
{
    return g_build_filename(f->directory, name, NULL);
}

/* Runs an encoder pipeline and journals its packets with arrival = presentation time + delay. */
static void
record_track(struct fixture *f, const char *track, const char *kind, const char *codec, int rate, const char *encoder,
             gint64 delay_us, packet_filter filter)
{
    g_autofree char *text = g_strconcat(encoder, " ! appsink name=sink sync=false", NULL);
    g_autoptr(GError) error = NULL;
    g_autoptr(GstElement) pipeline = gst_parse_launch(text, &error);
    g_assert_no_error(error);
    g_autoptr(GstElement) sink = gst_bin_get_by_name(GST_BIN(pipeline), "sink");
    g_autofree char *name = g_strconcat(track, ".journal", NULL);
    g_autofree char *path = path_of(f, name);
    g_autoptr(json_t) info = json_pack("{s:s, s:s, s:s, s:s, s:s, s:i, s:i, s:i}", "track", track, "participant",
                                       PARTICIPANT, "kind", kind, "source", strcmp(kind, "audio") ? "camera" : "microphone",
                                       "codec", codec, "payload_type", 96, "clock_rate", rate, "channels", 2);
    g_autoptr(journal) j = journal_create(path, info, &error);
    g_assert_no_error(error);
    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    GstSample *sample;
    for (guint i = 0; (sample = gst_app_sink_pull_sample(GST_APP_SINK(sink))); i++) {
        GstBuffer *buffer = gst_sample_get_buffer(sample);
        GstMapInfo map;
        g_assert_true(gst_buffer_map(buffer, &map, GST_MAP_READ));
        g_autofree guint8 *packet = g_memdup2(map.data, map.size);
        gint64 at_us = (gint64)(gst_segment_to_running_time(gst_sample_get_segment(sample), GST_FORMAT_TIME,
                                                            GST_BUFFER_PTS(buffer)) / GST_USECOND);
        if (!filter || filter(i, packet, map.size))
            g_assert_true(journal_append(j, JOURNAL_PACKET, START_US + at_us + delay_us, packet, map.size, NULL));
        if (i % 50 == 0) /* a sender report that knows the true time */
            g_assert_true(journal_append(j, JOURNAL_CLOCK, START_US + at_us, packet + 4, 4, NULL));
        gst_buffer_unmap(buffer, &map);
        gst_sample_unref(sample);
    }
    gst_element_set_state(pipeline, GST_STATE_NULL);
}

static const char *const vp8_5s =
    "videotestsrc num-buffers=150 ! video/x-raw,width=320,height=240,framerate=30/1 ! vp8enc deadline=1 "
    "keyframe-max-dist=30 ! rtpvp8pay mtu=1200 picture-id-mode=2";
static const char *const h264_5s =
    "videotestsrc num-buffers=150 ! video/x-raw,format=I420,width=320,height=240,framerate=30/1 ! x264enc tune=zerolatency "
    "key-int-max=30 ! video/x-h264,profile=constrained-baseline ! rtph264pay mtu=1200 config-interval=-1";
static const char *const opus_5s = "audiotestsrc num-buffers=250 samplesperbuffer=960 ! audio/x-raw,rate=48000,channels=2 ! "
                                   "opusenc frame-size=20 ! rtpopuspay";

/* Decodes one kind of stream of a file; gives the number of buffers, first and last presentation time. */
struct heard {
    guint buffers;
    gint64 first_ms, last_ms;
};

static struct heard
decode(const char *path, const char *decoder)
{
    g_autofree char *text = g_strdup_printf("filesrc location=%s ! %s ! appsink name=sink sync=false", path, decoder);
    g_autoptr(GError) error = NULL;
    g_autoptr(GstElement) pipeline = gst_parse_launch(text, &error);
    g_assert_no_error(error);
    g_autoptr(GstElement) sink = gst_bin_get_by_name(GST_BIN(pipeline), "sink");
    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    struct heard h = {.first_ms = -1};
    GstSample *sample;
    while ((sample = gst_app_sink_try_pull_sample(GST_APP_SINK(sink), 30 * GST_SECOND))) {
        GstClockTime pts = GST_BUFFER_PTS(gst_sample_get_buffer(sample));
        h.last_ms = (gint64)(pts / GST_MSECOND);
        if (h.buffers++ == 0)
            h.first_ms = h.last_ms;
        gst_sample_unref(sample);
    }
    g_assert_true(gst_app_sink_is_eos(GST_APP_SINK(sink)));
    gst_element_set_state(pipeline, GST_STATE_NULL);
    return h;
}

static const char *const raw_video = "matroskademux name=d d.video_0 ! vp8dec";
static const char *const raw_audio = "matroskademux name=d d.audio_0 ! opusdec";
static const char *const mp4_video = "qtdemux name=d d.video_0 ! h264parse ! openh264dec";
static const char *const mp4_audio = "qtdemux name=d d.audio_0 ! opusdec";

static json_t *
finalise(struct fixture *f, guint files)
{
    g_autoptr(GError) error = NULL;
    json_t *list = finalise_directory(f->directory, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(json_array_size(list), ==, files);
    return list;
}

static char *
file_path(struct fixture *f, json_t *list, guint index)
{
    return path_of(f, json_get_text(json_array_get(list, index), "file"));
}

static void
test_sound_and_picture_in_one_webm(struct fixture *f, gconstpointer data)
{
    (void)data;
    record_track(f, "11111111-0000-4000-8000-000000000001", "video", "VP8", 90000, vp8_5s, 300000, NULL);
    record_track(f, "22222222-0000-4000-8000-000000000002", "audio", "opus", 48000, opus_5s, 20000, NULL);
    g_autoptr(json_t) list = finalise(f, 1);
    json_t *file = json_array_get(list, 0);
    g_assert_cmpstr(json_get_text(file, "mime"), ==, "video/webm");
    g_assert_cmpstr(json_get_text(file, "kind"), ==, "video");
    g_assert_cmpint(json_get_int(file, "duration_ms", 0), >=, 4900);
    g_assert_cmpint(json_get_int(file, "duration_ms", 0), <=, 5100);
    g_autofree char *path = file_path(f, list, 0);
    struct heard video = decode(path, raw_video), audio = decode(path, raw_audio);
    g_assert_cmpuint(video.buffers, ==, 150);
    /* 280 ms of different delay is gone: both begin together by the sender reports */
    g_assert_cmpint(ABS(video.first_ms - audio.first_ms), <=, 40);
    g_assert_cmpint(ABS(video.last_ms - audio.last_ms), <=, 60);
    /* done again, nothing changes */
    g_autoptr(json_t) again = finalise(f, 1);
    g_assert_true(json_equal(list, again));
}

/* Cues are what lets a browser seek by Range (Matroska: element 1C53BB6B). */
static void
test_webm_has_cues(struct fixture *f, gconstpointer data)
{
    (void)data;
    record_track(f, "11111111-0000-4000-8000-000000000001", "video", "VP8", 90000, vp8_5s, 0, NULL);
    g_autoptr(json_t) list = finalise(f, 1);
    g_autofree char *path = file_path(f, list, 0);
    g_autofree char *bytes = NULL;
    gsize length;
    g_assert_true(g_file_get_contents(path, &bytes, &length, NULL));
    g_assert_nonnull(memmem(bytes, length, "\x1c\x53\xbb\x6b", 4));
    g_assert_cmpint(json_get_int(json_array_get(list, 0), "bytes", 0), ==, (gint64)length);
}

static gboolean
lose_the_first_keyframe(guint index, guint8 *packet, gsize length)
{
    (void)packet;
    (void)length;
    return index >= 20;
}

/* The sound is older than the first keyframe, which then shows from the beginning: a place to seek to lies at 0. */
static void
test_the_first_picture_shows_from_the_beginning(struct fixture *f, gconstpointer data)
{
    (void)data;
    record_track(f, "11111111-0000-4000-8000-000000000001", "video", "VP8", 90000, vp8_5s, 0, lose_the_first_keyframe);
    record_track(f, "22222222-0000-4000-8000-000000000002", "audio", "opus", 48000, opus_5s, 0, NULL);
    g_autoptr(json_t) list = finalise(f, 1);
    g_autofree char *path = file_path(f, list, 0);
    struct heard video = decode(path, raw_video), audio = decode(path, raw_audio);
    g_assert_cmpuint(video.buffers, ==, 120); /* of 150: the first second had no keyframe */
    g_assert_cmpint(video.first_ms, ==, 0);
    g_assert_cmpint(ABS(video.last_ms - audio.last_ms), <=, 60);
}

static gboolean
lose_half_a_second(guint index, guint8 *packet, gsize length)
{
    (void)packet;
    (void)length;
    return index < 100 || index >= 125;
}

/* DTX and loss: the sound after the hole is still in step, because the hole is filled. */
static void
test_holes_in_sound_are_filled(struct fixture *f, gconstpointer data)
{
    (void)data;
    record_track(f, "22222222-0000-4000-8000-000000000002", "audio", "opus", 48000, opus_5s, 0, lose_half_a_second);
    g_autoptr(json_t) list = finalise(f, 1);
    g_assert_cmpstr(json_get_text(json_array_get(list, 0), "mime"), ==, "audio/webm");
    g_autofree char *path = file_path(f, list, 0);
    g_autofree char *bytes = NULL;
    gsize length, fillers = 0;
    g_assert_true(g_file_get_contents(path, &bytes, &length, NULL));
    for (const char *at = bytes; (at = memmem(at, length - (gsize)(at - bytes), "\xf8\xff\xfe", 3)); at++)
        fillers++;
    g_assert_cmpuint(fillers, >=, 24);
    struct heard audio = decode(path, raw_audio);
    g_assert_cmpuint(audio.buffers, >=, 248);
}

static gboolean
lose_some_pictures(guint index, guint8 *packet, gsize length)
{
    (void)packet;
    (void)length;
    return index < 60 || index >= 64;
}

/* After a loss the picture waits for the next keyframe instead of showing rubbish. */
static void
test_loss_waits_for_a_keyframe(struct fixture *f, gconstpointer data)
{
    (void)data;
    record_track(f, "11111111-0000-4000-8000-000000000001", "video", "VP8", 90000, vp8_5s, 0, lose_some_pictures);
    g_autoptr(json_t) list = finalise(f, 1);
    g_autofree char *path = file_path(f, list, 0);
    struct heard video = decode(path, raw_video);
    g_assert_cmpuint(video.buffers, <, 150);
    g_assert_cmpuint(video.buffers, >=, 110);
    g_assert_cmpint(video.last_ms, >=, 4900);
}

static void
test_h264_becomes_mp4(struct fixture *f, gconstpointer data)
{
    (void)data;
    record_track(f, "11111111-0000-4000-8000-000000000001", "video", "H264", 90000, h264_5s, 0, NULL);
    record_track(f, "22222222-0000-4000-8000-000000000002", "audio", "opus", 48000, opus_5s, 0, NULL);
    g_autoptr(json_t) list = finalise(f, 1);
    g_assert_cmpstr(json_get_text(json_array_get(list, 0), "mime"), ==, "video/mp4");
    g_autofree char *path = file_path(f, list, 0);
    g_assert_cmpuint(decode(path, mp4_video).buffers, ==, 150);
    g_assert_cmpint(decode(path, mp4_audio).last_ms, >=, 4900);
}

/* kill -9 in the middle of a write: the journal is torn, the recording is good to its last packet. */
static void
test_torn_journal_is_repaired(struct fixture *f, gconstpointer data)
{
    (void)data;
    record_track(f, "11111111-0000-4000-8000-000000000001", "video", "VP8", 90000, vp8_5s, 0, NULL);
    g_autofree char *torn = path_of(f, "11111111-0000-4000-8000-000000000001.journal");
    GStatBuf info;
    g_assert_cmpint(g_stat(torn, &info), ==, 0);
    g_assert_cmpint(truncate(torn, info.st_size - 7), ==, 0);
    g_autofree char *part = path_of(f, PARTICIPANT "-camera-1.webm.part");
    g_assert_true(g_file_set_contents(part, "half a file", -1, NULL));
    g_autoptr(json_t) list = finalise(f, 1);
    g_autofree char *path = file_path(f, list, 0);
    struct heard video = decode(path, raw_video);
    g_assert_cmpuint(video.buffers, >=, 148);
    g_assert_cmpint(video.last_ms, >=, 4900);
    g_assert_false(g_file_test(part, G_FILE_TEST_EXISTS));
    g_assert_false(g_file_test(torn, G_FILE_TEST_EXISTS));
}

/* The camera changes its size in the call, as browsers do on a thin line. */
static void
test_size_may_change(struct fixture *f, gconstpointer data)
{
    (void)data;
    static const char *const encoder = "videotestsrc num-buffers=60 ! video/x-raw,width=320,height=240,framerate=30/1 ! c. "
                                        "videotestsrc num-buffers=60 ! video/x-raw,width=640,height=480,framerate=30/1 ! c. "
                                        "concat name=c ! vp8enc deadline=1 keyframe-max-dist=30 ! rtpvp8pay mtu=1200";
    record_track(f, "11111111-0000-4000-8000-000000000001", "video", "VP8", 90000, encoder, 0, NULL);
    g_autoptr(json_t) list = finalise(f, 1);
    g_autofree char *path = file_path(f, list, 0);
    g_assert_cmpuint(decode(path, raw_video).buffers, ==, 120);
}

static void
test_a_later_part_joins(struct fixture *f, gconstpointer data)
{
    (void)data;
    record_track(f, "11111111-0000-4000-8000-000000000001", "video", "VP8", 90000, vp8_5s, 0, NULL);
    g_autoptr(json_t) first = finalise(f, 1);
    record_track(f, "33333333-0000-4000-8000-000000000003", "video", "VP8", 90000, vp8_5s, 0, NULL);
    g_autoptr(json_t) both = finalise(f, 2);
    g_assert_true(json_equal(json_array_get(first, 0), json_array_get(both, 0)));
    g_assert_cmpstr(json_get_text(json_array_get(both, 1), "file"), ==, PARTICIPANT "-camera-2.webm");
}

static gboolean
keep_the_middle(guint index, guint8 *packet, gsize length)
{
    (void)packet;
    (void)length;
    return index >= 5 && index < 20; /* keyframes are every 30 */
}

/* A picture without a keyframe is no picture, but its sound stays. */
static void
test_no_keyframe_leaves_the_sound(struct fixture *f, gconstpointer data)
{
    (void)data;
    record_track(f, "11111111-0000-4000-8000-000000000001", "video", "VP8", 90000, vp8_5s, 0, keep_the_middle);
    record_track(f, "22222222-0000-4000-8000-000000000002", "audio", "opus", 48000, opus_5s, 0, NULL);
    g_autoptr(json_t) list = finalise(f, 1);
    g_assert_cmpstr(json_get_text(json_array_get(list, 0), "kind"), ==, "audio");
    g_autofree char *path = file_path(f, list, 0);
    g_assert_cmpint(decode(path, raw_audio).last_ms, >=, 4900);
}

static void
test_empty_and_foreign_files(struct fixture *f, gconstpointer data)
{
    (void)data;
    g_autofree char *foreign = path_of(f, "x.journal");
    g_assert_true(g_file_set_contents(foreign, "CJN1T\xff\xff\xff\xff", -1, NULL));
    G_GNUC_UNUSED g_autoptr(json_t) list = finalise(f, 0);
    g_assert_true(g_file_test(foreign, G_FILE_TEST_EXISTS)); /* not understood: not thrown away */
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    gst_init(NULL, NULL);
    static const struct {
        const char *name;
        void (*run)(struct fixture *, gconstpointer);
    } tests[] = {
        {"/finalise/sound-and-picture", test_sound_and_picture_in_one_webm},
        {"/finalise/cues", test_webm_has_cues},
        {"/finalise/the-first-picture-shows-from-the-beginning", test_the_first_picture_shows_from_the_beginning},
        {"/finalise/holes-in-sound", test_holes_in_sound_are_filled},
        {"/finalise/loss", test_loss_waits_for_a_keyframe},
        {"/finalise/h264", test_h264_becomes_mp4},
        {"/finalise/torn-journal", test_torn_journal_is_repaired},
        {"/finalise/size-may-change", test_size_may_change},
        {"/finalise/later-part", test_a_later_part_joins},
        {"/finalise/no-keyframe", test_no_keyframe_leaves_the_sound},
        {"/finalise/empty-and-foreign", test_empty_and_foreign_files},
    };
    for (guint i = 0; i < G_N_ELEMENTS(tests); i++)
        g_test_add(tests[i].name, struct fixture, NULL, set_up, tests[i].run, tear_down);
    return g_test_run();
}
