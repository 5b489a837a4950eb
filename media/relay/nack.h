/* What a received stream is missing, and when to ask for it (RFC 4585 6.2.1). Media thread. */
#pragma once
#include <glib.h>

#define NACK_LIMIT 1000 /* missing packets remembered; more: give up and ask for a keyframe */
#define NACK_TRIES 10
#define NACK_FIRST_US 10000 /* reordering may bring it by itself */
#define NACK_REPEAT_US 40000
#define NACK_BATCH 100 /* numbers of one request */

typedef struct {
    guint64 index;
    gint64 next_us;
    guint tries;
} nack_item;

typedef struct {
    GArray *items; /* nack_item, ascending; NULL: never used */
} nack_list;

void nack_clear(nack_list *l);
/** Packets first to last have not come. FALSE: too many, everything was forgotten. */
gboolean nack_add(nack_list *l, guint64 first, guint64 last, gint64 now_us);
/** One came. TRUE: it had been asked for. */
gboolean nack_remove(nack_list *l, guint64 index);
gboolean nack_is_empty(const nack_list *l);
/** Fills up to NACK_BATCH sequence numbers to ask for now; ret_given_up: some were asked for too often. */
guint nack_due(nack_list *l, gint64 now_us, guint16 *sequences, gboolean *ret_given_up);
