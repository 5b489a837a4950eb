/* C-FIND (PS3.4 C.4.1): the identifier to the program, its pages of matches to the caller. */
#include "dicom/scp/serve.h"
#include "hub/base/err.h"
#include <string.h>

struct search {
    worker *w;
    const dcm_command *command;
    json_t *keys; /* borrowed from the request */
    guint16 pending;
    gboolean cancelled;
};

/* Reads what the caller has sent meanwhile: nothing or a C-CANCEL. */
static gboolean
take_cancel(struct search *s, GError **error)
{
    dcm_command c;
    if (!dcm_association_wait(s->w->association, -1, 0))
        return TRUE;
    if (!dcm_association_next(s->w->association, s->w->idle_timeout, &c, error))
        return FALSE;
    if (c.kind != DCM_CANCEL)
        return err_set(error, ERR_INVALID, "a command during a C-FIND");
    s->cancelled = TRUE;
    return TRUE;
}

/* Passes on one page of matches; *ret_more: the program has another. */
static gboolean
send_matches(struct search *s, json_t *page, guint16 *ret_status, gboolean *ret_more, GError **error)
{
    size_t i;
    json_t *match;
    if (json_get_bool(page, "partial", FALSE))
        s->pending = STATUS_PENDING_PARTIAL;
    json_array_foreach(json_object_get(page, "matches"), i, match)
    {
        if (!take_cancel(s, error))
            return FALSE;
        if (s->cancelled)
            return TRUE;
        json_object_set_new(match, "00080054", json_pack("{s:s, s:[s]}", "vr", "AE", "Value", s->w->title));
        if (!dcm_association_match(s->w->association, s->command, s->pending, s->keys, match, error))
            return FALSE;
    }
    *ret_status = (guint16)json_get_int(page, "status", STATUS_UNABLE);
    *ret_more = json_get_bool(page, "more", FALSE);
    return TRUE;
}

/* The level must be one of the information model's. */
static gboolean
is_level(const dcm_command *command, json_t *keys)
{
    static const char *const levels[] = {"STUDY", "SERIES", "IMAGE", NULL};
    const char *level = json_get_text(keys, "00080052");
    return level && (g_strv_contains(levels, level) ||
                     (!strcmp(level, "PATIENT") && dcm_command_is_patient_root(command)));
}

static gboolean
run(struct search *s, GError **error)
{
    guint16 status = STATUS_UNABLE;
    gboolean more = TRUE;
    json_t *request = json_pack("{s:s, s:O}", "type", "find", "keys", s->keys);
    while (more) {
        g_autoptr(json_t) page = worker_ask(request);
        more = FALSE;
        if (page && !send_matches(s, page, &status, &more, error))
            return FALSE;
        request = more ? json_pack("{s:s, s:b}", "type", "find", "next", 1) : NULL;
    }
    return dcm_association_match(s->w->association, s->command, s->cancelled ? STATUS_CANCELLED : status,
                                 NULL, NULL, error);
}

gboolean
serve_find(worker *w, const dcm_command *command, GError **error)
{
    g_autoptr(json_t) keys = dcm_association_keys(w->association, command, w->idle_timeout, error);
    if (!keys)
        return FALSE;
    if (!is_level(command, keys))
        return dcm_association_match(w->association, command, STATUS_NO_IDENTIFIER, NULL, NULL, error);
    struct search s = {.w = w, .command = command, .keys = keys, .pending = STATUS_PENDING};
    return run(&s, error);
}
