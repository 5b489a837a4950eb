#include "hub/auth/auth.h"

identity *
identity_ref(identity *who)
{
    who->refs++;
    return who;
}

void
identity_unref(identity *who)
{
    if (!who || --who->refs > 0)
        return;
    g_free(who->id);
    g_free(who->person);
    g_free(who->organisation);
    g_strfreev(who->roles);
    g_free(who);
}

gboolean
identity_has_role(const identity *who, const char *role)
{
    return who->roles && g_strv_contains((const char *const *)who->roles, role);
}
