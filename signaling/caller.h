/* Who is at the other end of a browser's connection, or behind a WHIP or WHEP request. Reference counted, read only. */
#pragma once
#include <glib.h>

typedef struct {
    gint refs;
    char *person, *organisation; /* UUIDs */
    char *name;                  /* of the person, for the other participants */
    char *organisation_code, *organisation_name;
    char *credential; /* id of the session or token: named when it ends */
    gint64 expires_us; /* wall clock: when it ends by itself; 0: never */
    gpointer proof;   /* the hub's own identity object */
    void (*release)(gpointer proof);
} caller;

/** All strings are copied; proof is owned from now on and released with release (may be NULL). */
caller *caller_new(const char *person, const char *organisation, const char *name, const char *organisation_code,
                   const char *organisation_name, const char *credential, gpointer proof, void (*release)(gpointer));
caller *caller_ref(caller *who);
void caller_unref(caller *who);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(caller, caller_unref)
