#include "dicom/scan/charset.h"
#include "dicom/scan/person_name.h"
#include <string.h>

static const struct {
    const char *term, *bytes, *want;
    gboolean doubt;
} cases[] = {
    {"ISO_IR 192", "Wang^XiaoDong=王^小东=", "Wang^XiaoDong=王^小东=", FALSE},
    {"GB18030", "=\xcd\xf5^\xd0\xa1\xb6\xab", "=王^小东", FALSE},
    {"GB18030", "=\x95\x32\x82\x36^\x81\x39\xee\x39", "=𠀀^㐀", FALSE},
    {"GBK", "Cheng^Xu=\xd5\x5c^\x81\x5c\xd4\x53", "Cheng^Xu=誠^乗許", FALSE}, /* \ is a second byte */
    {"ISO 2022 GBK", "\xcd\xf5", "王", FALSE},
    {"ISO 2022 58", "\xcd\xf5", "王", FALSE},
    {"GB2312", "\xcd\xf5", "王", FALSE},
    {"\\ISO 2022 IR 58",
     "Zhang^XiaoDong=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab=", "Zhang^XiaoDong=张^小东=", FALSE},
    {"\\ISO 2022 IR 58", "Zhang=\xd5\xc5", "Zhang=张", FALSE}, /* escape sequences left out */
    {"\\ISO 2022 IR 87", "Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B", "Yamada^Tarou=山田^太郎",
     FALSE}, /* PS3.5 H.3.1 */
    {"ISO 2022 IR 13\\ISO 2022 IR 87", "\xd4\xcf\xc0\xde^\xc0\xdb\xb3=\x1b$B;3ED\x1b(J^\x1b$BB@O:\x1b(J",
     "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎", FALSE},
    {"\\ISO 2022 IR 149", "Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7", "Hong^Gildong=洪^吉洞",
     FALSE}, /* PS3.5 I.2 */
    {"ISO_IR 100", "D\xe9 Souza^Jos\xe9 Maria", "Dé Souza^José Maria", FALSE},
    {"ISO_IR 100", "M\xfcller^J\xf6rg", "Müller^Jörg", FALSE},
    {"ISO_IR 100", "Concei\xe7\xe3o", "Conceição", FALSE}, /* two high bytes in a row, and yet no GBK */
    {"ISO_IR 100", "\xcd\xf5^\xd0\xa1\xb6\xab", "王^小东", TRUE},
    {"", "\xcd\xf5^\xd0\xa1\xb6\xab", "王^小东", TRUE},
    {"", "王^小东", "王^小东", TRUE},
    {"ISO_IR 999", "\xcd\xf5^X", "王^X", TRUE},
    {"ISO_IR 192", "\xcd\xf5^\xd0\xa1\xb6\xab", "王^小东", TRUE}, /* labelled UTF-8, written GBK */
    {"ISO_IR 192", "A\xff^B", "A\xef\xbf\xbd^B", TRUE},
    {"ISO_IR 192", "A\x1b[2J^B", "A [2J^B", FALSE}, /* a terminal escape loses its teeth */
    {"ISO_IR 144", "\xbb\xee\xda", "Люк", FALSE},
};

static void
test_decode(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(charset) c = charset_new(cases[i].term, strlen(cases[i].term), NULL);
        gboolean doubt = FALSE;
        g_autofree char *text =
            charset_decode(c, (const guint8 *)cases[i].bytes, strlen(cases[i].bytes), &doubt);
        g_test_message("case %" G_GSIZE_FORMAT " (%s)", i, cases[i].term);
        g_assert_cmpstr(text, ==, cases[i].want);
        g_assert_cmpint(doubt, ==, cases[i].doubt);
    }
}

static void
test_assumed(void)
{
    g_autoptr(charset) c = charset_new("", 0, "GB18030");
    g_autofree char *text = charset_decode(c, (const guint8 *)"\xcd\xf5", 2, NULL);
    g_assert_cmpstr(text, ==, "王");
}

static void
test_nul(void)
{
    g_autoptr(charset) c = charset_new("ISO_IR 192", 10, NULL);
    g_autofree char *text = charset_decode(c, (const guint8 *)"A\0B\0", 4, NULL);
    g_assert_cmpstr(text, ==, "A B");
}

static const struct {
    const char *name;
    const char *found_by[6];
} searches[] = {
    {"Wang^XiaoDong=王^小东",
     {"wang xiaodong", "王小东", "王 小东", "wang xiao dong", "wangxiaodong", "wxd"}},
    {"Huang^Chih-chiang=黃^志強", {"黃志強", "黄志强", "huang zhi qiang", "hzq", "chih-chiang"}},
    {"=曾^华", {"zeng hua", "zenghua", "zh"}},
    {"Dé Souza^José", {"dé souza josé", "de souza jose"}},
    {"欧阳^娜娜", {"欧阳娜娜", "ou yang na na"}},
    {"Kavitha^a/p Muthusamy", {"kavitha a/p muthusamy"}},
};

static void
test_search(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(searches); i++) {
        g_auto(person_name) name = person_name_parse(searches[i].name);
        g_autofree char *text = person_name_search_text(&name);
        for (gsize k = 0; k < G_N_ELEMENTS(searches[i].found_by) && searches[i].found_by[k]; k++) {
            g_test_message("\"%s\" in \"%s\"", searches[i].found_by[k], text);
            g_assert_nonnull(strstr(text, searches[i].found_by[k]));
        }
    }
}

static void
test_groups(void)
{
    g_auto(person_name) name = person_name_parse("Dr^^ Who ^^=山田^太郎^^=やまだ^たろう=x");
    g_assert_cmpstr(name.alphabetic, ==, "Dr^^Who");
    g_assert_cmpstr(name.ideographic, ==, "山田^太郎");
    g_assert_cmpstr(name.phonetic, ==, "やまだ^たろう");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/charset/decode", test_decode);
    g_test_add_func("/charset/assumed", test_assumed);
    g_test_add_func("/charset/nul", test_nul);
    g_test_add_func("/person_name/search", test_search);
    g_test_add_func("/person_name/groups", test_groups);
    return g_test_run();
}
