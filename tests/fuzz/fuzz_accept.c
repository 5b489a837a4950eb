/* accept_parse and the choices made of its ranges. */
#include "hub/dicomweb/accept.h"

int LLVMFuzzerTestOneInput(const guint8 *bytes, size_t length);

int
LLVMFuzzerTestOneInput(const guint8 *bytes, size_t length)
{
    g_autofree char *text = g_strndup((const char *)bytes, length);
    g_autoptr(GArray) ranges = accept_parse(text);
    media_choice choice;
    accept_frames(ranges, "1.2.840.10008.1.2.4.50", 2, &choice);
    accept_frames(ranges, "1.2.840.10008.1.2.1", 1, &choice);
    accept_instances(ranges, TRUE, &choice);
    return 0;
}
