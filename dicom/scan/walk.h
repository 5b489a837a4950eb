/* The grammar of a data set (PS3.5 section 7 and annex A): walks elements, sequences, items and fragments
 * over bytes from strangers and tells a visitor. Nothing is copied and nothing is believed: every length is
 * checked against the bytes that are there and against the length of what contains it; nesting and number of
 * elements have limits.
 *
 * An element whose tag came before in the same data set is walked but not told: the first one counts. */
#pragma once
#include "dicom/scan/frame_table.h"

#define WALK_DEPTH_LIMIT 64         /* sequences inside of each other */
#define WALK_ELEMENTS_LIMIT 1000000 /* elements and items in all */
#define WALK_DISORDER_LIMIT 256     /* elements that are smaller than one before them, in all */

typedef struct {
    const guint8 *bytes; /* the whole buffer; offsets told count from here */
    gsize start, end;    /* the data set lies in [start, end) */
    gboolean explicit_vr;
    gboolean big_endian;
    gboolean encapsulated; /* pixel data of undefined length is allowed */
} walk_input;

typedef struct {
    guint32 tag;
    char vr[3];
    guint depth; /* 0: the data set itself */
    gsize offset, length;
    const guint8 *bytes;
    gboolean big_endian;
} walk_value;

/* Any may be NULL. FALSE with error ends the walk. */
typedef struct {
    gboolean (*value)(gpointer data, const walk_value *value, GError **error);
    void (*sequence_begin)(gpointer data, guint32 tag, guint depth);
    void (*item_begin)(gpointer data, guint depth);
    void (*item_end)(gpointer data, guint depth);
    void (*sequence_end)(gpointer data, guint depth);
    /** Encapsulated pixel data: its items, the first being the basic offset table. Borrowed. */
    gboolean (*fragments)(gpointer data, const walk_value *value, const GArray *extents, GError **error);
} walk_visitor;

/** FALSE with ERR_INVALID (malformed) or ERR_TOO_LARGE (a limit), naming the tag and offset, or the visitor's
 * error. */
gboolean walk_dataset(const walk_input *input, const walk_visitor *visitor, gpointer data, GError **error);

/** One explicit little endian element at *at, for group 0002. FALSE when it does not fit before end. */
gboolean walk_meta_element(const guint8 *bytes, gsize end, gsize *at, walk_value *ret_value);

guint16 walk_u16(const walk_value *v, gsize index);
guint32 walk_u32(const walk_value *v, gsize index);
guint64 walk_u64(const walk_value *v, gsize index);
