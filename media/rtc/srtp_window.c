#include "media/rtc/srtp_window.h"
#include <string.h>

gboolean
srtp_window_guess(const srtp_window *w, guint16 sequence, guint64 *ret_index)
{
    if (!w->started) {
        *ret_index = sequence;
        return TRUE;
    }
    gint64 step = (gint16)(sequence - (guint16)w->highest);
    if (step < 0 && w->highest < (guint64)-step)
        return FALSE;
    *ret_index = (w->highest + (guint64)step) & 0xffffffffffffull;
    return TRUE;
}

gboolean
srtp_window_is_new(const srtp_window *w, guint64 index)
{
    if (!w->started || index > w->highest)
        return TRUE;
    if (w->highest - index >= SRTP_WINDOW)
        return FALSE;
    guint64 bit = index % SRTP_WINDOW;
    return !(w->seen[bit / 64] >> (bit % 64) & 1);
}

/* Forgets the places that the newest index takes over. */
static void
advance(srtp_window *w, guint64 index)
{
    if (!w->started || index - w->highest >= SRTP_WINDOW) {
        memset(w->seen, 0, sizeof w->seen);
    } else {
        for (guint64 i = w->highest + 1; i <= index; i++)
            w->seen[i % SRTP_WINDOW / 64] &= ~(1ull << (i % 64));
    }
    w->highest = index;
    w->started = TRUE;
}

void
srtp_window_add(srtp_window *w, guint64 index)
{
    if (!w->started || index > w->highest)
        advance(w, index);
    guint64 bit = index % SRTP_WINDOW;
    w->seen[bit / 64] |= 1ull << (bit % 64);
}
