/* The DIMSE service: listens, counts, judges, and hands each connection to an association worker (worker.h).
 * Nothing of a peer's bytes is read in this process.
 *
 * Deny by default: the calling AE title must be registered, the called one must be ours, the source address
 * must be the AE's, or over TLS the certificate. Over the limits (in total, per AE) the association is
 * refused with "local limit exceeded" and the scanner comes again. */
#pragma once
#include "dicom/ingest/ingest.h"
#include "dicom/render/render.h"
#include "dicom/scp/ae_table.h"
#include "hub/base/config.h"

typedef struct scp_server scp_server;

typedef struct {
    /** An instance was stored; at most one call a second for each study. */
    void (*study_received)(const char *organisation, const char *study, guint instances, gpointer user_data);
    gpointer user_data;
} scp_events;

typedef struct {
    guint associations;        /* now */
    guint64 accepted, refused; /* since start */
} scp_stats;

/** Listens on dicom.port and, with TLS, dicom.tls-port of hub.host. NULL with ERR_UNAVAILABLE when the port
 * is taken. config_path is given on to workers. */
scp_server *scp_server_new(loop *l, const config *c, const char *config_path, db_pool *pool, ae_table *aes,
                           ingest *in, render *renderer, const scp_events *events, GError **error);
/** Ends the workers; associations break. */
void scp_server_free(scp_server *s);
scp_stats scp_server_stats(const scp_server *s);
