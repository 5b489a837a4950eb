#include "hub/dicomweb/uid.h"
#include <string.h>

gboolean
dicom_uid_is_valid(const char *text)
{
    gsize length = strlen(text);
    return length >= 1 && length <= 64 && strspn(text, "0123456789.") == length;
}
