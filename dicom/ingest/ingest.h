/* Durable ingest of one Part 10 file: scan, fdatasync, link to its hash's name, fsync of the directories,
 * index commit, and only then the answer. All that waits is committed together (group commit): one pass over
 * the directories and one transaction, whoever sent it.
 *
 * Threads: preparing (scan, hash, sync) runs in the loop's pool; linking and committing in the ingest's own
 * thread, which holds the database connection; answers come on the loop. After a crash the rows are the
 * truth: at start temporary files are removed and blobs that no row names are swept. */
#pragma once
#include "hub/base/config.h"
#include "hub/base/loop.h"

typedef struct ingest ingest;

/* Who sends, and what is promised about it. Strings are copied. */
typedef struct {
    const char *organisation;        /* UUID */
    const char *code;                /* the organisation's code, for URLs */
    const char *charset;             /* assumed for unlabelled text */
    const char *person;              /* UUID of the uploader; NULL: an AE */
    const char *received_from;       /* AE title or person */
    const char *request;             /* request id; may be NULL */
    const char *sop_class, *sop_uid; /* of the C-STORE command; NULL: not said */
    const char *study_uid;           /* the only study allowed; NULL: any */
} ingest_source;

typedef enum { INGEST_STORED, INGEST_SAME, INGEST_QUARANTINED, INGEST_FAILED } ingest_outcome;

typedef struct {
    ingest_outcome outcome;
    guint16 status;     /* DIMSE status, PS3.4 table B.2-1; 0 for STORED and SAME */
    const char *reason; /* for people; NULL when stored */
    const char *study;  /* id of the study's row; NULL when it has none */
    const char *study_uid, *series_uid, *sop_uid, *sop_class; /* NULL when the file could not be understood */
    guint study_instances;                                    /* in the index now */
} ingest_result;

/** Called once, on the loop, never inside ingest_file. */
typedef void (*ingest_done)(const ingest_result *result, gpointer user_data);

/** Opens the blob store below config's data directory. NULL with error when that fails. */
ingest *ingest_new(loop *l, const config *c, GError **error);
/** Waits for what is under way, whose answers are not given any more. */
void ingest_free(ingest *i);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ingest, ingest_free)

/** The directory for files to be given to ingest_file. Borrowed. */
const char *ingest_temp_directory(const ingest *i);
/** path: a finished file of ours in the temporary directory, consumed. */
void ingest_file(ingest *i, const ingest_source *source, const char *path, ingest_done done,
                 gpointer user_data);
/** The same for an object in memory, which stays as it is until done is called; what changes in it meanwhile
 * may be stored or refused, but does no harm. At most BUFFER_SIZE bytes (buffer.h). */
void ingest_memory(ingest *i, const ingest_source *source, GBytes *bytes, ingest_done done,
                   gpointer user_data);
/** The same for a file of somebody else, which is copied and then removed. */
void ingest_foreign_file(ingest *i, const ingest_source *source, const char *path, ingest_done done,
                         gpointer user_data);

/** FALSE while fewer bytes than store.disk-floor are free. */
gboolean ingest_has_room(const ingest *i);
/** TRUE once the leftovers of a crash are dealt with and the database answers. */
gboolean ingest_is_ready(const ingest *i);
/** Called on the loop whenever ingest_is_ready changes. */
void ingest_on_ready(ingest *i, void (*changed)(gpointer user_data), gpointer user_data);
guint64 ingest_stored(const ingest *i);
