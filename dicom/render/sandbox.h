/* The render child: decodes and draws frames of stored files, with nothing but the descriptors it is given.
 * Before the first frame it gives up everything else: seccomp leaves memory, reads and writes of open
 * descriptors and the channel; limits on address space and file size hold; there is no network, no database,
 * no opening of files. A frame that kills it costs only that frame.
 *
 * Messages, program -> child: {type:"output"} with the descriptor to write to, then
 *   {type:"frame", frame, format:"jpeg"|"png"|"raw"|"jls"|"jph", quality, rows, columns, center?, width?, sigmoid?} or
 *   {type:"convert", syntax} (all of the data set, natively) with the stored file
 * child -> program: {type:"ready"}; {type:"done", bytes} or {type:"failed", error, reason}
 * (error: a name of err.def). */
#pragma once

#define SANDBOX_MEMORY_LIMIT (3ull * 1024 * 1024 * 1024) /* address space */
#define SANDBOX_FILE_LIMIT (1ull * 1024 * 1024 * 1024)   /* bytes of one result */

/** Runs until the channel closes. Returns the exit status. */
int sandbox_run(void);
