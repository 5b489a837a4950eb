/* The program's side of one association worker: its process and what is known of the association that it
 * serves. */
#pragma once
#include "dicom/ingest/ingest.h"
#include "dicom/render/render.h"
#include "dicom/scp/ae_table.h"
#include "dicom/scp/commit.h"

typedef struct scp_association scp_association;

typedef struct {
    loop *l;
    const char *config_path, *title; /* our AE title */
    ae_table *aes;
    ingest *in;
    db_pool *pool;
    render *renderer;
    committer *commitments;
    guint64 patience_ms;  /* for a connection to become an association */
    guint retrieve_limit; /* instances of one C-MOVE or C-GET */
} association_context;    /* strings and objects are borrowed for the association's life */

typedef struct {
    void (*gone)(scp_association *a, gpointer user_data); /* the owner frees it */
    void (*idle)(scp_association *a, gpointer user_data);
    /** May one more association of this AE begin? */
    gboolean (*may_begin)(scp_association *a, const ae_entry *entry, gpointer user_data);
    void (*refused)(scp_association *a, gpointer user_data);
    void (*stored)(scp_association *a, const char *organisation, const char *study, guint instances,
                   gpointer user_data);
} association_events;

scp_association *association_new(const association_context *context, const association_events *events,
                                 gpointer user_data, GError **error);
/** Kills the worker. Files on their way are still stored, unanswered. */
void association_free(scp_association *a);
/** The idle worker serves this connection, over TLS or plainly; fd stays the caller's to close. */
void association_serve(scp_association *a, int fd, const char *address, gboolean over_tls);
gboolean association_is_idle(const scp_association *a);
gboolean association_is_busy(const scp_association *a);
/** Calling AE title once admitted, else NULL. */
const char *association_title(const scp_association *a);
