/* Writing SDP: what Chromium and Firefox need, in the order that JSEP's examples have. */
#include "media/rtc/sdp.h"

static const char *const setup_names[] = {
    [SDP_ACTPASS] = "actpass",
    [SDP_ACTIVE] = "active",
    [SDP_PASSIVE] = "passive",
};

static void
put_session(GString *s, const sdp_local *local, const sdp_line *lines, guint count)
{
    g_string_append_printf(
        s, "v=0\r\no=- %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT " IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n",
        local->id, local->version);
    g_string_append(s, "a=ice-lite\r\na=group:BUNDLE");
    for (guint i = 0; i < count; i++)
        if (!lines[i].rejected)
            g_string_append_printf(s, " %s", lines[i].mid);
    g_string_append(s, "\r\na=extmap-allow-mixed\r\na=msid-semantic: WMS *\r\n");
}

static void
put_candidate(GString *s, const sdp_local *local)
{
    g_string_append_printf(s, "a=candidate:1 1 udp 2130706431 %s %u typ host\r\na=end-of-candidates\r\n",
                           local->address, local->port);
}

static void
put_transport(GString *s, const sdp_local *local)
{
    g_string_append_printf(s, "a=ice-ufrag:%s\r\na=ice-pwd:%s\r\na=ice-options:trickle\r\n",
                           local->ice->ufrag, local->ice->password);
    g_string_append_printf(s, "a=fingerprint:sha-256 %s\r\na=setup:%s\r\n", local->fingerprint,
                           setup_names[local->setup]);
    put_candidate(s, local);
}

static void
put_codec(GString *s, const sdp_line *l)
{
    const codec_info *c = codec_get(l->codec);
    guint pt = l->payload_type;
    g_string_append_printf(s, "a=rtpmap:%u %s/%u", pt, c->name, c->clock_rate);
    if (c->channels)
        g_string_append_printf(s, "/%u", c->channels);
    g_string_append(s, "\r\n");
    if (l->transport_cc)
        g_string_append_printf(s, "a=rtcp-fb:%u transport-cc\r\n", pt);
    if (c->video)
        g_string_append_printf(s, "a=rtcp-fb:%u ccm fir\r\na=rtcp-fb:%u nack\r\na=rtcp-fb:%u nack pli\r\n",
                               pt, pt, pt);
    if (l->fmtp && *l->fmtp)
        g_string_append_printf(s, "a=fmtp:%u %s\r\n", pt, l->fmtp);
    if (l->rtx_type)
        g_string_append_printf(s, "a=rtpmap:%u rtx/%u\r\na=fmtp:%u apt=%u\r\n", l->rtx_type, c->clock_rate,
                               l->rtx_type, pt);
}

static void
put_streams(GString *s, const sdp_line *l)
{
    if (!l->ssrc)
        return;
    if (l->rtx_ssrc)
        g_string_append_printf(s, "a=ssrc-group:FID %u %u\r\n", l->ssrc, l->rtx_ssrc);
    g_string_append_printf(s, "a=ssrc:%u cname:%s\r\n", l->ssrc, l->cname);
    if (l->rtx_ssrc)
        g_string_append_printf(s, "a=ssrc:%u cname:%s\r\n", l->rtx_ssrc, l->cname);
}

static void
put_line(GString *s, const sdp_local *local, const sdp_line *l)
{
    if (l->rejected) {
        g_string_append_printf(s, "m=%s 0 %s %s\r\nc=IN IP4 0.0.0.0\r\na=mid:%s\r\na=inactive\r\n", l->kind,
                               l->protocol, l->format, l->mid);
        return;
    }
    g_string_append_printf(s, "m=%s 9 UDP/TLS/RTP/SAVPF %u", l->kind, l->payload_type);
    if (l->rtx_type)
        g_string_append_printf(s, " %u", l->rtx_type);
    g_string_append(s, "\r\nc=IN IP4 0.0.0.0\r\na=rtcp:9 IN IP4 0.0.0.0\r\n");
    put_transport(s, local);
    g_string_append_printf(s, "a=mid:%s\r\n", l->mid);
    for (guint i = 0; i < RTP_EXTENSION_COUNT; i++)
        if (l->extensions.of[i])
            g_string_append_printf(s, "a=extmap:%u %s\r\n", l->extensions.of[i],
                                   rtp_extension_uri((rtp_extension)i));
    g_string_append_printf(s, "a=%s\r\n", sdp_direction_name(l->direction));
    if (l->stream && l->track)
        g_string_append_printf(s, "a=msid:%s %s\r\n", l->stream, l->track);
    g_string_append(s, l->rtcp_rsize ? "a=rtcp-mux\r\na=rtcp-rsize\r\n" : "a=rtcp-mux\r\n");
    put_codec(s, l);
    put_streams(s, l);
}

char *
sdp_write(const sdp_local *local, const sdp_line *lines, guint count)
{
    GString *s = g_string_sized_new(1024);
    put_session(s, local, lines, count);
    for (guint i = 0; i < count; i++)
        put_line(s, local, &lines[i]);
    return g_string_free(s, FALSE);
}

char *
sdp_write_fragment(const sdp_local *local, const char *mid)
{
    GString *s = g_string_sized_new(512);
    g_string_append_printf(s, "a=ice-lite\r\na=ice-ufrag:%s\r\na=ice-pwd:%s\r\na=ice-options:trickle\r\n",
                           local->ice->ufrag, local->ice->password);
    g_string_append_printf(s, "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:%s\r\n", mid);
    put_candidate(s, local);
    return g_string_free(s, FALSE);
}
