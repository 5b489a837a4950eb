/* DICOM JSON (PS3.18 annex F) of one instance, streamed into a raw deflate stream that ends with a full
 * flush, so that the answer for a whole series is the pieces joined inside of one gzip member. It is a
 * visitor of walk.h.
 *
 * Only the brackets between elements are written here; every string goes through jansson. */
#pragma once
#include "dicom/scan/walk.h"
#include "hub/base/json.h"

#define JSON_WRITER_LIMIT (64 * 1024 * 1024) /* bytes of one instance's JSON */
#define JSON_INLINE_LIMIT 1024               /* bytes of a binary value that stay in the JSON */
#define JSON_TEXT_LIMIT (64 * 1024)          /* bytes of a text value that stay in the JSON */

typedef struct json_writer json_writer;

/** instance_url: "/dicom-web/orgs/CODE/studies/…/instances/UID", to which the writer adds
 * /bulkdata/OFFSET-LENGTH (a range of the stored file) and /frames. ranges FALSE: values are no ranges of the
 * file (deflated), then long ones are left out. assumed_charset as in charset.h. */
json_writer *json_writer_new(const char *instance_url, gboolean ranges, const char *assumed_charset);
void json_writer_free(json_writer *w);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(json_writer, json_writer_free)

extern const walk_visitor json_writer_visitor; /* data: the writer */

/** Ends the object. Returns the deflated piece (caller unrefs) with the CRC-32 and size of the JSON. */
GBytes *json_writer_finish(json_writer *w, guint32 *ret_crc, gsize *ret_size);
/** JSON objects of the study's (with the patient's) and the series' attributes, for searches. Borrowed, after
 * finish. */
const char *json_writer_study(const json_writer *w);
const char *json_writer_series(const json_writer *w);
/** TRUE when some text's charset had to be guessed. */
gboolean json_writer_doubt(const json_writer *w);
