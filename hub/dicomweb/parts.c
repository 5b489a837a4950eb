#include "hub/dicomweb/parts.h"
#include <string.h>

void
part_writer_init(part_writer *w, http_request *r)
{
    *w = (part_writer){.parts = http_parts_new(), .boundary = g_strconcat("consilium-", http_id(r), NULL)};
}

static void
add_text(part_writer *w, const char *text)
{
    g_autoptr(GBytes) bytes = g_bytes_new(text, strlen(text));
    http_parts_add_bytes(w->parts, bytes);
}

void
part_begin(part_writer *w, const char *type, const char *transfer_syntax, guint64 length,
           const char *location)
{
    g_autoptr(GString) head = g_string_new(w->count++ ? "\r\n--" : "--");
    g_string_append_printf(head, "%s\r\nContent-Type: %s", w->boundary, type);
    if (transfer_syntax)
        g_string_append_printf(head, "; transfer-syntax=%s", transfer_syntax);
    g_string_append_printf(head, "\r\nContent-Length: %" G_GUINT64_FORMAT "\r\n", length);
    if (location)
        g_string_append_printf(head, "Content-Location: %s\r\n", location);
    g_string_append(head, "\r\n");
    add_text(w, head->str);
}

void
part_reply(part_writer *w, http_request *r, const char *type, const char *transfer_syntax)
{
    g_autofree char *end = g_strdup_printf("\r\n--%s--\r\n", w->boundary);
    add_text(w, end);
    g_autoptr(GString) content_type = g_string_new(NULL);
    g_string_append_printf(content_type, "multipart/related; type=\"%s\"; boundary=%s", type, w->boundary);
    if (transfer_syntax)
        g_string_append_printf(content_type, "; transfer-syntax=%s", transfer_syntax);
    http_reply_parts(r, 200, content_type->str, g_steal_pointer(&w->parts));
    g_free(w->boundary);
}
