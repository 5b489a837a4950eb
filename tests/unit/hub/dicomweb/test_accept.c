/* A table of Accept headers as clients really send them, and what is answered for frames stored in three ways. */
#include "hub/dicomweb/accept.h"
#include <string.h>

#define LE "1.2.840.10008.1.2.1"
#define JPEG "1.2.840.10008.1.2.4.50"
#define J2K "1.2.840.10008.1.2.4.90"

/* answer: "" 406; else m or s (multipart, single), t when decoded, the part's type and syntax. */
static const struct {
    const char *accept, *stored;
    guint count;
    const char *answer;
} rows[] = {
    {NULL, LE, 1, "m application/octet-stream " LE},
    {"", JPEG, 1, "m image/jpeg " JPEG},
    {"*/*", LE, 1, "m application/octet-stream " LE},
    {"*/*", JPEG, 3, "m image/jpeg " JPEG},
    {"text/html, */*;q=0.8", JPEG, 1, "m image/jpeg " JPEG},
    {"text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8", LE, 1,
     "m application/octet-stream " LE},
    {"multipart/related", JPEG, 1, "m image/jpeg " JPEG},
    {"multipart/related; type=\"application/octet-stream\"", LE, 1, "m application/octet-stream " LE},
    {"multipart/related; type=application/octet-stream", LE, 2, "m application/octet-stream " LE},
    {"multipart/related;type=\"application/octet-stream\";transfer-syntax=" LE, LE, 1, "m application/octet-stream " LE},
    {"multipart/related; type=\"application/octet-stream\"; transfer-syntax=*", LE, 1, "m application/octet-stream " LE},
    {"multipart/related; type=\"application/octet-stream\"; transfer-syntax=*", JPEG, 1, "m image/jpeg " JPEG},
    {"multipart/related; type=\"application/octet-stream\"; transfer-syntax=\"*\"", J2K, 1, "m image/jp2 " J2K},
    {"multipart/related; type=\"application/octet-stream\"", JPEG, 1, "mt application/octet-stream " LE},
    {"multipart/related; type=application/octet-stream; transfer-syntax=" LE, JPEG, 1, "mt application/octet-stream " LE},
    {"multipart/related; type=\"application/octet-stream\"; transfer-syntax=" JPEG, JPEG, 1, "m image/jpeg " JPEG},
    {"multipart/related; type=\"application/octet-stream\"; transfer-syntax=" J2K, JPEG, 1, ""},
    {"multipart/related; type=\"application/octet-stream\"; transfer-syntax=1.2.840.10008.1.2", "1.2.840.10008.1.2", 1,
     "m application/octet-stream " LE},
    {"multipart/related; type=\"image/jpeg\"", JPEG, 1, "m image/jpeg " JPEG},
    {"multipart/related; type=\"image/jpeg\"; transfer-syntax=" JPEG, JPEG, 1, "m image/jpeg " JPEG},
    {"multipart/related; type=\"image/jpeg\"; transfer-syntax=1.2.840.10008.1.2.4.70", JPEG, 1, ""},
    {"multipart/related; type=\"image/jpeg\"", LE, 1, ""},
    {"multipart/related; type=\"image/jpeg\"", J2K, 1, ""},
    {"multipart/related; type=\"image/jp2\"", J2K, 1, "m image/jp2 " J2K},
    {"multipart/related; type=\"image/*\"", J2K, 1, "m image/jp2 " J2K},
    {"multipart/related; type=\"image/jhc\"", "1.2.840.10008.1.2.4.202", 1, "m image/jphc 1.2.840.10008.1.2.4.202"},
    {"multipart/related; type=\"image/jphc\"", "1.2.840.10008.1.2.4.201", 1, "m image/jphc 1.2.840.10008.1.2.4.201"},
    {"multipart/related; type=\"image/dicom-rle\"", "1.2.840.10008.1.2.5", 1, "m image/dicom-rle 1.2.840.10008.1.2.5"},
    {"multipart/related; type=\"image/jls\"", "1.2.840.10008.1.2.4.80", 1, "m image/jls 1.2.840.10008.1.2.4.80"},
    {"multipart/related ; type = \"image/jpeg\" ; transfer-syntax = *", JPEG, 1, "m image/jpeg " JPEG},
    {"Multipart/Related; Type=\"IMAGE/JPEG\"", JPEG, 1, "m image/jpeg " JPEG},
    {"multipart/related; type=\"image/jp2\", multipart/related; type=\"image/jpeg\"", JPEG, 1, "m image/jpeg " JPEG},
    {"multipart/related; type=\"application/octet-stream\"; q=0.5, multipart/related; type=\"image/jpeg\"", JPEG, 1,
     "m image/jpeg " JPEG},
    {"multipart/related; type=\"application/octet-stream\", multipart/related; type=\"image/jpeg\"; q=0.9", JPEG, 1,
     "mt application/octet-stream " LE},
    {"multipart/related; type=\"image/jpeg\"; q=0, */*;q=0.1", JPEG, 1, "m image/jpeg " JPEG},
    {"multipart/related; type=\"image/jpeg\"; q=0", JPEG, 1, ""},
    {"application/octet-stream", LE, 1, "s application/octet-stream " LE},
    {"application/octet-stream", LE, 2, ""},
    {"application/octet-stream; transfer-syntax=*", JPEG, 1, "s image/jpeg " JPEG},
    {"application/octet-stream", JPEG, 1, "st application/octet-stream " LE},
    {"image/jpeg", JPEG, 1, "s image/jpeg " JPEG},
    {"image/jpeg", JPEG, 2, ""},
    {"image/jpeg, multipart/related; type=\"image/jpeg\"", JPEG, 2, "m image/jpeg " JPEG},
    {"image/jpeg", LE, 1, ""},
    {"image/*", J2K, 1, "s image/jp2 " J2K},
    {"application/dicom", LE, 1, ""},
    {"application/dicom+json", LE, 1, ""},
    {"text/html", LE, 1, ""},
    {"garbage", LE, 1, ""},
    {";;;", LE, 1, ""},
    {",,,, */*", LE, 1, "m application/octet-stream " LE},
    {"multipart/related; type=\"application/dicom; transfer-syntax=" LE "\"", LE, 1, ""},
    {"multipart/related; type=\"unclosed, */*", LE, 1, ""},
    {"multipart/related; boundary=x; type=\"application/octet-stream\"", LE, 1, "m application/octet-stream " LE},
    {"multipart/related; type=\"image\\/jpeg\"", JPEG, 1, "m image/jpeg " JPEG},
    /* for thin links: by name, from what is stored without loss */
    {"image/jls", LE, 1, "st image/jls 1.2.840.10008.1.2.4.80"},
    {"image/jphc", LE, 1, "st image/jphc 1.2.840.10008.1.2.4.201"},
    {"image/jhc", LE, 1, "st image/jphc 1.2.840.10008.1.2.4.201"},
    {"image/jls", J2K, 1, "st image/jls 1.2.840.10008.1.2.4.80"},
    {"image/jls", "1.2.840.10008.1.2.4.81", 1, "s image/jls 1.2.840.10008.1.2.4.81"},
    {"image/jls", JPEG, 1, ""},
    {"image/jls, application/octet-stream; transfer-syntax=*; q=0.5", JPEG, 1, "s image/jpeg " JPEG},
    {"image/jls, */*;q=0.5", "1.2.840.10008.1.2.4.203", 2, "m image/jphc 1.2.840.10008.1.2.4.203"},
    {"image/jls; transfer-syntax=1.2.840.10008.1.2.4.81", LE, 1, ""},
    {"image/*", LE, 1, ""},
    {"multipart/related; type=\"image/jphc\"; transfer-syntax=1.2.840.10008.1.2.4.201", LE, 4,
     "mt image/jphc 1.2.840.10008.1.2.4.201"},
    {"multipart/related; type=\"image/jls\"", "1.2.840.10008.1.2.5", 2, "mt image/jls 1.2.840.10008.1.2.4.80"},
    {"image/jpeg;q=2", JPEG, 1, "s image/jpeg " JPEG},
    {"image/jpeg;q=abc", JPEG, 1, "s image/jpeg " JPEG},
};

static void
test_frames(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GArray) ranges = accept_parse(rows[i].accept);
        media_choice c = {0};
        g_autofree char *answer = g_strdup("");
        if (accept_frames(ranges, rows[i].stored, rows[i].count, &c)) {
            g_free(answer);
            answer = g_strdup_printf("%s%s %s %s", c.multipart ? "m" : "s", c.transcode ? "t" : "", c.type, c.transfer_syntax);
        }
        if (strcmp(answer, rows[i].answer) != 0)
            g_error("Accept: %s for %s: \"%s\", wanted \"%s\"", rows[i].accept, rows[i].stored, answer, rows[i].answer);
    }
}

static void
test_instances(void)
{
    static const struct {
        const char *accept;
        gboolean single, good, multipart;
    } instances[] = {
        {NULL, TRUE, TRUE, TRUE},
        {"application/dicom", TRUE, TRUE, FALSE},
        {"application/dicom", FALSE, FALSE, FALSE},
        {"multipart/related; type=application/dicom", FALSE, TRUE, TRUE},
        {"multipart/related; type=\"application/dicom\"; transfer-syntax=*", FALSE, TRUE, TRUE},
        {"application/zip", TRUE, FALSE, FALSE},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(instances); i++) {
        g_autoptr(GArray) ranges = accept_parse(instances[i].accept);
        media_choice c = {0};
        g_assert_cmpint(accept_instances(ranges, instances[i].single, &c), ==, instances[i].good);
        g_assert_cmpint(c.multipart, ==, instances[i].multipart);
    }
    g_autoptr(GArray) named = accept_parse("multipart/related; type=\"application/dicom\"; transfer-syntax=" JPEG);
    g_assert_true(accept_stored(named, JPEG));
    g_assert_false(accept_stored(named, LE));
}

static void
test_one(void)
{
    static const char *const types[] = {"image/jpeg", "image/png", NULL};
    g_autoptr(GArray) png = accept_parse("image/png, image/jpeg;q=0.5");
    g_autoptr(GArray) any = accept_parse("image/*");
    g_autoptr(GArray) none = accept_parse("text/plain");
    g_assert_cmpstr(accept_one(png, types), ==, "image/png");
    g_assert_cmpstr(accept_one(any, types), ==, "image/jpeg");
    g_assert_null(accept_one(none, types));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/accept/frames", test_frames);
    g_test_add_func("/accept/instances", test_instances);
    g_test_add_func("/accept/one", test_one);
    return g_test_run();
}
