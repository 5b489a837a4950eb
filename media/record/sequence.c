/* A ring indexed by the extended sequence number. `next` is the number to be given out; everything in the ring
 * lies in [next, next + window). */
#include "media/record/sequence.h"

#define RTP_HEADER 12

struct slot {
    GBytes *packet; /* NULL: missing */
    gint64 wall_us;
};

struct sequence {
    struct slot slots[SEQUENCE_WINDOW];
    gboolean started;
    gint64 next;      /* extended */
    gint64 highest;   /* extended, of what came */
    gint64 newest_us; /* arrival of the newest packet */
    guint present;    /* packets in the ring */
    guint skipped;    /* lost by a jump beyond the window while the ring was empty */
};

sequence *
sequence_new(void)
{
    return g_new0(sequence, 1);
}

void
sequence_free(sequence *s)
{
    if (!s)
        return;
    for (guint i = 0; i < SEQUENCE_WINDOW; i++)
        g_clear_pointer(&s->slots[i].packet, g_bytes_unref);
    g_free(s);
}

static struct slot *
slot_of(sequence *s, gint64 number)
{
    return &s->slots[number & (SEQUENCE_WINDOW - 1)];
}

/* The extended number nearest to the highest so far. */
static gint64
extend(const sequence *s, guint16 number)
{
    return s->highest + (gint16)(number - (guint16)s->highest);
}

gboolean
sequence_push(sequence *s, const guint8 *packet, gsize length, gint64 wall_us)
{
    if (length < RTP_HEADER || packet[0] >> 6 != 2)
        return TRUE;
    guint16 number = (guint16)(packet[2] << 8 | packet[3]);
    if (!s->started) {
        s->started = TRUE;
        s->next = s->highest = number;
    }
    gint64 extended = extend(s, number);
    if (extended >= s->next + SEQUENCE_WINDOW && s->present > 0)
        return FALSE;
    if (extended >= s->next + SEQUENCE_WINDOW) {
        s->skipped = (guint)(extended - s->next);
        s->next = extended;
    }
    s->newest_us = MAX(s->newest_us, wall_us);
    if (extended < s->next || slot_of(s, extended)->packet)
        return TRUE; /* too late, or a repeat */
    *slot_of(s, extended) = (struct slot){g_bytes_new(packet, length), wall_us};
    s->highest = MAX(s->highest, extended);
    s->present++;
    return TRUE;
}

/* The first number present from next on; there is one. */
static gint64
first_present(sequence *s)
{
    gint64 number = s->next;
    while (!slot_of(s, number)->packet)
        number++;
    return number;
}

GBytes *
sequence_pop(sequence *s, gboolean at_end, guint *ret_lost)
{
    if (s->present == 0)
        return NULL;
    gint64 number = first_present(s);
    struct slot *slot = slot_of(s, number);
    gboolean given_up = at_end || s->newest_us - slot->wall_us > SEQUENCE_PATIENCE_US ||
                        s->highest - s->next >= SEQUENCE_WINDOW - 1;
    if (number > s->next && !given_up)
        return NULL;
    *ret_lost = (guint)(number - s->next) + s->skipped;
    s->skipped = 0;
    s->present--;
    s->next = number + 1;
    return g_steal_pointer(&slot->packet);
}
