/* Memory that a child fills and the program reads, so that what a scanner sends need not pass through a file
 * first. Its size is sealed: a child that went wrong can change what is in it at any time, but not take it
 * away. Whoever reads it copies first and looks at the copy. */
#pragma once
#include <glib.h>

#define SHARED_SIZE (4 * 1024 * 1024) /* bytes; larger objects go by a file */

typedef struct shared shared;

/** In the child. Returns a descriptor to pass on (caller closes), and where the memory is mapped for writing,
 * for the life of the process. -1 with ERR_UNAVAILABLE. */
int shared_make(guint8 **ret_memory, GError **error);
/** In the program: maps what a child passed. Takes fd in any case. NULL with ERR_INVALID when it is not what
 * shared_make makes. */
shared *shared_map(int fd, GError **error);
void shared_unref(shared *s);
/** The first length bytes; NULL when it has fewer. They keep the memory mapped until they are unreferenced,
 * in any thread. */
GBytes *shared_bytes(shared *s, gsize length);
