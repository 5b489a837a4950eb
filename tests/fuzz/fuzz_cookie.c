/* cookie_value. */
#include "hub/http/cookie.h"

int LLVMFuzzerTestOneInput(const guint8 *bytes, size_t length);

int
LLVMFuzzerTestOneInput(const guint8 *bytes, size_t length)
{
    g_autofree char *text = g_strndup((const char *)bytes, length);
    G_GNUC_UNUSED g_autofree char *value = cookie_value(text, "consilium_session");
    return 0;
}
