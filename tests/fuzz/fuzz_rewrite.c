/* dicom/rewrite: rewrite_file of files from strangers. The first byte chooses the rules, the rest is the
 * file. Written anew without rules it must be the same image; with rules, what comes out must be a data set
 * again. */
#include "dicom/rewrite/rewrite.h"
#include "dicom/scan/digest.h"
#include "hub/base/err.h"
#include <string.h>

int LLVMFuzzerTestOneInput(const guint8 *bytes, gsize length);

static gboolean
collect(gpointer data, const guint8 *bytes, gsize length, GError **error)
{
    (void)error;
    g_byte_array_append(data, bytes, (guint)length);
    return TRUE;
}

/* A bit of each: by the tag alone, so that every input is treated the same way again. */
static rewrite_action
decide_by_tag(gpointer data, const rewrite_place *place, GBytes **ret_value)
{
    (void)data;
    guint choice = (place->tag ^ place->tag >> 16) % 5;
    if (choice == 0)
        return REWRITE_DELETE;
    if (choice > 1)
        return REWRITE_KEEP;
    *ret_value = g_bytes_new_static("X ", 2);
    return REWRITE_REPLACE;
}

static void
check_same(const guint8 *bytes, gsize length)
{
    const rewrite_rules keep = {0};
    g_autoptr(GByteArray) out = g_byte_array_new();
    const rewrite_sink sink = {.write = collect, .data = out};
    g_autoptr(GError) error = NULL;
    guint8 before[DIGEST_LENGTH], after[DIGEST_LENGTH];
    gboolean sound = digest_dataset(bytes, length, before, NULL);
    gboolean written = rewrite_file(bytes, length, &keep, &sink, &error);
    if (sound != written && !(error && error->code == ERR_UNSUPPORTED))
        g_error("what can be read must be written, and nothing else: %s", error ? error->message : "");
    if (written &&
        (!digest_dataset(out->data, out->len, after, &error) || memcmp(before, after, DIGEST_LENGTH)))
        g_error("written anew it is another image: %s", error ? error->message : "");
}

int
LLVMFuzzerTestOneInput(const guint8 *bytes, gsize length)
{
    static const rewrite_element original[] = {{.tag = 0x00100020, .vr = "LO", .text = "P0"}};
    static const rewrite_item items[] = {{.elements = original, .count = G_N_ELEMENTS(original)}};
    static const rewrite_element set[] = {
        {.tag = 0x00100010, .vr = "PN", .text = "Wang^Fang=\xe7\x8e\x8b^\xe8\x8a\xb3"},
        {.tag = 0x00100020, .vr = "LO", .text = "P1"},
        {.tag = 0x04000561, .vr = "SQ", .items = items, .item_count = 1, .append = TRUE}};
    if (length == 0)
        return 0;
    const rewrite_rules rules = {.decide = bytes[0] & 1 ? decide_by_tag : NULL,
                                 .set = set,
                                 .set_count = bytes[0] & 2 ? G_N_ELEMENTS(set) : 0,
                                 .utf8 = (bytes[0] & 4) != 0,
                                 .assumed_charset = bytes[0] & 8 ? "GB18030" : NULL,
                                 .sop_uid = bytes[0] & 16 ? "2.25.1" : NULL};
    g_autoptr(GByteArray) out = g_byte_array_new();
    const rewrite_sink sink = {.write = collect, .data = out};
    guint8 digest[DIGEST_LENGTH];
    g_autoptr(GError) error = NULL;
    check_same(bytes + 1, length - 1);
    if (rewrite_file(bytes + 1, length - 1, &rules, &sink, NULL) &&
        !digest_dataset(out->data, out->len, digest, &error) && error->code != ERR_TOO_LARGE)
        g_error("what was written is no data set: %s", error->message);
    return 0;
}
