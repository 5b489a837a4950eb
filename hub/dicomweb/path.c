#include "hub/dicomweb/path.h"
#include "hub/auth/auth.h"
#include <string.h>

#define SLOT_SECONDS 900 /* consilium.audit_read's quarter of an hour */
#define REMEMBERED 65536 /* rows known to be committed; forgotten all together */

gboolean
dicom_path_take(http_request *r, dicom_path *ret)
{
    *ret = (dicom_path){
        .code = http_param_maybe(r, "code"),
        .study = http_param_maybe(r, "study"),
        .series = http_param_maybe(r, "series"),
        .instance = http_param_maybe(r, "instance"),
    };
    const char *uids[] = {ret->study, ret->series, ret->instance};
    for (gsize i = 0; i < G_N_ELEMENTS(uids); i++)
        if (uids[i] && !dicom_uid_is_valid(uids[i])) {
            http_reply_problem(r, ERR_INVALID, "the path holds something that is no UID");
            return FALSE;
        }
    return TRUE;
}

char *
dicom_path_object(const dicom_path *p)
{
    return p->code ? g_strconcat(p->code, "/", p->study, NULL) : g_strdup(p->study);
}

/* The rows that this process knows to be there: without it each frame would cost a write. */
static GHashTable *
committed(void)
{
    static GHashTable *rows;
    static gint64 slot;
    gint64 now = g_get_real_time() / G_USEC_PER_SEC / SLOT_SECONDS;
    if (!rows)
        rows = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    if (slot != now || g_hash_table_size(rows) > REMEMBERED)
        g_hash_table_remove_all(rows);
    slot = now;
    return rows;
}

static char *
row_key(http_request *r, const char *action, const char *object)
{
    const db_actor *a = http_actor(r);
    return g_strjoin("|", a->person, a->organisation, a->purpose, action, object, NULL);
}

gboolean
read_audit_is_done(http_request *r, const char *action, const char *object)
{
    g_autofree char *key = row_key(r, action, object);
    return g_hash_table_contains(committed(), key);
}

void
read_audit_add(http_request *r, db_batch *batch, const char *action, const char *object)
{
    if (!read_audit_is_done(r, action, object))
        db_batch_add(batch, "audit_read", 2, action, object);
    db_batch_repeatable(batch);
}

void
read_audit_done(http_request *r, const char *action, const char *object)
{
    g_hash_table_add(committed(), row_key(r, action, object));
}
