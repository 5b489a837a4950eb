/* SRTP. Key derivation (RFC 3711 4.3) is AES-CM with the master key for both profiles; for GCM the 96-bit
 * salt counts as 112 bits with zeros behind (RFC 7714 11). The GCM nonce is 00 00 | SSRC | ROC | SEQ (RTP) or
 * 00 00 | SSRC | 00 00 | index (RTCP), XORed with the session salt (RFC 7714 8.1, 9.1). */
#include "media/rtc/srtp.h"
#include "media/rtc/srtp_window.h"
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <srtp2/srtp.h>
#include <string.h>

#define GCM_TAG 16
#define GCM_IV 12
#define KEY_SIZE 16
#define RTCP_HEADER 8
#define RTCP_INDEX 4
#define RTCP_ENCRYPTED 0x80000000u

/* Labels of RFC 3711 4.3.1 */
enum { LABEL_RTP_KEY = 0, LABEL_RTP_SALT = 2, LABEL_RTCP_KEY = 3, LABEL_RTCP_SALT = 5 };

typedef struct {
    EVP_CIPHER_CTX *rtp, *rtcp; /* keyed; only the nonce changes per packet */
    guint8 rtp_salt[GCM_IV], rtcp_salt[GCM_IV];
} gcm_direction;

typedef struct {
    guint32 ssrc;
    srtp_window window;
} rtp_stream;

struct srtp_session {
    srtp_profile profile;
    gcm_direction in, out;
    GArray *streams;      /* rtp_stream, received; in the order of appearance */
    GArray *rtcp_streams; /* rtp_stream, by sender SSRC: nonce and index are per SSRC */
    guint32 rtcp_index;   /* of our next RTCP packet */
    srtp_t sha1_in, sha1_out;
};

/* ---- keys ---- */

static EVP_CIPHER *gcm_cipher;

static void
fetch_cipher(void)
{
    static gsize once;
    if (g_once_init_enter(&once)) {
        gcm_cipher = EVP_CIPHER_fetch(NULL, "AES-128-GCM", NULL);
        g_once_init_leave(&once, 1);
    }
}

/* RFC 3711 4.3.3 with key derivation rate 0: AES-CM keystream from (label * 2^48 XOR salt) * 2^16. */
static gboolean
derive(const guint8 key[KEY_SIZE], const guint8 *salt, gsize salt_length, guint8 label, guint8 *out,
       gsize length)
{
    static const guint8 zeros[KEY_SIZE];
    guint8 iv[16] = {0};
    guint8 stream[KEY_SIZE];
    int written = 0;
    memcpy(iv, salt, salt_length);
    iv[7] ^= label;
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    gboolean made = c && EVP_EncryptInit_ex(c, EVP_aes_128_ctr(), NULL, key, iv) == 1 &&
                    EVP_EncryptUpdate(c, stream, &written, zeros, sizeof zeros) == 1;
    EVP_CIPHER_CTX_free(c);
    memcpy(out, stream, MIN(length, sizeof stream));
    OPENSSL_cleanse(stream, sizeof stream);
    return made;
}

static EVP_CIPHER_CTX *
keyed_context(const guint8 key[KEY_SIZE], gboolean seal)
{
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    if (c && EVP_CipherInit_ex(c, gcm_cipher, NULL, key, NULL, seal) == 1)
        return c;
    EVP_CIPHER_CTX_free(c);
    return NULL;
}

static gboolean
set_up_direction(gcm_direction *d, const guint8 *key, const guint8 *salt, gsize salt_length, gboolean seal)
{
    guint8 session_key[KEY_SIZE];
    gboolean made = derive(key, salt, salt_length, LABEL_RTP_SALT, d->rtp_salt, GCM_IV) &&
                    derive(key, salt, salt_length, LABEL_RTCP_SALT, d->rtcp_salt, GCM_IV) &&
                    derive(key, salt, salt_length, LABEL_RTP_KEY, session_key, KEY_SIZE) &&
                    (d->rtp = keyed_context(session_key, seal)) &&
                    derive(key, salt, salt_length, LABEL_RTCP_KEY, session_key, KEY_SIZE) &&
                    (d->rtcp = keyed_context(session_key, seal));
    OPENSSL_cleanse(session_key, sizeof session_key);
    return made;
}

static srtp_t
make_sha1(const guint8 *key, const guint8 *salt, srtp_ssrc_type_t direction)
{
    static gsize once;
    guint8 joined[DTLS_KEY_LIMIT + DTLS_SALT_LIMIT];
    srtp_policy_t policy = {
        .ssrc.type = direction, .key = joined, .window_size = SRTP_WINDOW, .allow_repeat_tx = 1};
    srtp_t made = NULL;
    if (g_once_init_enter(&once)) {
        srtp_init();
        g_once_init_leave(&once, 1);
    }
    memcpy(joined, key, DTLS_KEY_LIMIT);
    memcpy(joined + DTLS_KEY_LIMIT, salt, DTLS_SALT_LIMIT);
    srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&policy.rtp);
    srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&policy.rtcp);
    if (srtp_create(&made, &policy) != srtp_err_status_ok)
        made = NULL;
    OPENSSL_cleanse(joined, sizeof joined);
    return made;
}

srtp_session *
srtp_session_new(const dtls_keys *k, gboolean we_are_client)
{
    g_autoptr(srtp_session) s = g_new0(srtp_session, 1);
    const guint8 *in_key = we_are_client ? k->server_key : k->client_key;
    const guint8 *in_salt = we_are_client ? k->server_salt : k->client_salt;
    const guint8 *out_key = we_are_client ? k->client_key : k->server_key;
    const guint8 *out_salt = we_are_client ? k->client_salt : k->server_salt;
    s->profile = k->profile;
    if (k->profile == SRTP_PROFILE_AES128_CM_SHA1_80) {
        s->sha1_in = make_sha1(in_key, in_salt, ssrc_any_inbound);
        s->sha1_out = make_sha1(out_key, out_salt, ssrc_any_outbound);
        return s->sha1_in && s->sha1_out ? g_steal_pointer(&s) : NULL;
    }
    fetch_cipher();
    s->streams = g_array_new(FALSE, TRUE, sizeof(rtp_stream));
    s->rtcp_streams = g_array_new(FALSE, TRUE, sizeof(rtp_stream));
    gboolean made = set_up_direction(&s->in, in_key, in_salt, k->salt_length, FALSE) &&
                    set_up_direction(&s->out, out_key, out_salt, k->salt_length, TRUE);
    return made ? g_steal_pointer(&s) : NULL;
}

static void
clear_direction(gcm_direction *d)
{
    EVP_CIPHER_CTX_free(d->rtp);
    EVP_CIPHER_CTX_free(d->rtcp);
    OPENSSL_cleanse(d, sizeof *d);
}

void
srtp_session_free(srtp_session *s)
{
    if (!s)
        return;
    clear_direction(&s->in);
    clear_direction(&s->out);
    g_clear_pointer(&s->streams, g_array_unref);
    g_clear_pointer(&s->rtcp_streams, g_array_unref);
    if (s->sha1_in)
        srtp_dealloc(s->sha1_in);
    if (s->sha1_out)
        srtp_dealloc(s->sha1_out);
    g_free(s);
}

/* ---- nonces ---- */

static void
put32(guint8 *at, guint32 v)
{
    at[0] = (guint8)(v >> 24);
    at[1] = (guint8)(v >> 16);
    at[2] = (guint8)(v >> 8);
    at[3] = (guint8)v;
}

static guint32
get32(const guint8 *at)
{
    return (guint32)at[0] << 24 | (guint32)at[1] << 16 | (guint32)at[2] << 8 | at[3];
}

static void
rtp_nonce(guint8 iv[GCM_IV], const guint8 salt[GCM_IV], const guint8 *ssrc, guint64 index)
{
    memset(iv, 0, 2);
    memcpy(iv + 2, ssrc, 4);
    put32(iv + 6, (guint32)(index >> 16));
    iv[10] = (guint8)(index >> 8);
    iv[11] = (guint8)index;
    for (int i = 0; i < GCM_IV; i++)
        iv[i] ^= salt[i];
}

static void
rtcp_nonce(guint8 iv[GCM_IV], const guint8 salt[GCM_IV], const guint8 *ssrc, guint32 index)
{
    memset(iv, 0, GCM_IV);
    memcpy(iv + 2, ssrc, 4);
    put32(iv + 8, index & ~RTCP_ENCRYPTED);
    for (int i = 0; i < GCM_IV; i++)
        iv[i] ^= salt[i];
}

/* ---- RTP ---- */

static gsize
seal_rtp_sha1(srtp_session *s, const guint8 *header, gsize header_length, const guint8 *first,
              gsize first_length, const guint8 *payload, gsize payload_length, guint8 *out)
{
    int length = (int)(header_length + first_length + payload_length);
    memcpy(out, header, header_length);
    if (first_length > 0)
        memcpy(out + header_length, first, first_length);
    memcpy(out + header_length + first_length, payload, payload_length);
    return srtp_protect(s->sha1_out, out, &length) == srtp_err_status_ok ? (gsize)length : 0;
}

gsize
srtp_seal_rtp(srtp_session *s, guint64 index, const guint8 *header, gsize header_length, const guint8 *first,
              gsize first_length, const guint8 *payload, gsize payload_length, guint8 *out)
{
    guint8 iv[GCM_IV];
    guint8 *body = out + header_length;
    EVP_CIPHER_CTX *c = s->out.rtp;
    int count = 0;
    if (s->sha1_out)
        return seal_rtp_sha1(s, header, header_length, first, first_length, payload, payload_length, out);
    rtp_nonce(iv, s->out.rtp_salt, header + 8, index);
    memcpy(out, header, header_length);
    if (EVP_EncryptInit_ex(c, NULL, NULL, NULL, iv) != 1 ||
        EVP_EncryptUpdate(c, NULL, &count, header, (int)header_length) != 1 ||
        (first_length > 0 && EVP_EncryptUpdate(c, body, &count, first, (int)first_length) != 1))
        return 0;
    body += first_length;
    if (EVP_EncryptUpdate(c, body, &count, payload, (int)payload_length) != 1)
        return 0;
    body += payload_length;
    if (EVP_EncryptFinal_ex(c, body, &count) != 1 ||
        EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, GCM_TAG, body) != 1)
        return 0;
    return header_length + first_length + payload_length + GCM_TAG;
}

/* The stream of an SSRC, or the one that it would get (not added yet); NULL: too many. */
static rtp_stream *
find_stream(GArray *streams, guint32 ssrc, rtp_stream *fresh)
{
    for (guint i = 0; i < streams->len; i++) {
        rtp_stream *stream = &g_array_index(streams, rtp_stream, i);
        if (stream->ssrc == ssrc)
            return stream;
    }
    if (streams->len >= SRTP_SSRC_LIMIT)
        return NULL;
    *fresh = (rtp_stream){.ssrc = ssrc};
    return fresh;
}

static void
note_authentic(GArray *streams, rtp_stream *stream, rtp_stream *fresh, guint64 index)
{
    srtp_window_add(&stream->window, index);
    if (stream == fresh)
        g_array_append_val(streams, *fresh);
}

/* Decrypts in place; the tag follows the text. */
static gboolean
open_gcm(EVP_CIPHER_CTX *c, const guint8 iv[GCM_IV], const guint8 *aad, gsize aad_length,
         const guint8 *aad_more, gsize aad_more_length, guint8 *text, gsize text_length, guint8 *tag)
{
    int count = 0;
    return EVP_DecryptInit_ex(c, NULL, NULL, NULL, iv) == 1 &&
           EVP_DecryptUpdate(c, NULL, &count, aad, (int)aad_length) == 1 &&
           (aad_more_length == 0 ||
            EVP_DecryptUpdate(c, NULL, &count, aad_more, (int)aad_more_length) == 1) &&
           (text_length == 0 || EVP_DecryptUpdate(c, text, &count, text, (int)text_length) == 1) &&
           EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, GCM_TAG, tag) == 1 &&
           EVP_DecryptFinal_ex(c, text + text_length, &count) == 1;
}

gsize
srtp_open_rtp(srtp_session *s, guint8 *packet, gsize length, gsize header_length)
{
    rtp_stream fresh;
    guint8 iv[GCM_IV];
    guint64 index;
    if (header_length < 12 || length < header_length)
        return 0;
    if (s->sha1_in) {
        int size = (int)length;
        return srtp_unprotect(s->sha1_in, packet, &size) == srtp_err_status_ok ? (gsize)size : 0;
    }
    if (length < header_length + GCM_TAG)
        return 0;
    rtp_stream *stream = find_stream(s->streams, get32(packet + 8), &fresh);
    if (!stream || !srtp_window_guess(&stream->window, (guint16)(packet[2] << 8 | packet[3]), &index) ||
        !srtp_window_is_new(&stream->window, index))
        return 0;
    rtp_nonce(iv, s->in.rtp_salt, packet + 8, index);
    gsize text_length = length - header_length - GCM_TAG;
    if (!open_gcm(s->in.rtp, iv, packet, header_length, NULL, 0, packet + header_length, text_length,
                  packet + length - GCM_TAG))
        return 0;
    note_authentic(s->streams, stream, &fresh, index);
    return length - GCM_TAG;
}

/* ---- RTCP ---- */

gsize
srtp_seal_rtcp(srtp_session *s, guint8 *packet, gsize length)
{
    guint8 iv[GCM_IV];
    guint8 trailer[RTCP_INDEX];
    EVP_CIPHER_CTX *c = s->out.rtcp;
    int count = 0;
    if (length < RTCP_HEADER)
        return 0;
    if (s->sha1_out) {
        int size = (int)length;
        return srtp_protect_rtcp(s->sha1_out, packet, &size) == srtp_err_status_ok ? (gsize)size : 0;
    }
    guint32 index = s->rtcp_index++ & ~RTCP_ENCRYPTED;
    put32(trailer, index | RTCP_ENCRYPTED);
    rtcp_nonce(iv, s->out.rtcp_salt, packet + 4, index);
    guint8 *body = packet + RTCP_HEADER;
    gsize body_length = length - RTCP_HEADER;
    if (EVP_EncryptInit_ex(c, NULL, NULL, NULL, iv) != 1 ||
        EVP_EncryptUpdate(c, NULL, &count, packet, RTCP_HEADER) != 1 ||
        EVP_EncryptUpdate(c, NULL, &count, trailer, RTCP_INDEX) != 1 ||
        (body_length > 0 && EVP_EncryptUpdate(c, body, &count, body, (int)body_length) != 1) ||
        EVP_EncryptFinal_ex(c, body + body_length, &count) != 1 ||
        EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, GCM_TAG, packet + length) != 1)
        return 0;
    memcpy(packet + length + GCM_TAG, trailer, RTCP_INDEX);
    return length + GCM_TAG + RTCP_INDEX;
}

gsize
srtp_open_rtcp(srtp_session *s, guint8 *packet, gsize length)
{
    rtp_stream fresh;
    guint8 iv[GCM_IV];
    if (length < RTCP_HEADER + RTCP_INDEX)
        return 0;
    if (s->sha1_in) {
        int size = (int)length;
        return srtp_unprotect_rtcp(s->sha1_in, packet, &size) == srtp_err_status_ok ? (gsize)size : 0;
    }
    if (length < RTCP_HEADER + GCM_TAG + RTCP_INDEX)
        return 0;
    guint8 *trailer = packet + length - RTCP_INDEX;
    guint32 word = get32(trailer);
    guint32 index = word & ~RTCP_ENCRYPTED;
    rtp_stream *stream = find_stream(s->rtcp_streams, get32(packet + 4), &fresh);
    /* Unencrypted SRTCP (E bit 0) is legal, but no WebRTC endpoint sends it. */
    if (!stream || !(word & RTCP_ENCRYPTED) || !srtp_window_is_new(&stream->window, index))
        return 0;
    rtcp_nonce(iv, s->in.rtcp_salt, packet + 4, index);
    gsize text_length = length - RTCP_HEADER - GCM_TAG - RTCP_INDEX;
    if (!open_gcm(s->in.rtcp, iv, packet, RTCP_HEADER, trailer, RTCP_INDEX, packet + RTCP_HEADER, text_length,
                  trailer - GCM_TAG))
        return 0;
    note_authentic(s->rtcp_streams, stream, &fresh, index);
    return length - GCM_TAG - RTCP_INDEX;
}
