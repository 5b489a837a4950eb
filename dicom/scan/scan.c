/* Two walks over the same bytes: the first collects what identifies the instance and its geometry and so
 * refuses what is broken; the second writes the JSON, which needs the identifiers for its URLs. */
#include "dicom/scan/scan.h"
#include "dicom/scan/charset.h"
#include "dicom/scan/json_writer.h"
#include "dicom/scan/pixels.h"
#include "hub/base/err.h"
#include <stddef.h>
#include <string.h>
#include <zlib.h>

#define PREAMBLE 128
#define TAG_META_SYNTAX 0x00020010u

/* What the first walk collects: raw values by place in wanted[]. */
typedef enum {
    V_CHARSET,
    V_SOP_CLASS,
    V_SOP_UID,
    V_STUDY_DATE,
    V_STUDY_TIME,
    V_ACCESSION,
    V_MODALITY,
    V_REFERRING,
    V_STUDY_DESCRIPTION,
    V_SERIES_DESCRIPTION,
    V_NAME,
    V_PATIENT_ID,
    V_BIRTH_DATE,
    V_SEX,
    V_STUDY_UID,
    V_SERIES_UID,
    V_STUDY_ID,
    V_SERIES_NUMBER,
    V_INSTANCE_NUMBER,
    V_SAMPLES,
    V_PHOTOMETRIC,
    V_FRAMES,
    V_ROWS,
    V_COLUMNS,
    V_BITS,
    V_EOT,
    V_EOT_LENGTHS,
    V_COUNT
} wanted_value;

static const struct {
    guint32 tag;
    char vr[3];
} wanted[V_COUNT] = {
    [V_CHARSET] = {0x00080005, "CS"},
    [V_SOP_CLASS] = {0x00080016, "UI"},
    [V_SOP_UID] = {0x00080018, "UI"},
    [V_STUDY_DATE] = {0x00080020, "DA"},
    [V_STUDY_TIME] = {0x00080030, "TM"},
    [V_ACCESSION] = {0x00080050, "SH"},
    [V_MODALITY] = {0x00080060, "CS"},
    [V_REFERRING] = {0x00080090, "PN"},
    [V_STUDY_DESCRIPTION] = {0x00081030, "LO"},
    [V_SERIES_DESCRIPTION] = {0x0008103e, "LO"},
    [V_NAME] = {0x00100010, "PN"},
    [V_PATIENT_ID] = {0x00100020, "LO"},
    [V_BIRTH_DATE] = {0x00100030, "DA"},
    [V_SEX] = {0x00100040, "CS"},
    [V_STUDY_UID] = {0x0020000d, "UI"},
    [V_SERIES_UID] = {0x0020000e, "UI"},
    [V_STUDY_ID] = {0x00200010, "SH"},
    [V_SERIES_NUMBER] = {0x00200011, "IS"},
    [V_INSTANCE_NUMBER] = {0x00200013, "IS"},
    [V_SAMPLES] = {0x00280002, "US"},
    [V_PHOTOMETRIC] = {0x00280004, "CS"},
    [V_FRAMES] = {0x00280008, "IS"},
    [V_ROWS] = {0x00280010, "US"},
    [V_COLUMNS] = {0x00280011, "US"},
    [V_BITS] = {0x00280100, "US"},
    [V_EOT] = {0x7fe00001, "OV"},
    [V_EOT_LENGTHS] = {0x7fe00002, "OV"},
};

typedef struct {
    walk_value values[V_COUNT]; /* bytes NULL: not there */
    pixels pixels;
    charset *charset;
    gboolean doubt;
} collector;

static void
collector_clear(collector *c)
{
    g_clear_pointer(&c->pixels.fragments, g_array_unref);
    g_clear_pointer(&c->charset, charset_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(collector, collector_clear)

static gboolean
collect_value(gpointer data, const walk_value *v, GError **error)
{
    collector *c = data;
    if (v->depth > 0)
        return TRUE;
    if (v->tag == 0x7fe00010 || v->tag == 0x7fe00008 || v->tag == 0x7fe00009) {
        c->pixels.present = TRUE;
        c->pixels.native = *v;
    }
    for (gsize i = 0; i < V_COUNT; i++) {
        if (wanted[i].tag != v->tag)
            continue;
        gboolean number = !strcmp(wanted[i].vr, "US") || !strcmp(wanted[i].vr, "OV");
        if (number && strcmp(wanted[i].vr, v->vr) && strcmp(v->vr, "UN"))
            return err_set(error, ERR_INVALID, "element (%04X,%04X) has the value representation %s, not %s",
                           v->tag >> 16, v->tag & 0xffff, v->vr, wanted[i].vr);
        c->values[i] = *v;
    }
    return TRUE;
}

static gboolean
collect_fragments(gpointer data, const walk_value *v, const GArray *extents, GError **error)
{
    collector *c = data;
    (void)error;
    if (v->depth > 0)
        return TRUE;
    c->pixels.present = TRUE;
    c->pixels.fragments = g_array_sized_new(FALSE, FALSE, sizeof(frame_extent), extents->len);
    g_array_append_vals(c->pixels.fragments, extents->data, extents->len);
    return TRUE;
}

static const walk_visitor collecting = {.value = collect_value, .fragments = collect_fragments};

/* The value as UTF-8, first component only, trimmed and cut; "" when absent. Caller frees. */
static char *
text_of(collector *c, wanted_value which, gsize limit)
{
    const walk_value *v = &c->values[which];
    if (!v->bytes)
        return g_strdup("");
    char *text = charset_decode(c->charset, v->bytes, MIN(v->length, 64 * limit), &c->doubt);
    text[strcspn(text, "\\")] = '\0';
    for (char *at = text; *at; at++)
        if ((guchar)*at < 0x20)
            *at = ' ';
    g_strstrip(text);
    if (strlen(text) > limit) {
        text[limit] = '\0';
        char *valid = g_utf8_make_valid(text, -1); /* the cut may have split a character */
        g_free(text);
        text = valid;
    }
    return text;
}

static char *
number_of(collector *c, wanted_value which)
{
    g_autofree char *text = text_of(c, which, 16);
    char *end = NULL;
    gint64 value = g_ascii_strtoll(text, &end, 10);
    if (!text[0] || *end || value < G_MININT32 || value > G_MAXINT32)
        return NULL;
    return g_strdup_printf("%" G_GINT64_FORMAT, value);
}

/* DA, also the old form with dots; NULL when it is no day of the calendar. */
static char *
date_of(collector *c, wanted_value which)
{
    g_autofree char *text = text_of(c, which, 16);
    char digits[9] = "";
    gsize n = 0;
    for (const char *at = text; *at; at++) {
        if (*at == '.')
            continue;
        if (!g_ascii_isdigit(*at) || n == 8)
            return NULL;
        digits[n++] = *at;
    }
    if (n != 8)
        return NULL;
    guint value = (guint)g_ascii_strtoull(digits, NULL, 10);
    GDateYear year = (GDateYear)(value / 10000);
    guint month = value / 100 % 100, day = value % 100;
    if (!g_date_valid_dmy((GDateDay)day, (GDateMonth)month, year))
        return NULL;
    return g_strdup_printf("%04u-%02u-%02u", year, month, day);
}

static gboolean
is_uid(const char *text)
{
    gsize length = strlen(text);
    return length > 0 && length <= SCAN_UID_LIMIT && strspn(text, "0123456789.") == length;
}

/* A UID as it stands, padding off. */
static char *
uid_of(const walk_value *v)
{
    if (!v->bytes || v->length > 2 * SCAN_UID_LIMIT)
        return NULL;
    g_autofree char *text = g_strndup((const char *)v->bytes, v->length);
    g_strchomp(text);
    if (strlen(text) < v->length && memchr(v->bytes + strlen(text), '.', v->length - strlen(text)))
        return NULL; /* something after the NUL */
    return is_uid(text) ? g_steal_pointer(&text) : NULL;
}

static gboolean
take_uids(collector *c, scan_result *r, GError **error)
{
    const struct {
        wanted_value value;
        char **to;
        const char *name;
    } uids[] = {{V_SOP_CLASS, &r->sop_class, "SOP class UID"},
                {V_SOP_UID, &r->sop_uid, "SOP instance UID"},
                {V_STUDY_UID, &r->study_uid, "study instance UID"},
                {V_SERIES_UID, &r->series_uid, "series instance UID"}};
    for (gsize i = 0; i < G_N_ELEMENTS(uids); i++) {
        *uids[i].to = uid_of(&c->values[uids[i].value]);
        if (!*uids[i].to)
            return err_set(error, ERR_UNPROCESSABLE, "the %s is missing or not valid", uids[i].name);
    }
    return TRUE;
}

static gboolean
take_patient(collector *c, scan_result *r, GError **error)
{
    r->patient_id = text_of(c, V_PATIENT_ID, SCAN_ID_LIMIT + 1);
    if (strlen(r->patient_id) > SCAN_ID_LIMIT)
        return err_set(error, ERR_UNPROCESSABLE, "the patient id is longer than %d bytes", SCAN_ID_LIMIT);
    g_autofree char *name = text_of(c, V_NAME, SCAN_TEXT_LIMIT);
    r->patient_name = person_name_parse(name);
    r->birth_date = date_of(c, V_BIRTH_DATE);
    r->sex = text_of(c, V_SEX, SCAN_TEXT_LIMIT);
    if (strcmp(r->sex, "M") && strcmp(r->sex, "F") && strcmp(r->sex, "O"))
        r->sex[0] = '\0';
    return TRUE;
}

/* The slices of a series repeat their patient: the last name's forms are kept per thread. */
static char *
search_text(const person_name *n)
{
    static __thread char last_name[3 * SCAN_TEXT_LIMIT + 4], last_text[12 * SCAN_TEXT_LIMIT];
    g_autofree char *key = g_strjoin("=", n->alphabetic, n->ideographic, n->phonetic, NULL);
    if (strcmp(key, last_name) || !last_text[0]) {
        g_autofree char *text = person_name_search_text(n);
        if (strlen(key) >= sizeof last_name || strlen(text) >= sizeof last_text)
            return g_steal_pointer(&text);
        strcpy(last_name, key);
        strcpy(last_text, text);
    }
    return g_strdup(last_text);
}

static void
take_descriptions(collector *c, scan_result *r)
{
    r->study_date = date_of(c, V_STUDY_DATE);
    r->study_time = text_of(c, V_STUDY_TIME, 32);
    r->accession = text_of(c, V_ACCESSION, SCAN_ID_LIMIT);
    r->study_id = text_of(c, V_STUDY_ID, SCAN_ID_LIMIT);
    r->study_description = text_of(c, V_STUDY_DESCRIPTION, SCAN_TEXT_LIMIT);
    r->referring = text_of(c, V_REFERRING, SCAN_TEXT_LIMIT);
    r->modality = text_of(c, V_MODALITY, 16);
    r->series_description = text_of(c, V_SERIES_DESCRIPTION, SCAN_TEXT_LIMIT);
    r->series_number = number_of(c, V_SERIES_NUMBER);
    r->instance_number = number_of(c, V_INSTANCE_NUMBER);
}

static guint32
u16_of(const collector *c, wanted_value which, guint32 fallback)
{
    const walk_value *v = &c->values[which];
    return v->bytes && v->length >= 2 ? walk_u16(v, 0) : fallback;
}

static gboolean
take_pixels(collector *c, scan_result *r, const guint8 *bytes, GError **error)
{
    pixels *p = &c->pixels;
    p->has_rows = c->values[V_ROWS].bytes && c->values[V_COLUMNS].bytes;
    p->rows = u16_of(c, V_ROWS, 0);
    p->columns = u16_of(c, V_COLUMNS, 0);
    p->samples = u16_of(c, V_SAMPLES, 1);
    p->bits_allocated = u16_of(c, V_BITS, 0);
    g_autofree char *photometric = text_of(c, V_PHOTOMETRIC, 32);
    p->subsampled = g_str_has_suffix(photometric, "_422");
    g_autofree char *frames_text = text_of(c, V_FRAMES, 32), *frames = number_of(c, V_FRAMES);
    p->has_frames = frames_text[0] != '\0';
    p->frames = frames ? g_ascii_strtoll(frames, NULL, 10) : -1;
    p->eot_offsets = c->values[V_EOT];
    p->eot_lengths = c->values[V_EOT_LENGTHS];
    if (!pixels_frame_table(p, r->transfer_syntax, bytes, &r->frame_table, &r->frames, error))
        return FALSE;
    r->rows = p->present ? p->rows : 0;
    r->columns = p->present ? p->columns : 0;
    return TRUE;
}

static gboolean
write_json(scan_result *r, const walk_input *input, const scan_options *options, GError **error)
{
    g_autofree char *url =
        g_strdup_printf("%s/studies/%s/series/%s/instances/%s", options->origin ? options->origin : "",
                        r->study_uid, r->series_uid, r->sop_uid);
    g_autoptr(json_writer) writer = json_writer_new(url, !r->transfer_syntax->deflated, options->charset);
    if (!walk_dataset(input, &json_writer_visitor, writer, error))
        return FALSE;
    r->metadata = json_writer_finish(writer, &r->metadata_crc, &r->metadata_size);
    r->study_attributes = g_strdup(json_writer_study(writer));
    r->series_attributes = g_strdup(json_writer_series(writer));
    return TRUE;
}

static gboolean
scan_dataset(scan_result *r, const walk_input *input, const scan_options *options, GError **error)
{
    g_auto(collector) c = {0};
    if (!walk_dataset(input, &collecting, &c, error))
        return FALSE;
    const walk_value *label = &c.values[V_CHARSET];
    c.charset = charset_new(label->bytes ? (const char *)label->bytes : "", label->length, options->charset);
    if (!take_uids(&c, r, error) || !take_patient(&c, r, error))
        return FALSE;
    take_descriptions(&c, r);
    r->charset_doubt = c.doubt;
    if (!take_pixels(&c, r, input->bytes, error))
        return FALSE;
    r->patient_search = search_text(&r->patient_name);
    return write_json(r, input, options, error);
}

/* Inflates a raw deflate stream within SCAN_INFLATE_LIMIT. */
static GByteArray *
inflate_dataset(const guint8 *bytes, gsize length, GError **error)
{
    z_stream z = {0};
    if (inflateInit2(&z, -15) != Z_OK)
        g_error("zlib cannot start");
    g_autoptr(GByteArray) out = g_byte_array_new();
    int result = Z_OK;
    z.next_in = (Bytef *)bytes;
    z.avail_in = (uInt)MIN(length, G_MAXUINT32);
    while (result == Z_OK && out->len <= SCAN_INFLATE_LIMIT) {
        guint8 chunk[65536];
        z.next_out = chunk;
        z.avail_out = sizeof chunk;
        result = inflate(&z, Z_NO_FLUSH);
        g_byte_array_append(out, chunk, (guint)(sizeof chunk - z.avail_out));
    }
    inflateEnd(&z);
    if (out->len > SCAN_INFLATE_LIMIT)
        err_set(error, ERR_TOO_LARGE, "the deflated data set is longer than %d bytes", SCAN_INFLATE_LIMIT);
    else if (result != Z_STREAM_END)
        err_set(error, ERR_INVALID, "the deflated data set is damaged");
    else
        return g_steal_pointer(&out);
    return NULL;
}

/* Group 0002, PS3.10 7.1. Its group length is not believed: the group ends where another begins. Its
 * identifiers are not either: those of the data set count. */
static gboolean
read_meta(const guint8 *bytes, gsize length, gsize *ret_start, char **ret_syntax, GError **error)
{
    gsize at;
    if (length >= PREAMBLE + 4 && !memcmp(bytes + PREAMBLE, "DICM", 4))
        at = PREAMBLE + 4;
    else if (length >= 4 && !memcmp(bytes, "DICM", 4))
        at = 4;
    else
        return err_set(error, ERR_INVALID, "not a DICOM file (PS3.10): no DICM after the preamble");
    while (length - at >= 8 && bytes[at] == 0x02 && bytes[at + 1] == 0x00) {
        walk_value v;
        if (!walk_meta_element(bytes, length, &at, &v))
            return err_set(error, ERR_INVALID,
                           "the file meta information is malformed at byte %" G_GSIZE_FORMAT, at);
        if (v.tag == TAG_META_SYNTAX && !*ret_syntax)
            *ret_syntax = g_strchomp(g_strndup((const char *)v.bytes, MIN(v.length, 2 * SCAN_UID_LIMIT)));
    }
    if (!*ret_syntax)
        return err_set(error, ERR_INVALID, "the file meta information names no transfer syntax");
    *ret_start = at;
    return TRUE;
}

gboolean
scan_begin(const guint8 *bytes, gsize length, walk_input *ret_input, const syntax **ret_syntax,
           GByteArray **ret_inflated, GError **error)
{
    g_autofree char *uid = NULL;
    gsize start = 0;
    if (!read_meta(bytes, length, &start, &uid, error))
        return FALSE;
    const syntax *s = syntax_find(uid);
    if (!s)
        return err_set(error, ERR_UNSUPPORTED, "the transfer syntax is not one that is stored here");
    *ret_inflated = NULL;
    *ret_syntax = s;
    *ret_input = (walk_input){.bytes = bytes,
                              .start = start,
                              .end = length,
                              .explicit_vr = s->explicit_vr,
                              .big_endian = s->big_endian,
                              .encapsulated = s->encapsulation != SYNTAX_NATIVE};
    if (!s->deflated)
        return TRUE;
    *ret_inflated = inflate_dataset(bytes + start, length - start, error);
    if (!*ret_inflated)
        return FALSE;
    ret_input->bytes = (*ret_inflated)->data;
    ret_input->start = 0;
    ret_input->end = (*ret_inflated)->len;
    return TRUE;
}

static gboolean
scan_part10(const guint8 *bytes, gsize length, const scan_options *options, scan_result *r, GError **error)
{
    walk_input input;
    g_autoptr(GByteArray) inflated = NULL;
    if (!scan_begin(bytes, length, &input, &r->transfer_syntax, &inflated, error))
        return FALSE;
    return scan_dataset(r, &input, options, error);
}

gboolean
scan_bytes(const guint8 *bytes, gsize length, const scan_options *options, scan_result *ret, GError **error)
{
    g_auto(scan_result) r = {0};
    if (!scan_part10(bytes, length, options, &r, error))
        return FALSE;
    *ret = r;
    memset(&r, 0, sizeof r);
    return TRUE;
}

void
scan_result_clear(scan_result *r)
{
    char **texts[] = {&r->sop_class,          &r->sop_uid,          &r->study_uid,
                      &r->series_uid,         &r->patient_id,       &r->patient_search,
                      &r->birth_date,         &r->study_date,       &r->sex,
                      &r->study_time,         &r->accession,        &r->study_id,
                      &r->study_description,  &r->referring,        &r->modality,
                      &r->series_description, &r->series_number,    &r->instance_number,
                      &r->study_attributes,   &r->series_attributes};
    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++)
        g_clear_pointer(texts[i], g_free);
    person_name_clear(&r->patient_name);
    g_clear_pointer(&r->frame_table, g_bytes_unref);
    g_clear_pointer(&r->metadata, g_bytes_unref);
}
