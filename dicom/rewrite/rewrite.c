#include "dicom/rewrite/output.h"
#include "dicom/scan/charset.h"
#include "dicom/scan/scan.h"
#include "hub/base/err.h"
#include <string.h>

#define TAG_META_LENGTH 0x00020000u
#define TAG_META_SOP_UID 0x00020003u
#define TAG_CHARSET 0x00080005u
#define TAG_SOP_UID 0x00080018u
#define TAG_ITEM 0xfffee000u
#define TAG_ITEM_END 0xfffee00du
#define TAG_SEQUENCE_END 0xfffee0ddu
#define PREAMBLE 128

typedef struct {
    const rewrite_rules *rules;
    const walk_input *input;
    output *out;
    gboolean charset_due;                    /* (0008,0005) ISO_IR 192 is to be written where it belongs */
    guint next_set;                          /* of rules->set: not written yet */
    guint skipping;                          /* open sequences below and with the deleted one; 0: none */
    guint32 parents[WALK_DEPTH_LIMIT];       /* of the open sequences */
    const rewrite_element *appending;        /* the open top-level sequence gets its items at its end */
    charset *charsets[WALK_DEPTH_LIMIT + 1]; /* by depth; NULL: as the depth above */
} rewriter;

/* --- what is set --------------------------------------------------------------------------------------- */
/* Those that belong before tag. */
static void
write_set_before(rewriter *r, guint32 tag)
{
    if (r->charset_due && tag >= TAG_CHARSET) {
        r->charset_due = FALSE;
        write_set_before(r, TAG_CHARSET);
        output_text(r->out, TAG_CHARSET, "CS", "ISO_IR 192");
    }
    while (r->next_set < r->rules->set_count && r->rules->set[r->next_set].tag < tag)
        output_element(r->out, &r->rules->set[r->next_set++]);
}

/* The element that takes the place of tag's, wherever in the order that stands. */
static const rewrite_element *
set_for(const rewriter *r, guint32 tag)
{
    for (guint i = 0; i < r->rules->set_count; i++)
        if (r->rules->set[i].tag == tag)
            return &r->rules->set[i];
    return NULL;
}

/* TRUE: this top-level element is not to be copied, because something stands for it. */
static gboolean
is_replaced(rewriter *r, guint32 tag)
{
    write_set_before(r, tag);
    if (r->rules->utf8 && tag == TAG_CHARSET)
        return TRUE; /* has been written */
    if (!set_for(r, tag))
        return FALSE;
    if (r->next_set < r->rules->set_count && r->rules->set[r->next_set].tag == tag)
        output_element(r->out, &r->rules->set[r->next_set++]);
    return TRUE;
}

static rewrite_action
decide(rewriter *r, guint32 tag, const char *vr, guint depth, const walk_value *value, GBytes **ret_value)
{
    const rewrite_place place = {.tag = tag, .vr = vr, .depth = depth, .parents = r->parents, .value = value};
    return r->rules->decide ? r->rules->decide(r->rules->data, &place, ret_value) : REWRITE_KEEP;
}

/* --- text ---------------------------------------------------------------------------------------------- */
static gboolean
is_text(const char *vr)
{
    static const char list[] = "LO LT PN SH ST UC UT"; /* PS3.5 6.1.2.2: what (0008,0005) speaks of */
    return strstr(list, vr) != NULL;
}

static void
enter_charset(rewriter *r, const walk_value *v)
{
    g_clear_pointer(&r->charsets[v->depth], charset_free);
    r->charsets[v->depth] = charset_new((const char *)v->bytes, v->length, r->rules->assumed_charset);
}

static const charset *
charset_at(const rewriter *r, guint depth)
{
    while (depth > 0 && !r->charsets[depth])
        depth--;
    return r->charsets[depth];
}

static gboolean
is_plain(const walk_value *v)
{
    for (gsize i = 0; i < v->length; i++)
        if (v->bytes[i] >= 0x80 || v->bytes[i] == 0x1b)
            return FALSE;
    return TRUE;
}

static void
write_value(rewriter *r, const walk_value *v)
{
    if (r->rules->utf8 && is_text(v->vr) && !is_plain(v)) {
        g_autofree char *text = charset_decode(charset_at(r, v->depth), v->bytes, v->length, NULL);
        output_text(r->out, v->tag, v->vr, text);
        return;
    }
    output_header(r->out, v->tag, v->vr, (guint32)v->length);
    output_bytes(r->out, v->bytes, v->length);
}

/* --- the visitor --------------------------------------------------------------------------------------- */
static gboolean
on_value(gpointer data, const walk_value *v, GError **error)
{
    rewriter *r = data;
    (void)error; /* kept by the output */
    if (r->skipping)
        return TRUE;
    if (v->depth == 0 && r->rules->sop_uid && v->tag == TAG_SOP_UID) {
        write_set_before(r, v->tag);
        output_text(r->out, v->tag, "UI", r->rules->sop_uid);
        return !output_failed(r->out);
    }
    if (v->tag == TAG_CHARSET && r->rules->utf8)
        enter_charset(r, v);
    if ((v->tag & 0xffff) == 0 || (v->depth == 0 && is_replaced(r, v->tag)) ||
        (v->tag == TAG_CHARSET && r->rules->utf8))
        return !output_failed(r->out);
    if (v->big_endian != r->input->big_endian) {
        output_fail(r->out,
                    err_new(ERR_UNSUPPORTED, "a little endian sequence inside of a big endian data set"));
        return FALSE;
    }
    g_autoptr(GBytes) replacement = NULL;
    rewrite_action action = decide(r, v->tag, v->vr, v->depth, v, &replacement);
    walk_value written = *v;
    if (action == REWRITE_REPLACE) {
        written.bytes = g_bytes_get_data(replacement, &written.length);
        output_header(r->out, v->tag, v->vr, (guint32)written.length);
        output_bytes(r->out, written.bytes, written.length);
    } else if (action == REWRITE_KEEP) {
        write_value(r, &written);
    }
    return !output_failed(r->out);
}

static void
on_sequence_begin(gpointer data, guint32 tag, guint depth)
{
    rewriter *r = data;
    if (r->skipping) {
        r->skipping++;
        return;
    }
    const rewrite_element *set = depth == 0 ? set_for(r, tag) : NULL;
    gboolean append = set && set->append && r->next_set < r->rules->set_count;
    if (depth == 0)
        write_set_before(r, tag);
    append = append && &r->rules->set[r->next_set] == set;
    if (depth == 0 && !append && is_replaced(r, tag)) {
        r->skipping = 1;
        return;
    }
    g_autoptr(GBytes) unused = NULL;
    rewrite_action action = append ? REWRITE_KEEP : decide(r, tag, "SQ", depth, NULL, &unused);
    r->skipping = action == REWRITE_KEEP ? 0 : 1;
    if (action == REWRITE_REPLACE)
        output_header(r->out, tag, "SQ", 0);
    if (r->skipping)
        return;
    if (append) {
        r->appending = set;
        r->next_set++;
    }
    r->parents[depth] = tag;
    output_header(r->out, tag, "SQ", OUTPUT_UNDEFINED);
}

static void
on_item_begin(gpointer data, guint depth)
{
    rewriter *r = data;
    (void)depth;
    if (!r->skipping)
        output_mark(r->out, TAG_ITEM, OUTPUT_UNDEFINED);
}

static void
on_item_end(gpointer data, guint depth)
{
    rewriter *r = data;
    g_clear_pointer(&r->charsets[depth], charset_free);
    if (!r->skipping)
        output_mark(r->out, TAG_ITEM_END, 0);
}

static void
on_sequence_end(gpointer data, guint depth)
{
    rewriter *r = data;
    if (r->skipping) {
        r->skipping--;
        return;
    }
    if (depth == 0 && r->appending)
        output_items(r->out, g_steal_pointer(&r->appending));
    output_mark(r->out, TAG_SEQUENCE_END, 0);
}

static gboolean
on_fragments(gpointer data, const walk_value *v, const GArray *extents, GError **error)
{
    rewriter *r = data;
    (void)error;
    g_autoptr(GBytes) unused = NULL;
    if (r->skipping || (v->depth == 0 && is_replaced(r, v->tag)))
        return !output_failed(r->out);
    /* bytes cannot stand for fragments: replaced is deleted */
    if (decide(r, v->tag, v->vr, v->depth, NULL, &unused) != REWRITE_KEEP)
        return !output_failed(r->out);
    const guint8 *source = v->bytes - v->offset;
    output_header(r->out, v->tag, v->vr, OUTPUT_UNDEFINED);
    for (guint i = 0; i < extents->len; i++) {
        const frame_extent *e = &g_array_index(extents, frame_extent, i);
        output_mark(r->out, TAG_ITEM, (guint32)e->length);
        output_bytes(r->out, source + e->offset, e->length);
    }
    output_mark(r->out, TAG_SEQUENCE_END, 0);
    return !output_failed(r->out);
}

static const walk_visitor rewriting = {.value = on_value,
                                       .sequence_begin = on_sequence_begin,
                                       .item_begin = on_item_begin,
                                       .item_end = on_item_end,
                                       .sequence_end = on_sequence_end,
                                       .fragments = on_fragments};

/* --- the file ------------------------------------------------------------------------------------------ */
static gboolean
collect(gpointer data, const guint8 *bytes, gsize length, GError **error)
{
    (void)error;
    g_byte_array_append(data, bytes, (guint)length);
    return TRUE;
}

/* Preamble, DICM and group 0002, whose length is counted anew. scan_begin has walked it before. */
static gboolean
write_meta(const guint8 *bytes, gsize length, const rewrite_rules *rules, const rewrite_sink *sink,
           GError **error)
{
    static const guint8 preamble[PREAMBLE] = {0};
    gsize at = memcmp(bytes, "DICM", 4) ? PREAMBLE + 4 : 4;
    g_autoptr(GByteArray) group = g_byte_array_new();
    const rewrite_sink to_group = {.write = collect, .data = group};
    g_autoptr(output) meta = output_new(&to_group, TRUE, FALSE);
    walk_value v;
    while (length - at >= 8 && bytes[at] == 0x02 && bytes[at + 1] == 0x00 &&
           walk_meta_element(bytes, length, &at, &v)) {
        if (v.tag == TAG_META_LENGTH)
            continue;
        if (v.tag == TAG_META_SOP_UID && rules->sop_uid) {
            output_text(meta, v.tag, "UI", rules->sop_uid);
            continue;
        }
        output_header(meta, v.tag, v.vr, (guint32)v.length);
        output_bytes(meta, v.bytes, v.length);
    }
    g_autoptr(output) file = output_new(sink, TRUE, FALSE);
    guint32 group_length = GUINT32_TO_LE(group->len);
    output_bytes(file, preamble, sizeof preamble);
    output_bytes(file, "DICM", 4);
    output_header(file, TAG_META_LENGTH, "UL", sizeof group_length);
    output_bytes(file, &group_length, sizeof group_length);
    output_bytes(file, group->data, group->len);
    return output_finish(meta, error) && output_finish(file, error);
}

static gboolean
write_dataset(rewriter *r, GError **error)
{
    r->charsets[0] = charset_new("", 0, r->rules->assumed_charset);
    r->charset_due = r->rules->utf8;
    gboolean good = walk_dataset(r->input, &rewriting, r, error);
    for (guint depth = 0; depth <= WALK_DEPTH_LIMIT; depth++)
        g_clear_pointer(&r->charsets[depth], charset_free);
    if (!good && error && *error)
        return FALSE;
    if (good)
        write_set_before(r, G_MAXUINT32);
    return output_finish(r->out, error) && good;
}

gboolean
rewrite_file(const guint8 *bytes, gsize length, const rewrite_rules *rules, const rewrite_sink *sink,
             GError **error)
{
    walk_input input;
    const syntax *s;
    g_autoptr(GByteArray) inflated = NULL;
    if (!scan_begin(bytes, length, &input, &s, &inflated, error) ||
        !write_meta(bytes, length, rules, sink, error))
        return FALSE;
    g_autoptr(output) out = output_new(sink, input.explicit_vr, input.big_endian);
    if (s->deflated)
        output_deflate(out);
    rewriter r = {.rules = rules, .input = &input, .out = out};
    return write_dataset(&r, error);
}
