/* Consultations and referrals: hub/domain/case.h over HTTP. */
#pragma once
#include "hub/http/http.h"

void api_consult_create(http_request *r);
void api_consult_get(http_request *r);
void api_consult_edit(http_request *r);
void api_consult_actions(http_request *r);
void api_consult_act(http_request *r);
void api_consult_events(http_request *r);
void api_consult_opinion(http_request *r);
void api_referral_create(http_request *r);
void api_referral_get(http_request *r);
void api_referral_edit(http_request *r);
void api_referral_actions(http_request *r);
void api_referral_act(http_request *r);
void api_referral_events(http_request *r);
void api_worklist_get(http_request *r);
