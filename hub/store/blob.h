/* The blob store: immutable files named by their SHA-256 under <data>/blobs/ab/<hash>, written durably.
 * An object store can take this interface's place. Blocking: call from the thread pool or a worker. */
#pragma once
#include <glib.h>

typedef struct blob_store blob_store;

/** directory is created with its fan-out as needed; group-readable, written by the dicom program only. */
blob_store *blob_store_open(const char *directory, GError **error);
void blob_store_close(blob_store *store);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(blob_store, blob_store_close)

/** Makes the finished temporary file (same file system; its bytes are the caller's to sync) the blob `hash`;
 * consumes temp_path. The directory entry is durable only after blob_store_sync. Storing the same content again is a
 * success; *ret_new tells whether it was the first time. */
gboolean blob_store_put(blob_store *store, const char *temp_path, const char *hash, gboolean *ret_new,
                        GError **error);
/** Takes back a blob that blob_store_put has just made and that no row names. */
void blob_store_remove(blob_store *store, const char *hash);
/** fsyncs the directories that blob_store_put touched since the last call: once per group commit. */
gboolean blob_store_sync(blob_store *store, GError **error);
/** An open read-only descriptor (caller closes), -1 with ERR_NOT_FOUND or ERR_INTERNAL. hash is 64 lower-case
 * hex digits. */
int blob_store_read(blob_store *store, const char *hash, GError **error);
/** The path a blob has, whether or not it exists. Caller frees; NULL when hash is no SHA-256. */
char *blob_store_path(const blob_store *store, const char *hash);
/** Bytes free for new blobs (statvfs of the directory). */
guint64 blob_store_free_bytes(const blob_store *store);
