/* Field tables: what is taken, and the one word for what is wrong. */
#include "hub/domain/fields.h"

static const field inner[] = {{"at", FIELD_TIME, .required = TRUE}, {.name = NULL}};
static const field table[] = {
    {"name", FIELD_TEXT, .required = TRUE, .min = 1, .max = 5},
    {"note", FIELD_TEXT, .max = 3},
    {"id", .type = FIELD_ID},
    {"ids", FIELD_IDS, .max = 2},
    {"day", .type = FIELD_DATE},
    {"yes", .type = FIELD_BOOLEAN},
    {"sex", FIELD_CHOICE, .choices = " M F  "},
    {"booking", FIELD_OBJECT, .object = inner},
    {.name = NULL},
};

#define ID "0f0e0d0c-0b0a-4908-8706-050403020100"

/* "field problem, field problem" of text's errors. */
static char *
errors_of(const char *text)
{
    g_autoptr(json_t) object = json_loads(text, JSON_ALLOW_NUL, NULL), errors = json_array();
    g_assert_nonnull(object);
    gboolean fits = fields_check(object, table, NULL, errors);
    g_assert_true(fits == (json_array_size(errors) == 0));
    GString *list = g_string_new(NULL);
    for (gsize i = 0; i < json_array_size(errors); i++) {
        json_t *error = json_array_get(errors, i);
        g_string_append_printf(list, "%s%s %s", i ? ", " : "", json_get_text(error, "field"), json_get_text(error, "problem"));
    }
    return g_string_free(list, FALSE);
}

static void
test_table(void)
{
    static const struct {
        const char *text, *errors;
    } cases[] = {
        {"{\"name\":\"abc\"}", ""},
        {"{\"name\":\"欧阳娜娜娜\",\"note\":\"𠮷𠮷𠮷\"}", ""}, /* characters, not bytes */
        {"{\"name\":\"欧阳娜娜娜娜\"}", "name too-long"},
        {"{}", "name required"},
        {"{\"name\":null}", "name required"},
        {"{\"name\":\" \\n\"}", "name required"},
        {"{\"name\":7}", "name text"},
        {"{\"name\":\"a\\u0000b\"}", "name form"},
        {"{\"name\":\"a\",\"id\":\"" ID "\",\"ids\":[\"" ID "\"]}", ""},
        {"{\"name\":\"a\",\"id\":\"x\",\"ids\":[\"" ID "\",\"x\"]}", "id id, ids id"},
        {"{\"name\":\"a\",\"ids\":[\"" ID "\",\"" ID "\",\"" ID "\"]}", "ids too-many"},
        {"{\"name\":\"a\",\"ids\":{}}", "ids list"},
        {"{\"name\":\"a\",\"day\":\"2024-02-29\",\"yes\":false,\"sex\":\"\"}", ""},
        {"{\"name\":\"a\",\"day\":\"2023-02-29\",\"yes\":1,\"sex\":\"M F\"}", "day date, yes boolean, sex choice"},
        {"{\"name\":\"a\",\"day\":\"2023-2-9\"}", "day date"},
        {"{\"name\":\"a\",\"booking\":{\"at\":\"2030-01-02T09:30:00+08:00\"}}", ""},
        {"{\"name\":\"a\",\"booking\":{\"at\":\"2030-01-02T09:30:00\"}}", "booking.at time"},
        {"{\"name\":\"a\",\"booking\":{\"place\":\"x\"}}", "booking.at required, booking.place unknown"},
        {"{\"name\":\"a\",\"booking\":[]}", "booking object"},
        {"{\"name\":\"a\",\"nick\":\"b\"}", "nick unknown"},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *errors = errors_of(cases[i].text);
        g_assert_cmpstr(errors, ==, cases[i].errors);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/fields/table", test_table);
    return g_test_run();
}
