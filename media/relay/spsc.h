/* A bounded ring of byte records between exactly one writing and one reading thread, without locks. */
#pragma once
#include <glib.h>

typedef struct spsc spsc;

/** size: bytes, power of two. */
spsc *spsc_new(gsize size);
void spsc_free(spsc *s);
/** Writer: one record made of a head and a body. FALSE: no room, nothing written. */
gboolean spsc_write(spsc *s, const void *head, gsize head_length, const void *body, gsize body_length);
/** Reader: the oldest record, NULL: none. It stays valid until spsc_release. */
const guint8 *spsc_peek(spsc *s, gsize *ret_length);
void spsc_release(spsc *s);
