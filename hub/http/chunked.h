/* Decoder of the chunked transfer coding (RFC 9112 section 7.1): bytes in, data ranges out, nothing
 * allocated. */
#pragma once
#include <glib.h>

#define CHUNKED_LINE_LIMIT 4096 /* of a size line with its extensions, and of the trailer section */

typedef enum {
    CHUNKED_SIZE,
    CHUNKED_EXTENSION,
    CHUNKED_SIZE_LF,
    CHUNKED_DATA,
    CHUNKED_DATA_CR,
    CHUNKED_DATA_LF,
    CHUNKED_TRAILER_START,
    CHUNKED_TRAILER,
    CHUNKED_TRAILER_LF,
    CHUNKED_LAST_LF,
    CHUNKED_END,
    CHUNKED_BROKEN,
} chunked_state;

typedef struct {
    chunked_state state;
    guint64 left; /* of the chunk */
    guint digits; /* of the size */
    guint line;   /* bytes of the current line, or of all trailers */
} chunked_decoder;

/** Passes over *at .. end; each stretch of data is given by ret_data, ret_length (0: none before more bytes
 * are needed). Call again while *at < end. FALSE: broken framing, for ever. At the end of the body
 * decoder->state is CHUNKED_END and *at is behind it. */
gboolean chunked_next(chunked_decoder *decoder, const guint8 **at, const guint8 *end, const guint8 **ret_data,
                      gsize *ret_length);
