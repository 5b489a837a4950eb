/* The association worker: a child process (dicom/child) that serves one association at a time and is replaced
 * after a while, because DCMTK loses memory per association and must be allowed to crash alone.
 *
 * Messages of the worker, each followed by the program's answer where there is one:
 *
 *   {type:"memory"} with a descriptor: what it receives into (dicom/child/shared.h)
 *
 *   {type:"idle"}: ready for a connection; also after each one
 *
 *   {type:"certificate", sha256}: {type:"certificate", known}
 *
 *   {type:"no-handshake", reason, refused}
 *
 *   {type:"admit", calling, called, tls?}: {type:"admitted"} or {type:"refused", reason}, the reason being
 * "calling", "called", "busy" or "not-ready"
 *
 *   {type:"store", file|bytes, sop_class, sop_uid}: {type:"stored", status, reason?}
 *
 *   {type:"find", keys} or {type:"find", next: true}: {type:"matches", status, matches:[...], more?: true}
 *
 *   {type:"retrieve", keys, destination?}: {type:"instances", status, count, and where the destination is}
 * with a descriptor of the list (retrieve.h) unless status says why there is none
 *
 *   {type:"convert", blob, syntax}: {type:"converted"} with a descriptor of the data set, or a reason
 *
 *   {type:"commit", transaction} with a descriptor of lines "SOP-CLASS SOP-INSTANCE": {type:"committing",
 * status}
 *
 *   {type:"reported", id, reason?}
 *
 * Of the program: {type:"serve", tls} with the connection's descriptor; {type:"report", id, transaction} with
 * a descriptor of lines "SOP-CLASS SOP-INSTANCE REASON", at any time during an association. */
#pragma once
#include "hub/base/config.h"

#define WORKER_ASSOCIATIONS 64 /* served before it is replaced */

/** Runs until the program closes the channel or the worker is worn out. Returns the exit status. */
int worker_run(const config *c);
