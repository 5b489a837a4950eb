/* Three ways lead to UTF-8: one iconv charset for the whole value; ISO 2022 runs, where escape sequences
 * designate charsets to the lower (G0) and upper (G1) half of the code table until a delimiter resets them; a
 * guess, when the bytes cannot be what the label says. An iconv descriptor is opened once per charset object
 * and name. */
#include "dicom/scan/charset.h"
#include <errno.h>
#include <iconv.h>
#include <string.h>

#define TERMS_LIMIT 8   /* terms of one value that we look at */
#define TERM_LENGTH 32  /* bytes of one term */
#define ESCAPE_LENGTH 4 /* longest escape sequence, ESC included */

typedef enum {
    HOW_ICONV,    /* the whole value by one iconv charset */
    HOW_ISO_2022, /* runs */
    HOW_GUESS     /* no usable label */
} charset_how;

struct charset {
    charset_how how;
    const char *name;    /* iconv charset of HOW_ICONV; initial G1 charset of HOW_ISO_2022 (NULL: none) */
    gboolean suspicious; /* ISO_IR 100 is what machines say that were never told their charset: look for GBK
                            and UTF-8 */
};

/* Term without its spaces, dashes and underscores, upper case -> iconv name. The aliases of GB are from files
 * met. */
static const struct {
    const char *term, *name;
} single_terms[] = {
    {"ISOIR6", "ASCII"},
    {"ISO2022IR6", "ASCII"},
    {"ISOIR100", "ISO-8859-1"},
    {"ISOIR101", "ISO-8859-2"},
    {"ISOIR109", "ISO-8859-3"},
    {"ISOIR110", "ISO-8859-4"},
    {"ISOIR144", "ISO-8859-5"},
    {"ISOIR127", "ISO-8859-6"},
    {"ISOIR126", "ISO-8859-7"},
    {"ISOIR138", "ISO-8859-8"},
    {"ISOIR148", "ISO-8859-9"},
    {"ISOIR203", "ISO-8859-15"},
    {"ISOIR13", "SHIFT_JIS"},
    {"ISOIR166", "TIS-620"},
    {"ISOIR192", "UTF-8"},
    {"ISO2022IR100", "ISO-8859-1"},
    {"ISO2022IR101", "ISO-8859-2"},
    {"ISO2022IR109", "ISO-8859-3"},
    {"ISO2022IR110", "ISO-8859-4"},
    {"ISO2022IR144", "ISO-8859-5"},
    {"ISO2022IR127", "ISO-8859-6"},
    {"ISO2022IR126", "ISO-8859-7"},
    {"ISO2022IR138", "ISO-8859-8"},
    {"ISO2022IR148", "ISO-8859-9"},
    {"ISO2022IR203", "ISO-8859-15"},
    {"ISO2022IR13", "SHIFT_JIS"},
    {"ISO2022IR166", "TIS-620"},
    {"ISO2022IR149", "EUC-KR"},
    {"ISO2022IR58", "GB18030"},
    {"ISO2022IR87", "ISO-2022-JP"},
    {"ISO2022IR159", "ISO-2022-JP-1"},
    {"GB18030", "GB18030"},
    {"GBK", "GB18030"},
    {"GB2312", "GB18030"},
    {"ISOIR58", "GB18030"},
    {"ISO2022GBK", "GB18030"},
    {"ISO2022GB18030", "GB18030"},
    {"ISO202258", "GB18030"},
    {"ISO2022GB2312", "GB18030"},
    {"CP936", "GB18030"},
    {"BIG5", "BIG5-HKSCS"},
    {"BIG5HKSCS", "BIG5-HKSCS"},
    {"UTF8", "UTF-8"},
    {"SHIFTJIS", "SHIFT_JIS"},
    {"LATIN1", "ISO-8859-1"},
    {"ISO88591", "ISO-8859-1"},
};

/* How a designated set's bytes become bytes of an iconv charset. */
typedef enum { SET_PLAIN, SET_RAISED, SET_RAISED_3 } set_kind;

/* Escape sequences of PS3.3 tables C.12-3 and C.12-4. RAISED: 7-bit pairs, the charset wants bit 8 set;
 * RAISED_3: and a leading 8F. */
static const struct {
    const char *escape, *name;
    gboolean upper; /* designates G1 */
    guint bytes;
    set_kind kind;
} designations[] = {
    {"\x1b(B", "ASCII", FALSE, 1, SET_PLAIN},     {"\x1b(J", "JIS_X0201", FALSE, 1, SET_PLAIN},
    {"\x1b)I", "JIS_X0201", TRUE, 1, SET_PLAIN},  {"\x1b$B", "EUC-JP", FALSE, 2, SET_RAISED},
    {"\x1b$@", "EUC-JP", FALSE, 2, SET_RAISED},   {"\x1b$(D", "EUC-JP", FALSE, 2, SET_RAISED_3},
    {"\x1b$)C", "EUC-KR", TRUE, 2, SET_PLAIN},    {"\x1b$)A", "GB18030", TRUE, 2, SET_PLAIN},
    {"\x1b-A", "ISO-8859-1", TRUE, 1, SET_PLAIN}, {"\x1b-B", "ISO-8859-2", TRUE, 1, SET_PLAIN},
    {"\x1b-C", "ISO-8859-3", TRUE, 1, SET_PLAIN}, {"\x1b-D", "ISO-8859-4", TRUE, 1, SET_PLAIN},
    {"\x1b-L", "ISO-8859-5", TRUE, 1, SET_PLAIN}, {"\x1b-G", "ISO-8859-6", TRUE, 1, SET_PLAIN},
    {"\x1b-F", "ISO-8859-7", TRUE, 1, SET_PLAIN}, {"\x1b-H", "ISO-8859-8", TRUE, 1, SET_PLAIN},
    {"\x1b-M", "ISO-8859-9", TRUE, 1, SET_PLAIN}, {"\x1b-b", "ISO-8859-15", TRUE, 1, SET_PLAIN},
    {"\x1b-T", "TIS-620", TRUE, 1, SET_PLAIN},
};

static const char *
name_of_term(const char *term)
{
    char folded[TERM_LENGTH + 1];
    gsize n = 0;
    for (const char *c = term; *c && n < TERM_LENGTH; c++)
        if (!strchr(" -_", *c))
            folded[n++] = g_ascii_toupper(*c);
    folded[n] = '\0';
    for (gsize i = 0; i < G_N_ELEMENTS(single_terms); i++)
        if (!strcmp(single_terms[i].term, folded))
            return single_terms[i].name;
    return NULL;
}

static gboolean
is_stateful(const char *term)
{
    return g_str_has_prefix(term, "ISO 2022 IR ") || g_str_has_prefix(term, "ISO_2022_IR_");
}

/* The set in the upper half before any escape sequence: the first term's; else, for the writers that leave
 * the escape sequences out, the one multi-byte set that is named for the upper half. */
static const char *
initial_upper_half(char **terms)
{
    const char *first = name_of_term(terms[0]);
    if (first && strcmp(first, "ASCII") && !g_str_has_prefix(first, "ISO-2022"))
        return first;
    for (char **t = terms + 1; *t; t++) {
        const char *name = name_of_term(*t);
        if (name && (!strcmp(name, "GB18030") || !strcmp(name, "EUC-KR")))
            return name;
    }
    return NULL;
}

charset *
charset_new(const char *term, gsize length, const char *assumed)
{
    charset *c = g_new0(charset, 1);
    g_autofree char *text = g_strndup(term, length);
    g_strstrip(text);
    gboolean named = text[0] != '\0';
    g_auto(GStrv) terms = g_strsplit(named ? text : (assumed ? assumed : ""), "\\", TERMS_LIMIT);
    gboolean stateful = FALSE;
    for (char **t = terms; *t; t++)
        stateful |= is_stateful(g_strstrip(*t));
    const char *name = terms[0] && terms[0][0] ? name_of_term(terms[0]) : NULL;
    gboolean several = terms[0] && terms[1];
    if (several && stateful) {
        c->how = HOW_ISO_2022;
        c->name = initial_upper_half(terms);
        return c;
    }
    for (char **t = terms; *t && !name;
         t++) /* "\GB18030" and the like: the first term that means something */
        name = name_of_term(*t);
    c->how = name && strcmp(name, "ASCII") ? HOW_ICONV : HOW_GUESS;
    c->name = name;
    /* what was only assumed, or Latin-1, which is a default of many machines, gives way to better evidence */
    c->suspicious = !named || (name && !strcmp(name, "ISO-8859-1"));
    if (c->how == HOW_ICONV && stateful && !strncmp(c->name, "ISO-2022", 8))
        c->how = HOW_ISO_2022, c->name = NULL;
    return c;
}

void
charset_free(charset *c)
{
    g_free(c);
}

/* Appends bytes converted; U+FFFD for each byte that is none of the charset. Returns whether all were. */
static gboolean
append_iconv(GString *out, const char *name, const guint8 *bytes, gsize length)
{
    iconv_t cd = iconv_open("UTF-8", name);
    if (cd == (iconv_t)-1)
        return FALSE;
    char *in = (char *)bytes;
    gsize left = length;
    gboolean whole = TRUE;
    while (left) {
        char buffer[512], *at = buffer;
        gsize room = sizeof buffer;
        gsize result = iconv(cd, &in, &left, &at, &room);
        g_string_append_len(out, buffer, at - buffer);
        if (result != (gsize)-1)
            break;
        if (errno == E2BIG)
            continue;
        whole = FALSE; /* EILSEQ, or EINVAL: a character cut off at the end */
        g_string_append(out, "\xef\xbf\xbd");
        in++;
        left--;
    }
    iconv_close(cd);
    return whole;
}

static gboolean
is_delimiter(guint8 byte)
{
    return byte == '\\' || byte == '^' || byte == '=' || byte == '\r' || byte == '\n' || byte == '\f' ||
           byte == '\t';
}

typedef struct {
    const char *name; /* iconv charset, NULL: nothing designated */
    guint bytes;
    set_kind kind;
} half;

/* Consumes an escape sequence at bytes; returns its length, 0 when it is none that we know. */
static gsize
designate(const guint8 *bytes, gsize length, half *lower, half *upper)
{
    for (gsize i = 0; i < G_N_ELEMENTS(designations); i++) {
        gsize n = strlen(designations[i].escape);
        if (length < n || memcmp(bytes, designations[i].escape, n))
            continue;
        half *h = designations[i].upper ? upper : lower;
        *h = (half){designations[i].name, designations[i].bytes, designations[i].kind};
        return n;
    }
    return 0;
}

/* A run of bytes of one half. */
static gboolean
append_run(GString *out, const half *h, const guint8 *bytes, gsize length)
{
    if (!h->name) {
        for (gsize i = 0; i < length; i++)
            g_string_append(out, "\xef\xbf\xbd");
        return FALSE;
    }
    if (h->kind == SET_PLAIN)
        return append_iconv(out, h->name, bytes, length);
    g_autoptr(GByteArray) raised = g_byte_array_new();
    static const guint8 lead = 0x8f;
    for (gsize i = 0; i < length; i++) {
        if (h->kind == SET_RAISED_3 && i % 2 == 0)
            g_byte_array_append(raised, &lead, 1);
        guint8 byte = bytes[i] | 0x80;
        g_byte_array_append(raised, &byte, 1);
    }
    return append_iconv(out, h->name, raised->data, raised->len);
}

static gsize
run_length(const guint8 *bytes, gsize length, gboolean upper, const half *h)
{
    gsize n = 0;
    while (n < length && bytes[n] != 0x1b && (bytes[n] >= 0x80) == upper &&
           (upper || h->bytes > 1 || !is_delimiter(bytes[n])))
        n++;
    return n;
}

static gboolean
append_iso_2022(GString *out, const charset *c, const guint8 *bytes, gsize length)
{
    const half initial_lower = {"ASCII", 1, SET_PLAIN}, initial_upper = {c->name, 1, SET_PLAIN};
    half lower = initial_lower, upper = initial_upper;
    gboolean whole = TRUE;
    for (gsize at = 0; at < length;) {
        if (bytes[at] == 0x1b) {
            gsize skipped = designate(bytes + at, length - at, &lower, &upper);
            whole &= skipped > 0;
            at += skipped ? skipped : 1;
            continue;
        }
        if (lower.bytes == 1 && is_delimiter(bytes[at])) {
            g_string_append_c(out, (char)bytes[at++]);
            lower = initial_lower;
            upper = initial_upper;
            continue;
        }
        gboolean high = bytes[at] >= 0x80;
        const half *h = high ? &upper : &lower;
        gsize n = run_length(bytes + at, length - at, high, h);
        whole &= append_run(out, h, bytes + at, n);
        at += n;
    }
    return whole;
}

static gboolean
has_high_byte(const guint8 *bytes, gsize length)
{
    for (gsize i = 0; i < length; i++)
        if (bytes[i] >= 0x80 || bytes[i] == 0x1b)
            return TRUE;
    return FALSE;
}

static gboolean
is_han(gunichar c)
{
    return (c >= 0x4e00 && c <= 0x9fff) || (c >= 0x3400 && c <= 0x4dbf) || (c >= 0x20000 && c <= 0x3ffff) ||
           (c >= 0xf900 && c <= 0xfaff);
}

/* Does valid UTF-8 text have the look of Chinese, not of Latin letters read wrongly: everything outside of
 * ASCII is an ideograph or CJK punctuation, and no ideograph touches a Latin letter. */
static gboolean
looks_chinese(const char *text)
{
    gunichar before = 0;
    guint han = 0;
    for (const char *at = text; *at; at = g_utf8_next_char(at)) {
        gunichar c = g_utf8_get_char(at);
        gboolean punctuation = (c >= 0x3000 && c <= 0x303f) || (c >= 0xff00 && c <= 0xff5e) || c == 0xb7;
        if (c >= 0x80 && !is_han(c) && !punctuation)
            return FALSE;
        gboolean letter = c < 0x80 && g_ascii_isalpha((char)c),
                 letter_before = before && before < 0x80 && g_ascii_isalpha((char)before);
        if ((is_han(c) && letter_before) || (letter && is_han(before)))
            return FALSE;
        han += is_han(c);
        before = c;
    }
    return han > 0;
}

/* Pairs of bytes in the area where GB2312 has its characters, and pairs with an ASCII second byte: Latin
 * letters before an ASCII character make the second kind only. */
static gboolean
has_gb_pairs(const guint8 *bytes, gsize length)
{
    guint high = 0, low = 0;
    for (gsize i = 0; i + 1 < length; i++) {
        if (bytes[i] < 0x81)
            continue;
        high += bytes[i] >= 0xa1 && bytes[i + 1] >= 0xa1;
        low += bytes[i + 1] < 0x80;
        i++;
    }
    return high > 0 && high >= low;
}

/* What the bytes seem to be, whatever the label says; NULL when nothing is better than the label. Caller
 * frees. */
static char *
guess(const guint8 *bytes, gsize length)
{
    if (g_utf8_validate((const char *)bytes, (gssize)length, NULL))
        return g_strndup((const char *)bytes, length);
    g_autoptr(GString) gb = g_string_new(NULL);
    if (has_gb_pairs(bytes, length) && append_iconv(gb, "GB18030", bytes, length) && looks_chinese(gb->str))
        return g_string_free(g_steal_pointer(&gb), FALSE);
    return NULL;
}

/* PostgreSQL and terminals do not want control characters; padding NULs end a value. */
static char *
without_controls(GString *text)
{
    GString *out = g_string_sized_new(text->len);
    for (gsize i = 0; i < text->len; i++) {
        guchar c = (guchar)text->str[i];
        gboolean kept = c >= 0x20 ? c != 0x7f : c == '\t' || c == '\n' || c == '\r' || c == '\f';
        if (kept)
            g_string_append_c(out, (char)c);
        else if (c != 0 || i + 1 < text->len)
            g_string_append_c(out, ' ');
    }
    g_string_free(text, TRUE);
    return g_string_free(out, FALSE);
}

char *
charset_decode(const charset *c, const guint8 *bytes, gsize length, gboolean *ret_doubt)
{
    GString *out = g_string_sized_new(length + 16);
    gboolean whole = TRUE;
    if (!has_high_byte(bytes, length)) {
        g_string_append_len(out, (const char *)bytes, (gssize)length);
        return without_controls(out);
    }
    g_autofree char *guessed = c->how == HOW_GUESS || c->suspicious ? guess(bytes, length) : NULL;
    if (guessed) {
        g_string_append(out, guessed);
        whole = FALSE;
    } else if (c->how == HOW_ISO_2022) {
        whole = append_iso_2022(out, c, bytes, length);
    } else {
        whole = append_iconv(out, c->how == HOW_ICONV ? c->name : "ISO-8859-1", bytes, length) &&
                c->how == HOW_ICONV;
    }
    if (!whole && !guessed && (guessed = guess(bytes, length)) && !memchr(bytes, 0x1b, length))
        g_string_assign(out, guessed);
    if (!whole && ret_doubt)
        *ret_doubt = TRUE;
    return without_controls(out);
}
