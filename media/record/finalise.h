/* Makes playable files of the journals in a recording's directory and removes the journals. May be called again after
 * a crash at any point: what a former call had finished is kept, the rest is done.
 *
 *   <track>.journal  →  <participant>-<source>-<n>.webm (or .mp4) and recording.json, the list of files. */
#pragma once
#include "hub/base/json.h"

/** Blocking, for the thread pool. Returns the list of signaling/README.md record.stop `files` (a new reference), also of earlier
 * calls in this directory; NULL on error (journals stay). Journals without packets leave no file. */
json_t *finalise_directory(const char *directory, GError **error);
