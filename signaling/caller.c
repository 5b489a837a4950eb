#include "signaling/caller.h"

caller *
caller_new(const char *person, const char *organisation, const char *name, const char *organisation_code,
           const char *organisation_name, const char *credential, gpointer proof, void (*release)(gpointer))
{
    caller *who = g_new0(caller, 1);
    who->refs = 1;
    who->person = g_strdup(person);
    who->organisation = g_strdup(organisation);
    who->name = g_strdup(name ? name : "");
    who->organisation_code = g_strdup(organisation_code ? organisation_code : "");
    who->organisation_name = g_strdup(organisation_name ? organisation_name : "");
    who->credential = g_strdup(credential ? credential : "");
    who->proof = proof;
    who->release = release;
    return who;
}

caller *
caller_ref(caller *who)
{
    who->refs++;
    return who;
}

void
caller_unref(caller *who)
{
    if (!who || --who->refs > 0)
        return;
    if (who->release)
        who->release(who->proof);
    g_free(who->person);
    g_free(who->organisation);
    g_free(who->name);
    g_free(who->organisation_code);
    g_free(who->organisation_name);
    g_free(who->credential);
    g_free(who);
}
