/* /api/v1/studies and /api/v1/uploads/known. */
#pragma once
#include "hub/http/http.h"

void api_study_list(http_request *r);
void api_study_get(http_request *r);
void api_study_manifest(http_request *r);
void api_upload_known(http_request *r);
