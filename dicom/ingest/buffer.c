#include "dicom/ingest/buffer.h"
#include <stdlib.h>

#define KEPT 4 /* idle buffers: as many as the loop's pool has threads */

struct buffer_pool {
    GMutex lock;
    guint8 *idle[KEPT];
    guint count;
};

buffer_pool *
buffer_pool_new(void)
{
    buffer_pool *p = g_new0(buffer_pool, 1);
    g_mutex_init(&p->lock);
    return p;
}

void
buffer_pool_free(buffer_pool *p)
{
    if (!p)
        return;
    for (guint i = 0; i < p->count; i++)
        free(p->idle[i]);
    g_mutex_clear(&p->lock);
    g_free(p);
}

guint8 *
buffer_take(buffer_pool *p)
{
    g_mutex_lock(&p->lock);
    guint8 *buffer = p->count ? p->idle[--p->count] : NULL;
    g_mutex_unlock(&p->lock);
    if (!buffer && !(buffer = aligned_alloc(BUFFER_ALIGNMENT, BUFFER_SIZE)))
        g_error("out of memory");
    return buffer;
}

void
buffer_give(buffer_pool *p, guint8 *buffer)
{
    if (!buffer)
        return;
    g_mutex_lock(&p->lock);
    gboolean keep = p->count < KEPT;
    if (keep)
        p->idle[p->count++] = buffer;
    g_mutex_unlock(&p->lock);
    if (!keep)
        free(buffer);
}
