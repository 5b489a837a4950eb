#include "hub/auth/totp.h"
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

enum { STEP_SECONDS = 30, DIGITS = 6 };

guint
totp_code(const guint8 *secret, gsize length, gint64 step)
{
    guint8 message[8], mac[EVP_MAX_MD_SIZE];
    guint mac_length = 0;
    for (int i = 0; i < 8; i++)
        message[i] = (guint8)((guint64)step >> (56 - 8 * i));
    HMAC(EVP_sha1(), secret, (int)length, message, sizeof message, mac, &mac_length);
    guint at = mac[mac_length - 1] & 15; /* dynamic truncation, RFC 4226 section 5.3 */
    guint32 number = (guint32)(mac[at] & 0x7f) << 24 | (guint32)mac[at + 1] << 16 |
                     (guint32)mac[at + 2] << 8 | mac[at + 3];
    return number % 1000000;
}

gboolean
totp_verify(const guint8 *secret, gsize length, const char *code, gint64 now_s, gint64 last_step,
            gint64 *ret_step)
{
    if (!code || strlen(code) != DIGITS || strspn(code, "0123456789") != DIGITS)
        return FALSE;
    gint64 now = now_s / STEP_SECONDS;
    for (gint64 step = now - 1; step <= now + 1; step++) {
        char expected[DIGITS + 1];
        g_snprintf(expected, sizeof expected, "%06u", totp_code(secret, length, step));
        if (step > last_step && CRYPTO_memcmp(expected, code, DIGITS) == 0) {
            *ret_step = step;
            return TRUE;
        }
    }
    return FALSE;
}
