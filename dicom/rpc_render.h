/* RPC render.frame and transcode.frame. */
#pragma once
#include "dicom/render/render.h"
#include "signaling/client.h"

void rpc_render_frame(render *r, rpc_call *call, json_t *params);
void rpc_transcode_frame(render *r, rpc_call *call, json_t *params);
