/* /api/v1/session: sign in, who am I, language or organisation, sign out. */
#pragma once
#include "hub/http/http.h"

void api_session_open(http_request *r);
void api_session_get(http_request *r);
void api_session_change(http_request *r);
void api_session_close(http_request *r);
