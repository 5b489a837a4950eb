#include "media/rtc/sdp.h"
#include <string.h>

static const codec_id any_codec[] = {CODEC_OPUS, CODEC_VP8, CODEC_H264, CODEC_NONE};

static sdp_description *
read_offer(const char *name)
{
    g_autofree char *path = g_strdup_printf("tests/data/webrtc/%s", name);
    g_autofree char *text = NULL;
    g_autoptr(GError) error = NULL;
    gsize length;
    g_assert_true(g_file_get_contents(path, &text, &length, NULL));
    sdp_description *d = sdp_parse(text, length, &error);
    g_assert_no_error(error);
    return d;
}

static void
test_chromium(void)
{
    g_autoptr(sdp_description) d = read_offer("chromium-156-offer.sdp");
    const sdp_format *rtx;
    g_assert_cmpuint(d->media->len, ==, 4);
    g_autoptr(GError) error = NULL;
    const sdp_transport *t = sdp_bundle_transport(d, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(t->ufrag, ==, "TKJ8");
    g_assert_cmpstr(t->password, ==, "7ELyOGngJPYGROw8w2MG6GQg");
    g_assert_cmpint(t->setup, ==, SDP_ACTPASS);
    g_assert_cmphex(t->fingerprint[0], ==, 0x0b);
    const sdp_media *video = g_ptr_array_index(d->media, 0);
    g_assert_true(video->kind == SDP_VIDEO && video->direction == SDP_SENDONLY && video->simulcast &&
                  !video->rejected);
    g_assert_cmpuint(video->ssrc, ==, 0); /* Chromium names no SSRC for simulcast */
    g_assert_cmpuint(video->extensions.of[RTP_MID], ==, 9);
    g_assert_cmpuint(video->extensions.of[RTP_TRANSPORT_CC], ==, 4);
    const sdp_format *f = sdp_choose(video, any_codec, &rtx);
    g_assert_true(f->payload_type == 96 && rtx && rtx->payload_type == 97 && f->nack && f->pli && f->fir);
    static const codec_id h264[] = {CODEC_H264, CODEC_NONE};
    f = sdp_choose(video, h264, &rtx);
    g_assert_true(f->payload_type == 102 && rtx->payload_type == 103); /* mode 1, baseline */
    const sdp_media *audio = g_ptr_array_index(d->media, 1);
    g_assert_true(audio->kind == SDP_AUDIO && audio->ssrc == 3462502089 &&
                  audio->extensions.of[RTP_AUDIO_LEVEL] == 12);
    f = sdp_choose(audio, any_codec, &rtx);
    g_assert_true(f->payload_type == 111 && !rtx && f->transport_cc && !f->nack);
    g_assert_cmpstr(f->fmtp, ==, "minptime=10;useinbandfec=1");
    const sdp_media *data = g_ptr_array_index(d->media, 3);
    g_assert_true(data->kind == SDP_OTHER);
    g_assert_cmpstr(data->protocol, ==, "UDP/DTLS/SCTP");
}

static void
test_firefox(void)
{
    g_autoptr(sdp_description) d = read_offer("firefox-esr-153-offer.sdp");
    const sdp_format *rtx;
    const sdp_transport *t = sdp_bundle_transport(d, NULL);
    g_assert_true(t && t->has_fingerprint); /* at session level */
    g_assert_cmphex(t->fingerprint[0], ==, 0xe9);
    const sdp_media *video = g_ptr_array_index(d->media, 0);
    g_assert_cmpuint(video->ssrc, ==, 1863860320);
    g_assert_cmpuint(video->rtx_ssrc, ==, 3417899281);
    g_assert_cmpuint(video->extensions.of[RTP_RID], ==, 9); /* extmap:9/sendonly */
    const sdp_format *f = sdp_choose(video, any_codec, &rtx);
    g_assert_true(f->payload_type == 120 && rtx->payload_type == 124);
    const sdp_media *audio = g_ptr_array_index(d->media, 1);
    g_assert_false(audio->rtcp_rsize);
    const sdp_media *bundle_only = g_ptr_array_index(d->media, 2);
    g_assert_false(bundle_only->rejected); /* port 0 with bundle-only */
    g_assert_cmpint(bundle_only->direction, ==, SDP_RECVONLY);
}

static void
expect_error(const char *text, gsize length, err_code code)
{
    g_autoptr(GError) error = NULL;
    g_assert_null(sdp_parse(text, length, &error));
    g_assert_true(err_is(error, code));
}

static void
test_limits(void)
{
    GString *s = g_string_new("v=0\r\n");
    for (guint i = 0; i <= SDP_MEDIA_LIMIT; i++)
        g_string_append(s, "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n");
    expect_error(s->str, s->len, ERR_TOO_LARGE);
    g_string_truncate(s, s->len - strlen("m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n"));
    g_autoptr(sdp_description) most = sdp_parse(s->str, s->len, NULL);
    g_assert_cmpuint(most->media->len, ==, SDP_MEDIA_LIMIT);
    while (s->len <= SDP_LIMIT)
        g_string_append(s, "a=x\r\n");
    expect_error(s->str, s->len, ERR_TOO_LARGE);
    g_string_free(s, TRUE);
    g_autofree char *long_line = g_strnfill(SDP_LINE_LIMIT + 100, 'x');
    g_autofree char *text = g_strdup_printf("v=0\r\na=ice-ufrag:%s\r\nm=audio 9 X 1\r\n", long_line);
    g_autoptr(sdp_description) skipped = sdp_parse(text, strlen(text), NULL);
    g_assert_nonnull(skipped);
}

static void
test_malformed(void)
{
    static const char *const wrong[] = {"",
                                        "v=",
                                        "hello world",
                                        "v=0\r\nm=audio\r\n",
                                        "v=0\r\nm=audio x UDP 1\r\n",
                                        "v=0\r\nm=audio 9 UDP\r\n",
                                        "v=0\r\nm=audio 99999 UDP 1\r\n",
                                        "v=0\r\nm=au(dio 9 UDP 1\r\n",
                                        "v=0\r\nm=audio 9 A 1\r\na=mid:x\r\nm=audio 9 A 1\r\na=mid:x\r\n"};
    for (guint i = 0; i < G_N_ELEMENTS(wrong); i++)
        expect_error(wrong[i], strlen(wrong[i]), ERR_INVALID);
    expect_error("v=0\0\r\n", 6, ERR_INVALID);
}

/* Each thing that makes a description unusable. */
static void
test_transport_needed(void)
{
    static const char *const parts[] = {
        "a=group:BUNDLE 0\r\n", "a=rtcp-mux\r\n", "a=ice-ufrag:abcd\r\n",
        "a=ice-pwd:abcdefghijklmnopqrstuvwx\r\n",
        "a=fingerprint:sha-256 "
        "00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:"
        "00:00:00:00:00:00\r\n"};
    for (guint missing = 0; missing <= G_N_ELEMENTS(parts); missing++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(GString) s = g_string_new("v=0\r\n");
        if (missing != 0)
            g_string_append(s, parts[0]);
        else
            g_string_append(s, "a=group:BUNDLE other\r\n");
        g_string_append(s, "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n");
        for (guint i = 1; i < G_N_ELEMENTS(parts); i++)
            if (i != missing)
                g_string_append(s, parts[i]);
        g_autoptr(sdp_description) d = sdp_parse(s->str, s->len, NULL);
        const sdp_transport *t = sdp_bundle_transport(d, &error);
        g_assert_true((t != NULL) == (missing == G_N_ELEMENTS(parts)));
        g_assert_true(t || err_is(error, ERR_INVALID));
    }
}

/* What we write, we can read; a rejected line keeps its place and leaves the group. */
static void
test_write(void)
{
    ice_credentials ice = {.ufrag = "abcdefgh", .password = "abcdefghijklmnopqrstuvwx"};
    g_autoptr(dtls_context) dtls = dtls_context_new(NULL);
    sdp_local local = {
        .id = 5, .version = 2, .ice = &ice, .setup = SDP_PASSIVE, .address = "192.0.2.1", .port = 8444};
    sdp_line lines[] = {
        {.kind = "video",
         .mid = "v",
         .direction = SDP_SENDONLY,
         .codec = CODEC_VP8,
         .payload_type = 96,
         .rtx_type = 97,
         .transport_cc = TRUE,
         .rtcp_rsize = TRUE,
         .extensions.of = {[RTP_MID] = 4},
         .ssrc = 10,
         .rtx_ssrc = 11,
         .cname = "c",
         .stream = "s",
         .track = "t"},
        {.kind = "application",
         .mid = "d",
         .rejected = TRUE,
         .protocol = "UDP/DTLS/SCTP",
         .format = "webrtc-datachannel"},
        {.kind = "audio",
         .mid = "a",
         .direction = SDP_RECVONLY,
         .codec = CODEC_OPUS,
         .payload_type = 111,
         .fmtp = "useinbandfec=1"},
    };
    const sdp_format *rtx;
    local.fingerprint = dtls_context_fingerprint(dtls);
    g_autofree char *text = sdp_write(&local, lines, G_N_ELEMENTS(lines));
    g_autoptr(sdp_description) d = sdp_parse(text, strlen(text), NULL);
    g_assert_nonnull(d);
    g_assert_true(d->ice_lite);
    g_assert_cmpstr(d->group, ==, " v a");
    const sdp_transport *t = sdp_bundle_transport(d, NULL);
    g_assert_cmpstr(t->ufrag, ==, "abcdefgh");
    g_assert_cmpint(t->setup, ==, SDP_PASSIVE);
    const sdp_media *v = sdp_find(d, "v"), *a = sdp_find(d, "a"), *x = sdp_find(d, "d");
    g_assert_true(v->ssrc == 10 && v->rtx_ssrc == 11 && v->rtcp_rsize && v->direction == SDP_SENDONLY);
    g_assert_true(sdp_choose(v, any_codec, &rtx)->payload_type == 96 && rtx->payload_type == 97);
    g_assert_true(x->rejected && !x->bundled);
    g_assert_true(!a->rtcp_rsize && a->direction == SDP_RECVONLY);
    g_assert_nonnull(strstr(text, "a=candidate:1 1 udp 2130706431 192.0.2.1 8444 typ host\r\n"));
}

static void
test_fragment(void)
{
    char ufrag[ICE_CREDENTIAL_LIMIT + 1], password[ICE_CREDENTIAL_LIMIT + 1];
    g_autoptr(GError) error = NULL;
    g_assert_true(sdp_fragment_credentials(
        "a=ice-ufrag:EsAw\r\na=ice-pwd:bP+XJMM09aR8AiX1jdukzR6Y\r\n"
        "m=audio 9 RTP/AVP 0\r\na=mid:0\r\na=candidate:1 1 UDP 1 192.0.2.1 1 typ host\r\n",
        ufrag, password, &error));
    g_assert_cmpstr(ufrag, ==, "EsAw");
    g_assert_false(sdp_fragment_credentials("m=audio 9 RTP/AVP 0\r\na=mid:0\r\na=end-of-candidates\r\n",
                                            ufrag, password, &error));
    g_assert_no_error(error);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/sdp/chromium", test_chromium);
    g_test_add_func("/sdp/firefox", test_firefox);
    g_test_add_func("/sdp/limits", test_limits);
    g_test_add_func("/sdp/malformed", test_malformed);
    g_test_add_func("/sdp/transport-needed", test_transport_needed);
    g_test_add_func("/sdp/write", test_write);
    g_test_add_func("/sdp/fragment", test_fragment);
    return g_test_run();
}
