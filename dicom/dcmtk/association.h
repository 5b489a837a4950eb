/* One DICOM association as acceptor, over a connected socket: DCMTK behind a C interface. Blocking; for the
 * association worker's process only. Every function catches everything that C++ throws and gives it as
 * ERR_INTERNAL. */
#pragma once
#include "hub/base/json.h"

G_BEGIN_DECLS

typedef struct dcm_association dcm_association;

typedef enum {
    DCM_ECHO,
    DCM_STORE,
    DCM_FIND,
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
    char transfer_syntax[65]; /* of the context */
    char why[128];            /* DCM_ENDED: aborted, timed out, violated the protocol */
} dcm_command;

typedef enum {
    DCM_REJECT_CALLING,
    DCM_REJECT_CALLED,
    DCM_REJECT_BUSY,
    DCM_REJECT_NOT_READY
} dcm_reject_reason;

/** Once per process, before anything else: environment and logging of DCMTK. */
void dcm_network_init(void);

/** Reads the A-ASSOCIATE-RQ. Takes fd in any case. timeout in seconds, for this and every later PDU. NULL
 * with ERR_TIMEOUT or ERR_INVALID. */
dcm_association *dcm_association_receive(int fd, int timeout, GError **error);
/** Closes the socket. */
void dcm_association_free(dcm_association *a);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(dcm_association, dcm_association_free)

/** AE titles of the request, padding off. Borrowed. */
const char *dcm_association_calling(const dcm_association *a);
const char *dcm_association_called(const dcm_association *a);

/** Accepts: verification; study root find; every storage class with the sender's first transfer syntax that
 * takes(uid). */
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
} dcm_sink;

/** Receives the data set of a DCM_STORE into sink (length 0, fd -1) as a Part 10 file, bytes as sent. FALSE:
 * the association is lost; ERR_TOO_LARGE after limit bytes, ERR_STORAGE when writing fails. */
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
/** C-FIND-RSP; match (borrowed, NULL: none) is {"GGGGEEEE": "value in UTF-8" …}. */
gboolean dcm_association_match(dcm_association *a, const dcm_command *command, guint16 status, json_t *match,
                               GError **error);
/** A-ABORT. */
void dcm_association_abort(dcm_association *a);

G_END_DECLS
