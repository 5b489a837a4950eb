/* The hub's calls about devices that send by RTSP (signaling/README.md, media worker). */
#pragma once
#include "media/rpc.h"

extern const rpc_method rpc_ingest_methods[];

/** At shutdown, before the relay goes. */
void rpc_ingest_end(void);
