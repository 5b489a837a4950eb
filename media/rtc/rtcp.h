/* RTCP (RFC 3550, RFC 4585, RFC 5104, transport-cc): reading compound packets of strangers, writing ours. */
#pragma once
#include <glib.h>
#include "hub/base/buf.h"

#define RTCP_LIMIT 1200      /* bytes of a compound packet that we write */
#define RTCP_REPORT_LIMIT 31 /* report blocks of one packet: the count has five bits */

typedef enum {
    RTCP_SR = 200,
    RTCP_RR = 201,
    RTCP_SDES = 202,
    RTCP_BYE = 203,
    RTCP_RTPFB = 205,
    RTCP_PSFB = 206,
} rtcp_type;

enum { RTCP_NACK = 1, RTCP_TRANSPORT_CC = 15 };     /* formats of RTPFB */
enum { RTCP_PLI = 1, RTCP_FIR = 4, RTCP_AFB = 15 }; /* formats of PSFB */

typedef struct {
    guint32 ssrc;
    guint8 fraction_lost;
    gint32 total_lost;
    guint32 highest_sequence;
    guint32 jitter;
    guint32 last_sr;
    guint32 delay_since_sr; /* 1/65536 s */
} rtcp_report;

typedef struct {
    guint64 ntp; /* 32.32 fixed point seconds since 1900 */
    guint32 rtp_time;
    guint32 packets;
    guint32 bytes;
} rtcp_sender_info;

/* One packet of a compound; `body` stands behind what was read into the fields. */
typedef struct {
    rtcp_type type;
    guint format;          /* count or feedback format */
    guint32 sender;        /* SSRC of the packet's sender; 0 when it has none */
    guint32 media;         /* feedback: SSRC that it is about */
    rtcp_sender_info info; /* SR */
    buf_reader body;       /* reports (SR, RR), SSRCs (BYE), FCI (feedback) */
} rtcp_packet;

/** Is bytes a compound packet: version 2, lengths that add up? */
gboolean rtcp_is_valid(const guint8 *bytes, gsize length);
/** The next packet of the compound; FALSE at its end or where it is malformed. Unknown types are given with
 * sender 0. */
gboolean rtcp_next(buf_reader *compound, rtcp_packet *ret_packet);
/** The next report block of an SR or RR. */
gboolean rtcp_next_report(rtcp_packet *p, rtcp_report *ret_report);
/** The next lost sequence numbers of a NACK: the first, and a mask of the 16 after it. */
gboolean rtcp_next_nack(rtcp_packet *p, guint16 *ret_first, guint16 *ret_mask);
/** The next entry of a FIR. */
gboolean rtcp_next_fir(rtcp_packet *p, guint32 *ret_ssrc, guint8 *ret_sequence);

/* Writing: each appends one packet; a packet without room sets w->bad. */
void rtcp_put_sr(buf_writer *w, guint32 sender, const rtcp_sender_info *info, const rtcp_report *reports,
                 guint count);
void rtcp_put_rr(buf_writer *w, guint32 sender, const rtcp_report *reports, guint count);
void rtcp_put_cname(buf_writer *w, guint32 ssrc, const char *cname);
void rtcp_put_bye(buf_writer *w, guint32 ssrc);
void rtcp_put_pli(buf_writer *w, guint32 sender, guint32 media);
/** sequences ascending (in 16-bit arithmetic). */
void rtcp_put_nack(buf_writer *w, guint32 sender, guint32 media, const guint16 *sequences, guint count);

/** 32.32 NTP time of microseconds since 1970, and back. */
guint64 rtcp_ntp_of(gint64 wall_us);
gint64 rtcp_wall_of(guint64 ntp);
