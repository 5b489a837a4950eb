#include "media/record/opus.h"

#define LONGEST_SAMPLES 5760 /* 120 ms */

const guint8 opus_silence[3] = {0xf8, 0xff, 0xfe};

/* Samples of one frame by the configuration number of the TOC byte. */
static guint
frame_samples(guint configuration)
{
    static const guint silk[] = {480, 960, 1920, 2880};
    static const guint celt[] = {120, 240, 480, 960};
    if (configuration < 12)
        return silk[configuration % 4];
    if (configuration < 16)
        return configuration % 2 ? 960 : 480; /* hybrid */
    return celt[configuration % 4];
}

guint
opus_packet_samples(const guint8 *packet, gsize length)
{
    if (length == 0)
        return 0;
    guint frames;
    switch (packet[0] & 3) {
    case 0:
        frames = 1;
        break;
    case 1:
    case 2:
        frames = 2;
        break;
    default:
        if (length < 2)
            return 0;
        frames = packet[1] & 0x3f;
    }
    guint samples = frames * frame_samples(packet[0] >> 3);
    return samples <= LONGEST_SAMPLES ? samples : 0;
}
