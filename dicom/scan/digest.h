/* What makes two files the same image, whatever way they came: the elements of their data sets, their values
 * and, of encapsulated pixel data, the fragments. Not: the preamble and the file meta information (every
 * sender writes its own), how lengths of sequences and items are written, implicit or explicit value
 * representations, deflating, group lengths and padding (DCMTK, for one, writes all of these anew when it
 * sends).
 *
 * Big endian and encapsulated data sets are the same only in the same transfer syntax; elements in another
 * order are other data sets. Both are rare, and taken for different, which loses nothing. */
#pragma once
#include <glib.h>

#define DIGEST_LENGTH 32

/** Errors as of scan_bytes. */
gboolean digest_dataset(const guint8 *bytes, gsize length, guint8 ret_digest[DIGEST_LENGTH], GError **error);
