/* The hub's calls about recordings (signaling/README.md, media worker). */
#pragma once
#include "media/rpc.h"

extern const rpc_method rpc_record_methods[];

/** At shutdown, before the relay goes: ends what runs; journals stay for record.repair. */
void rpc_record_end(void);
