/* Data sets are built here element by element, in any of the native encodings. */
#include "dicom/scan/digest.h"
#include "dicom/scan/frame_table.h"
#include "dicom/scan/scan.h"
#include "dicom/scan/walk.h"
#include "hub/base/err.h"
#include "hub/base/json.h"
#include <string.h>
#include <zlib.h>

#define EXPLICIT "1.2.840.10008.1.2.1"
#define IMPLICIT "1.2.840.10008.1.2"
#define BIG "1.2.840.10008.1.2.2"
#define DEFLATED "1.2.840.10008.1.2.1.99"
#define JPEG "1.2.840.10008.1.2.4.50"

typedef struct {
    GByteArray *bytes;
    gboolean implicit, big;
} builder;

static void
put(builder *b, guint64 value, guint size)
{
    for (guint i = 0; i < size; i++) {
        guint8 byte = (guint8)(value >> 8 * (b->big ? size - 1 - i : i));
        g_byte_array_append(b->bytes, &byte, 1);
    }
}

static void
put_header(builder *b, guint32 tag, const char *vr, guint32 length)
{
    put(b, tag >> 16, 2);
    put(b, tag & 0xffff, 2);
    if (b->implicit || !vr) {
        put(b, length, 4);
        return;
    }
    g_byte_array_append(b->bytes, (const guint8 *)vr, 2);
    gboolean is_long = strstr("OB OW SQ UN UT OV", vr) != NULL;
    if (is_long)
        put(b, 0, 2);
    put(b, length, is_long ? 4 : 2);
}

static void
put_text(builder *b, guint32 tag, const char *vr, const char *text)
{
    gsize length = strlen(text);
    put_header(b, tag, vr, (guint32)(length + length % 2));
    g_byte_array_append(b->bytes, (const guint8 *)text, (guint)length);
    if (length % 2)
        g_byte_array_append(b->bytes, (const guint8 *)(strcmp(vr, "UI") ? " " : ""), 1);
}

static void
put_u16(builder *b, guint32 tag, guint value)
{
    put_header(b, tag, "US", 2);
    put(b, value, 2);
}

static builder
begin_file(const char *transfer_syntax)
{
    builder b = {.bytes = g_byte_array_new()};
    guint8 preamble[128] = {0};
    g_byte_array_append(b.bytes, preamble, sizeof preamble);
    g_byte_array_append(b.bytes, (const guint8 *)"DICM", 4);
    put_text(&b, 0x00020010, "UI", transfer_syntax);
    b.implicit = !strcmp(transfer_syntax, IMPLICIT);
    b.big = !strcmp(transfer_syntax, BIG);
    return b;
}

static void
put_identity(builder *b)
{
    put_text(b, 0x00080005, "CS", "GB18030");
    put_text(b, 0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.2");
    put_text(b, 0x00080018, "UI", "2.25.3");
    put_text(b, 0x00080020, "DA", "20260131");
    put_text(b, 0x00080060, "CS", "CT");
    put_text(b, 0x00100010, "PN", "Wang^XiaoDong=\xcd\xf5^\xd0\xa1\xb6\xab");
    put_text(b, 0x00100020, "LO", "P1");
    put_text(b, 0x00101030, "DS", "70.5");
    put_text(b, 0x0020000d, "UI", "2.25.1");
    put_text(b, 0x0020000e, "UI", "2.25.2");
    put_text(b, 0x00200013, "IS", "7");
}

static void
put_geometry(builder *b, guint rows, guint columns, guint bits, const char *frames)
{
    put_u16(b, 0x00280002, 1);
    if (frames)
        put_text(b, 0x00280008, "IS", frames);
    put_u16(b, 0x00280010, rows);
    put_u16(b, 0x00280011, columns);
    put_u16(b, 0x00280100, bits);
}

static void
put_native_pixels(builder *b, guint length)
{
    put_header(b, 0x7fe00010, "OW", length);
    for (guint i = 0; i < length; i++)
        put(b, i & 0xff, 1);
}

static gboolean
scan(builder *b, scan_result *r, GError **error)
{
    const scan_options options = {.charset = NULL, .origin = "/dicom-web/orgs/X"};
    g_autoptr(GBytes) bytes = g_byte_array_free_to_bytes(g_steal_pointer(&b->bytes));
    return scan_bytes(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes), &options, r, error);
}

static void
expect_refused(builder *b, err_code code)
{
    g_auto(scan_result) r = {0};
    g_autoptr(GError) error = NULL;
    g_assert_false(scan(b, &r, &error));
    g_assert_error(error, CONSILIUM_ERROR, (int)code);
}

static json_t *
metadata_of(const scan_result *r)
{
    g_autofree char *text = g_malloc(r->metadata_size + 1);
    z_stream z = {.next_in = (Bytef *)g_bytes_get_data(r->metadata, NULL),
                  .avail_in = (uInt)g_bytes_get_size(r->metadata),
                  .next_out = (Bytef *)text,
                  .avail_out = (uInt)r->metadata_size + 1};
    g_assert_cmpint(inflateInit2(&z, -15), ==, Z_OK);
    g_assert_cmpint(inflate(&z, Z_SYNC_FLUSH), ==, Z_OK); /* open-ended: the next piece may follow */
    g_assert_cmpuint(z.total_out, ==, r->metadata_size);
    inflateEnd(&z);
    g_assert_cmpuint(crc32(0, (Bytef *)text, (uInt)r->metadata_size), ==, r->metadata_crc);
    g_autoptr(GError) error = NULL;
    json_t *object = json_parse(text, r->metadata_size, &error);
    g_assert_no_error(error);
    return object;
}

static json_t *
value_of(json_t *object, const char *tag)
{
    return json_array_get(json_object_get(json_object_get(object, tag), "Value"), 0);
}

static void
test_encodings(void)
{
    const char *syntaxes[] = {EXPLICIT, IMPLICIT, BIG};
    for (gsize i = 0; i < G_N_ELEMENTS(syntaxes); i++) {
        builder b = begin_file(syntaxes[i]);
        put_identity(&b);
        put_geometry(&b, 4, 2, 16, "3 ");
        put_native_pixels(&b, 48);
        g_auto(scan_result) r = {0};
        g_autoptr(GError) error = NULL;
        g_assert_true(scan(&b, &r, &error));
        g_assert_no_error(error);
        g_assert_cmpstr(r.sop_uid, ==, "2.25.3");
        g_assert_cmpstr(r.patient_name.ideographic, ==, "王^小东");
        g_assert_cmpstr(r.study_date, ==, "2026-01-31");
        g_assert_cmpuint(r.rows, ==, 4);
        g_assert_cmpuint(r.frames, ==, 3);
        frame_kind kind;
        guint32 frames;
        g_assert_true(frame_table_info(g_bytes_get_data(r.frame_table, NULL), g_bytes_get_size(r.frame_table),
                                       &kind, &frames));
        g_assert_cmpint(kind, ==, i == 2 ? FRAMES_OPAQUE : FRAMES_NATIVE);
        g_autoptr(json_t) json = metadata_of(&r);
        g_assert_cmpstr(json_get_text(value_of(json, "00100010"), "Ideographic"), ==, "王^小东");
        g_assert_cmpint(json_integer_value(value_of(json, "00280010")), ==, 4);
        g_assert_cmpfloat(json_real_value(value_of(json, "00101030")), ==, 70.5);
        g_assert_cmpint(json_integer_value(value_of(json, "00200013")), ==, 7);
        g_assert_cmpstr(json_get_text(json_object_get(json, "7FE00010"), "BulkDataURI"), ==,
                        "/dicom-web/orgs/X/studies/2.25.1/series/2.25.2/instances/2.25.3/frames");
        g_assert_cmpstr(json_string_value(value_of(json, "00080005")), ==, "ISO_IR 192");
    }
}

typedef struct {
    const char *syntax, *sender, *name;
    gboolean delimited, group_length, padding;
} variation;

/* The digest of one object, written in some way. */
static char *
digest_of(const variation *v)
{
    builder b = begin_file(v->syntax), meta = {.bytes = b.bytes};
    put_text(&meta, 0x00020016, "AE", v->sender);
    if (v->group_length) {
        put_header(&b, 0x00080000, "UL", 4);
        put(&b, 4711, 4);
    }
    put_identity(&b);
    put_header(&b, 0x00400275, "SQ", v->delimited ? 0xffffffff : 8 + 8 + strlen(v->name));
    put_header(&b, 0xfffee000, NULL, v->delimited ? 0xffffffff : 8 + strlen(v->name));
    put_text(&b, 0x00400007, "LO", v->name);
    if (v->delimited) {
        put_header(&b, 0xfffee00d, NULL, 0);
        put_header(&b, 0xfffee0dd, NULL, 0);
    }
    put_header(&b, 0x7fe00010, "OW", 4);
    put(&b, 1, 4);
    if (v->padding) {
        put_header(&b, 0xfffcfffc, "OB", 2);
        put(&b, 0, 2);
    }
    guint8 digest[DIGEST_LENGTH];
    g_autoptr(GError) error = NULL;
    gboolean good = digest_dataset(b.bytes->data, b.bytes->len, digest, &error);
    g_assert_no_error(error);
    g_assert_true(good);
    g_byte_array_unref(b.bytes);
    return g_base64_encode(digest, sizeof digest);
}

static void
test_digest(void)
{
    static const variation first = {.syntax = EXPLICIT, .sender = "ONE", .name = "HEAD"};
    static const variation same[] = {
        {.syntax = EXPLICIT, .sender = "OTHER", .name = "HEAD"},
        {.syntax = IMPLICIT, .sender = "ONE", .name = "HEAD"},
        {.syntax = EXPLICIT, .sender = "ONE", .name = "HEAD", .delimited = TRUE},
        {.syntax = IMPLICIT, .sender = "ONE", .name = "HEAD", .delimited = TRUE},
        {.syntax = EXPLICIT, .sender = "ONE", .name = "HEAD", .group_length = TRUE},
        {.syntax = EXPLICIT, .sender = "ONE", .name = "HEAD", .padding = TRUE}};
    static const variation other[] = {{.syntax = EXPLICIT, .sender = "ONE", .name = "NECK"},
                                      {.syntax = EXPLICIT, .sender = "ONE", .name = ""},
                                      {.syntax = BIG, .sender = "ONE", .name = "HEAD"}};
    g_autofree char *wanted = digest_of(&first);
    for (gsize i = 0; i < G_N_ELEMENTS(same); i++) {
        g_autofree char *digest = digest_of(&same[i]);
        g_assert_cmpstr(digest, ==, wanted);
    }
    for (gsize i = 0; i < G_N_ELEMENTS(other); i++) {
        g_autofree char *digest = digest_of(&other[i]);
        g_assert_cmpstr(digest, !=, wanted);
    }
}

static void
put_item(builder *b, guint32 tag, const char *bytes, guint length)
{
    put_header(b, tag, NULL, length);
    g_byte_array_append(b->bytes, (const guint8 *)bytes, length);
}

/* Five fragments, three frames: 2 + 1 + 2 fragments. table: the bytes of the basic offset table. */
static gboolean
scan_fragments(const char *table, guint table_length, scan_result *r, GError **error)
{
    builder b = begin_file(JPEG);
    put_identity(&b);
    put_geometry(&b, 4, 4, 8, "3 ");
    put_header(&b, 0x7fe00010, "OB", 0xffffffff);
    put_item(&b, 0xfffee000, table, table_length);
    put_item(&b, 0xfffee000, "\xff\xd8\xff\xe0", 4);
    put_item(&b, 0xfffee000, "\1\2", 2);
    put_item(&b, 0xfffee000, "\xff\xd8\xff\xe1\1\2", 6);
    put_item(&b, 0xfffee000, "\xff\xd8\xff\xe2", 4);
    put_item(&b, 0xfffee000, "\3\4", 2);
    put_item(&b, 0xfffee0dd, "", 0);
    return scan(&b, r, error);
}

static void
test_fragments(void)
{
    const struct {
        const char *table;
        guint length;
    } tables[] = {{"", 0},
                  {"\0\0\0\0\x16\0\0\0\x24\0\0\0", 12},        /* right */
                  {"\0\0\0\0\xf0\xff\xff\xff\x10\0\0\0", 12}}; /* nonsense: found by the code streams */
    for (gsize i = 0; i < G_N_ELEMENTS(tables); i++) {
        g_auto(scan_result) r = {0};
        g_autoptr(GError) error = NULL;
        g_assert_true(scan_fragments(tables[i].table, tables[i].length, &r, &error));
        for (guint32 frame = 0; frame < 3; frame++) {
            g_autoptr(GArray) extents = frame_table_find(g_bytes_get_data(r.frame_table, NULL),
                                                         g_bytes_get_size(r.frame_table), frame, &error);
            g_assert_no_error(error);
            g_assert_cmpuint(extents->len, ==, frame == 1 ? 1 : 2);
        }
    }
}

static void
test_geometry(void)
{
    const struct {
        guint rows, columns, bits, length;
        const char *frames;
    } lies[] = {{65535, 65535, 16, 64, NULL},     {0, 4, 8, 64, NULL}, {4, 4, 33, 64, NULL},
                {4, 4, 8, 64, "2147483647"},      {4, 4, 8, 64, "-5"}, {4, 4, 8, 64, "many"},
                {65535, 65535, 64, 64, "999999"}, {4, 4, 8, 64, "5 "}};
    for (gsize i = 0; i < G_N_ELEMENTS(lies); i++) {
        builder b = begin_file(EXPLICIT);
        put_identity(&b);
        put_geometry(&b, lies[i].rows, lies[i].columns, lies[i].bits, lies[i].frames);
        put_native_pixels(&b, lies[i].length);
        expect_refused(&b, ERR_UNPROCESSABLE);
    }
}

static void
put_nested(builder *b, guint depth)
{
    for (guint i = 0; i < depth; i++) {
        put_header(b, 0x0040a730, "SQ", 0xffffffff);
        put_header(b, 0xfffee000, NULL, 0xffffffff);
    }
    for (guint i = 0; i < depth; i++) {
        put_header(b, 0xfffee00d, NULL, 0);
        put_header(b, 0xfffee0dd, NULL, 0);
    }
}

static void
test_depth(void)
{
    builder fits = begin_file(EXPLICIT);
    put_identity(&fits);
    put_nested(&fits, WALK_DEPTH_LIMIT);
    g_auto(scan_result) r = {0};
    g_assert_true(scan(&fits, &r, NULL));
    g_autoptr(json_t) json = metadata_of(&r);
    g_assert_nonnull(value_of(json, "0040A730"));
    builder deeper = begin_file(EXPLICIT);
    put_identity(&deeper);
    put_nested(&deeper, WALK_DEPTH_LIMIT + 1);
    expect_refused(&deeper, ERR_TOO_LARGE);
}

static void
test_deflated(void)
{
    builder plain = {.bytes = g_byte_array_new()}, b = begin_file(DEFLATED);
    put_identity(&plain);
    put_geometry(&plain, 2, 2, 8, NULL);
    put_native_pixels(&plain, 4);
    guint8 packed[4096];
    z_stream z = {.next_in = plain.bytes->data,
                  .avail_in = plain.bytes->len,
                  .next_out = packed,
                  .avail_out = sizeof packed};
    g_assert_cmpint(deflateInit2(&z, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), ==, Z_OK);
    g_assert_cmpint(deflate(&z, Z_FINISH), ==, Z_STREAM_END);
    g_byte_array_append(b.bytes, packed, (guint)z.total_out);
    deflateEnd(&z);
    g_byte_array_unref(plain.bytes);
    g_auto(scan_result) r = {0};
    g_autoptr(GError) error = NULL;
    g_assert_true(scan(&b, &r, &error));
    g_assert_cmpuint(r.frames, ==, 1);
}

static void
test_disorder(void)
{
    builder b = begin_file(EXPLICIT);
    put_identity(&b);
    put_text(&b, 0x00100020, "LO", "OTHER"); /* repeated: the first counts */
    put_text(&b, 0x00080050, "SH", "A1");    /* late, but the only one */
    g_auto(scan_result) r = {0};
    g_assert_true(scan(&b, &r, NULL));
    g_assert_cmpstr(r.patient_id, ==, "P1");
    g_assert_cmpstr(r.accession, ==, "A1");
    g_autoptr(json_t) json = metadata_of(&r);
    g_assert_cmpstr(json_string_value(value_of(json, "00100020")), ==, "P1");
}

static void
test_texts(void)
{
    builder b = begin_file(EXPLICIT);
    put_identity(&b);
    put_text(&b, 0x00200020, "CS", "L\\\\P"); /* the middle one is empty */
    put_text(&b, 0x00204000, "LT", "a\\b ");  /* one value */
    put_text(&b, 0x00281050, "DS", "+1.50\\.5\\x");
    put_header(&b, 0x0040a160, "UT", 4);
    g_byte_array_append(b.bytes, (const guint8 *)"c\\d ", 4);
    g_auto(scan_result) r = {0};
    g_assert_true(scan(&b, &r, NULL));
    g_autoptr(json_t) json = metadata_of(&r);
    json_t *sides = json_object_get(json_object_get(json, "00200020"), "Value");
    g_assert_cmpuint(json_array_size(sides), ==, 3);
    g_assert_true(json_is_null(json_array_get(sides, 1)));
    g_assert_cmpstr(json_string_value(value_of(json, "00204000")), ==, "a\\b");
    g_assert_cmpstr(json_string_value(value_of(json, "0040A160")), ==, "c\\d");
    json_t *centers = json_object_get(json_object_get(json, "00281050"), "Value");
    g_assert_cmpfloat(json_number_value(json_array_get(centers, 0)), ==, 1.5);
    g_assert_cmpfloat(json_number_value(json_array_get(centers, 1)), ==, 0.5);
    g_assert_cmpstr(json_string_value(json_array_get(centers, 2)), ==, "x");
}

static void
test_bulk(void)
{
    builder b = begin_file(EXPLICIT);
    put_identity(&b);
    put_header(&b, 0x00420011, "OB", 2000);
    gsize offset = b.bytes->len;
    for (guint i = 0; i < 2000; i++)
        put(&b, i, 1);
    g_auto(scan_result) r = {0};
    g_assert_true(scan(&b, &r, NULL));
    g_autoptr(json_t) json = metadata_of(&r);
    g_autofree char *want = g_strdup_printf(
        "/dicom-web/orgs/X/studies/2.25.1/series/2.25.2/instances/2.25.3/bulkdata/%" G_GSIZE_FORMAT "-2000",
        offset);
    g_assert_cmpstr(json_get_text(json_object_get(json, "00420011"), "BulkDataURI"), ==, want);
    g_assert_cmpuint(r.frames, ==, 0);
    g_assert_null(r.frame_table);
}

/* A file cut anywhere is refused or read whole, and never read past its end (the sanitizers watch). */
static void
test_truncated(void)
{
    builder b = begin_file(EXPLICIT);
    put_identity(&b);
    put_nested(&b, 3);
    put_geometry(&b, 4, 2, 16, NULL);
    put_native_pixels(&b, 16);
    for (guint cut = 0; cut < b.bytes->len; cut++) {
        builder shorter = {.bytes = g_byte_array_new()};
        g_byte_array_append(shorter.bytes, b.bytes->data, cut);
        g_auto(scan_result) r = {0};
        if (scan(&shorter, &r, NULL))
            g_assert_cmpstr(r.sop_uid, ==, "2.25.3");
    }
    g_byte_array_unref(b.bytes);
}

static void
test_identifiers(void)
{
    const char *bad[] = {"../../etc/passwd", "1.2.abc", "", "1.2\\3.4",
                         "2.25.111111111111111111111111111111111111111111111111111111111111111"};
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        builder b = begin_file(EXPLICIT);
        put_text(&b, 0x00080016, "UI", "1.2.3");
        put_text(&b, 0x00080018, "UI", bad[i]);
        put_text(&b, 0x0020000d, "UI", "2.25.1");
        put_text(&b, 0x0020000e, "UI", "2.25.2");
        expect_refused(&b, ERR_UNPROCESSABLE);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/scan/digest", test_digest);
    g_test_add_func("/scan/encodings", test_encodings);
    g_test_add_func("/scan/fragments", test_fragments);
    g_test_add_func("/scan/geometry", test_geometry);
    g_test_add_func("/scan/depth", test_depth);
    g_test_add_func("/scan/deflated", test_deflated);
    g_test_add_func("/scan/disorder", test_disorder);
    g_test_add_func("/scan/texts", test_texts);
    g_test_add_func("/scan/bulk", test_bulk);
    g_test_add_func("/scan/truncated", test_truncated);
    g_test_add_func("/scan/identifiers", test_identifiers);
    return g_test_run();
}
