/* Devices (RTSP cameras, ultrasound machines) of the acting organisation, and bringing one into a room. */
#pragma once
#include "hub/http/http.h"

void api_device_list(http_request *r);
void api_device_bring(http_request *r);
void api_device_remove(http_request *r);
