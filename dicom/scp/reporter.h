/* The report child: one Storage Commitment report over an association of its own (PS3.4 J.3.3: we take the
 * SCP's part in an association that we ask for).
 *
 * program -> child: {called, calling, host, port, tls, cert_cn?, cert_sha256?, code, transaction} with a
 * descriptor of the lines "SOP-CLASS SOP-INSTANCE REASON"; child -> program: {reason?}, without one it was
 * taken. */
#pragma once
#include "hub/base/config.h"

/** Returns the exit status. */
int reporter_run(const config *c);
