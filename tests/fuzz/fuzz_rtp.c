/* RTP: header, extensions, and the codecs' payload headers. */
#include "media/rtc/codec.h"
#include "media/rtc/rtp.h"

int LLVMFuzzerTestOneInput(const guint8 *bytes, gsize length);

int
LLVMFuzzerTestOneInput(const guint8 *bytes, gsize length)
{
    static const rtp_extension_ids ids = {.of = {1, 2, 3, 4, 5, 6}};
    rtp_extension_values values;
    rtp_packet p;
    guint8 sum = 0;
    if (!rtp_parse(&p, bytes, length))
        return 0;
    rtp_read_extensions(&p, &ids, &values);
    for (guint e = 0; e < RTP_EXTENSION_COUNT; e++)
        for (guint i = 0; i < values.length[e]; i++)
            sum ^= values.value[e][i];
    for (codec_id c = CODEC_NONE; c < CODEC_COUNT; c++)
        sum ^= (guint8)codec_starts_keyframe(c, p.payload, p.payload_length);
    return sum == 0 ? 0 : sum & 0; /* so that the reads are not optimised away */
}
