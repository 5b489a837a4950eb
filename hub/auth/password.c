/* The cost was chosen by measuring: about 100 ms on one core of a small server with 19 MiB (OWASP's memory figure). */
#include "hub/auth/password.h"
#include "hub/base/err.h"
#include <argon2.h>
#include <openssl/rand.h>
#include <string.h>

#define COST_PASSES 5
#define COST_MEMORY_KIB 19456
#define COST_LANES 1
#define SALT_BYTES 16
#define HASH_BYTES 32
#define ENCODED_BYTES 128

char *
password_hash(const char *password, GError **error)
{
    gsize length = strlen(password);
    if (length < PASSWORD_MIN_LENGTH || length > PASSWORD_MAX_LENGTH || !g_utf8_validate(password, -1, NULL)) {
        err_set(error, ERR_INVALID, "a password has %d to %d bytes of UTF-8", PASSWORD_MIN_LENGTH, PASSWORD_MAX_LENGTH);
        return NULL;
    }
    guint8 salt[SALT_BYTES];
    char encoded[ENCODED_BYTES];
    if (RAND_bytes(salt, sizeof salt) != 1) {
        err_set(error, ERR_INTERNAL, "no randomness for a salt");
        return NULL;
    }
    int status = argon2id_hash_encoded(COST_PASSES, COST_MEMORY_KIB, COST_LANES, password, length, salt, sizeof salt,
                                       HASH_BYTES, encoded, sizeof encoded);
    if (status != ARGON2_OK) {
        err_set(error, ERR_INTERNAL, "argon2: %s", argon2_error_message(status));
        return NULL;
    }
    return g_strdup(encoded);
}

static void
spend_the_same_time(const char *password, gsize length)
{
    static const guint8 salt[SALT_BYTES];
    guint8 hash[HASH_BYTES];
    argon2id_hash_raw(COST_PASSES, COST_MEMORY_KIB, COST_LANES, password, length, salt, sizeof salt, hash, sizeof hash);
}

gboolean
password_verify(const char *password, const char *encoded)
{
    gsize length = strlen(password);
    if (length > PASSWORD_MAX_LENGTH)
        length = PASSWORD_MAX_LENGTH + 1; /* never a match, and no more work than for the longest */
    if (!encoded || !g_str_has_prefix(encoded, "$argon2id$")) {
        spend_the_same_time(password, length);
        return FALSE;
    }
    return argon2id_verify(encoded, password, length) == ARGON2_OK;
}
