/* One DICOM association as acceptor, over a connected socket: DCMTK behind a C interface. Blocking; for the
 * association worker's process only. Every function catches everything that C++ throws and gives it as
 * ERR_INTERNAL. */
#pragma once
#include "dicom/tls/tls.h"
#include "hub/base/json.h"

G_BEGIN_DECLS

typedef struct dcm_association dcm_association;

typedef enum {
    DCM_ECHO,
    DCM_STORE,
    DCM_FIND,
    DCM_GET,
    DCM_MOVE,
    DCM_ACTION,
    DCM_REPORTED, /* the answer to a report that we sent */
    DCM_STORED,   /* the answer to an object that we sent */
    DCM_CANCEL,
    DCM_OTHER,
    DCM_RELEASED,
    DCM_ENDED
} dcm_command_kind;

typedef struct {
    dcm_command_kind kind;
    guint8 context; /* presentation context id */
    guint16 message_id;
    gboolean has_dataset;
    char sop_class[65];       /* affected SOP class UID */
    char sop_uid[65];         /* DCM_STORE: affected SOP instance UID */
    char destination[17];     /* DCM_MOVE: AE title */
    guint16 status;           /* DCM_STORED, DCM_REPORTED */
    guint16 type;             /* DCM_ACTION */
    char transfer_syntax[65]; /* of the context */
    char why[128];            /* DCM_ENDED: aborted, timed out, violated the protocol */
} dcm_command;

typedef enum {
    DCM_REJECT_CALLING,
    DCM_REJECT_CALLED,
    DCM_REJECT_BUSY,
    DCM_REJECT_NOT_READY
} dcm_reject_reason;

/** Once per process, before anything else: environment and logging of DCMTK. pdu_size: the largest protocol
 * data unit that is taken, bytes. */
void dcm_network_init(guint pdu_size);

/** Reads the A-ASSOCIATE-RQ over fd, or over tls (NULL: plain). Takes both in any case. timeout in seconds,
 * for this and every later PDU. NULL with ERR_TIMEOUT or ERR_INVALID. */
dcm_association *dcm_association_receive(int fd, tls_session *tls, int timeout, GError **error);
/** Closes the socket. */
void dcm_association_free(dcm_association *a);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(dcm_association, dcm_association_free)

/** AE titles of the request, padding off. Borrowed. */
const char *dcm_association_calling(const dcm_association *a);
const char *dcm_association_called(const dcm_association *a);

/** Accepts: verification; query and retrieve; every storage class with the sender's first transfer syntax
 * that takes(uid), in the role that it asks for. */
gboolean dcm_association_accept(dcm_association *a, gboolean (*takes)(const char *transfer_syntax),
                                GError **error);
/** A-ASSOCIATE-RJ, PS3.8 9.3.4. */
void dcm_association_reject(dcm_association *a, dcm_reject_reason reason);

/** Waits at most timeout seconds for the next command; DCM_RELEASED (already acknowledged) and DCM_ENDED end
 * the association. FALSE with ERR_INTERNAL. */
gboolean dcm_association_next(dcm_association *a, int timeout, dcm_command *ret, GError **error);

/* Where an object goes: into memory, and when it does not fit there into a file instead. */
typedef struct {
    guint8 *memory;
    gsize capacity, length; /* bytes of memory, and used of them */
    /** Called once, when the memory is full; -1 with errno set: no file. */
    int (*open_file)(gpointer user_data);
    gpointer user_data;
    int fd; /* all of the object is in this file, the caller's to close; -1: all of it is in memory */
    gboolean too_large; /* what came is of no use */
} dcm_sink;

/** Receives the data set of a DCM_STORE into sink (length 0, fd -1) as a Part 10 file, bytes as sent. One
 * of more than limit bytes sets too_large. FALSE: the association is lost; ERR_STORAGE when writing fails. */
gboolean dcm_association_store(dcm_association *a, const dcm_command *command, dcm_sink *sink, guint64 limit,
                               int timeout, GError **error);
/** Receives a data set and forgets it. */
gboolean dcm_association_discard(dcm_association *a, const dcm_command *command, int timeout, GError **error);
/** The identifier of a DCM_FIND: {"GGGGEEEE": "value in UTF-8" …}; sequences have the value "". New
 * reference. */
json_t *dcm_association_keys(dcm_association *a, const dcm_command *command, int timeout, GError **error);

/** C-ECHO-RSP or C-STORE-RSP. comment: error comment (PS3.7 C.4), may be NULL. */
gboolean dcm_association_respond(dcm_association *a, const dcm_command *command, guint16 status,
                                 const char *comment, GError **error);
/** C-FIND-RSP. match (borrowed, NULL: none) is DICOM JSON; of it goes what keys (the request's) name, what it
 * lacks goes empty; the text in the request's character set where that can express it, else in UTF-8. */
gboolean dcm_association_match(dcm_association *a, const dcm_command *command, guint16 status, json_t *keys,
                               json_t *match, GError **error);
/** TRUE when the command's SOP class is the Patient Root's C-FIND. */
gboolean dcm_command_is_patient_root(const dcm_command *command);
/** Waits until the peer sends something (TRUE) or the descriptor other is readable or the time is over. */
gboolean dcm_association_wait(dcm_association *a, int other, int timeout_ms);

/* --- objects on their way out ------------------------------------------------------------------------------
 */

typedef struct {
    const char *sop_class, *sop_uid;
    int fd;                 /* holds the data set from offset to its end */
    guint64 offset, length; /* bytes of the data set */
    const char *originator; /* of a C-MOVE: its caller and message; NULL */
    guint16 originator_message;
} dcm_object;

/** The accepted context for objects of this class in this transfer syntax (NULL: any native one), in which we
 * may send. 0: there is none. *ret_syntax: what was accepted, borrowed. */
guint8 dcm_association_context(dcm_association *a, const char *sop_class, const char *syntax,
                               const char **ret_syntax);
/** C-STORE-RQ and the data set as it is in the file. The answer comes as DCM_STORED with *ret_message as its
 * message_id. FALSE: ERR_UNAVAILABLE: the peer is gone; ERR_STORAGE: the file is shorter than it was said to
 * be; either way the association is of no more use. */
gboolean dcm_association_send(dcm_association *a, guint8 context, const dcm_object *object,
                              guint16 *ret_message, GError **error);

typedef struct {
    guint remaining, completed, failed, warning; /* sub-operations */
} dcm_counters;

/** C-MOVE-RSP or C-GET-RSP. failed: UIDs separated by backslashes, NULL: no identifier. comment may be NULL.
 */
gboolean dcm_association_progress(dcm_association *a, const dcm_command *command, guint16 status,
                                  const dcm_counters *counters, const char *failed, const char *comment,
                                  GError **error);

/* --- storage commitment ------------------------------------------------------------------------------------
 */

/** The data set of a DCM_ACTION: *ret_transaction, and *ret_references as lines "SOP-CLASS SOP-INSTANCE"
 * (both unchecked; caller frees) and their count. FALSE: the association is lost. */
gboolean dcm_association_action(dcm_association *a, const dcm_command *command, int timeout,
                                char **ret_transaction, char **ret_references, guint *ret_count,
                                GError **error);
/** N-ACTION-RSP. */
gboolean dcm_association_action_answer(dcm_association *a, const dcm_command *command, guint16 status,
                                       GError **error);
/** N-EVENT-REPORT-RQ of lines "SOP-CLASS SOP-INSTANCE REASON", reason 0 being committed. The answer comes as
 * DCM_REPORTED with *ret_message as its message_id. ERR_DENIED: the association has no context for it. */
gboolean dcm_association_report(dcm_association *a, const char *transaction, const char *lines,
                                guint16 *ret_message, GError **error);

/* --- associations that we ask for
 * --------------------------------------------------------------------------- */

typedef struct {
    const char *sop_class;
    const char *syntaxes[4]; /* ends with NULL */
    gboolean as_provider;    /* we take the SCP's part */
} dcm_proposal;

#define DCM_PROPOSALS_LIMIT 128 /* presentation contexts of one association, PS3.8 9.3.2.2 */

typedef struct {
    const char *calling, *called, *host;
    guint16 port;
    tls_context *tls;                         /* NULL: plain */
    const char *cert_cn, *cert_sha256, *code; /* as tls_peer_matches wants them */
    int timeout;                              /* seconds, for the answer and each read and write */
    const dcm_proposal *proposals;
    guint count;
    /** The TCP connection is there; may be NULL. */
    void (*connected)(int fd, gpointer user_data);
    gpointer user_data;
} dcm_request;

/** NULL with ERR_UNAVAILABLE (not reached, no answer) or ERR_DENIED (rejected, with the reason). Any thread.
 */
dcm_association *dcm_association_request(const dcm_request *request, GError **error);
/** A-RELEASE, as the one who asked for the association. */
void dcm_association_release(dcm_association *a);

/** A-ABORT. */
void dcm_association_abort(dcm_association *a);

G_END_DECLS
