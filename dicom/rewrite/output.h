/* Elements encoded as a transfer syntax wants them, to a sink; deflated on the way when it says so. After the
 * first error nothing more is written, and the error waits in the output. */
#pragma once
#include "dicom/rewrite/rewrite.h"

#define OUTPUT_UNDEFINED 0xffffffffu

typedef struct output output;

output *output_new(const rewrite_sink *sink, gboolean explicit_vr, gboolean big_endian);
void output_free(output *o);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(output, output_free)

/** From here on the bytes are deflated (PS3.5 A.5). */
void output_deflate(output *o);
/** What is pending, and whether all went well. */
gboolean output_finish(output *o, GError **error);
gboolean output_failed(const output *o);
/** The first error is kept. Takes it over. */
void output_fail(output *o, GError *error);

void output_bytes(output *o, gconstpointer bytes, gsize length);
/** A header; a VR that cannot hold length (PS3.5 7.1.2) becomes UN. */
void output_header(output *o, guint32 tag, const char *vr, guint32 length);
/** Text, padded to an even length. ERR_TOO_LARGE when the VR cannot hold it. */
void output_text(output *o, guint32 tag, const char *vr, const char *text);
/** An item, delimiter or fragment header: tag and length only. */
void output_mark(output *o, guint32 tag, guint32 length);
void output_items(output *o, const rewrite_element *sequence);
void output_element(output *o, const rewrite_element *element);
