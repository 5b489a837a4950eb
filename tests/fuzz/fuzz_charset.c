/* dicom/scan: charset_new, charset_decode, person_name_parse, person_name_search_text. The input is a label,
 * a NUL and the bytes of a value; what comes out is valid UTF-8 without NUL. */
#include "dicom/scan/charset.h"
#include "dicom/scan/person_name.h"
#include <string.h>

int LLVMFuzzerTestOneInput(const guint8 *bytes, gsize length);

int
LLVMFuzzerTestOneInput(const guint8 *bytes, gsize length)
{
    const guint8 *nul = length > 0 ? memchr(bytes, 0, length) : NULL;
    if (!nul)
        return 0;
    gsize label = (gsize)(nul - bytes);
    g_autoptr(charset) c = charset_new((const char *)bytes, label, "GB18030");
    gboolean doubt = FALSE;
    g_autofree char *text = charset_decode(c, nul + 1, length - label - 1, &doubt);
    if (!g_utf8_validate(text, -1, NULL))
        g_error("not valid UTF-8");
    g_auto(person_name) name = person_name_parse(text);
    if (length > 400)
        return 0; /* folding long texts only slows the fuzzer down */
    g_autofree char *search = person_name_search_text(&name);
    if (!g_utf8_validate(search, -1, NULL))
        g_error("not valid UTF-8");
    return 0;
}
