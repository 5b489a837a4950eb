#include "hub/auth/throttle.h"

struct throttle {
    GHashTable *under_way; /* login (owned) -> count */
    guint limit;
};

throttle *
throttle_new(guint limit)
{
    throttle *t = g_new0(throttle, 1);
    t->under_way = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    t->limit = limit;
    return t;
}

void
throttle_free(throttle *t)
{
    if (!t)
        return;
    g_hash_table_unref(t->under_way);
    g_free(t);
}

gboolean
throttle_enter(throttle *t, const char *login)
{
    guint count = GPOINTER_TO_UINT(g_hash_table_lookup(t->under_way, login));
    if (count >= t->limit)
        return FALSE;
    g_hash_table_insert(t->under_way, g_strdup(login), GUINT_TO_POINTER(count + 1));
    return TRUE;
}

void
throttle_leave(throttle *t, const char *login)
{
    guint count = GPOINTER_TO_UINT(g_hash_table_lookup(t->under_way, login));
    if (count > 1)
        g_hash_table_insert(t->under_way, g_strdup(login), GUINT_TO_POINTER(count - 1));
    else
        g_hash_table_remove(t->under_way, login);
}
