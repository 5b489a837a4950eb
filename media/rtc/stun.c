/* STUN binding messages. Parsing trusts nothing: lengths first, then attributes one by one; what follows
 * MESSAGE-INTEGRITY counts only if it is FINGERPRINT (RFC 8489 14.5). Nothing here decides whether to answer:
 * ice.c does. */
#include "media/rtc/stun.h"
#include "hub/base/buf.h"
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#define MAGIC_COOKIE 0x2112a442u
#define FINGERPRINT_XOR 0x5354554eu
#define INTEGRITY_SIZE 20

enum {
    ATTR_USERNAME = 0x0006,
    ATTR_INTEGRITY = 0x0008,
    ATTR_ERROR_CODE = 0x0009,
    ATTR_UNKNOWN = 0x000a,
    ATTR_XOR_MAPPED = 0x0020,
    ATTR_PRIORITY = 0x0024,
    ATTR_USE_CANDIDATE = 0x0025,
    ATTR_FINGERPRINT = 0x8028,
    ATTR_CONTROLLED = 0x8029,
    ATTR_CONTROLLING = 0x802a,
    ATTR_OPTIONAL = 0x8000, /* this bit: may be ignored when unknown */
};

gboolean
net_address_equal(const net_address *a, const net_address *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

/* CRC-32 of ISO 3309, bit by bit: messages are short and rare. */
static guint32
crc32_of(const guint8 *bytes, gsize length)
{
    guint32 crc = 0xffffffffu;
    for (gsize i = 0; i < length; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = (crc >> 1) ^ (0xedb88320u & (0u - (crc & 1)));
    }
    return ~crc;
}

static void
parse_xor_mapped(stun_message *m, const guint8 *value, gsize length)
{
    buf_reader r = buf_reader_of(value, length);
    buf_skip(&r, 1);
    guint8 family = buf_u8(&r);
    guint16 port = buf_be16(&r);
    gsize size = family == 1 ? 4 : 16;
    const guint8 *ip = buf_bytes(&r, size);
    if (r.bad || (family != 1 && family != 2))
        return;
    m->mapped = (net_address){.family = family == 1 ? 4 : 6, .port = port ^ (MAGIC_COOKIE >> 16)};
    for (gsize i = 0; i < size; i++)
        m->mapped.ip[i] = ip[i] ^ m->bytes[4 + i]; /* the cookie, then the transaction id */
    m->has_mapped = TRUE;
}

static void
parse_attribute(stun_message *m, guint16 type, const guint8 *value, gsize length)
{
    switch (type) {
    case ATTR_USERNAME:
        if (length <= STUN_USERNAME_LIMIT) {
            m->username = (const char *)value;
            m->username_length = length;
        }
        break;
    case ATTR_PRIORITY:
        m->has_priority = length == 4;
        break;
    case ATTR_USE_CANDIDATE:
        m->use_candidate = TRUE;
        break;
    case ATTR_CONTROLLING:
        m->controlling = TRUE;
        break;
    case ATTR_CONTROLLED:
        m->controlled = TRUE;
        break;
    case ATTR_XOR_MAPPED:
        parse_xor_mapped(m, value, length);
        break;
    case ATTR_ERROR_CODE:
        if (length >= 4)
            m->error = (value[2] & 7u) * 100u + value[3];
        break;
    case ATTR_UNKNOWN:
        break;
    default:
        if (!(type & ATTR_OPTIONAL) && m->unknown_count < STUN_UNKNOWN_LIMIT)
            m->unknown[m->unknown_count++] = type;
    }
}

static gboolean
fingerprint_ok(const guint8 *bytes, gsize at, const guint8 *value, gsize length)
{
    if (length != 4)
        return FALSE;
    guint32 want = crc32_of(bytes, at) ^ FINGERPRINT_XOR;
    guint32 got = (guint32)value[0] << 24 | (guint32)value[1] << 16 | (guint32)value[2] << 8 | value[3];
    return want == got;
}

/* Attributes in order; FALSE when one is cut off, FINGERPRINT is wrong, or something follows it. */
static gboolean
parse_attributes(stun_message *m, buf_reader *r)
{
    while (buf_left(r) > 0) {
        gsize at = m->length - buf_left(r);
        guint16 type = buf_be16(r);
        guint16 length = buf_be16(r);
        const guint8 *value = buf_bytes(r, length);
        buf_skip(r, (4 - length % 4) % 4);
        if (r->bad || m->has_fingerprint)
            return FALSE;
        if (type == ATTR_FINGERPRINT) {
            if (!fingerprint_ok(m->bytes, at, value, length))
                return FALSE;
            m->has_fingerprint = TRUE;
        } else if (m->integrity_at) {
            continue;
        } else if (type == ATTR_INTEGRITY) {
            if (length != INTEGRITY_SIZE)
                return FALSE;
            m->integrity_at = at;
        } else {
            parse_attribute(m, type, value, length);
        }
    }
    return TRUE;
}

gboolean
stun_parse(stun_message *ret_message, const guint8 *bytes, gsize length)
{
    stun_message m = {.bytes = bytes, .length = length};
    buf_reader r = buf_reader_of(bytes, length);
    guint16 type = buf_be16(&r);
    guint16 body = buf_be16(&r);
    guint32 cookie = buf_be32(&r);
    m.transaction = buf_bytes(&r, STUN_TRANSACTION_ID);
    if (r.bad || cookie != MAGIC_COOKIE || body % 4 != 0 || body != buf_left(&r))
        return FALSE;
    if (type != STUN_REQUEST && type != STUN_INDICATION && type != STUN_SUCCESS && type != STUN_ERROR)
        return FALSE;
    m.type = type;
    if (!parse_attributes(&m, &r))
        return FALSE;
    *ret_message = m;
    return TRUE;
}

/* HMAC-SHA1 over the message up to at, with the header's length counting the integrity attribute as the last.
 */
static gboolean
integrity_of(const guint8 *bytes, gsize at, const char *password, guint8 ret_mac[INTEGRITY_SIZE])
{
    guint8 copy[STUN_MESSAGE_LIMIT];
    guint8 mac[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    if (at < STUN_HEADER || at > sizeof copy)
        return FALSE;
    memcpy(copy, bytes, at);
    gsize counted = at - STUN_HEADER + 4 + INTEGRITY_SIZE;
    copy[2] = (guint8)(counted >> 8);
    copy[3] = (guint8)counted;
    if (!HMAC(EVP_sha1(), password, (int)strlen(password), copy, at, mac, &size) || size != INTEGRITY_SIZE)
        return FALSE;
    memcpy(ret_mac, mac, INTEGRITY_SIZE);
    return TRUE;
}

gboolean
stun_integrity_ok(const stun_message *m, const char *password)
{
    guint8 mac[INTEGRITY_SIZE];
    if (!m->integrity_at || !integrity_of(m->bytes, m->integrity_at, password, mac))
        return FALSE;
    return CRYPTO_memcmp(mac, m->bytes + m->integrity_at + 4, INTEGRITY_SIZE) == 0;
}

static buf_writer
begin_message(guint8 *area, gsize size, stun_type type, const guint8 *transaction)
{
    buf_writer w = buf_writer_of(area, size);
    buf_put_be16(&w, (guint16)type);
    buf_put_be16(&w, 0);
    buf_put_be32(&w, MAGIC_COOKIE);
    buf_put_bytes(&w, transaction, STUN_TRANSACTION_ID);
    return w;
}

static void
put_attribute(buf_writer *w, guint16 type, const void *value, gsize length)
{
    static const guint8 zeros[4];
    buf_put_be16(w, type);
    buf_put_be16(w, (guint16)length);
    if (length > 0)
        buf_put_bytes(w, value, length);
    buf_put_bytes(w, zeros, (4 - length % 4) % 4);
}

/* Adds MESSAGE-INTEGRITY and FINGERPRINT and settles the length. Returns the message's length, 0 on lack of
 * room. */
static gsize
finish_message(buf_writer *w, const char *password)
{
    guint8 mac[INTEGRITY_SIZE];
    if (w->bad || !integrity_of(w->start, buf_written(w), password, mac))
        return 0;
    put_attribute(w, ATTR_INTEGRITY, mac, sizeof mac);
    gsize total = buf_written(w) + 8;
    w->start[2] = (guint8)((total - STUN_HEADER) >> 8);
    w->start[3] = (guint8)(total - STUN_HEADER);
    guint32 crc = crc32_of(w->start, buf_written(w)) ^ FINGERPRINT_XOR;
    guint8 value[4] = {(guint8)(crc >> 24), (guint8)(crc >> 16), (guint8)(crc >> 8), (guint8)crc};
    put_attribute(w, ATTR_FINGERPRINT, value, sizeof value);
    return w->bad ? 0 : buf_written(w);
}

gsize
stun_write_success(guint8 *area, gsize size, const stun_message *request, const net_address *mapped,
                   const char *password)
{
    guint8 value[20];
    gsize ip_size = mapped->family == 4 ? 4 : 16;
    buf_writer w = begin_message(area, size, STUN_SUCCESS, request->transaction);
    if (w.bad)
        return 0;
    value[0] = 0;
    value[1] = mapped->family == 4 ? 1 : 2;
    value[2] = (guint8)((mapped->port ^ (MAGIC_COOKIE >> 16)) >> 8);
    value[3] = (guint8)(mapped->port ^ (MAGIC_COOKIE >> 16));
    for (gsize i = 0; i < ip_size; i++)
        value[4 + i] = mapped->ip[i] ^ area[4 + i];
    put_attribute(&w, ATTR_XOR_MAPPED, value, 4 + ip_size);
    return finish_message(&w, password);
}

gsize
stun_write_error(guint8 *area, gsize size, const stun_message *request, guint code, const char *password)
{
    guint8 value[4] = {0, 0, (guint8)(code / 100), (guint8)(code % 100)};
    buf_writer w = begin_message(area, size, STUN_ERROR, request->transaction);
    put_attribute(&w, ATTR_ERROR_CODE, value, sizeof value);
    if (code == 420) {
        guint8 list[2 * STUN_UNKNOWN_LIMIT];
        for (guint i = 0; i < request->unknown_count; i++) {
            list[2 * i] = (guint8)(request->unknown[i] >> 8);
            list[2 * i + 1] = (guint8)request->unknown[i];
        }
        put_attribute(&w, ATTR_UNKNOWN, list, 2 * request->unknown_count);
    }
    return finish_message(&w, password);
}

gsize
stun_write_check(guint8 *area, gsize size, const guint8 transaction[STUN_TRANSACTION_ID],
                 const char *username, const char *password, guint32 priority, gboolean controlling,
                 gboolean use_candidate)
{
    static const guint8 tie_breaker[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    guint8 value[4] = {(guint8)(priority >> 24), (guint8)(priority >> 16), (guint8)(priority >> 8),
                       (guint8)priority};
    buf_writer w = begin_message(area, size, STUN_REQUEST, transaction);
    put_attribute(&w, ATTR_USERNAME, username, strlen(username));
    put_attribute(&w, controlling ? ATTR_CONTROLLING : ATTR_CONTROLLED, tie_breaker, sizeof tie_breaker);
    if (use_candidate)
        put_attribute(&w, ATTR_USE_CANDIDATE, NULL, 0);
    put_attribute(&w, ATTR_PRIORITY, value, sizeof value);
    return finish_message(&w, password);
}
