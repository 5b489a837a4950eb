/* The Range header (RFC 9110 section 14.2) for one stretch of bytes. */
#pragma once
#include <glib.h>

typedef enum {
    RANGE_WHOLE, /* absent, another unit, several ranges, or malformed: the whole is answered */
    RANGE_PART,
    RANGE_UNSATISFIABLE, /* 416 */
} range_kind;

/** header may be NULL. size: of the whole. ret_* set for RANGE_PART only. */
range_kind range_parse(const char *header, guint64 size, guint64 *ret_offset, guint64 *ret_length);
