/* Time-based one-time passwords (RFC 6238): SHA-1, 30 seconds, six digits. */
#pragma once
#include <glib.h>

/** Does code fit the secret at unix time now_s, one step early or late allowed, in a step after last_step
 * (-1: none yet)? ret_step: the step it fits, to be stored so that it is taken once. */
gboolean totp_verify(const guint8 *secret, gsize length, const char *code, gint64 now_s, gint64 last_step,
                     gint64 *ret_step);
/** The six digits of one step, for tests and the command line. */
guint totp_code(const guint8 *secret, gsize length, gint64 step);
