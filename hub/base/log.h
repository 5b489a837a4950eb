/* Logging: one line per event on standard error, `TIME LEVEL PROGRAM subject: message`.
 * Only request boundaries and programs' main files log above debug. Never a patient's name, image bytes,
 * password, token or file content: ids only. */
#pragma once
#include <glib.h>

typedef enum { LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERROR } log_level;

/** program: printed in every line, not copied. Lines below minimum are dropped. */
void log_init(const char *program, log_level minimum);

/** subject: what the line is about ("request 4f…", "room …", "ae COUNTY1_CT"); may be NULL. */
void log_line(log_level level, const char *subject, const char *format, ...) G_GNUC_PRINTF(3, 4);

/** Like log_line, but at most one line a second for each call site: for paths that a peer can trigger at will. */
#define log_limited(level, subject, ...)                                                                     \
    do {                                                                                                     \
        static gint64 last_us_;                                                                              \
        if (g_get_monotonic_time() - last_us_ >= G_USEC_PER_SEC) {                                           \
            last_us_ = g_get_monotonic_time();                                                               \
            log_line(level, subject, __VA_ARGS__);                                                           \
        }                                                                                                    \
    } while (0)
