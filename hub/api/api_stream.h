/* WHIP (RFC 9725) and WHEP: publishing into and playing from a room over plain HTTP. */
#pragma once
#include "hub/http/http.h"
#include "signaling/stream.h"

/* api_whip.c */
void api_whip_open(http_request *r);
void api_whip_patch(http_request *r);
void api_whip_close(http_request *r);
/* api_whep.c */
void api_whep_open(http_request *r);
void api_whep_patch(http_request *r);
void api_whep_close(http_request *r);

/* api_stream.c: what both share */
void api_stream_open(http_request *r, stream_kind kind);
void api_stream_patch(http_request *r, stream_kind kind);
void api_stream_close(http_request *r, stream_kind kind);
/** GET on an endpoint or a session: 405 (RFC 9725 section 4.2). */
void api_stream_no_get(http_request *r);
