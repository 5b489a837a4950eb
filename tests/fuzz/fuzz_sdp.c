/* SDP: descriptions and fragments of strangers. */
#include "media/rtc/sdp.h"
#include <string.h>

int LLVMFuzzerTestOneInput(const guint8 *bytes, gsize length);

int
LLVMFuzzerTestOneInput(const guint8 *bytes, gsize length)
{
    static const codec_id codecs[] = {CODEC_OPUS, CODEC_VP8, CODEC_H264, CODEC_VP9, CODEC_AV1, CODEC_NONE};
    char ufrag[ICE_CREDENTIAL_LIMIT + 1], password[ICE_CREDENTIAL_LIMIT + 1];
    g_autofree char *text = g_strndup(bytes ? (const char *)bytes : "", length);
    g_autoptr(sdp_description) d = sdp_parse((const char *)bytes, length, NULL);
    sdp_fragment_credentials(text, ufrag, password, NULL);
    if (!d)
        return 0;
    sdp_bundle_transport(d, NULL);
    for (guint i = 0; i < d->media->len; i++) {
        const sdp_media *m = g_ptr_array_index(d->media, i);
        const sdp_format *rtx;
        g_assert(sdp_find(d, m->mid));
        sdp_choose(m, codecs, &rtx);
    }
    return 0;
}
