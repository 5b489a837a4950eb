/* The receiver's memory of one stream's indices: guesses the roll-over counter and refuses what was seen
 * before (RFC 3711 3.3.1 and 3.3.2). */
#pragma once
#include <glib.h>
#include "media/rtc/srtp.h"

typedef struct {
    gboolean started;
    guint64 highest;                /* index of the newest authentic packet */
    guint64 seen[SRTP_WINDOW / 64]; /* bit of index modulo the window */
} srtp_window;

/** The index that a 16-bit sequence number most likely has. FALSE: it would lie before the first possible
 * one. */
gboolean srtp_window_guess(const srtp_window *w, guint16 sequence, guint64 *ret_index);
/** Is index new? FALSE: seen, or older than the window. Changes nothing. */
gboolean srtp_window_is_new(const srtp_window *w, guint64 index);
/** After authentication. */
void srtp_window_add(srtp_window *w, guint64 index);
