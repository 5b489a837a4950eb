/* A stored file written anew with other attributes: for what leaves with a person's corrections, and for
 * copies without names. Reads by dicom/scan/walk.h, writes to a sink as it goes, and holds no value of the
 * file in memory: pixel data passes from the (mapped) source to the sink. The exception are deflated files,
 * whose data set is inflated first (SCAN_INFLATE_LIMIT).
 *
 * The transfer syntax and every value that no rule names stay as they are, byte for byte. What is written
 * differently: sequences and items get undefined lengths, group lengths are left out, of an element that
 * comes twice the first stays, and a sequence of VR UN (PS3.5 6.2.2) becomes SQ. */
#pragma once
#include "dicom/scan/walk.h"

/** One element as the rules are asked about it. Valid during the call. */
typedef struct {
    guint32 tag;
    const char *vr;          /* "SQ" for sequences */
    guint depth;             /* 0: the data set itself */
    const guint32 *parents;  /* tags of the sequences around it, outermost first; depth of them */
    const walk_value *value; /* NULL: a sequence, or encapsulated pixel data */
} rewrite_place;

typedef enum {
    REWRITE_KEEP,
    REWRITE_DELETE,
    REWRITE_REPLACE, /* by *ret_value; a sequence is left without items */
} rewrite_action;

/** An element to write: text, or a sequence of items. */
typedef struct rewrite_element rewrite_element;
typedef struct {
    const rewrite_element *elements; /* by ascending tag */
    guint count;
} rewrite_item;
struct rewrite_element {
    guint32 tag;
    const char *vr;
    const char *text; /* NULL: a sequence */
    const rewrite_item *items;
    guint item_count;
    gboolean append; /* a sequence that is there keeps its items; these come after them */
};

typedef struct {
    /** Asked once for every element and sequence that is not below a deleted one. May be NULL: all stay. For
     * REWRITE_REPLACE *ret_value is set (taken over), encoded for the data set's byte order. */
    rewrite_action (*decide)(gpointer data, const rewrite_place *place, GBytes **ret_value);
    gpointer data;
    /** Elements of the data set itself, by ascending tag: each takes the place of the one that is there, or
     * comes where it belongs. decide is not asked about them. */
    const rewrite_element *set;
    guint set_count;
    /** All text becomes UTF-8 and (0008,0005) ISO_IR 192: needed when a text that is set is not ASCII. */
    gboolean utf8;
    const char *assumed_charset; /* as in charset.h */
    /** A new SOP Instance UID, for the data set and the file meta information; NULL: as it is. */
    const char *sop_uid;
} rewrite_rules;

typedef struct {
    gboolean (*write)(gpointer data, const guint8 *bytes, gsize length, GError **error);
    gpointer data;
} rewrite_sink;

/** Errors: those of scan_begin and walk_dataset; ERR_TOO_LARGE: a text is too long for its VR once it is
 * UTF-8; ERR_UNSUPPORTED: a little endian sequence inside of a big endian data set; the sink's. After an
 * error the sink holds a part of a file, which is of no use. */
gboolean rewrite_file(const guint8 *bytes, gsize length, const rewrite_rules *rules, const rewrite_sink *sink,
                      GError **error);
