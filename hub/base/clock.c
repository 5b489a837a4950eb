#include "hub/base/clock.h"

gint64
clock_monotonic_us(void)
{
    return g_get_monotonic_time();
}

gint64
clock_wall_us(void)
{
    return g_get_real_time();
}

char *
clock_rfc3339(gint64 wall_us)
{
    g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc(wall_us / G_USEC_PER_SEC);
    g_autofree char *seconds = g_date_time_format(time, "%Y-%m-%dT%H:%M:%S");
    return g_strdup_printf("%s.%03dZ", seconds, (int)(wall_us % G_USEC_PER_SEC / 1000));
}
