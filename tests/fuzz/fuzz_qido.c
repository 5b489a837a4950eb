/* qido_query_add: lines are names and values in turn, at each of the three levels. */
#include "hub/dicomweb/qido_query.h"

int LLVMFuzzerTestOneInput(const guint8 *bytes, size_t length);

int
LLVMFuzzerTestOneInput(const guint8 *bytes, size_t length)
{
    g_autofree char *text = g_utf8_make_valid(length > 0 ? (const char *)bytes : "", (gssize)length);
    g_auto(GStrv) lines = g_strsplit(text, "\n", 64);
    for (qido_level level = QIDO_STUDIES; level <= QIDO_INSTANCES; level++) {
        qido_query query;
        qido_query_init(&query, level);
        for (char **line = lines; line[0] && line[1]; line += 2) {
            g_autoptr(GError) error = NULL;
            if (qido_query_add(&query, line[0], line[1], &error) == (error != NULL))
                g_error("no error for what was refused");
        }
        qido_query_clear(&query);
    }
    return 0;
}
