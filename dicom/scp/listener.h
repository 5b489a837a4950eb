/* The DIMSE port: accepts connections and gives them away. One that the owner does not want gets an
 * A-ASSOCIATE-RJ "local limit exceeded" (PS3.8 9.3.4) without its request being read. */
#pragma once
#include "hub/base/loop.h"

typedef struct scp_listener scp_listener;

/** plain: a refusal can be written to the peer; over TLS it is only closed. host: an address, or a name.
 * connection: TRUE: takes the descriptor; FALSE: refuses it. address: the peer's, numeric. */
scp_listener *listener_new(loop *l, const char *host, guint16 port, gboolean plain,
                           gboolean (*connection)(int fd, const char *address, gpointer user_data),
                           gpointer user_data, GError **error);
void listener_free(scp_listener *l);
