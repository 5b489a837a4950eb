#include "hub/http/cookie.h"
#include <string.h>

char *
cookie_value(const char *header, const char *name)
{
    gsize name_length = strlen(name);
    const char *at = header;
    while (at && *at) {
        at += strspn(at, "; \t");
        gsize length = strcspn(at, ";");
        if (length > name_length && at[name_length] == '=' && !strncmp(at, name, name_length)) {
            g_autofree char *value = g_strndup(at + name_length + 1, length - name_length - 1);
            g_strstrip(value);
            gsize n = strlen(value);
            if (n >= 2 && value[0] == '"' && value[n - 1] == '"')
                return g_strndup(value + 1, n - 2);
            return g_steal_pointer(&value);
        }
        at += length;
    }
    return NULL;
}
