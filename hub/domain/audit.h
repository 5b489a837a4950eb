/* The audit trail's chain: sealing in the background. Rows are appended by the statements audit_append and audit_read
 * inside the transactions that they tell of; `consilium audit verify` (hub/cli/cmd_audit.c) walks the chain. */
#pragma once
#include "hub/base/loop.h"
#include "hub/store/db.h"

typedef struct audit_writer audit_writer;

/** Seals new rows twice a second while there are any. Of several hubs one at a time does it. */
audit_writer *audit_writer_new(loop *l, db_pool *db);
void audit_writer_free(audit_writer *w);
