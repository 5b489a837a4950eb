/* Promises of dicom/rewrite: without rules the image stays the same in every transfer syntax; what is set,
 * appended, deleted and replaced is where it belongs; text becomes UTF-8; the sink's failure ends it. The
 * files are the seeds of the fuzzers. */
#include "dicom/rewrite/rewrite.h"
#include "dicom/scan/digest.h"
#include "dicom/scan/scan.h"
#include "hub/base/err.h"
#include <string.h>

#define SEEDS "tests/fuzz/seeds/scan/"

static gboolean
collect(gpointer data, const guint8 *bytes, gsize length, GError **error)
{
    (void)error;
    g_byte_array_append(data, bytes, (guint)length);
    return TRUE;
}

static GByteArray *
read_seed(const char *name)
{
    g_autofree char *path = g_strconcat(SEEDS, name, NULL), *bytes = NULL;
    g_autoptr(GError) error = NULL;
    gsize length;
    g_file_get_contents(path, &bytes, &length, &error);
    g_assert_no_error(error);
    return g_byte_array_new_take((guint8 *)g_steal_pointer(&bytes), length);
}

static GByteArray *
rewritten(const GByteArray *from, const rewrite_rules *rules)
{
    GByteArray *out = g_byte_array_new();
    const rewrite_sink sink = {.write = collect, .data = out};
    g_autoptr(GError) error = NULL;
    rewrite_file(from->data, from->len, rules, &sink, &error);
    g_assert_no_error(error);
    return out;
}

static scan_result
scanned(const GByteArray *file)
{
    const scan_options options = {.origin = "/dicom-web/orgs/X"};
    scan_result r = {0};
    g_autoptr(GError) error = NULL;
    scan_bytes(file->data, file->len, &options, &r, &error);
    g_assert_no_error(error);
    return r;
}

static void
test_same(void)
{
    static const char *const names[] = {"implicit.dcm", "big_endian.dcm", "deflated.dcm", "SR.dcm",
                                        "PDF.dcm"};
    const rewrite_rules keep = {0};
    for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autoptr(GByteArray) before = read_seed(names[i]), after = rewritten(before, &keep);
        guint8 digest_before[DIGEST_LENGTH], digest_after[DIGEST_LENGTH];
        g_assert_true(digest_dataset(before->data, before->len, digest_before, NULL));
        g_assert_true(digest_dataset(after->data, after->len, digest_after, NULL));
        g_assert_cmpmem(digest_before, DIGEST_LENGTH, digest_after, DIGEST_LENGTH);
        g_auto(scan_result) one = scanned(before), two = scanned(after);
        g_assert_true(one.transfer_syntax == two.transfer_syntax);
    }
}

/* The attributes that a person corrected, and what they were before (PS3.3 C.12.1.1.9), twice over. */
static void
test_set(void)
{
    static const char *const names[] = {"implicit.dcm", "big_endian.dcm", "deflated.dcm", "ms_latin1.dcm"};
    static const rewrite_element original[] = {{.tag = 0x00100020, .vr = "LO", .text = "BEFORE"}};
    static const rewrite_item items[] = {{.elements = original, .count = 1}};
    static const rewrite_element set[] = {
        {.tag = 0x00100010, .vr = "PN", .text = "Wang^Fang=王^芳"},
        {.tag = 0x00100020, .vr = "LO", .text = "RIGHT"},
        {.tag = 0x04000561, .vr = "SQ", .items = items, .item_count = 1, .append = TRUE}};
    const rewrite_rules rules = {
        .set = set, .set_count = G_N_ELEMENTS(set), .utf8 = TRUE, .sop_uid = "2.25.77"};
    for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autoptr(GByteArray) before = read_seed(names[i]), once = rewritten(before, &rules);
        g_autoptr(GByteArray) twice = rewritten(once, &rules);
        g_auto(scan_result) was = scanned(before), r = scanned(twice);
        g_assert_cmpstr(r.patient_id, ==, "RIGHT");
        g_assert_cmpstr(r.patient_name.ideographic, ==, "王^芳");
        g_assert_cmpstr(r.sop_uid, ==, "2.25.77");
        g_assert_cmpstr(r.study_uid, ==, was.study_uid);
        g_assert_cmpuint(r.frames, ==, was.frames);
        g_assert_true(r.transfer_syntax == was.transfer_syntax);
        if (r.transfer_syntax->deflated)
            continue; /* its bytes tell nothing */
        guint count = 0;
        for (guint at = 0; at + 6 <= twice->len; at++)
            count += !memcmp(twice->data + at, "BEFORE", 6);
        g_assert_cmpuint(count, ==, 2);
    }
}

/* Every person name at any depth goes; the study's date is another one. */
static rewrite_action
without_names(gpointer data, const rewrite_place *place, GBytes **ret_value)
{
    guint *deepest = data;
    *deepest = MAX(*deepest, place->depth);
    for (guint i = 0; i < place->depth; i++)
        g_assert_cmpuint(place->parents[i], !=, 0);
    if (!strcmp(place->vr, "PN"))
        return REWRITE_DELETE;
    if (place->tag != 0x00080020)
        return REWRITE_KEEP;
    *ret_value = g_bytes_new_static("19990101", 8);
    return REWRITE_REPLACE;
}

static gboolean
no_name(gpointer data, const walk_value *v, GError **error)
{
    (void)data;
    (void)error;
    g_assert_cmpstr(v->vr, !=, "PN");
    return TRUE;
}

static void
test_decide(void)
{
    guint deepest = 0;
    const rewrite_rules rules = {.decide = without_names, .data = &deepest};
    g_autoptr(GByteArray) before = read_seed("SR.dcm"), after = rewritten(before, &rules);
    g_auto(scan_result) r = scanned(after);
    g_assert_cmpuint(deepest, >, 0);
    g_assert_cmpstr(r.study_date, ==, "1999-01-01");
    g_assert_cmpstr(r.patient_name.alphabetic, ==, "");
    const walk_visitor visitor = {.value = no_name};
    walk_input input;
    const syntax *s;
    g_autoptr(GByteArray) inflated = NULL;
    g_assert_true(scan_begin(after->data, after->len, &input, &s, &inflated, NULL));
    g_assert_true(walk_dataset(&input, &visitor, NULL, NULL));
}

/* The name of a Latin-1 file, kept, is right in the UTF-8 copy. */
static void
test_utf8(void)
{
    const rewrite_rules rules = {.utf8 = TRUE};
    g_autoptr(GByteArray) before = read_seed("ms_latin1.dcm"), after = rewritten(before, &rules);
    g_auto(scan_result) was = scanned(before), r = scanned(after);
    g_assert_cmpstr(r.patient_name.alphabetic, ==, was.patient_name.alphabetic);
    g_assert_false(r.charset_doubt);
    gboolean labelled = FALSE;
    for (guint at = 0; at + 10 <= after->len; at++)
        labelled |= !memcmp(after->data + at, "ISO_IR 192", 10);
    g_assert_true(labelled);
}

static gboolean
refuse_late(gpointer data, const guint8 *bytes, gsize length, GError **error)
{
    gsize *left = data;
    (void)bytes;
    if (length > *left)
        return err_set(error, ERR_STORAGE, "full");
    *left -= length;
    return TRUE;
}

/* Whenever the disk is full, the error is the sink's. */
static void
test_sink_fails(void)
{
    static const char *const names[] = {"implicit.dcm", "deflated.dcm", "SR.dcm"};
    const rewrite_rules keep = {0};
    for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autoptr(GByteArray) file = read_seed(names[i]), whole = rewritten(file, &keep);
        for (gsize room = 0; room < whole->len; room += 13) {
            gsize left = room;
            const rewrite_sink sink = {.write = refuse_late, .data = &left};
            g_autoptr(GError) error = NULL;
            g_assert_false(rewrite_file(file->data, file->len, &keep, &sink, &error));
            g_assert_nonnull(error);
            g_assert_cmpint(error->code, ==, ERR_STORAGE);
        }
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/rewrite/same", test_same);
    g_test_add_func("/rewrite/set", test_set);
    g_test_add_func("/rewrite/decide", test_decide);
    g_test_add_func("/rewrite/utf8", test_utf8);
    g_test_add_func("/rewrite/sink_fails", test_sink_fails);
    return g_test_run();
}
