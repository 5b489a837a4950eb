/* Inside the association worker: what its services share. One file for each service: serve_store.c,
 * serve_find.c … */
#pragma once
#include "dicom/dcmtk/association.h"

#define STATUS_OUT_OF_RESOURCES 0xa700
#define STATUS_PENDING 0xff00
#define STATUS_CANCELLED 0xfe00
#define STATUS_UNABLE 0xc000
#define STATUS_UNRECOGNIZED 0x0211

typedef struct {
    char *temp;     /* directory for what does not fit into memory */
    guint8 *memory; /* SHARED_SIZE bytes that the program sees too */
    guint64 limit, floor;
    int acse_timeout, idle_timeout; /* seconds */
    dcm_association *association;
} worker;

/** Sends request (takes it) to the program and waits for the one answer, a new reference. NULL: the program
 * is gone. */
json_t *worker_ask(json_t *request);

/* Each receives the command's data set, does it and answers. FALSE with error: the association is to be
 * aborted. */
gboolean serve_store(worker *w, const dcm_command *command, GError **error);
gboolean serve_find(worker *w, const dcm_command *command, GError **error);
