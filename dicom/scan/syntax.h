/* The table of transfer syntaxes (syntax.def). */
#pragma once
#include <glib.h>

typedef enum { SYNTAX_NATIVE, SYNTAX_JPEG, SYNTAX_J2K, SYNTAX_RLE, SYNTAX_VIDEO } syntax_encapsulation;

typedef struct {
    const char *uid;
    gboolean explicit_vr, big_endian, deflated;
    syntax_encapsulation encapsulation;
} syntax;

/** The table in its order, ended by an entry with uid NULL. */
const syntax *syntax_table(void);
/** NULL: not one that we take. */
const syntax *syntax_find(const char *uid);
