/* Identifiers (UUID text) and secrets. */
#pragma once
#include <glib.h>

/** A new random UUID (RFC 9562 version 4) from OpenSSL's generator, as 36 characters. Caller frees. */
char *id_new(void);

/** Is text a UUID in lower-case canonical form? NULL is not. */
gboolean id_is_valid(const char *text);

/** bytes of randomness as base64url without padding: tokens, ICE passwords, cookie values. Caller frees. */
char *id_secret_new(gsize bytes);

/** SHA-256 of text in lower-case hexadecimal (64 characters). Caller frees. */
char *id_sha256_hex(const char *text, gsize length);
