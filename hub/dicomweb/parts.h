/* The body of a multipart/related answer: each part with its own headers, lengths told. */
#pragma once
#include "hub/http/http.h"

typedef struct {
    http_parts *parts;
    char *boundary;
    guint count;
} part_writer;

void part_writer_init(part_writer *w, http_request *r);
/** Begins a part: its content is added to w->parts afterwards, length bytes of it. transfer_syntax, location
 * may be NULL. */
void part_begin(part_writer *w, const char *type, const char *transfer_syntax, guint64 length,
                const char *location);
/** Ends the body and replies 200; type: of the parts. Clears the writer. */
void part_reply(part_writer *w, http_request *r, const char *type, const char *transfer_syntax);
