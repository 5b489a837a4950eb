/* Inside the association worker: the instances that a C-MOVE or C-GET is to send, and how each becomes a data
 * set in a transfer syntax that its receiver takes. */
#pragma once
#include "dicom/scp/serve.h"

typedef struct {
    const char *sop_uid, *sop_class, *syntax, *hash; /* in the list's text */
    gboolean may_go;                                 /* to this receiver */
    gboolean failed;                                 /* set by who sends; for the list of failures */
} outgoing_item;

typedef struct {
    char *text;
    outgoing_item *items;
    guint count;
    dcm_counters counters; /* of whom sends, too */
} outgoing;

/** From the descriptor that came with the program's answer (retrieve.h), which stays the caller's. NULL with
 * ERR_INTERNAL. */
outgoing *outgoing_read(int fd, guint count, GError **error);
void outgoing_free(outgoing *o);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(outgoing, outgoing_free)

/** Counts how one ended; status: the receiver's, or a failure of ours. */
void outgoing_count(outgoing *o, outgoing_item *item, guint16 status);
/** UIDs of those that failed, separated by backslashes; NULL: none did. Caller frees. */
char *outgoing_failed(const outgoing *o);
/** The status that ends it all, PS3.4 tables C.4-2 and C.4-3. */
guint16 outgoing_status(const outgoing *o, gboolean cancelled);

typedef enum { OUTGOING_SENT, OUTGOING_NOT_SENT, OUTGOING_LOST } outgoing_result;

/** Sends item over a. OUTGOING_SENT: the receiver's answer will have *ret_message; OUTGOING_NOT_SENT: it
 * cannot be sent, the association is as it was; OUTGOING_LOST: the association is of no more use. error says
 * why. Any thread. */
outgoing_result outgoing_send(const worker *w, dcm_association *a, const outgoing_item *item,
                              const char *originator, guint16 originator_message, guint16 *ret_message,
                              GError **error);
