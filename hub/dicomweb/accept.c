#include "hub/dicomweb/accept.h"
#include <string.h>

#define EXPLICIT_LITTLE "1.2.840.10008.1.2.1"

static const struct {
    const char *transfer_syntax, *type;
} stored_types[] = {
    {"1.2.840.10008.1.2.4.50", "image/jpeg"},   {"1.2.840.10008.1.2.4.51", "image/jpeg"},
    {"1.2.840.10008.1.2.4.57", "image/jpeg"},   {"1.2.840.10008.1.2.4.70", "image/jpeg"},
    {"1.2.840.10008.1.2.4.80", "image/jls"},    {"1.2.840.10008.1.2.4.81", "image/jls"},
    {"1.2.840.10008.1.2.4.90", "image/jp2"},    {"1.2.840.10008.1.2.4.91", "image/jp2"},
    {"1.2.840.10008.1.2.4.201", "image/jphc"},  {"1.2.840.10008.1.2.4.202", "image/jphc"},
    {"1.2.840.10008.1.2.4.203", "image/jphc"},  {"1.2.840.10008.1.2.5", "image/dicom-rle"},
    {"1.2.840.10008.1.2.4.100", "video/mpeg2"}, {"1.2.840.10008.1.2.4.101", "video/mpeg2"},
    {"1.2.840.10008.1.2.4.102", "video/mp4"},   {"1.2.840.10008.1.2.4.103", "video/mp4"},
    {"1.2.840.10008.1.2.4.104", "video/mp4"},   {"1.2.840.10008.1.2.4.105", "video/mp4"},
    {"1.2.840.10008.1.2.4.106", "video/mp4"},   {"1.2.840.10008.1.2.4.107", "video/mp4"},
    {"1.2.840.10008.1.2.4.108", "video/mp4"},
};

const char *
accept_type_of(const char *transfer_syntax)
{
    for (gsize i = 0; i < G_N_ELEMENTS(stored_types); i++)
        if (!strcmp(stored_types[i].transfer_syntax, transfer_syntax))
            return stored_types[i].type;
    return "application/octet-stream";
}

/* --- parsing -------------------------------------------------------------------------------------------- */
static gboolean
is_token(char c)
{
    return c > 0x20 && c < 0x7f && !strchr("()<>@,;:\\\"/[]?={}", c);
}

static void
skip_blanks(const char **at)
{
    while (**at == ' ' || **at == '\t')
        (*at)++;
}

/* Lower-case token, or NULL. */
static char *
parse_token(const char **at)
{
    const char *start = *at;
    while (is_token(**at))
        (*at)++;
    return *at > start ? g_ascii_strdown(start, *at - start) : NULL;
}

/* A token or quoted string. A type's slash needs quotes, and the commonest mistake of clients is to forget
 * them. */
static char *
parse_value(const char **at)
{
    g_autofree char *value = NULL;
    if (**at != '"') {
        const char *start = *at;
        while (is_token(**at) || **at == '/')
            (*at)++;
        return *at > start ? g_strndup(start, (gsize)(*at - start)) : NULL;
    }
    char *out = value = g_malloc(strlen(*at));
    for ((*at)++; **at && **at != '"'; (*at)++) {
        if (**at == '\\' && (*at)[1])
            (*at)++;
        *out++ = **at;
    }
    *out = '\0';
    if (**at != '"')
        return NULL;
    (*at)++;
    return g_steal_pointer(&value);
}

/* "0.8" as 800; 1000 when it is none. */
static guint
parse_quality(const char *text)
{
    if (text[0] != '0' && text[0] != '1')
        return 1000;
    guint quality = (guint)(text[0] - '0') * 1000, unit = 100;
    if (text[1] == '.')
        for (const char *c = text + 2; g_ascii_isdigit(*c) && unit; c++, unit /= 10)
            quality += (guint)(*c - '0') * unit;
    return MIN(quality, 1000);
}

static void
range_clear(gpointer data)
{
    media_range *r = data;
    g_clear_pointer(&r->type, g_free);
    g_clear_pointer(&r->transfer_syntax, g_free);
}

static void
take_parameter(media_range *range, const char *name, const char *value)
{
    if (!strcmp(name, "q")) {
        range->quality = parse_quality(value);
    } else if (!strcmp(name, "transfer-syntax")) {
        g_free(range->transfer_syntax);
        range->transfer_syntax = g_strdup(value);
    } else if (!strcmp(name, "type") && range->multipart) {
        g_free(range->type);
        range->type = g_ascii_strdown(value, -1);
    }
}

static gboolean
parse_parameters(const char **at, media_range *range)
{
    for (skip_blanks(at); **at == ';'; skip_blanks(at)) {
        (*at)++;
        skip_blanks(at);
        g_autofree char *name = parse_token(at);
        skip_blanks(at);
        if (!name || **at != '=')
            continue; /* an empty parameter says nothing */
        (*at)++;
        skip_blanks(at);
        g_autofree char *value = parse_value(at);
        if (!value)
            return FALSE;
        take_parameter(range, name, value);
    }
    return **at == ',' || **at == '\0';
}

static gboolean
parse_range(const char **at, media_range *range)
{
    g_autofree char *type = parse_token(at);
    if (!type || **at != '/')
        return FALSE;
    (*at)++;
    g_autofree char *subtype = parse_token(at);
    if (!subtype)
        return FALSE;
    range->multipart = !strcmp(type, "multipart");
    range->type = range->multipart ? g_strdup("*/*") : g_strconcat(type, "/", subtype, NULL);
    range->quality = 1000;
    return parse_parameters(at, range);
}

/* Behind the next comma that is in no quoted string. */
static void
skip_range(const char **at)
{
    gboolean quoted = FALSE;
    for (; **at && (quoted || **at != ','); (*at)++) {
        if (**at == '"')
            quoted = !quoted;
        else if (quoted && **at == '\\' && (*at)[1])
            (*at)++;
    }
    if (**at == ',')
        (*at)++;
}

static void
insert_sorted(GArray *ranges, media_range range)
{
    guint at = 0;
    while (at < ranges->len && g_array_index(ranges, media_range, at).quality >= range.quality)
        at++;
    g_array_insert_val(ranges, at, range);
}

GArray *
accept_parse(const char *header)
{
    GArray *ranges = g_array_new(FALSE, TRUE, sizeof(media_range));
    g_array_set_clear_func(ranges, range_clear);
    const char *at = header ? header : "";
    skip_blanks(&at);
    if (!*at) {
        insert_sorted(ranges, (media_range){.type = g_strdup("*/*"), .quality = 1000});
        return ranges;
    }
    while (*at && ranges->len < ACCEPT_RANGES_LIMIT) {
        media_range range = {0};
        skip_blanks(&at);
        const char *start = at;
        if (parse_range(&at, &range) && range.quality > 0)
            insert_sorted(ranges, range);
        else
            range_clear(&range);
        at = start;
        skip_range(&at);
    }
    return ranges;
}

/* --- choosing ------------------------------------------------------------------------------------------- */
static gboolean
is_anything(const media_range *r)
{
    return !strcmp(r->type, "*/*");
}

/* A type, a whole family, or anything; image/jhc is what old drafts called image/jphc. */
static gboolean
type_matches(const char *range, const char *type)
{
    if (!strcmp(range, type) || !strcmp(range, "*/*"))
        return TRUE;
    if (!strcmp(range, "image/jhc") && !strcmp(type, "image/jphc"))
        return TRUE;
    gsize length = strlen(range);
    return length > 2 && !strcmp(range + length - 2, "/*") && !strncmp(range, type, length - 1);
}

static gboolean
names_syntax(const media_range *r, const char *uid)
{
    return !r->transfer_syntax || !strcmp(r->transfer_syntax, "*") || !strcmp(r->transfer_syntax, uid);
}

static gboolean
is_lossless(const char *transfer_syntax)
{
    static const char *const lossless[] = {"57", "70", "80", "90", "201", "202"};
    if (!g_str_has_prefix(transfer_syntax, "1.2.840.10008.1.2.4."))
        return TRUE; /* native, or run lengths */
    for (gsize i = 0; i < G_N_ELEMENTS(lossless); i++)
        if (!strcmp(transfer_syntax + strlen("1.2.840.10008.1.2.4."), lossless[i]))
            return TRUE;
    return FALSE;
}

/* Compressed for the way only. A wildcard does not ask for that. */
static gboolean
compressed_fits(const media_range *r, const char *stored, media_choice *ret)
{
    static const media_choice made[] = {
        {.type = "image/jls", .transfer_syntax = "1.2.840.10008.1.2.4.80", .transcode = TRUE},
        {.type = "image/jphc", .transfer_syntax = "1.2.840.10008.1.2.4.201", .transcode = TRUE},
    };
    for (gsize i = 0; is_lossless(stored) && i < G_N_ELEMENTS(made); i++) {
        if (strchr(r->type, '*') || !type_matches(r->type, made[i].type) ||
            !names_syntax(r, made[i].transfer_syntax))
            continue;
        *ret = made[i];
        return TRUE;
    }
    return FALSE;
}

/* PS3.18 8.7.3.5: octet-stream without a syntax means uncompressed; * means as stored. */
static gboolean
frames_fit(const media_range *r, const char *stored, media_choice *ret)
{
    const char *type = accept_type_of(stored);
    gboolean native = !strcmp(type, "application/octet-stream");
    *ret = (media_choice){.type = type, .transfer_syntax = native ? EXPLICIT_LITTLE : stored};
    if (is_anything(r) && names_syntax(r, ret->transfer_syntax))
        return TRUE;
    if (strcmp(r->type, "application/octet-stream") != 0 && !is_anything(r))
        return (!native && type_matches(r->type, type) && names_syntax(r, stored)) ||
               compressed_fits(r, stored, ret);
    if (native)
        return names_syntax(r, EXPLICIT_LITTLE) || names_syntax(r, stored);
    if (!g_strcmp0(r->transfer_syntax, "*") || !g_strcmp0(r->transfer_syntax, stored))
        return TRUE;
    *ret = (media_choice){
        .type = "application/octet-stream", .transfer_syntax = EXPLICIT_LITTLE, .transcode = TRUE};
    return names_syntax(r, EXPLICIT_LITTLE);
}

gboolean
accept_frames(const GArray *ranges, const char *stored, guint count, media_choice *ret)
{
    for (guint i = 0; i < ranges->len; i++) {
        const media_range *r = &g_array_index(ranges, media_range, i);
        gboolean open = is_anything(r) && !r->multipart;
        if (!r->multipart && !open && count != 1)
            continue;
        if (!frames_fit(r, stored, ret))
            continue;
        ret->multipart = r->multipart || open;
        return TRUE;
    }
    return FALSE;
}

gboolean
accept_instances(const GArray *ranges, gboolean single, media_choice *ret)
{
    for (guint i = 0; i < ranges->len; i++) {
        const media_range *r = &g_array_index(ranges, media_range, i);
        gboolean open = is_anything(r) && !r->multipart;
        if (!type_matches(r->type, "application/dicom") || (!r->multipart && !open && !single))
            continue;
        *ret = (media_choice){.multipart = r->multipart || open, .type = "application/dicom"};
        return TRUE;
    }
    return FALSE;
}

gboolean
accept_stored(const GArray *ranges, const char *stored)
{
    for (guint i = 0; i < ranges->len; i++) {
        const media_range *r = &g_array_index(ranges, media_range, i);
        if (type_matches(r->type, "application/dicom") && names_syntax(r, stored))
            return TRUE;
    }
    return FALSE;
}

const char *
accept_one(const GArray *ranges, const char *const *types)
{
    for (guint i = 0; i < ranges->len; i++) {
        const media_range *r = &g_array_index(ranges, media_range, i);
        for (const char *const *type = types; !r->multipart && *type; type++)
            if (type_matches(r->type, *type))
                return *type;
    }
    return NULL;
}
