#include "dicom/scan/digest.h"
#include "dicom/scan/scan.h"
#include <openssl/evp.h>
#include <string.h>

#define TAG_PADDING 0xfffcfffcu

typedef enum {
    MARK_VALUE = 1,
    MARK_SEQUENCE,
    MARK_ITEM,
    MARK_ITEM_END,
    MARK_SEQUENCE_END,
    MARK_FRAGMENTS
} mark;

static void
add(EVP_MD_CTX *context, const void *bytes, gsize length)
{
    if (EVP_DigestUpdate(context, bytes, length) != 1)
        g_error("SHA-256 is not available");
}

/* Every piece begins with its kind and ends known in advance, so that no two data sets give the same stream.
 */
static void
add_mark(EVP_MD_CTX *context, mark kind, guint32 tag, guint64 length)
{
    guint64 head[] = {GUINT64_TO_LE((guint64)kind), GUINT64_TO_LE((guint64)tag), GUINT64_TO_LE(length)};
    add(context, head, sizeof head);
}

static gboolean
add_value(gpointer data, const walk_value *v, GError **error)
{
    (void)error;
    if ((v->tag & 0xffff) == 0 || v->tag == TAG_PADDING)
        return TRUE;
    add_mark(data, MARK_VALUE, v->tag, v->length);
    add(data, v->bytes, v->length);
    return TRUE;
}

static void
add_sequence(gpointer data, guint32 tag, guint depth)
{
    (void)depth;
    add_mark(data, MARK_SEQUENCE, tag, 0);
}

static void
add_item(gpointer data, guint depth)
{
    (void)depth;
    add_mark(data, MARK_ITEM, 0, 0);
}

static void
add_item_end(gpointer data, guint depth)
{
    (void)depth;
    add_mark(data, MARK_ITEM_END, 0, 0);
}

static void
add_sequence_end(gpointer data, guint depth)
{
    (void)depth;
    add_mark(data, MARK_SEQUENCE_END, 0, 0);
}

static gboolean
add_fragments(gpointer data, const walk_value *v, const GArray *extents, GError **error)
{
    (void)error;
    const guint8 *file = v->bytes - v->offset;
    add_mark(data, MARK_FRAGMENTS, v->tag, extents->len);
    for (guint i = 0; i < extents->len; i++) {
        const frame_extent *e = &g_array_index(extents, frame_extent, i);
        add_mark(data, MARK_VALUE, 0, e->length);
        add(data, file + e->offset, e->length);
    }
    return TRUE;
}

static const walk_visitor adding = {.value = add_value,
                                    .sequence_begin = add_sequence,
                                    .item_begin = add_item,
                                    .item_end = add_item_end,
                                    .sequence_end = add_sequence_end,
                                    .fragments = add_fragments};

gboolean
digest_dataset(const guint8 *bytes, gsize length, guint8 ret_digest[DIGEST_LENGTH], GError **error)
{
    walk_input input;
    const syntax *s;
    g_autoptr(GByteArray) inflated = NULL;
    if (!scan_begin(bytes, length, &input, &s, &inflated, error))
        return FALSE;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (!context || EVP_DigestInit_ex(context, EVP_sha256(), NULL) != 1)
        g_error("SHA-256 is not available");
    const char *encoding = input.encapsulated || input.big_endian ? s->uid : "";
    add(context, encoding, strlen(encoding) + 1);
    gboolean good = walk_dataset(&input, &adding, context, error);
    if (good && EVP_DigestFinal_ex(context, ret_digest, NULL) != 1)
        g_error("SHA-256 is not available");
    EVP_MD_CTX_free(context);
    return good;
}
