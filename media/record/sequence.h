/* Puts RTP packets in order of their sequence numbers (RFC 3550 A.1), dropping repeats. A gap is waited for until
 * the window is full or the gap is older than SEQUENCE_PATIENCE_US; then it is a loss. */
#pragma once
#include <glib.h>

#define SEQUENCE_WINDOW 1024                     /* packets; a power of two */
#define SEQUENCE_PATIENCE_US (3 * G_USEC_PER_SEC) /* more than any retransmission takes */

typedef struct sequence sequence;

sequence *sequence_new(void);
void sequence_free(sequence *s);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(sequence, sequence_free)

/** Takes in one packet that arrived at wall_us. Anything that is not RTP is dropped. When FALSE is returned the
 * packet lies beyond the window: take packets out (at_end), then offer it again. */
gboolean sequence_push(sequence *s, const guint8 *packet, gsize length, gint64 wall_us);
/** The next packet in order, or NULL when it must be waited for (at_end: nothing is waited for). Caller frees by
 * g_bytes_unref. ret_lost: packets missing right before it. */
GBytes *sequence_pop(sequence *s, gboolean at_end, guint *ret_lost);
