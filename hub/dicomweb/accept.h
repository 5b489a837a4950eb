/* Media ranges of an Accept header (RFC 9110 12.5.1) as DICOMweb uses them (PS3.18 8.7.3), and the choice
 * among what can be given. Parameters may be tokens or quoted strings, with blanks anywhere a stranger puts
 * them. */
#pragma once
#include <glib.h>

#define ACCEPT_RANGES_LIMIT 64

typedef struct {
    char *type; /* lower case; of multipart/related: its type parameter, any type when it has none */
    gboolean multipart;
    char *transfer_syntax; /* UID, "*", or NULL: not named */
    guint quality;         /* 0 … 1000 */
} media_range;

/** The ranges in order of preference (quality, then as written); malformed ones are left out. header NULL or
 * empty: one range that takes anything. The caller unrefs. */
GArray *accept_parse(const char *header);

/** The media type of pixel data in a transfer syntax: "image/jpeg" …, "application/octet-stream" for native.
 */
const char *accept_type_of(const char *transfer_syntax);

typedef struct {
    gboolean multipart;
    gboolean transcode;          /* the stored bytes do not fit: the dicom program makes transfer_syntax of them */
    const char *type;            /* of the part */
    const char *transfer_syntax; /* of the part; borrowed from the arguments or static */
} media_choice;

/** What to answer for frames stored in a transfer syntax. Where that keeps every bit, image/jls and image/jphc
 * can be had too (for thin links), by name only; what is stored with loss is not compressed again. count: frames asked for. FALSE: 406. */
gboolean accept_frames(const GArray *ranges, const char *stored, guint count, media_choice *ret);
/** For whole instances (application/dicom). single: one instance is asked for. FALSE: 406. */
gboolean accept_instances(const GArray *ranges, gboolean single, media_choice *ret);
/** Does an instance stored in this syntax satisfy some range? (retrieving instances never transcodes) */
gboolean accept_stored(const GArray *ranges, const char *stored);
/** Of the types (NULL-terminated, in our order of preference) the one that the best range takes; NULL: 406.
 */
const char *accept_one(const GArray *ranges, const char *const *types);
