/* Inside the association worker: what its services share. One file for each service: serve_store.c,
 * serve_find.c … */
#pragma once
#include "dicom/dcmtk/association.h"

#define STATUS_OUT_OF_RESOURCES 0xa700
#define STATUS_UNABLE_TO_PERFORM 0xa702 /* sub-operations */
#define STATUS_WARNING 0xb000           /* some sub-operations failed */
#define STATUS_PENDING 0xff00
#define STATUS_PENDING_PARTIAL 0xff01 /* some keys are not known here */
#define STATUS_CANCELLED 0xfe00
#define STATUS_NO_IDENTIFIER 0xa900
#define STATUS_UNABLE 0xc000
#define STATUS_UNRECOGNIZED 0x0211

/* A report of the program for the association. */
typedef struct {
    char *id, *transaction, *lines;
    guint16 message; /* that it was sent with */
} worker_report;

typedef struct {
    const char *title;    /* our AE title */
    char *blobs;          /* directory of what is stored */
    char *temp;           /* directory for what does not fit into memory */
    guint8 *memory;       /* SHARED_SIZE bytes that the program sees too */
    guint64 limit, floor; /* limit: of this association */
    guint64 limit_of_all;
    guint move_associations;
    int acse_timeout, idle_timeout; /* seconds */
    dcm_association *association;
    GQueue reports;           /* worker_report, to be sent */
    worker_report *reporting; /* sent, not answered; NULL */
    char *tls_files;          /* directory */
    tls_context *tls;         /* NULL before it is first needed */
} worker;

/** What TLS needs, read when it is first wanted. NULL with error. */
tls_context *worker_tls(worker *w, GError **error);
/** Sends request (takes it) to the program and waits for the one answer, a new reference. NULL: the program
 * is gone. */
json_t *worker_ask(json_t *request);
/** The same, for an answer that comes with a descriptor: *ret_fd is the caller's to close, -1: none came. Any
 * thread. */
json_t *worker_ask_file(json_t *request, int *ret_fd);
/** The same, but request is borrowed and goes with the descriptor fd. */
json_t *worker_ask_with(const json_t *request, int fd, int *ret_fd);
/** The identifier of a C-MOVE or C-GET as keys (association.h). NULL: the association is to be aborted. */
json_t *serve_identifier(worker *w, const dcm_command *command, GError **error);

/* Each receives the command's data set, does it and answers. FALSE with error: the association is to be
 * aborted. */
gboolean serve_store(worker *w, const dcm_command *command, GError **error);
gboolean serve_find(worker *w, const dcm_command *command, GError **error);
gboolean serve_get(worker *w, const dcm_command *command, GError **error);
gboolean serve_move(worker *w, const dcm_command *command, GError **error);
gboolean serve_commit(worker *w, const dcm_command *command, GError **error);
/** Sends the next report unless one is under way. */
void serve_reports(worker *w);
/** Its answer has come. */
void serve_reported(worker *w, const dcm_command *command);
void worker_report_free(worker_report *r);
