/* The association worker: a child process (dicom/child) that serves one association at a time and is replaced
 * after a while, because DCMTK loses memory per association and must be allowed to crash alone.
 *
 * Messages, worker -> program:
 *   {type:"memory"} with a descriptor               where objects are put (dicom/child/shared.h); once, first
 *   {type:"idle"}                                 ready for a connection; also after each one
 *   {type:"admit", calling, called}               -> {type:"admitted"} or {type:"refused", reason:
 * "calling"|"called"|"busy"|"not-ready"} {type:"store", bytes | file, sop_class, sop_uid} -> {type:"stored",
 * status, reason?} {type:"find", keys}                           -> {type:"matches", status, matches:[…],
 * more?: true}; {type:"find", next: true} asks on program -> worker: {type:"serve"} with the connection's
 * descriptor */
#pragma once
#include "hub/base/config.h"

#define WORKER_ASSOCIATIONS 64 /* served before it is replaced */

/** Runs until the program closes the channel or the worker is worn out. Returns the exit status. */
int worker_run(const config *c);
