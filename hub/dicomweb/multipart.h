/* Parser of multipart/related bodies (RFC 2046 5.1) as a stream: constant memory whatever the parts' sizes.
 */
#pragma once
#include <glib.h>

#define MULTIPART_BOUNDARY_LIMIT 70
#define MULTIPART_HEADERS_LIMIT 8192 /* bytes of one part's headers */

typedef struct multipart multipart;

/* What is told of the parts; FALSE stops. */
typedef struct {
    gboolean (*begin)(const char *content_type, gpointer user_data); /* its header's value, or NULL */
    gboolean (*data)(const guint8 *bytes, gsize length, gpointer user_data);
    gboolean (*end)(gpointer user_data);
} multipart_sink;

/** content_type: the request's header. NULL with ERR_UNSUPPORTED (not multipart/related) or ERR_INVALID (no
 * boundary). ret_type: its type parameter, lower case, or NULL; caller frees. sink is borrowed. */
multipart *multipart_new(const char *content_type, const multipart_sink *sink, gpointer user_data,
                         char **ret_type, GError **error);
void multipart_free(multipart *m);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(multipart, multipart_free)

/** FALSE: the sink stopped, or malformed (multipart_is_broken). */
gboolean multipart_feed(multipart *m, const guint8 *bytes, gsize length);
gboolean multipart_is_broken(const multipart *m);
/** The closing delimiter was seen. */
gboolean multipart_is_complete(const multipart *m);
