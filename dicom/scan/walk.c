/* Recursive descent over data set -> element -> sequence -> item -> data set. The recursion is bounded by
 * WALK_DEPTH_LIMIT before it happens, so the stack is too. `at` only grows; every function leaves it on the
 * first byte after what it was asked to walk. */
#include "dicom/scan/walk.h"
#include "dicom/scan/dictionary.h"
#include "hub/base/err.h"
#include <string.h>

#define UNDEFINED 0xffffffffu
#define TAG_ITEM 0xfffee000u
#define TAG_ITEM_END 0xfffee00du
#define TAG_SEQUENCE_END 0xfffee0ddu
#define TAG_PIXEL_REPRESENTATION 0x00280103u
#define TAG_PIXEL_DATA 0x7fe00010u

typedef struct {
    const walk_visitor *visitor;
    gpointer data;
    const guint8 *bytes;
    gsize at;
    gboolean explicit_vr, big_endian, encapsulated;
    gboolean pixels_signed; /* settles the VR "xs" of implicit data sets */
    guint elements, disorder;
    guint muted;  /* inside of a repeated element: nothing is told */
    GArray *tags; /* of guint32: the tags of all open data sets, one after another */
    GArray *fragments;
} walker;

typedef struct {
    guint32 tag;
    char vr[3];
    guint32 length;
    gsize offset;
} element;

static gboolean walk_elements(walker *w, gsize end, gboolean delimited, guint depth, GError **error);

static guint16
read_u16(const walker *w, gsize at)
{
    const guint8 *b = w->bytes + at;
    return w->big_endian ? (guint16)(b[0] << 8 | b[1]) : (guint16)(b[1] << 8 | b[0]);
}

static guint32
read_u32(const walker *w, gsize at)
{
    guint32 first = read_u16(w, at), second = read_u16(w, at + 2);
    return w->big_endian ? first << 16 | second : second << 16 | first;
}

static guint32
read_tag(const walker *w, gsize at)
{
    return (guint32)read_u16(w, at) << 16 | read_u16(w, at + 2);
}

static gboolean
malformed(const walker *w, guint32 tag, const char *why, GError **error)
{
    return err_set(error, ERR_INVALID,
                   "malformed data set at byte %" G_GSIZE_FORMAT ", element (%04X,%04X): %s", w->at,
                   tag >> 16, tag & 0xffff, why);
}

static gboolean
count_element(walker *w, GError **error)
{
    if (++w->elements > WALK_ELEMENTS_LIMIT)
        return err_set(error, ERR_TOO_LARGE, "the data set has more than %d elements", WALK_ELEMENTS_LIMIT);
    return TRUE;
}

static gboolean
has_long_length(const char *vr)
{
    static const char list[] = "OB OD OF OL OV OW SQ SV UC UN UR UT UV";
    return vr[0] != ' ' && strstr(list, vr) != NULL;
}

static gboolean
is_known_vr(const char *vr)
{
    static const char list[] =
        "AE AS AT CS DA DS DT FD FL IS LO LT OB OD OF OL OV OW PN SH SL SQ SS ST SV TM UC UI UL UN UR "
        "US UT UV";
    return vr[0] >= 'A' && vr[0] <= 'Z' && vr[1] >= 'A' && vr[1] <= 'Z' && strstr(list, vr) != NULL;
}

static gboolean
read_explicit_header(walker *w, gsize end, element *e, GError **error)
{
    memcpy(e->vr, w->bytes + w->at + 4, 2);
    e->vr[2] = '\0';
    if (!is_known_vr(e->vr))
        return malformed(w, e->tag, "unknown value representation", error);
    gsize header = has_long_length(e->vr) ? 12 : 8;
    if (end - w->at < header)
        return malformed(w, e->tag, "the file ends inside of the element's header", error);
    e->length = header == 12 ? read_u32(w, w->at + 8) : read_u16(w, w->at + 6);
    e->offset = w->at + header;
    return TRUE;
}

static void
read_implicit_header(walker *w, element *e)
{
    const char *vr = dictionary_vr(e->tag);
    if (!strcmp(vr, "xs"))
        vr = w->pixels_signed ? "SS" : "US";
    memcpy(e->vr, vr, 3);
    e->length = read_u32(w, w->at + 4);
    e->offset = w->at + 8;
    if (e->length == UNDEFINED && e->tag != TAG_PIXEL_DATA)
        memcpy(e->vr, "SQ", 3);
}

static gboolean
read_header(walker *w, gsize end, element *e, GError **error)
{
    if (end - w->at < 8)
        return malformed(w, 0, "the file ends inside of an element's header", error);
    e->tag = read_tag(w, w->at);
    if (e->tag >> 16 == 0xfffe)
        return malformed(w, e->tag, "an item where an element should be", error);
    if (e->tag >> 16 < 0x0008)
        return malformed(w, e->tag, "a group that no data set has", error);
    if (w->explicit_vr) {
        if (!read_explicit_header(w, end, e, error))
            return FALSE;
    } else {
        read_implicit_header(w, e);
    }
    if (e->length != UNDEFINED && e->length > end - e->offset)
        return malformed(w, e->tag, "the value is longer than what contains it", error);
    return TRUE;
}

/* Has an element of this tag come before in the data set whose tags begin at base? */
static gboolean
note_tag(walker *w, guint32 tag, guint base, gboolean *ret_repeated, GError **error)
{
    guint count = w->tags->len;
    *ret_repeated = FALSE;
    if (count > base && g_array_index(w->tags, guint32, count - 1) >= tag) {
        if (++w->disorder > WALK_DISORDER_LIMIT)
            return malformed(w, tag, "too many elements out of order", error);
        guint32 highest = g_array_index(w->tags, guint32, count - 1);
        for (guint i = base; i < count && !*ret_repeated; i++)
            *ret_repeated = g_array_index(w->tags, guint32, i) == tag;
        /* keep the greatest last, so that the next one in order is seen as such */
        g_array_index(w->tags, guint32, count - 1) = tag;
        tag = highest;
    }
    g_array_append_val(w->tags, tag);
    return TRUE;
}

static walk_value
value_of(const walker *w, const element *e, guint depth)
{
    walk_value v = {.tag = e->tag,
                    .depth = depth,
                    .offset = e->offset,
                    .length = e->length == UNDEFINED ? 0 : e->length,
                    .bytes = w->bytes + e->offset,
                    .big_endian = w->big_endian};
    memcpy(v.vr, e->vr, 3);
    return v;
}

static gboolean
read_item_header(walker *w, gsize end, guint32 *ret_tag, guint32 *ret_length, GError **error)
{
    if (end - w->at < 8)
        return malformed(w, TAG_ITEM, "the file ends inside of a sequence", error);
    *ret_tag = read_tag(w, w->at);
    *ret_length = read_u32(w, w->at + 4);
    w->at += 8;
    return count_element(w, error);
}

static gboolean
walk_item(walker *w, gsize end, guint32 length, guint depth, GError **error)
{
    if (length != UNDEFINED && length > end - w->at)
        return malformed(w, TAG_ITEM, "the item is longer than what contains it", error);
    if (!w->muted && w->visitor->item_begin)
        w->visitor->item_begin(w->data, depth);
    guint base = w->tags->len;
    gsize item_end = length == UNDEFINED ? end : w->at + length;
    if (!walk_elements(w, item_end, length == UNDEFINED, depth, error))
        return FALSE;
    g_array_set_size(w->tags, base);
    if (!w->muted && w->visitor->item_end)
        w->visitor->item_end(w->data, depth);
    return TRUE;
}

static gboolean
walk_items(walker *w, gsize end, gboolean delimited, guint depth, GError **error)
{
    while (w->at < end) {
        guint32 tag = 0, length = 0;
        if (!read_item_header(w, end, &tag, &length, error))
            return FALSE;
        if (tag == TAG_SEQUENCE_END && delimited)
            return TRUE;
        if (tag != TAG_ITEM)
            return malformed(w, tag, "no item where one should be", error);
        if (!walk_item(w, end, length, depth, error))
            return FALSE;
    }
    if (delimited)
        return malformed(w, TAG_SEQUENCE_END, "the sequence does not end", error);
    return TRUE;
}

static gboolean
walk_sequence(walker *w, const element *e, gsize end, guint depth, GError **error)
{
    if (depth + 1 > WALK_DEPTH_LIMIT)
        return err_set(error, ERR_TOO_LARGE, "sequences are nested deeper than %d", WALK_DEPTH_LIMIT);
    if (!w->muted && w->visitor->sequence_begin)
        w->visitor->sequence_begin(w->data, e->tag, depth);
    gboolean delimited = e->length == UNDEFINED;
    gsize sequence_end = delimited ? end : e->offset + e->length;
    gboolean explicit_before = w->explicit_vr, big_before = w->big_endian;
    if (!strcmp(e->vr, "UN")) { /* PS3.5 6.2.2 note 7: such a sequence is in Implicit VR Little Endian */
        w->explicit_vr = FALSE;
        w->big_endian = FALSE;
    }
    w->at = e->offset;
    gboolean good = walk_items(w, sequence_end, delimited, depth + 1, error);
    w->explicit_vr = explicit_before;
    w->big_endian = big_before;
    if (!good)
        return FALSE;
    if (!w->muted && w->visitor->sequence_end)
        w->visitor->sequence_end(w->data, depth);
    return TRUE;
}

/* Encapsulated pixel data, PS3.5 A.4: items of bytes up to the sequence delimiter. */
static gboolean
walk_fragments(walker *w, const element *e, gsize end, guint depth, GError **error)
{
    if (!w->encapsulated)
        return malformed(w, e->tag, "fragments in a transfer syntax that has none", error);
    w->at = e->offset;
    g_array_set_size(w->fragments, 0);
    for (;;) {
        guint32 tag = 0, length = 0;
        if (!read_item_header(w, end, &tag, &length, error))
            return FALSE;
        if (tag == TAG_SEQUENCE_END)
            break;
        if (tag != TAG_ITEM || length == UNDEFINED || length > end - w->at)
            return malformed(w, tag, "no fragment where one should be, or it is too long", error);
        frame_extent extent = {.offset = w->at, .length = length};
        g_array_append_val(w->fragments, extent);
        w->at += length;
    }
    walk_value v = value_of(w, e, depth);
    if (w->muted || !w->visitor->fragments)
        return TRUE;
    return w->visitor->fragments(w->data, &v, w->fragments, error);
}

static gboolean
walk_value_of(walker *w, const element *e, guint depth, GError **error)
{
    walk_value v = value_of(w, e, depth);
    w->at = e->offset + e->length;
    if (e->tag == TAG_PIXEL_REPRESENTATION && e->length >= 2)
        w->pixels_signed = walk_u16(&v, 0) == 1;
    if (w->muted || !w->visitor->value)
        return TRUE;
    return w->visitor->value(w->data, &v, error);
}

static gboolean
walk_element(walker *w, const element *e, gsize end, guint depth, GError **error)
{
    if (!strcmp(e->vr, "SQ"))
        return walk_sequence(w, e, end, depth, error);
    if (e->length != UNDEFINED)
        return walk_value_of(w, e, depth, error);
    if (e->tag == TAG_PIXEL_DATA && (!strcmp(e->vr, "OB") || !strcmp(e->vr, "OW")))
        return walk_fragments(w, e, end, depth, error);
    if (!strcmp(e->vr, "UN"))
        return walk_sequence(w, e, end, depth, error);
    return malformed(w, e->tag, "undefined length where it is not allowed", error);
}

static gboolean
walk_elements(walker *w, gsize end, gboolean delimited, guint depth, GError **error)
{
    guint base = w->tags->len;
    while (w->at < end) {
        if (delimited && end - w->at >= 8 && read_tag(w, w->at) == TAG_ITEM_END) {
            w->at += 8;
            return TRUE;
        }
        element e = {0};
        gboolean repeated;
        if (!count_element(w, error) || !read_header(w, end, &e, error) ||
            !note_tag(w, e.tag, base, &repeated, error))
            return FALSE;
        w->muted += repeated ? 1 : 0;
        if (!walk_element(w, &e, end, depth, error))
            return FALSE;
        w->muted -= repeated ? 1 : 0;
    }
    if (delimited)
        return malformed(w, TAG_ITEM_END, "the item does not end", error);
    return TRUE;
}

gboolean
walk_dataset(const walk_input *input, const walk_visitor *visitor, gpointer data, GError **error)
{
    g_autoptr(GArray) tags = g_array_new(FALSE, FALSE, sizeof(guint32));
    g_autoptr(GArray) fragments = g_array_new(FALSE, FALSE, sizeof(frame_extent));
    walker w = {.visitor = visitor,
                .data = data,
                .bytes = input->bytes,
                .at = input->start,
                .explicit_vr = input->explicit_vr,
                .big_endian = input->big_endian,
                .encapsulated = input->encapsulated,
                .tags = tags,
                .fragments = fragments};
    return walk_elements(&w, input->end, FALSE, 0, error);
}

gboolean
walk_meta_element(const guint8 *bytes, gsize end, gsize *at, walk_value *ret_value)
{
    walker w = {.bytes = bytes, .at = *at, .explicit_vr = TRUE};
    element e = {0};
    if (end - *at < 8)
        return FALSE;
    e.tag = read_tag(&w, *at);
    if (!read_explicit_header(&w, end, &e, NULL) || e.length > end - e.offset)
        return FALSE;
    *ret_value = value_of(&w, &e, 0);
    *at = e.offset + e.length;
    return TRUE;
}

guint16
walk_u16(const walk_value *v, gsize index)
{
    const guint8 *b = v->bytes + 2 * index;
    return v->big_endian ? (guint16)(b[0] << 8 | b[1]) : (guint16)(b[1] << 8 | b[0]);
}

guint32
walk_u32(const walk_value *v, gsize index)
{
    guint32 first = walk_u16(v, 2 * index), second = walk_u16(v, 2 * index + 1);
    return v->big_endian ? first << 16 | second : second << 16 | first;
}

guint64
walk_u64(const walk_value *v, gsize index)
{
    guint64 first = walk_u32(v, 2 * index), second = walk_u32(v, 2 * index + 1);
    return v->big_endian ? first << 32 | second : second << 32 | first;
}
