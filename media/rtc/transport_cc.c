#include "media/rtc/transport_cc.h"
#include <string.h>

#define TICK_US 250
#define REFERENCE_US 64000
#define RUN_LIMIT 8191
#define VECTOR_SYMBOLS 7

enum { LOST = 0, SMALL = 1, LARGE = 2 };

gboolean
transport_cc_note(transport_cc *t, guint16 sequence, gint64 now_us)
{
    if (!t->started) {
        t->started = TRUE;
        t->base = sequence;
    }
    gint16 step = (gint16)(sequence - t->base);
    if (step < 0) /* reported as lost already */
        return FALSE;
    if (step >= TRANSPORT_CC_WINDOW) { /* a jump: begin anew there */
        memset(t->arrival_us, 0, sizeof t->arrival_us);
        t->base = sequence;
        t->count = 0;
        step = 0;
    }
    t->count = MAX(t->count, (guint)step + 1);
    t->arrival_us[sequence % TRANSPORT_CC_WINDOW] = now_us;
    return t->count >= TRANSPORT_CC_WINDOW * 3 / 4;
}

/* The symbols and deltas of one feedback. */
typedef struct {
    guint8 symbols[TRANSPORT_CC_WINDOW];
    gint16 deltas[TRANSPORT_CC_WINDOW];
    guint count;
    gint64 reference; /* of 64 ms, not cut to 24 bits */
} feedback;

/* Fills f with as many numbers as its deltas can express (a longer pause ends it); returns FALSE when none
 * came. */
static gboolean
collect(const transport_cc *t, feedback *f)
{
    gint64 last_ticks = 0;
    gboolean any = FALSE;
    f->count = 0;
    for (guint i = 0; i < t->count; i++) {
        gint64 at = t->arrival_us[(guint16)(t->base + i) % TRANSPORT_CC_WINDOW];
        f->symbols[i] = LOST;
        if (at) {
            if (!any) {
                f->reference = at / REFERENCE_US;
                last_ticks = f->reference * (REFERENCE_US / TICK_US);
            }
            gint64 delta = at / TICK_US - last_ticks;
            if (delta > G_MAXINT16 || delta < G_MININT16)
                break;
            f->symbols[i] = delta >= 0 && delta <= 255 ? SMALL : LARGE;
            f->deltas[i] = (gint16)delta;
            last_ticks = at / TICK_US;
            any = TRUE;
        }
        f->count = i + 1;
    }
    return any;
}

static void
put_chunks(buf_writer *w, const feedback *f)
{
    for (guint i = 0; i < f->count;) {
        guint run = 1;
        while (i + run < f->count && f->symbols[i + run] == f->symbols[i] && run < RUN_LIMIT)
            run++;
        if (run >= VECTOR_SYMBOLS || i + run == f->count) {
            buf_put_be16(w, (guint16)(f->symbols[i] << 13 | run));
            i += run;
            continue;
        }
        guint16 chunk = 0xc000;
        for (guint j = 0; j < VECTOR_SYMBOLS && i + j < f->count; j++)
            chunk |= (guint16)(f->symbols[i + j] << (2 * (VECTOR_SYMBOLS - 1 - j)));
        buf_put_be16(w, chunk);
        i += VECTOR_SYMBOLS;
    }
}

static void
put_deltas(buf_writer *w, const feedback *f)
{
    for (guint i = 0; i < f->count; i++) {
        if (f->symbols[i] == SMALL)
            buf_put_u8(w, (guint8)f->deltas[i]);
        else if (f->symbols[i] == LARGE)
            buf_put_be16(w, (guint16)f->deltas[i]);
    }
}

/* What was reported makes room. */
static void
forget(transport_cc *t, guint count)
{
    for (guint i = 0; i < count; i++)
        t->arrival_us[(guint16)(t->base + i) % TRANSPORT_CC_WINDOW] = 0;
    t->base = (guint16)(t->base + count);
    t->count -= count;
}

gboolean
transport_cc_put(transport_cc *t, buf_writer *w, guint32 sender, guint32 media)
{
    feedback f;
    guint8 *start = w->at;
    if (t->count == 0 || !collect(t, &f))
        return FALSE;
    buf_put_u8(w, 0x80 | RTCP_TRANSPORT_CC);
    buf_put_u8(w, RTCP_RTPFB);
    buf_put_be16(w, 0);
    buf_put_be32(w, sender);
    buf_put_be32(w, media);
    buf_put_be16(w, t->base);
    buf_put_be16(w, (guint16)f.count);
    buf_put_be24(w, (guint32)f.reference & 0xffffff);
    buf_put_u8(w, t->feedback++);
    put_chunks(w, &f);
    put_deltas(w, &f);
    gsize length = (gsize)(w->at - start);
    guint8 padding = (guint8)((4 - length % 4) % 4);
    for (guint8 i = 1; i <= padding; i++)
        buf_put_u8(w, i == padding ? padding : 0);
    forget(t, f.count);
    if (w->bad)
        return FALSE;
    if (padding > 0)
        start[0] |= 0x20;
    gsize words = (gsize)(w->at - start) / 4 - 1;
    start[2] = (guint8)(words >> 8);
    start[3] = (guint8)words;
    return TRUE;
}

/* Takes the chunks apart into one symbol per number. FALSE: they end early. */
static gboolean
read_symbols(buf_reader *r, guint8 *symbols, guint count)
{
    for (guint i = 0; i < count;) {
        guint16 chunk = buf_be16(r);
        if (r->bad)
            return FALSE;
        if (!(chunk & 0x8000)) {
            for (guint run = chunk & 0x1fff; run > 0 && i < count; run--)
                symbols[i++] = chunk >> 13 & 3;
            if ((chunk & 0x1fff) == 0)
                return FALSE;
        } else if (chunk & 0x4000) {
            for (int j = VECTOR_SYMBOLS - 1; j >= 0 && i < count; j--)
                symbols[i++] = chunk >> (2 * j) & 3;
        } else {
            for (int j = 13; j >= 0 && i < count; j--)
                symbols[i++] = chunk >> j & 1;
        }
    }
    return TRUE;
}

gboolean
transport_cc_read(rtcp_packet *p, transport_cc_header *ret_header,
                  void (*packet)(guint16 sequence, gboolean received, gint64 delta_us, gpointer user_data),
                  gpointer user_data)
{
    buf_reader *r = &p->body;
    transport_cc_header h = {0};
    if (p->type != RTCP_RTPFB || p->format != RTCP_TRANSPORT_CC)
        return FALSE;
    h.base = buf_be16(r);
    h.count = buf_be16(r);
    h.reference = buf_be24(r);
    h.feedback = buf_u8(r);
    if (r->bad)
        return FALSE;
    *ret_header = h;
    g_autofree guint8 *symbols = g_malloc(MAX(h.count, 1));
    if (!read_symbols(r, symbols, h.count))
        return FALSE;
    for (guint i = 0; i < h.count; i++) {
        gint64 delta = 0;
        if (symbols[i] == SMALL)
            delta = buf_u8(r);
        else if (symbols[i] == LARGE)
            delta = (gint16)buf_be16(r);
        if (r->bad || symbols[i] > LARGE)
            return FALSE;
        packet((guint16)(h.base + i), symbols[i] != LOST, delta * TICK_US, user_data);
    }
    return TRUE;
}
