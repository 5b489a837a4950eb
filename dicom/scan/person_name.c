/* Folding by ICU: the transliterators are made once (tens of milliseconds) and used under a lock. */
#include "dicom/scan/person_name.h"
#include <string.h>
#include <unicode/unorm2.h>
#include <unicode/ustring.h>
#include <unicode/utrans.h>

#define NAME_UNITS 1024 /* UTF-16 units of a name that are folded; longer ones are cut */

typedef enum { FOLD_ACCENTS, FOLD_SIMPLIFIED, FOLD_PINYIN, FOLD_COUNT } fold;

static const char *const fold_rules[FOLD_COUNT] = {
    [FOLD_ACCENTS] = "Latin-ASCII; NFKD; [:Mn:] Remove; NFC; Lower",
    [FOLD_SIMPLIFIED] = "Hant-Hans; Lower",
    [FOLD_PINYIN] = "Han-Latin; Latin-ASCII; NFKD; [:Mn:] Remove; NFC; Lower",
};
static UTransliterator *folds[FOLD_COUNT];
static GMutex folds_lock;

/* Surnames that are read otherwise than the character usually is. */
static const struct {
    const char *character, *reading;
} surnames[] = {
    {"曾", "zeng"},  {"单", "shan"}, {"單", "shan"}, {"仇", "qiu"},  {"解", "xie"},  {"查", "zha"},
    {"盖", "ge"},    {"区", "ou"},   {"區", "ou"},   {"朴", "piao"}, {"翟", "zhai"}, {"尹", "yin"},
    {"覃", "qin"},   {"冼", "xian"}, {"乐", "yue"},  {"缪", "miao"}, {"那", "na"},   {"晁", "chao"},
    {"种", "chong"}, {"折", "she"},  {"召", "shao"}, {"员", "yun"},  {"黑", "he"},   {"秘", "bi"},
};

static UTransliterator *
transliterator(fold f)
{
    if (!folds[f]) {
        UErrorCode status = U_ZERO_ERROR;
        UChar rules[128];
        u_uastrcpy(rules, fold_rules[f]);
        folds[f] = utrans_openU(rules, -1, UTRANS_FORWARD, NULL, 0, NULL, &status);
        if (U_FAILURE(status))
            g_error("ICU lacks the transliteration %s: %s", fold_rules[f], u_errorName(status));
    }
    return folds[f];
}

static char *
folded(fold f, const char *text)
{
    UErrorCode status = U_ZERO_ERROR;
    UChar units[4 * NAME_UNITS];
    int32_t length = 0;
    u_strFromUTF8(units, NAME_UNITS, &length, text, -1, &status);
    if (status == U_BUFFER_OVERFLOW_ERROR) {
        length = NAME_UNITS;
        status = U_ZERO_ERROR;
    }
    int32_t limit = length;
    g_mutex_lock(&folds_lock);
    utrans_transUChars(transliterator(f), units, &length, G_N_ELEMENTS(units), 0, &limit, &status);
    g_mutex_unlock(&folds_lock);
    char out[12 * NAME_UNITS];
    u_strToUTF8WithSub(out, sizeof out - 1, &length, units, MIN(length, (int32_t)G_N_ELEMENTS(units)), 0xfffd,
                       NULL, &status);
    if (U_FAILURE(status))
        return g_strdup("");
    out[MIN(length, (int32_t)sizeof out - 1)] = '\0';
    return g_strdup(out);
}

static char *
group_of(const char *text, gsize length)
{
    g_autofree char *group = g_strndup(text, length);
    g_auto(GStrv) components = g_strsplit(group, "^", 0);
    for (char **component = components; *component; component++)
        g_strstrip(*component);
    char *joined = g_strjoinv("^", components);
    gsize end = strlen(joined);
    while (end > 0 && joined[end - 1] == '^')
        joined[--end] = '\0';
    return joined;
}

person_name
person_name_parse(const char *text)
{
    const char *first = strchr(text, '='), *second = first ? strchr(first + 1, '=') : NULL;
    const char *end = text + strlen(text), *third = second ? strchr(second + 1, '=') : NULL;
    return (person_name){
        .alphabetic = group_of(text, (gsize)((first ? first : end) - text)),
        .ideographic =
            first ? group_of(first + 1, (gsize)((second ? second : end) - first - 1)) : g_strdup(""),
        .phonetic = second ? group_of(second + 1, (gsize)((third ? third : end) - second - 1)) : g_strdup(""),
    };
}

void
person_name_clear(person_name *n)
{
    g_clear_pointer(&n->alphabetic, g_free);
    g_clear_pointer(&n->ideographic, g_free);
    g_clear_pointer(&n->phonetic, g_free);
}

static gboolean
has_han(const char *text)
{
    for (const char *at = text; *at; at = g_utf8_next_char(at))
        if (g_unichar_get_script(g_utf8_get_char(at)) == G_UNICODE_SCRIPT_HAN)
            return TRUE;
    return FALSE;
}

/* Adds text, and text without its spaces, unless they are there. */
static void
add_form(GPtrArray *forms, const char *text, gboolean joined_too)
{
    g_auto(GStrv) words = g_strsplit_set(text, " ^\t\r\n", 0);
    g_autoptr(GString) spaced = g_string_new(NULL), joined = g_string_new(NULL);
    for (char **word = words; *word; word++) {
        if (!**word)
            continue;
        g_string_append_printf(spaced, "%s%s", spaced->len ? " " : "", *word);
        g_string_append(joined, *word);
    }
    GString *both[] = {spaced, joined_too ? joined : spaced};
    for (gsize i = 0; i < G_N_ELEMENTS(both); i++)
        if (both[i]->len && !g_ptr_array_find_with_equal_func(forms, both[i]->str, g_str_equal, NULL))
            g_ptr_array_add(forms, g_strdup(both[i]->str));
}

static void
add_initials(GPtrArray *forms, const char *pinyin)
{
    g_autoptr(GString) initials = g_string_new(NULL);
    gboolean fresh = TRUE;
    for (const char *c = pinyin; *c; c++) {
        gboolean gap = *c == ' ' || *c == '^';
        if (fresh && !gap)
            g_string_append_c(initials, *c);
        fresh = gap;
    }
    if (initials->len > 1 && g_utf8_validate(initials->str, -1, NULL))
        add_form(forms, initials->str, FALSE);
}

/* The pinyin of a name in ideographs, syllables separated by spaces. */
static char *
pinyin_of(const char *name)
{
    for (gsize i = 0; i < G_N_ELEMENTS(surnames); i++) {
        gsize n = strlen(surnames[i].character);
        if (strncmp(name, surnames[i].character, n))
            continue;
        g_autofree char *rest = folded(FOLD_PINYIN, name + n);
        return g_strdup_printf("%s %s", surnames[i].reading, rest);
    }
    return folded(FOLD_PINYIN, name);
}

static void
add_group(GPtrArray *forms, const char *group)
{
    if (!group[0])
        return;
    g_autofree char *compatible = g_utf8_normalize(group, -1, G_NORMALIZE_NFKC);
    g_autofree char *lower = g_utf8_strdown(compatible ? compatible : group, -1);
    add_form(forms, lower, TRUE);
    if (has_han(lower)) {
        g_autofree char *simplified = folded(FOLD_SIMPLIFIED, lower);
        add_form(forms, simplified, TRUE);
        g_autofree char *pinyin = pinyin_of(simplified);
        add_form(forms, pinyin, TRUE);
        add_initials(forms, pinyin);
    } else {
        g_autofree char *plain = folded(FOLD_ACCENTS, lower);
        add_form(forms, plain, TRUE);
    }
}

char *
person_name_search_text(const person_name *n)
{
    g_autoptr(GPtrArray) forms = g_ptr_array_new_with_free_func(g_free);
    add_group(forms, n->alphabetic);
    add_group(forms, n->ideographic);
    add_group(forms, n->phonetic);
    g_ptr_array_add(forms, NULL);
    return g_strjoinv(" ", (char **)forms->pdata);
}
