/* Time. Protocol code takes its clock as an argument; programs read it here. */
#pragma once
#include <glib.h>

/** Monotonic microseconds: for timeouts and intervals. */
gint64 clock_monotonic_us(void);

/** Microseconds since 1970 UTC. */
gint64 clock_wall_us(void);

/** RFC 3339 UTC with milliseconds, "2026-01-31T08:15:30.123Z". Caller frees. */
char *clock_rfc3339(gint64 wall_us);
