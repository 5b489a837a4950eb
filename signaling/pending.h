/* Calls that wait for their answer, on one connection. Each ends exactly once, never inside the function that began it:
 * by its answer, by its deadline, or by the loss of the connection. */
#pragma once
#include "hub/base/loop.h"
#include "signaling/rpc.h"

typedef struct rpc_pending rpc_pending;
typedef void (*rpc_done)(json_t *result, const GError *error, gpointer user_data);

rpc_pending *rpc_pending_new(loop *l);
/** Whatever still waits ends with ERR_UNAVAILABLE first. */
void rpc_pending_free(rpc_pending *p);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(rpc_pending, rpc_pending_free)

/** Notes a call and returns its id. After timeout_ms it ends with ERR_TIMEOUT. */
gint64 rpc_pending_add(rpc_pending *p, guint timeout_ms, rpc_done done, gpointer user_data);
/** An answer came (m is a result or an error). FALSE: nobody waits for it. */
gboolean rpc_pending_answer(rpc_pending *p, const rpc_message *m);
/** The call ends soon (from the loop) with this error: it could not be sent. error is copied. */
void rpc_pending_fail_soon(rpc_pending *p, gint64 id, const GError *error);
/** All end now with ERR_UNAVAILABLE: the connection is lost. */
void rpc_pending_lost(rpc_pending *p);
/** How many wait. */
guint rpc_pending_count(const rpc_pending *p);
