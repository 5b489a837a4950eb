/* Unique identifiers as strangers write them. */
#pragma once
#include <glib.h>

/** TRUE for 1 to 64 digits and points. */
gboolean dicom_uid_is_valid(const char *text);
