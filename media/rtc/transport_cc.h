/* The receiver's side of transport-wide congestion control
 * (draft-holmer-rmcat-transport-wide-cc-extensions-01): notes when packets of one peer came, by their
 * transport-wide sequence number, and writes the feedback. The 16-bit numbers, the 24-bit reference time and
 * the 8-bit feedback count all wrap. */
#pragma once
#include "media/rtc/rtcp.h"

#define TRANSPORT_CC_WINDOW 512 /* packets of one feedback; more make it due at once */

typedef struct {
    gboolean started;
    guint16 base;                           /* first number not yet reported */
    guint count;                            /* numbers from base up to the newest one that came */
    guint8 feedback;                        /* packets written */
    gint64 arrival_us[TRANSPORT_CC_WINDOW]; /* by number modulo the window; 0: not come */
} transport_cc;

/** A packet came. TRUE: the window is nearly full, write feedback now. */
gboolean transport_cc_note(transport_cc *t, guint16 sequence, gint64 now_us);
/** Appends one feedback packet about all that came since the last; FALSE: there is nothing to say, nothing
 * written. */
gboolean transport_cc_put(transport_cc *t, buf_writer *w, guint32 sender, guint32 media);

/* Reading feedback, for tests and for the estimate of a downlink. */
typedef struct {
    guint16 base;
    guint16 count;
    guint32 reference; /* 24 bits, of 64 ms */
    guint8 feedback;
} transport_cc_header;

/** Calls packet for each number in order; received FALSE: lost, delta_us 0. delta_us counts from the packet
 * received before, the first from the reference time. FALSE: malformed (packet may have been called for a
 * part). */
gboolean transport_cc_read(rtcp_packet *p, transport_cc_header *ret_header,
                           void (*packet)(guint16 sequence, gboolean received, gint64 delta_us,
                                          gpointer user_data),
                           gpointer user_data);
