/* The handlers of /dicom-web (PS3.18), for hub/api/routes.c. */
#pragma once
#include "hub/http/http.h"

void qido_studies(http_request *r);
void qido_series(http_request *r);
void qido_instances(http_request *r);

void wado_instances(
    http_request *r); /* a study, a series or an instance, as multipart or (one instance) a single part */
void wado_metadata(http_request *r);
void wado_frames(http_request *r);    /* a list of frames; without one all of them */
void wado_bulkdata(http_request *r);  /* OFFSET-LENGTH of the stored file */
void wado_rendered(http_request *r);  /* of an instance (its first frame) or of a frame */
void wado_thumbnail(http_request *r); /* of a study, a series, an instance or a frame */

void stow_store(http_request *r);
