/* Text of any Specific Character Set (PS3.3 C.12.1.1.2, PS3.5 6.1) to UTF-8, and the mistakes of the real
 * world: wrong labels (GBK, GB2312 and their ISO 2022 spellings), no label, or ISO_IR 100 over GBK or UTF-8
 * bytes.
 *
 * Values are decoded before they are split at \ ^ and =, because the second byte of a GBK character may be
 * any of the first two. */
#pragma once
#include <glib.h>

typedef struct charset charset;

/** term: the raw value of (0008,0005), may have several terms separated by \; length 0: not named, then
 * assumed (a term, may be NULL: ASCII) stands in. Unknown terms decode as if not named. */
charset *charset_new(const char *term, gsize length, const char *assumed);
void charset_free(charset *c);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(charset, charset_free)

/** Valid UTF-8 without control characters other than CR, LF, FF and TAB; what cannot be decoded becomes
 * U+FFFD. *ret_doubt (may be NULL) is set to TRUE when the charset was guessed or bytes were lost, and left
 * alone otherwise. Caller frees. */
char *charset_decode(const charset *c, const guint8 *bytes, gsize length, gboolean *ret_doubt);
