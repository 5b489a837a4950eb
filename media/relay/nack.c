#include "media/relay/nack.h"

void
nack_clear(nack_list *l)
{
    g_clear_pointer(&l->items, g_array_unref);
}

gboolean
nack_is_empty(const nack_list *l)
{
    return !l->items || l->items->len == 0;
}

gboolean
nack_add(nack_list *l, guint64 first, guint64 last, gint64 now_us)
{
    if (!l->items)
        l->items = g_array_new(FALSE, FALSE, sizeof(nack_item));
    if (last - first >= NACK_LIMIT || l->items->len + (last - first) >= NACK_LIMIT) {
        g_array_set_size(l->items, 0);
        return FALSE;
    }
    for (guint64 i = first; i <= last; i++) {
        nack_item item = {.index = i, .next_us = now_us + NACK_FIRST_US};
        g_array_append_val(l->items, item);
    }
    return TRUE;
}

gboolean
nack_remove(nack_list *l, guint64 index)
{
    for (guint i = 0; l->items && i < l->items->len; i++) {
        nack_item *item = &g_array_index(l->items, nack_item, i);
        if (item->index == index) {
            gboolean asked = item->tries > 0;
            g_array_remove_index(l->items, i);
            return asked;
        }
        if (item->index > index)
            return FALSE;
    }
    return FALSE;
}

guint
nack_due(nack_list *l, gint64 now_us, guint16 *sequences, gboolean *ret_given_up)
{
    guint count = 0;
    *ret_given_up = FALSE;
    for (guint i = 0; l->items && i < l->items->len && count < NACK_BATCH;) {
        nack_item *item = &g_array_index(l->items, nack_item, i);
        if (now_us < item->next_us) {
            i++;
        } else if (item->tries >= NACK_TRIES) {
            *ret_given_up = TRUE;
            g_array_remove_index(l->items, i);
        } else {
            item->tries++;
            item->next_us = now_us + NACK_REPEAT_US;
            sequences[count++] = (guint16)item->index;
            i++;
        }
    }
    return count;
}
