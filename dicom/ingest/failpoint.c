#include "dicom/ingest/failpoint.h"
#include <glib.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void
failpoint(const char *name)
{
    static gsize ready;
    static char *place;
    static gint left;
    if (g_once_init_enter(&ready)) {
        const char *value = g_getenv("CONSILIUM_FAILPOINT"), *colon = value ? strchr(value, ':') : NULL;
        if (colon) {
            left = atoi(colon + 1);
            place = g_strndup(value, (gsize)(colon - value));
        }
        g_once_init_leave(&ready, 1);
    }
    if (place && !strcmp(place, name) && g_atomic_int_dec_and_test(&left))
        kill(getpid(), SIGKILL);
}
