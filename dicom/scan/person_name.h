/* Person names (VR PN, PS3.5 6.2.1): three groups of components, and the text under which people search for
 * them. */
#pragma once
#include <glib.h>

typedef struct {
    char *alphabetic; /* components separated by ^, trailing ones that are empty left out; never NULL */
    char *ideographic;
    char *phonetic;
} person_name;

/** From one decoded PN value (no \). */
person_name person_name_parse(const char *text);
void person_name_clear(person_name *n);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(person_name, person_name_clear)

/** All the forms a person might type, folded and separated by spaces: as written, without accents, in
 * simplified characters, without spaces, in pinyin (also joined, and its initials). Lower case, NFKC. Caller
 * frees. */
char *person_name_search_text(const person_name *n);
