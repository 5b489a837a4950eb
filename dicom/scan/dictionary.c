#include "dicom/scan/dictionary.h"

static const struct {
    guint32 tag;
    char vr[3];
} entries[] = {
#include "dicom/scan/dictionary.inc"
};

/* Curves and overlays repeat over sixteen even groups; the table has the first. */
static guint32
first_of_repeating(guint32 tag)
{
    guint32 family = tag >> 24;
    gboolean repeats = (family == 0x50 || family == 0x60) && !(tag >> 16 & 1);
    return repeats ? (tag & 0xff00ffff) : tag;
}

static const char *
lookup(guint32 tag)
{
    gsize low = 0, high = G_N_ELEMENTS(entries);
    while (low < high) {
        gsize middle = (low + high) / 2;
        if (entries[middle].tag == tag)
            return entries[middle].vr;
        if (entries[middle].tag < tag)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

const char *
dictionary_vr(guint32 tag)
{
    guint32 element = tag & 0xffff;
    if (element == 0)
        return "UL";
    if (tag >> 16 & 1)
        return element >= 0x10 && element <= 0xff ? "LO" : "UN";
    const char *vr = lookup(first_of_repeating(tag));
    return vr ? vr : "UN";
}
