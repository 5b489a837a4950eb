/* RTCP. A compound is walked by its length words; each packet is then read through a cursor that cannot leave
 * it, so a wrong count inside ends the packet, nothing else. */
#include "media/rtc/rtcp.h"
#include <string.h>

#define NTP_UNIX_OFFSET 2208988800ull /* seconds from 1900 to 1970 */
#define REPORT_SIZE 24
#define CNAME_ITEM 1

gboolean
rtcp_is_valid(const guint8 *bytes, gsize length)
{
    gsize at = 0;
    if (length < 8 || length % 4 != 0)
        return FALSE;
    while (at < length) {
        if (length - at < 4 || bytes[at] >> 6 != 2)
            return FALSE;
        at += 4 * (((gsize)bytes[at + 2] << 8 | bytes[at + 3]) + 1);
    }
    return at == length;
}

static void
read_body(rtcp_packet *p)
{
    buf_reader *r = &p->body;
    switch (p->type) {
    case RTCP_SR:
        p->sender = buf_be32(r);
        p->info.ntp = buf_be64(r);
        p->info.rtp_time = buf_be32(r);
        p->info.packets = buf_be32(r);
        p->info.bytes = buf_be32(r);
        break;
    case RTCP_RR:
        p->sender = buf_be32(r);
        break;
    case RTCP_RTPFB:
    case RTCP_PSFB:
        p->sender = buf_be32(r);
        p->media = buf_be32(r);
        break;
    default:
        break;
    }
}

gboolean
rtcp_next(buf_reader *compound, rtcp_packet *ret_packet)
{
    rtcp_packet p = {0};
    if (buf_left(compound) == 0)
        return FALSE;
    guint8 first = buf_u8(compound);
    p.type = buf_u8(compound);
    gsize size = 4 * (gsize)buf_be16(compound);
    p.format = first & 0x1f;
    p.body = buf_sub(compound, size);
    if (compound->bad || first >> 6 != 2)
        return FALSE;
    if (first & 0x20) { /* padding: only the last packet may have it */
        guint8 padding = size > 0 ? p.body.end[-1] : 0;
        if (padding == 0 || padding > size)
            return FALSE;
        p.body.end -= padding;
    }
    read_body(&p);
    if (p.body.bad)
        return FALSE;
    *ret_packet = p;
    return TRUE;
}

gboolean
rtcp_next_report(rtcp_packet *p, rtcp_report *ret_report)
{
    buf_reader *r = &p->body;
    if ((p->type != RTCP_SR && p->type != RTCP_RR) || p->format == 0 || buf_left(r) < REPORT_SIZE)
        return FALSE;
    p->format--; /* counts the blocks still to read */
    ret_report->ssrc = buf_be32(r);
    ret_report->fraction_lost = buf_u8(r);
    ret_report->total_lost = (gint32)(buf_be24(r) << 8) >> 8;
    ret_report->highest_sequence = buf_be32(r);
    ret_report->jitter = buf_be32(r);
    ret_report->last_sr = buf_be32(r);
    ret_report->delay_since_sr = buf_be32(r);
    return TRUE;
}

gboolean
rtcp_next_nack(rtcp_packet *p, guint16 *ret_first, guint16 *ret_mask)
{
    if (p->type != RTCP_RTPFB || p->format != RTCP_NACK || buf_left(&p->body) < 4)
        return FALSE;
    *ret_first = buf_be16(&p->body);
    *ret_mask = buf_be16(&p->body);
    return TRUE;
}

gboolean
rtcp_next_fir(rtcp_packet *p, guint32 *ret_ssrc, guint8 *ret_sequence)
{
    if (p->type != RTCP_PSFB || p->format != RTCP_FIR || buf_left(&p->body) < 8)
        return FALSE;
    *ret_ssrc = buf_be32(&p->body);
    *ret_sequence = buf_u8(&p->body);
    buf_skip(&p->body, 3);
    return TRUE;
}

static void
put_header(buf_writer *w, guint count, rtcp_type type, gsize body)
{
    buf_put_u8(w, (guint8)(0x80 | count));
    buf_put_u8(w, (guint8)type);
    buf_put_be16(w, (guint16)(body / 4));
}

static void
put_reports(buf_writer *w, const rtcp_report *reports, guint count)
{
    for (guint i = 0; i < count; i++) {
        const rtcp_report *r = &reports[i];
        buf_put_be32(w, r->ssrc);
        buf_put_u8(w, r->fraction_lost);
        buf_put_be24(w, (guint32)r->total_lost & 0xffffff);
        buf_put_be32(w, r->highest_sequence);
        buf_put_be32(w, r->jitter);
        buf_put_be32(w, r->last_sr);
        buf_put_be32(w, r->delay_since_sr);
    }
}

void
rtcp_put_sr(buf_writer *w, guint32 sender, const rtcp_sender_info *info, const rtcp_report *reports,
            guint count)
{
    count = MIN(count, RTCP_REPORT_LIMIT);
    put_header(w, count, RTCP_SR, 24 + REPORT_SIZE * count);
    buf_put_be32(w, sender);
    buf_put_be64(w, info->ntp);
    buf_put_be32(w, info->rtp_time);
    buf_put_be32(w, info->packets);
    buf_put_be32(w, info->bytes);
    put_reports(w, reports, count);
}

void
rtcp_put_rr(buf_writer *w, guint32 sender, const rtcp_report *reports, guint count)
{
    count = MIN(count, RTCP_REPORT_LIMIT);
    put_header(w, count, RTCP_RR, 4 + REPORT_SIZE * count);
    buf_put_be32(w, sender);
    put_reports(w, reports, count);
}

void
rtcp_put_cname(buf_writer *w, guint32 ssrc, const char *cname)
{
    static const guint8 zeros[4];
    gsize length = MIN(strlen(cname), 255);
    gsize item = 2 + length;
    gsize padding = 4 - item % 4; /* at least one zero ends the list (RFC 3550 6.5) */
    put_header(w, 1, RTCP_SDES, 4 + item + padding);
    buf_put_be32(w, ssrc);
    buf_put_u8(w, CNAME_ITEM);
    buf_put_u8(w, (guint8)length);
    buf_put_bytes(w, cname, length);
    buf_put_bytes(w, zeros, padding);
}

void
rtcp_put_bye(buf_writer *w, guint32 ssrc)
{
    put_header(w, 1, RTCP_BYE, 4);
    buf_put_be32(w, ssrc);
}

void
rtcp_put_pli(buf_writer *w, guint32 sender, guint32 media)
{
    put_header(w, RTCP_PLI, RTCP_PSFB, 8);
    buf_put_be32(w, sender);
    buf_put_be32(w, media);
}

void
rtcp_put_nack(buf_writer *w, guint32 sender, guint32 media, const guint16 *sequences, guint count)
{
    guint8 *start = w->at;
    gsize body = 8;
    put_header(w, RTCP_NACK, RTCP_RTPFB, body);
    buf_put_be32(w, sender);
    buf_put_be32(w, media);
    for (guint i = 0; i < count;) {
        guint16 first = sequences[i++];
        guint16 mask = 0;
        for (; i < count && (guint16)(sequences[i] - first) <= 16; i++)
            mask |= (guint16)(1u << ((guint16)(sequences[i] - first) - 1));
        buf_put_be16(w, first);
        buf_put_be16(w, mask);
        body += 4;
    }
    if (w->bad)
        return;
    start[2] = (guint8)(body / 4 >> 8);
    start[3] = (guint8)(body / 4);
}

guint64
rtcp_ntp_of(gint64 wall_us)
{
    guint64 seconds = (guint64)(wall_us / G_USEC_PER_SEC) + NTP_UNIX_OFFSET;
    guint64 fraction = ((guint64)(wall_us % G_USEC_PER_SEC) << 32) / G_USEC_PER_SEC;
    return seconds << 32 | fraction;
}

gint64
rtcp_wall_of(guint64 ntp)
{
    gint64 seconds = (gint64)(ntp >> 32) - (gint64)NTP_UNIX_OFFSET;
    return seconds * G_USEC_PER_SEC + (gint64)(((ntp & 0xffffffffu) * G_USEC_PER_SEC) >> 32);
}
