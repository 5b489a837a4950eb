#include "hub/base/id.h"
#include <openssl/rand.h>
#include <string.h>

static void
random_bytes(guint8 *out, gsize length)
{
    if (RAND_bytes(out, (int)length) != 1)
        g_error("the system's random generator failed");
}

char *
id_new(void)
{
    guint8 b[16];
    random_bytes(b, sizeof b);
    b[6] = (guint8)((b[6] & 0x0f) | 0x40);
    b[8] = (guint8)((b[8] & 0x3f) | 0x80);
    return g_strdup_printf("%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1], b[2],
                           b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
}

gboolean
id_is_valid(const char *text)
{
    if (!text || strlen(text) != 36)
        return FALSE;
    for (int i = 0; i < 36; i++) {
        gboolean dash = i == 8 || i == 13 || i == 18 || i == 23;
        char c = text[i];
        if (dash ? c != '-' : !((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
            return FALSE;
    }
    return TRUE;
}

char *
id_secret_new(gsize bytes)
{
    g_autofree guint8 *raw = g_malloc(bytes);
    random_bytes(raw, bytes);
    char *text = g_base64_encode(raw, bytes);
    g_strdelimit(text, "+", '-');
    g_strdelimit(text, "/", '_');
    text[strcspn(text, "=")] = '\0';
    return text;
}

char *
id_sha256_hex(const char *text, gsize length)
{
    return g_compute_checksum_for_data(G_CHECKSUM_SHA256, (const guchar *)text, length);
}
