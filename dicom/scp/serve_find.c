/* C-FIND: the identifier to the program, its pages of matches to the caller. */
#include "dicom/scp/serve.h"

/* Passes on one page of matches; *ret_more: the program has another. */
static gboolean
send_matches(worker *w, const dcm_command *command, json_t *page, guint16 *ret_status, gboolean *ret_more,
             GError **error)
{
    size_t i;
    json_t *match;
    json_array_foreach(json_object_get(page, "matches"), i, match)
    {
        if (!dcm_association_match(w->association, command, STATUS_PENDING, match, error))
            return FALSE;
    }
    *ret_status = (guint16)json_get_int(page, "status", STATUS_UNABLE);
    *ret_more = json_get_bool(page, "more", FALSE);
    return TRUE;
}

gboolean
serve_find(worker *w, const dcm_command *command, GError **error)
{
    json_t *keys = dcm_association_keys(w->association, command, w->idle_timeout, error);
    if (!keys)
        return FALSE;
    guint16 status = STATUS_UNABLE;
    gboolean more = TRUE;
    json_t *request = json_pack("{s:s, s:o}", "type", "find", "keys", keys);
    while (more) {
        g_autoptr(json_t) page = worker_ask(request);
        more = FALSE;
        if (page && !send_matches(w, command, page, &status, &more, error))
            return FALSE;
        request = more ? json_pack("{s:s, s:b}", "type", "find", "next", 1) : NULL;
    }
    return dcm_association_match(w->association, command, status, NULL, error);
}
