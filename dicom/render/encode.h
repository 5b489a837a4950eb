/* A picture of 8-bit samples to JPEG or PNG bytes. Runs in the sandbox. */
#pragma once
#include <glib.h>

/** components: 1 grey, 3 RGB, interleaved. quality 1..100. Caller unrefs. */
GByteArray *encode_jpeg(const guint8 *pixels, guint width, guint height, guint components, guint quality,
                        GError **error);
GByteArray *encode_png(const guint8 *pixels, guint width, guint height, guint components, GError **error);
