/* Tag -> VR of the public data dictionary (PS3.6), for data sets in Implicit VR. */
#pragma once
#include <glib.h>

/** The VR of a tag: two letters, "xs" when PixelRepresentation decides between US and SS, "LO" for private
 * creators, "UN" for what is unknown. Never NULL. */
const char *dictionary_vr(guint32 tag);
