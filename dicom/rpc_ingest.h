/* RPC ingest.files: the hub's uploads (STOW-RS, upload page) into the ingest. */
#pragma once
#include "dicom/ingest/ingest.h"
#include "hub/store/db.h"
#include "signaling/client.h"

typedef struct rpc_ingest rpc_ingest;

/** told: study_received of scp_events, also for uploads. */
rpc_ingest *rpc_ingest_new(const config *c, db_pool *pool, ingest *in,
                           void (*told)(const char *organisation, const char *study, guint instances,
                                        gpointer user_data),
                           gpointer user_data);
void rpc_ingest_free(rpc_ingest *r);
/** Handler of ingest.files. */
void rpc_ingest_files(rpc_ingest *r, rpc_call *call, json_t *params);
