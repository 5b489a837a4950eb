/* Memory for one object on its way in. Buffers are used again and again: their pages are there already, which
 * saves more than the copy into them costs. Aligned for O_DIRECT. */
#pragma once
#include <glib.h>

#define BUFFER_SIZE (4 * 1024 * 1024) /* bytes; larger objects are mapped from their file */
#define BUFFER_ALIGNMENT 4096

typedef struct buffer_pool buffer_pool;

buffer_pool *buffer_pool_new(void);
/** Every buffer must have been given back. */
void buffer_pool_free(buffer_pool *p);
/** BUFFER_SIZE bytes; any thread. */
guint8 *buffer_take(buffer_pool *p);
/** NULL is allowed. */
void buffer_give(buffer_pool *p, guint8 *buffer);
