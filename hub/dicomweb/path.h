/* Where in the hierarchy a DICOMweb address points, and the audit row that reading it leaves. */
#pragma once
#include "hub/dicomweb/uid.h"
#include "hub/http/http.h"

typedef struct {
    const char *code;  /* organisation named in the path, or NULL */
    const char *study; /* UIDs, NULL when not in the path; borrowed from the request */
    const char *series;
    const char *instance;
} dicom_path;

/** FALSE after having replied: a UID in the path is none. */
gboolean dicom_path_take(http_request *r, dicom_path *ret);

/** Adds the audit row of a read to the batch, as its last statement, unless this process has committed the
 * same row in this quarter of an hour. object: the id as it was asked for. */
void read_audit_add(http_request *r, db_batch *batch, const char *action, const char *object);
/** After the batch was committed. */
void read_audit_done(http_request *r, const char *action, const char *object);
/** TRUE when the row is known to be committed: nothing more is to be written for this read. */
gboolean read_audit_is_done(http_request *r, const char *action, const char *object);
/** For a path: "UID", or "CODE/UID". Caller frees. */
char *dicom_path_object(const dicom_path *p);
