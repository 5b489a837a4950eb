#include "dicom/scan/syntax.h"
#include <string.h>

static const syntax table[] = {
#define SYNTAX(name, uid, explicit_vr, big_endian, deflated, encapsulation)                                  \
    {uid, explicit_vr, big_endian, deflated, SYNTAX_##encapsulation},
#include "dicom/scan/syntax.def"
#undef SYNTAX
    {NULL, FALSE, FALSE, FALSE, SYNTAX_NATIVE},
};

const syntax *
syntax_table(void)
{
    return table;
}

const syntax *
syntax_find(const char *uid)
{
    for (const syntax *s = table; s->uid; s++)
        if (!strcmp(s->uid, uid))
            return s;
    return NULL;
}
