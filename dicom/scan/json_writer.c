/* An element is first written into `element`, then goes into the deflate stream and, when it describes the
 * study or the series, into those objects too. One charset per open data set: items inherit it unless they
 * name their own. */
#include "dicom/scan/json_writer.h"
#include "dicom/scan/charset.h"
#include "dicom/scan/person_name.h"
#include "hub/base/err.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define TAG_CHARSET 0x00080005u
#define TAG_PIXEL_DATA 0x7fe00010u
#define DEFLATE_LEVEL 6
#define CHUNK 4096

struct json_writer {
    z_stream deflate;
    GByteArray *out;
    GString *element;
    GString *study, *series; /* objects, open until finish */
    char *instance_url, *assumed;
    gboolean ranges;
    guint32 crc;
    gsize size;
    gboolean doubt, beyond_ascii, has_charset;
    gboolean begun[WALK_DEPTH_LIMIT + 2]; /* by depth: something was written, the next one needs a comma */
    gboolean item_begun[WALK_DEPTH_LIMIT + 2];
    charset *charsets[WALK_DEPTH_LIMIT + 2]; /* NULL: that of the data set around */
};

/* Attributes that describe the study and its patient, and the series (PS3.4 C.6.2.1 as far as QIDO-RS answers
 * them). */
static const guint32 study_tags[] = {0x00080020, 0x00080030, 0x00080050, 0x00080090, 0x00081030,
                                     0x00100010, 0x00100020, 0x00100021, 0x00100030, 0x00100040,
                                     0x00101010, 0x0020000d, 0x00200010};
static const guint32 series_tags[] = {0x00080021, 0x00080031, 0x00080060, 0x0008103e, 0x00080070,
                                      0x00081090, 0x00180015, 0x00181030, 0x00185100, 0x0020000e,
                                      0x00200011, 0x00200060, 0x00400244, 0x00400245};

static void
deflate_bytes(json_writer *w, const void *bytes, gsize length, int flush)
{
    guint8 chunk[CHUNK];
    w->deflate.next_in = (Bytef *)bytes;
    w->deflate.avail_in = (uInt)length;
    do {
        w->deflate.next_out = chunk;
        w->deflate.avail_out = sizeof chunk;
        deflate(&w->deflate, flush);
        g_byte_array_append(w->out, chunk, (guint)(sizeof chunk - w->deflate.avail_out));
    } while (w->deflate.avail_out == 0);
}

static void
put(json_writer *w, const char *text, gsize length)
{
    w->crc = (guint32)crc32(w->crc, (const Bytef *)text, (uInt)length);
    w->size += length;
    deflate_bytes(w, text, length, Z_NO_FLUSH);
}

json_writer *
json_writer_new(const char *instance_url, gboolean ranges, const char *assumed_charset)
{
    json_writer *w = g_new0(json_writer, 1);
    if (deflateInit2(&w->deflate, DEFLATE_LEVEL, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        g_error("zlib cannot start");
    w->out = g_byte_array_new();
    w->element = g_string_new(NULL);
    w->study = g_string_new("{");
    w->series = g_string_new("{");
    w->instance_url = g_strdup(instance_url);
    w->assumed = g_strdup(assumed_charset);
    w->ranges = ranges;
    w->charsets[0] = charset_new("", 0, assumed_charset);
    put(w, "{", 1);
    return w;
}

void
json_writer_free(json_writer *w)
{
    if (!w)
        return;
    deflateEnd(&w->deflate);
    g_byte_array_unref(w->out);
    g_string_free(w->element, TRUE);
    g_string_free(w->study, TRUE);
    g_string_free(w->series, TRUE);
    for (gsize i = 0; i < G_N_ELEMENTS(w->charsets); i++)
        charset_free(w->charsets[i]);
    g_free(w->instance_url);
    g_free(w->assumed);
    g_free(w);
}

static int
append_dump(const char *bytes, size_t length, void *data)
{
    g_string_append_len(data, bytes, (gssize)length);
    return 0;
}

static void
append_string(GString *out, const char *text)
{
    g_autoptr(json_t) value = json_string(text);
    if (!value || json_dump_callback(value, append_dump, out, JSON_ENCODE_ANY | JSON_COMPACT))
        g_string_append(out, "\"\"");
}

static char *
decode(json_writer *w, const walk_value *v)
{
    guint depth = v->depth;
    while (depth > 0 && !w->charsets[depth])
        depth--;
    char *text = charset_decode(w->charsets[depth], v->bytes, v->length, &w->doubt);
    for (const char *c = text; *c && !w->beyond_ascii; c++)
        w->beyond_ascii = (guchar)*c >= 0x80;
    return text;
}

/* RFC 8259 section 6: what may stand in JSON as it is. */
static gboolean
is_json_number(const char *text)
{
    const char *c = text + (*text == '-');
    if (*c == '0' ? g_ascii_isdigit(c[1]) : !g_ascii_isdigit(*c))
        return FALSE;
    while (g_ascii_isdigit(*c))
        c++;
    if (*c == '.') {
        if (!g_ascii_isdigit(*++c))
            return FALSE;
        while (g_ascii_isdigit(*c))
            c++;
    }
    if (*c == 'e' || *c == 'E') {
        c++;
        c += *c == '+' || *c == '-';
        if (!g_ascii_isdigit(*c))
            return FALSE;
        while (g_ascii_isdigit(*c))
            c++;
    }
    return *c == '\0';
}

static void
append_double(GString *out, double value, int digits)
{
    char text[G_ASCII_DTOSTR_BUF_SIZE], format[8];
    if (!isfinite(value)) {
        g_string_append(out, isnan(value) ? "\"NaN\"" : value > 0 ? "\"Infinity\"" : "\"-Infinity\"");
        return;
    }
    g_snprintf(format, sizeof format, "%%.%dg", digits);
    g_string_append(out, g_ascii_formatd(text, sizeof text, format, value));
}

/* IS and DS: a number when it is one, in its own words where JSON allows them. */
static void
append_number_text(GString *out, const char *text)
{
    if (is_json_number(text) && strlen(text) <= 32) {
        g_string_append(out, text);
        return;
    }
    char *end = NULL;
    errno = 0;
    double value = g_ascii_strtod(text, &end);
    gboolean plain = strspn(text, "+-0123456789.eE") == strlen(text);
    if (plain && end && !*end && end != text && errno == 0 && isfinite(value))
        append_double(out, value, 17);
    else
        append_string(out, text);
}

static void
append_name(GString *out, const char *text)
{
    g_auto(person_name) name = person_name_parse(text);
    const char *groups[][2] = {
        {"Alphabetic", name.alphabetic}, {"Ideographic", name.ideographic}, {"Phonetic", name.phonetic}};
    gboolean any = FALSE;
    for (gsize i = 0; i < G_N_ELEMENTS(groups); i++) {
        if (!groups[i][1][0])
            continue;
        g_string_append_printf(out, "%s\"%s\":", any ? "," : "{", groups[i][0]);
        append_string(out, groups[i][1]);
        any = TRUE;
    }
    g_string_append(out, any ? "}" : "null");
}

static gboolean
is_one_of(const char *vr, const char *list)
{
    return strstr(list, vr) != NULL;
}

static void
append_text_value(GString *out, const char *vr, char *text)
{
    gboolean leading = !is_one_of(vr, "UC LT ST UT UR");
    g_strchomp(text);
    if (leading)
        g_strchug(text);
    if (!text[0])
        g_string_append(out, "null");
    else if (!strcmp(vr, "PN"))
        append_name(out, text);
    else if (is_one_of(vr, "IS DS"))
        append_number_text(out, text);
    else
        append_string(out, text);
}

static void
append_texts(json_writer *w, const walk_value *v)
{
    g_autofree char *text = decode(w, v);
    if (!text[strspn(text, " ")])
        return;
    g_string_append(w->element, ",\"Value\":[");
    if (is_one_of(v->vr, "LT ST UT UR")) { /* one value, \ is a character of it */
        append_text_value(w->element, v->vr, text);
        g_string_append_c(w->element, ']');
        return;
    }
    g_auto(GStrv) values = g_strsplit(text, "\\", 0);
    for (char **value = values; *value; value++) {
        if (value != values)
            g_string_append_c(w->element, ',');
        append_text_value(w->element, v->vr, *value);
    }
    g_string_append_c(w->element, ']');
}

static void
append_one_number(GString *out, const walk_value *v, gsize i)
{
    union {
        guint32 bits;
        float number;
    } f = {0};
    union {
        guint64 bits;
        double number;
    } d = {0};
    static const char order[] = "US SS UL SL FL FD UV SV AT";
    switch ((strstr(order, v->vr) - order) / 3) {
    case 0:
        g_string_append_printf(out, "%u", walk_u16(v, i));
        break;
    case 1:
        g_string_append_printf(out, "%d", (gint16)walk_u16(v, i));
        break;
    case 2:
        g_string_append_printf(out, "%u", walk_u32(v, i));
        break;
    case 3:
        g_string_append_printf(out, "%d", (gint32)walk_u32(v, i));
        break;
    case 4:
        f.bits = walk_u32(v, i);
        append_double(out, (double)f.number, 9);
        break;
    case 5:
        d.bits = walk_u64(v, i);
        append_double(out, d.number, 17);
        break;
    case 6: /* beyond what a JSON reader's doubles hold exactly: as text */
        g_string_append_printf(out, "\"%" G_GUINT64_FORMAT "\"", walk_u64(v, i));
        break;
    case 7:
        g_string_append_printf(out, "\"%" G_GINT64_FORMAT "\"", (gint64)walk_u64(v, i));
        break;
    default:
        g_string_append_printf(out, "\"%04X%04X\"", walk_u16(v, 2 * i), walk_u16(v, 2 * i + 1));
    }
}

static void
append_numbers(json_writer *w, const walk_value *v)
{
    gsize size = is_one_of(v->vr, "US SS") ? 2 : is_one_of(v->vr, "FD UV SV") ? 8 : 4;
    if (v->length < size)
        return;
    g_string_append(w->element, ",\"Value\":[");
    for (gsize i = 0; i < v->length / size; i++) {
        if (i)
            g_string_append_c(w->element, ',');
        append_one_number(w->element, v, i);
    }
    g_string_append_c(w->element, ']');
}

static void
append_bulk(json_writer *w, const walk_value *v)
{
    if (!w->ranges)
        return;
    g_string_append_printf(w->element,
                           ",\"BulkDataURI\":\"%s/bulkdata/%" G_GSIZE_FORMAT "-%" G_GSIZE_FORMAT "\"",
                           w->instance_url, v->offset, v->length);
}

static void
append_binary(json_writer *w, const walk_value *v)
{
    if (v->length == 0)
        return;
    g_autofree guint8 *copy = g_memdup2(v->bytes, v->length);
    gsize word = !v->big_endian              ? 1
                 : !strcmp(v->vr, "OW")      ? 2
                 : is_one_of(v->vr, "OF OL") ? 4
                 : is_one_of(v->vr, "OD OV") ? 8
                                             : 1;
    for (gsize i = 0; word > 1 && i + word <= v->length; i++) /* DICOM JSON is little endian */
        copy[i - i % word + word - 1 - i % word] = v->bytes[i];
    g_autofree char *base64 = g_base64_encode(copy, v->length);
    g_string_append_printf(w->element, ",\"InlineBinary\":\"%s\"", base64);
}

static void
append_content(json_writer *w, const walk_value *v)
{
    gboolean binary = is_one_of(v->vr, "OB OD OF OL OV OW UN");
    gboolean numbers = is_one_of(v->vr, "US SS UL SL FL FD UV SV AT");
    if (v->tag == TAG_PIXEL_DATA && v->depth == 0)
        g_string_append_printf(w->element, ",\"BulkDataURI\":\"%s/frames\"", w->instance_url);
    else if (v->length > (binary || numbers ? JSON_INLINE_LIMIT : JSON_TEXT_LIMIT))
        append_bulk(w, v);
    else if (binary)
        append_binary(w, v);
    else if (numbers)
        append_numbers(w, v);
    else
        append_texts(w, v);
}

static gboolean
is_listed(guint32 tag, const guint32 *tags, gsize count)
{
    for (gsize i = 0; i < count; i++)
        if (tags[i] == tag)
            return TRUE;
    return FALSE;
}

static void
copy_element(GString *object, const GString *element)
{
    if (object->len > 1)
        g_string_append_c(object, ',');
    g_string_append_len(object, element->str, (gssize)element->len);
}

static void
write_element(json_writer *w, guint32 tag, guint depth)
{
    if (w->begun[depth])
        put(w, ",", 1);
    w->begun[depth] = TRUE;
    put(w, w->element->str, w->element->len);
    if (depth == 0 && is_listed(tag, study_tags, G_N_ELEMENTS(study_tags)))
        copy_element(w->study, w->element);
    if (depth == 0 && is_listed(tag, series_tags, G_N_ELEMENTS(series_tags)))
        copy_element(w->series, w->element);
}

static void
take_charset(json_writer *w, const walk_value *v)
{
    charset_free(w->charsets[v->depth]);
    w->charsets[v->depth] = charset_new((const char *)v->bytes, v->length, w->assumed);
    if (v->depth > 0)
        return;
    w->has_charset = TRUE;
    g_string_assign(w->element, "\"00080005\":{\"vr\":\"CS\",\"Value\":[\"ISO_IR 192\"]}");
    write_element(w, v->tag, 0);
}

static gboolean
on_value(gpointer data, const walk_value *v, GError **error)
{
    json_writer *w = data;
    if ((v->tag & 0xffff) == 0)
        return TRUE; /* group lengths mean nothing in JSON */
    if (w->size > JSON_WRITER_LIMIT)
        return err_set(error, ERR_TOO_LARGE, "the attributes take more than %d bytes as JSON",
                       JSON_WRITER_LIMIT);
    if (v->tag == TAG_CHARSET) {
        take_charset(w, v);
        return TRUE;
    }
    g_string_printf(w->element, "\"%08X\":{\"vr\":\"%s\"", v->tag, v->vr);
    append_content(w, v);
    g_string_append_c(w->element, '}');
    write_element(w, v->tag, v->depth);
    return TRUE;
}

static void
on_sequence_begin(gpointer data, guint32 tag, guint depth)
{
    json_writer *w = data;
    g_string_printf(w->element, "\"%08X\":{\"vr\":\"SQ\",\"Value\":[", tag);
    write_element(w, 0, depth);
    w->item_begun[depth + 1] = FALSE;
}

static void
on_item_begin(gpointer data, guint depth)
{
    json_writer *w = data;
    put(w, w->item_begun[depth] ? ",{" : "{", w->item_begun[depth] ? 2 : 1);
    w->item_begun[depth] = TRUE;
    w->begun[depth] = FALSE;
}

static void
on_item_end(gpointer data, guint depth)
{
    json_writer *w = data;
    put(w, "}", 1);
    g_clear_pointer(&w->charsets[depth], charset_free);
}

static void
on_sequence_end(gpointer data, guint depth)
{
    (void)depth;
    put(data, "]}", 2);
}

static gboolean
on_fragments(gpointer data, const walk_value *v, const GArray *extents, GError **error)
{
    json_writer *w = data;
    (void)extents;
    if (v->depth > 0)
        return TRUE; /* an icon's pixels are no frames of the image */
    g_string_printf(w->element, "\"%08X\":{\"vr\":\"%s\"", v->tag, v->vr);
    append_content(w, v);
    g_string_append_c(w->element, '}');
    write_element(w, v->tag, 0);
    (void)error;
    return TRUE;
}

const walk_visitor json_writer_visitor = {
    .value = on_value,
    .sequence_begin = on_sequence_begin,
    .item_begin = on_item_begin,
    .item_end = on_item_end,
    .sequence_end = on_sequence_end,
    .fragments = on_fragments,
};

GBytes *
json_writer_finish(json_writer *w, guint32 *ret_crc, gsize *ret_size)
{
    if (w->beyond_ascii && !w->has_charset) {
        g_string_assign(w->element, "\"00080005\":{\"vr\":\"CS\",\"Value\":[\"ISO_IR 192\"]}");
        write_element(w, TAG_CHARSET, 0);
    }
    put(w, "}", 1);
    deflate_bytes(w, "", 0, Z_FULL_FLUSH);
    g_string_append_c(w->study, '}');
    g_string_append_c(w->series, '}');
    *ret_crc = w->crc;
    *ret_size = w->size;
    return g_bytes_new(w->out->data, w->out->len);
}

const char *
json_writer_study(const json_writer *w)
{
    return w->study->str;
}

const char *
json_writer_series(const json_writer *w)
{
    return w->series->str;
}

gboolean
json_writer_doubt(const json_writer *w)
{
    return w->doubt;
}
