/* Organisations, patients, the audit trail, the API description. */
#pragma once
#include "hub/http/http.h"

void api_organisation_list(http_request *r);
void api_patient_find(http_request *r);
void api_patient_get(http_request *r);
void api_patient_create(http_request *r);
void api_audit_list(http_request *r);
void api_openapi_get(http_request *r);
