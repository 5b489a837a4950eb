/* Storage Commitment (PS3.4 annex J) in the program: requests become rows, what they name is looked up in the
 * index and the files are hashed, and the report goes over the association that asked while it is there, else
 * over a new one, again and again. */
#pragma once
#include "dicom/scp/ae_table.h"
#include "hub/base/config.h"

typedef struct committer committer;

#define COMMIT_ITEMS_LIMIT (4 * 1024 * 1024) /* bytes of a request's list */

committer *committer_new(loop *l, const config *c, const char *config_path, db_pool *pool, ae_table *aes);
void committer_free(committer *c);

/** Who asks, and may be told directly. */
typedef struct {
    const char *organisation, *title;
    /** The report is ready: lines (borrowed). FALSE: cannot be sent here. Called at most once. */
    gboolean (*report)(const char *id, const char *transaction, const char *lines, gpointer user_data);
    gpointer user_data;
} commit_caller;

/** status 0: the request is durable and will be reported. Called once, never inside committer_begin. */
typedef void (*commit_begun)(guint16 status, gpointer user_data);
/** items: lines "SOP-CLASS SOP-INSTANCE", copied. */
void committer_begin(committer *c, const commit_caller *caller, const char *transaction, const char *items,
                     commit_begun begun, gpointer user_data);
/** How a report that commit_caller.report took ended; why NULL: it was taken. */
void committer_reported(committer *c, const char *id, const char *organisation, const char *why);
/** A report that commit_caller.report took never got there: it goes another way, soon. */
void committer_again(committer *c, const char *id, const char *organisation);
/** user_data's association is over: its reports go another way. */
void committer_forget(committer *c, gpointer user_data);
