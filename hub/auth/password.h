/* Passwords: Argon2id in its encoded form ($argon2id$v=19$…), which carries its own parameters, so that they can be
 * raised later without a migration. About 100 ms of one core each: call in the thread pool, never on a loop. */
#pragma once
#include <glib.h>

#define PASSWORD_MIN_LENGTH 8
#define PASSWORD_MAX_LENGTH 256

/** The encoded hash of password under a new random salt. Caller frees. ERR_INVALID when it is shorter or longer than
 * the limits above (in bytes) or not UTF-8; ERR_INTERNAL when memory or randomness is short. */
char *password_hash(const char *password, GError **error);

/** Does password belong to encoded? FALSE also when encoded is NULL or damaged: the same time is spent then, so that
 * an answer's delay does not tell whether an account exists. */
gboolean password_verify(const char *password, const char *encoded);
