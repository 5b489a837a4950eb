/* One write(2) per line, so that lines of several programs on one pipe do not mix. */
#include "hub/base/log.h"
#include <stdio.h>
#include <unistd.h>

static const char *const level_names[] = {"debug", "info", "warning", "error"};
static const char *program_name = "consilium";
static log_level minimum_level = LOG_INFO;

void
log_init(const char *program, log_level minimum)
{
    program_name = program;
    minimum_level = minimum;
}

/* Control characters from a peer must not forge a line. */
static void
flatten(char *text)
{
    for (char *c = text; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = ' ';
}

void
log_line(log_level level, const char *subject, const char *format, ...)
{
    if (level < minimum_level)
        return;
    va_list args;
    va_start(args, format);
    g_autofree char *message = g_strdup_vprintf(format, args);
    va_end(args);
    flatten(message);
    g_autoptr(GDateTime) now = g_date_time_new_now_utc();
    g_autofree char *time = g_date_time_format(now, "%Y-%m-%dT%H:%M:%S");
    g_autofree char *line = g_strdup_printf("%s.%03dZ %s %s %s%s%s\n", time, g_date_time_get_microsecond(now) / 1000,
                                            level_names[level], program_name, subject ? subject : "",
                                            subject ? ": " : "", message);
    if (write(STDERR_FILENO, line, strlen(line)) < 0)
        return; /* nobody is left to tell */
}
