#include "media/rtc/codec.h"
#include <stdlib.h>
#include <string.h>

static const codec_info codecs[CODEC_COUNT] = {
    [CODEC_OPUS] = {"opus", FALSE, 48000, 2, 111, 0, "minptime=10;useinbandfec=1"},
    [CODEC_VP8] = {"VP8", TRUE, 90000, 0, 96, 97, NULL},
    [CODEC_VP9] = {"VP9", TRUE, 90000, 0, 98, 99, "profile-id=0"},
    [CODEC_H264] = {"H264", TRUE, 90000, 0, 102, 103,
                    "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"},
    [CODEC_AV1] = {"AV1", TRUE, 90000, 0, 45, 46, NULL},
};

const codec_info *
codec_get(codec_id c)
{
    return &codecs[c];
}

codec_id
codec_parse(const char *name, guint clock_rate, guint channels)
{
    for (codec_id c = CODEC_OPUS; c < CODEC_COUNT; c++) {
        const codec_info *i = &codecs[c];
        if (g_ascii_strcasecmp(name, i->name) == 0 && clock_rate == i->clock_rate &&
            (channels == 0 || i->channels == 0 || channels == i->channels))
            return c;
    }
    return CODEC_NONE;
}

/* The value of name=… in a list separated by ';', NULL: absent. */
static const char *
find_parameter(const char *fmtp, const char *name)
{
    gsize length = strlen(name);
    for (const char *at = fmtp; at; at = strchr(at, ';')) {
        at += strspn(at, "; ");
        if (g_ascii_strncasecmp(at, name, length) == 0 && at[length] == '=')
            return at + length + 1;
    }
    return NULL;
}

static gboolean
parameter_is(const char *fmtp, const char *name, const char *value, gboolean when_absent)
{
    const char *got = fmtp ? find_parameter(fmtp, name) : NULL;
    return got ? g_ascii_strncasecmp(got, value, strlen(value)) == 0 : when_absent;
}

gboolean
codec_format_fits(codec_id c, const char *fmtp)
{
    switch (c) {
    case CODEC_H264: /* profile_idc 66, any constraint flags (RFC 6184 8.1) */
        return parameter_is(fmtp, "packetization-mode", "1", FALSE) &&
               parameter_is(fmtp, "profile-level-id", "42", TRUE);
    case CODEC_VP9:
        return parameter_is(fmtp, "profile-id", "0", TRUE);
    case CODEC_AV1:
        return parameter_is(fmtp, "profile", "0", TRUE);
    default:
        return TRUE;
    }
}

/* RFC 7741 4.2, 4.3: first partition, start of it, and the frame header's inverse key frame bit. */
static gboolean
is_vp8_keyframe(const guint8 *p, gsize length)
{
    gsize at = 1;
    if (length < 2 || !(p[0] & 0x10) || (p[0] & 0x07))
        return FALSE;
    if (p[0] & 0x80) {
        guint8 flags = p[at++];
        if (flags & 0x80) {
            if (at >= length)
                return FALSE;
            at += p[at] & 0x80 ? 2 : 1; /* picture id */
        }
        at += flags & 0x40 ? 1 : 0; /* TL0PICIDX */
        at += flags & 0x30 ? 1 : 0; /* TID, KEYIDX */
    }
    return at < length && !(p[at] & 0x01);
}

/* RFC 9628: not predicted from another picture, beginning of a frame, spatial layer 0. */
static gboolean
is_vp9_keyframe(const guint8 *p, gsize length)
{
    gsize at = 1;
    if (length < 2 || (p[0] & 0x40) || !(p[0] & 0x08))
        return FALSE;
    if (p[0] & 0x80)
        at += p[at] & 0x80 ? 2 : 1;
    if (!(p[0] & 0x20))
        return TRUE;
    return at < length && (p[at] & 0x0e) == 0;
}

/* RFC 6184: SPS or IDR, alone, in a STAP-A, or at the start of an FU-A. */
static gboolean
is_h264_keyframe(const guint8 *p, gsize length)
{
    enum { IDR = 5, SPS = 7, STAP_A = 24, FU_A = 28 };
    if (length < 2)
        return FALSE;
    guint type = p[0] & 0x1f;
    if (type == FU_A)
        return (p[1] & 0x80) && ((p[1] & 0x1f) == IDR || (p[1] & 0x1f) == SPS);
    if (type != STAP_A)
        return type == IDR || type == SPS;
    for (gsize at = 1; at + 2 < length;) {
        gsize size = (gsize)p[at] << 8 | p[at + 1];
        guint inner = p[at + 2] & 0x1f;
        if (inner == IDR || inner == SPS)
            return TRUE;
        at += 2 + size;
    }
    return FALSE;
}

gboolean
codec_starts_keyframe(codec_id c, const guint8 *payload, gsize length)
{
    switch (c) {
    case CODEC_VP8:
        return is_vp8_keyframe(payload, length);
    case CODEC_VP9:
        return is_vp9_keyframe(payload, length);
    case CODEC_H264:
        return is_h264_keyframe(payload, length);
    case CODEC_AV1: /* the N bit: first packet of a coded video sequence */
        return length > 0 && (payload[0] & 0x08) != 0;
    default:
        return TRUE;
    }
}
