/* RTP. Every length is checked before what it spans is looked at: CSRC count, extension words, padding byte.
 */
#include "media/rtc/rtp.h"
#include <string.h>

#define ONE_BYTE_FORM 0xbede
#define TWO_BYTE_FORM 0x1000
#define TWO_BYTE_MASK 0xfff0

static const char *const extension_uris[RTP_EXTENSION_COUNT] = {
    [RTP_MID] = RTP_EXT_MID,
    [RTP_SEND_TIME] = RTP_EXT_SEND_TIME,
    [RTP_TRANSPORT_CC] = RTP_EXT_TRANSPORT_CC,
    [RTP_AUDIO_LEVEL] = RTP_EXT_AUDIO_LEVEL,
    [RTP_RID] = RTP_EXT_RID,
    [RTP_REPAIRED_RID] = RTP_EXT_REPAIRED_RID,
};

const char *
rtp_extension_uri(rtp_extension e)
{
    return extension_uris[e];
}

gboolean
rtp_extension_parse(const char *uri, rtp_extension *ret_extension)
{
    for (guint i = 0; i < RTP_EXTENSION_COUNT; i++) {
        if (g_str_equal(uri, extension_uris[i])) {
            *ret_extension = (rtp_extension)i;
            return TRUE;
        }
    }
    return FALSE;
}

static guint16
get16(const guint8 *at)
{
    return (guint16)(at[0] << 8 | at[1]);
}

static guint32
get32(const guint8 *at)
{
    return (guint32)get16(at) << 16 | get16(at + 2);
}

gsize
rtp_header_length(const guint8 *packet, gsize length)
{
    if (length < RTP_HEADER || packet[0] >> 6 != 2)
        return 0;
    gsize header = RTP_HEADER + 4 * (gsize)(packet[0] & 0x0f);
    if (packet[0] & 0x10) {
        if (length < header + 4)
            return 0;
        header += 4 + 4 * (gsize)get16(packet + header + 2);
    }
    return header <= length ? header : 0;
}

gboolean
rtp_parse(rtp_packet *ret_packet, const guint8 *packet, gsize length)
{
    gsize header = rtp_header_length(packet, length);
    if (!header)
        return FALSE;
    rtp_packet p = {
        .payload_type = packet[1] & 0x7f,
        .marker = packet[1] >> 7,
        .sequence = get16(packet + 2),
        .timestamp = get32(packet + 4),
        .ssrc = get32(packet + 8),
        .payload = packet + header,
        .payload_length = length - header,
    };
    if (packet[0] & 0x10) {
        const guint8 *block = packet + RTP_HEADER + 4 * (gsize)(packet[0] & 0x0f);
        p.profile = get16(block);
        p.extensions = block + 4;
        p.extensions_length = 4 * (gsize)get16(block + 2);
    }
    if (packet[0] & 0x20) {
        p.padding = p.payload_length > 0 ? packet[length - 1] : 0;
        if (p.padding == 0 || p.padding > p.payload_length)
            return FALSE;
        p.payload_length -= p.padding;
    }
    *ret_packet = p;
    return TRUE;
}

static void
note_extension(const rtp_extension_ids *ids, guint id, const guint8 *value, gsize length,
               rtp_extension_values *values)
{
    for (guint i = 0; i < RTP_EXTENSION_COUNT; i++) {
        if (ids->of[i] == id) {
            values->value[i] = value;
            values->length[i] = (guint8)length;
            return;
        }
    }
}

void
rtp_read_extensions(const rtp_packet *p, const rtp_extension_ids *ids, rtp_extension_values *ret_values)
{
    gboolean two_bytes = (p->profile & TWO_BYTE_MASK) == TWO_BYTE_FORM;
    memset(ret_values, 0, sizeof *ret_values);
    if (!p->extensions || (p->profile != ONE_BYTE_FORM && !two_bytes))
        return;
    const guint8 *at = p->extensions;
    const guint8 *end = at + p->extensions_length;
    while (at < end) {
        guint id = two_bytes ? at[0] : at[0] >> 4;
        if (id == 0) { /* padding */
            at++;
            continue;
        }
        if (!two_bytes && id == 15) /* RFC 8285 4.2: stop here */
            return;
        if (two_bytes && end - at < 2)
            return;
        gsize length = two_bytes ? at[1] : (at[0] & 0x0fu) + 1u;
        at += two_bytes ? 2 : 1;
        if ((gsize)(end - at) < length)
            return;
        if (length > 0)
            note_extension(ids, id, at, length, ret_values);
        at += length;
    }
}

guint64
rtp_unwrap(guint64 highest, guint16 sequence)
{
    gint64 step = (gint16)(sequence - (guint16)highest);
    if (step < 0 && highest < (guint64)-step)
        return sequence; /* before the count began: cannot be told from after it */
    return highest + (guint64)step;
}

rtp_writer
rtp_begin(guint8 *area, guint8 payload_type, gboolean marker, guint16 sequence, guint32 timestamp,
          guint32 ssrc)
{
    area[0] = 0x80;
    area[1] = (guint8)((marker ? 0x80 : 0) | payload_type);
    area[2] = (guint8)(sequence >> 8);
    area[3] = (guint8)sequence;
    area[4] = (guint8)(timestamp >> 24);
    area[5] = (guint8)(timestamp >> 16);
    area[6] = (guint8)(timestamp >> 8);
    area[7] = (guint8)timestamp;
    area[8] = (guint8)(ssrc >> 24);
    area[9] = (guint8)(ssrc >> 16);
    area[10] = (guint8)(ssrc >> 8);
    area[11] = (guint8)ssrc;
    return (rtp_writer){.start = area};
}

void
rtp_put_extension(rtp_writer *w, guint8 id, const guint8 *value, gsize length)
{
    if (id == 0 || id > 14 || length == 0 || length > 16)
        return;
    guint8 *at = w->at ? w->at : w->start + RTP_HEADER + 4;
    if (at + 1 + length > w->start + RTP_HEADER_LIMIT - 3)
        return;
    *at++ = (guint8)(id << 4 | (length - 1));
    memcpy(at, value, length);
    w->at = at + length;
}

gsize
rtp_end(rtp_writer *w)
{
    guint8 *block = w->start + RTP_HEADER;
    if (!w->at)
        return RTP_HEADER;
    while ((w->at - block) % 4 != 0)
        *w->at++ = 0;
    gsize words = (gsize)(w->at - block) / 4 - 1;
    w->start[0] |= 0x10;
    block[0] = ONE_BYTE_FORM >> 8;
    block[1] = ONE_BYTE_FORM & 0xff;
    block[2] = (guint8)(words >> 8);
    block[3] = (guint8)words;
    return (gsize)(w->at - w->start);
}

guint32
rtp_send_time(gint64 now_us)
{
    return (guint32)(((guint64)now_us << 18) / G_USEC_PER_SEC) & 0xffffff;
}
