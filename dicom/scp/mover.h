/* Inside the association worker: sends the instances of a C-MOVE to their destination, over one association
 * or several at once, each with a thread of its own. */
#pragma once
#include "dicom/scp/outgoing.h"

#define MOVER_SENDERS_LIMIT 8

typedef struct mover mover;

typedef struct {
    const worker *w;
    outgoing *list;     /* counted by the mover until mover_finish */
    const char *called; /* AE title of the destination */
    const char *host;
    guint16 port;
    tls_context *tls;                         /* NULL: plain */
    const char *cert_cn, *cert_sha256, *code; /* of the destination */
    const char *originator;                   /* who asked, with which message */
    guint16 originator_message;
    guint senders; /* at most at once */
} mover_plan;

/** Begins. plan's strings and list must outlive it. */
mover *mover_new(const mover_plan *plan);
/** Readable when something has changed. Borrowed. */
int mover_descriptor(const mover *m);
/** Copies the counters; TRUE: all is done, mover_finish will not wait. */
gboolean mover_progress(mover *m, dcm_counters *ret_counters);
/** What is under way is finished, nothing more begins. */
void mover_cancel(mover *m);
/** Waits for the threads and frees. Unless it was cancelled, what could not be sent counts as failed. Returns
 * the first reason why something was not sent, NULL: none; caller frees. */
char *mover_finish(mover *m);
