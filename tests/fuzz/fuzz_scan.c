/* dicom/scan: scan_bytes, and through it walk, pixels, charset, person_name, json_writer and frame_table; then
 * digest_dataset, which walks what was accepted once more.
 * What is accepted must be whole: JSON that parses, a table whose every frame lies in the file. */
#include "dicom/scan/digest.h"
#include "dicom/scan/frame_table.h"
#include "dicom/scan/scan.h"
#include "hub/base/json.h"

int LLVMFuzzerTestOneInput(const guint8 *bytes, gsize length);

static void
check_frames(const scan_result *r, gsize length)
{
    frame_kind kind;
    guint32 frames;
    gsize size;
    const void *table = g_bytes_get_data(r->frame_table, &size);
    if (!frame_table_info(table, size, &kind, &frames) || frames != r->frames)
        g_error("the frame table does not say what the scan says");
    for (guint32 i = 0; i < MIN(frames, 16) && kind != FRAMES_OPAQUE; i++) {
        g_autoptr(GArray) extents = frame_table_find(table, size, i, NULL);
        if (!extents)
            g_error("a frame is missing");
        for (guint e = 0; e < extents->len; e++) {
            frame_extent *extent = &g_array_index(extents, frame_extent, e);
            if (extent->offset > length || extent->length > length - extent->offset)
                g_error("a frame lies outside of the file");
        }
    }
}

int
LLVMFuzzerTestOneInput(const guint8 *bytes, gsize length)
{
    const scan_options options = {.charset = "GB18030", .origin = "/dicom-web/orgs/X"};
    g_auto(scan_result) r = {0};
    if (!scan_bytes(bytes, length, &options, &r, NULL))
        return 0;
    g_autoptr(json_t) study = json_parse(r.study_attributes, strlen(r.study_attributes), NULL);
    g_autoptr(json_t) series = json_parse(r.series_attributes, strlen(r.series_attributes), NULL);
    if (!study || !series)
        g_error("the attributes are no JSON");
    if (r.frame_table)
        check_frames(&r, length);
    guint8 digest[DIGEST_LENGTH];
    digest_dataset(bytes, length, digest, NULL);
    return 0;
}
