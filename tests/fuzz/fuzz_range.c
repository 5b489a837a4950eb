/* range_parse: what it gives lies inside. */
#include "hub/http/range.h"

int LLVMFuzzerTestOneInput(const guint8 *bytes, size_t length);

int
LLVMFuzzerTestOneInput(const guint8 *bytes, size_t length)
{
    g_autofree char *text = g_strndup((const char *)bytes, length);
    for (guint64 size = 0; size < 3000; size += 999) {
        guint64 offset = 0, part = 0;
        if (range_parse(text, size, &offset, &part) == RANGE_PART)
            g_assert(part > 0 && offset < size && part <= size - offset);
    }
    return 0;
}
