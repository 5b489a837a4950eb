/* The pre-scan: one Part 10 file (PS3.10) from a stranger, walked within limits before anything else looks at
 * it. What passes has a sound structure, valid identifiers and pixel data that is as long as its geometry
 * says; what it tells is all that the index ever needs. Includes nothing of DCMTK. */
#pragma once
#include "dicom/scan/person_name.h"
#include "dicom/scan/syntax.h"
#include "dicom/scan/walk.h"
#include <glib.h>

#define SCAN_INFLATE_LIMIT (128 * 1024 * 1024) /* bytes of a deflated data set after inflating */
#define SCAN_UID_LIMIT 64                      /* PS3.5 9.1 */
#define SCAN_ID_LIMIT 256                      /* bytes of a patient id; PS3.5 allows 64 characters */
#define SCAN_TEXT_LIMIT 1024 /* bytes of other texts in the index; longer ones are cut there */

typedef struct {
    const char *charset; /* assumed when the file names none; may be NULL */
    const char *origin;  /* what URLs in the JSON begin with: "/dicom-web/orgs/CODE" */
} scan_options;

typedef struct {
    const syntax *transfer_syntax;
    char *sop_class, *sop_uid, *study_uid, *series_uid; /* valid UIDs */
    char *patient_id;                                   /* "" when the file has none */
    person_name patient_name;
    char *patient_search;          /* person_name_search_text */
    char *birth_date, *study_date; /* YYYY-MM-DD; NULL: none or no date */
    char *sex;                     /* "", M, F or O */
    char *study_time, *accession, *study_id, *study_description, *referring;
    char *modality, *series_description;
    char *series_number, *instance_number; /* decimal; NULL: none */
    guint32 rows, columns;                 /* 0: no pixel data */
    guint32 frames;                        /* 0: no pixel data */
    gboolean charset_doubt;
    GBytes *frame_table; /* NULL: no pixel data */
    GBytes *metadata;    /* json_writer.h */
    guint32 metadata_crc;
    gsize metadata_size;
    char *study_attributes, *series_attributes; /* JSON objects */
} scan_result;

/** Errors: ERR_INVALID: cannot be understood; ERR_UNSUPPORTED: unknown transfer syntax; ERR_TOO_LARGE: a
 * limit; ERR_UNPROCESSABLE: understood, but no valid instance (identifiers, geometry). *ret is set on success
 * only. */
gboolean scan_bytes(const guint8 *bytes, gsize length, const scan_options *options, scan_result *ret,
                    GError **error);
void scan_result_clear(scan_result *r);

/** The first step alone, for those who walk a stored file: where its data set lies. *ret_inflated (caller
 * unrefs) holds the data set of a deflated file and is NULL otherwise. Errors as of scan_bytes. */
gboolean scan_begin(const guint8 *bytes, gsize length, walk_input *ret_input, const syntax **ret_syntax,
                    GByteArray **ret_inflated, GError **error);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(scan_result, scan_result_clear)
