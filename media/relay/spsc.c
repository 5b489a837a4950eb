/* Records are stored as a 32-bit length and the bytes, rounded up to 8, never split: a record that does not
 * fit before the end is preceded by a filler. write and read count bytes for ever; each is changed by its own
 * side only. */
#include "media/relay/spsc.h"
#include <stdatomic.h>
#include <string.h>

#define FILLER G_MAXUINT32
#define ALIGN(n) (((n) + 7) & ~(gsize)7)

struct spsc {
    gsize size;
    guint8 *area;
    _Alignas(64) _Atomic gsize write;
    _Alignas(64) _Atomic gsize read;
};

spsc *
spsc_new(gsize size)
{
    spsc *s = g_aligned_alloc0(1, sizeof *s, 64);
    s->size = size;
    s->area = g_malloc(size);
    return s;
}

void
spsc_free(spsc *s)
{
    if (!s)
        return;
    g_free(s->area);
    g_aligned_free(s);
}

gboolean
spsc_write(spsc *s, const void *head, gsize head_length, const void *body, gsize body_length)
{
    guint32 length = (guint32)(head_length + body_length);
    gsize needed = ALIGN(sizeof length + length);
    gsize write = atomic_load_explicit(&s->write, memory_order_relaxed);
    gsize used = write - atomic_load_explicit(&s->read, memory_order_acquire);
    gsize at = write & (s->size - 1);
    gsize filler = at + needed > s->size ? s->size - at : 0;
    if (needed > s->size / 2 || used + filler + needed > s->size)
        return FALSE;
    if (filler > 0) {
        guint32 mark = FILLER;
        memcpy(s->area + at, &mark, sizeof mark);
        write += filler;
        at = 0;
    }
    memcpy(s->area + at, &length, sizeof length);
    memcpy(s->area + at + sizeof length, head, head_length);
    if (body_length > 0)
        memcpy(s->area + at + sizeof length + head_length, body, body_length);
    atomic_store_explicit(&s->write, write + needed, memory_order_release);
    return TRUE;
}

const guint8 *
spsc_peek(spsc *s, gsize *ret_length)
{
    gsize read = atomic_load_explicit(&s->read, memory_order_relaxed);
    guint32 length;
    if (read == atomic_load_explicit(&s->write, memory_order_acquire))
        return NULL;
    gsize at = read & (s->size - 1);
    memcpy(&length, s->area + at, sizeof length);
    if (length == FILLER) {
        atomic_store_explicit(&s->read, read + s->size - at, memory_order_release);
        return spsc_peek(s, ret_length);
    }
    *ret_length = length;
    return s->area + at + sizeof length;
}

void
spsc_release(spsc *s)
{
    gsize read = atomic_load_explicit(&s->read, memory_order_relaxed);
    guint32 length;
    memcpy(&length, s->area + (read & (s->size - 1)), sizeof length);
    atomic_store_explicit(&s->read, read + ALIGN(sizeof length + length), memory_order_release);
}
