/* Rooms for signaling; see room.h. Each call is one batch. */
#include "hub/domain/room.h"
#include "hub/base/err.h"
#include "hub/base/id.h"
#include "hub/base/log.h"

typedef struct {
    void (*admitted)(const room_admission *admission, const GError *error, gpointer user_data);
    void (*contacts)(const char *const *organisations, const GError *error, gpointer user_data);
    void (*said)(json_t *message, const GError *error, gpointer user_data);
    gpointer user_data;
} room_op;

static void
on_admitted(db_batch *batch, const GError *error, gpointer data)
{
    g_autofree room_op *op = data;
    g_autoptr(GError) refused = NULL;
    room_admission admission = {db_text(batch, 0, 0, 0), db_text(batch, 0, 0, 1), db_text(batch, 0, 0, 2),
                                db_text(batch, 0, 0, 3), db_text(batch, 0, 0, 4), db_text(batch, 0, 0, 6),
                                db_text(batch, 0, 0, 7)};
    const char *open = db_text(batch, 0, 0, 5);
    if (!error && db_rows(batch, 0) == 0)
        refused = err_new(ERR_NOT_FOUND, "no such room");
    else if (!error && g_strcmp0(open, "t") != 0)
        refused = err_new(ERR_CONFLICT, "the room is closed");
    const GError *why = error ? error : refused;
    op->admitted(why ? NULL : &admission, why, op->user_data);
}

void
room_admit(db_pool *db, const db_actor *actor, const char *room, gboolean joining,
           void (*done)(const room_admission *admission, const GError *error, gpointer user_data), gpointer user_data)
{
    room_op *op = g_new0(room_op, 1);
    op->admitted = done;
    op->user_data = user_data;
    db_batch *batch = db_batch_new(actor);
    db_batch_add(batch, "room_admit", 1, id_is_valid(room) ? room : NULL);
    if (joining)
        db_batch_add(batch, "audit_room_join", 1, room);
    db_pool_run(db, batch, on_admitted, op);
}

static void
on_said(db_batch *batch, const GError *error, gpointer data)
{
    g_autofree room_op *op = data;
    g_autoptr(json_t) message = error ? NULL : db_json(batch, 1, 0, 0);
    op->said(message, error, op->user_data);
}

void
room_say(db_pool *db, const db_actor *actor, const char *room, const char *text,
         void (*done)(json_t *message, const GError *error, gpointer user_data), gpointer user_data)
{
    room_op *op = g_new0(room_op, 1);
    op->said = done;
    op->user_data = user_data;
    db_batch *batch = db_batch_new(actor);
    db_batch_add(batch, "room_expect", 1, id_is_valid(room) ? room : NULL);
    db_batch_add(batch, "message_add", 2, room, text);
    db_batch_add(batch, "message_tell", 1, room);
    db_batch_add(batch, "audit_append", 4, "", "room.say", room, NULL);
    db_pool_run(db, batch, on_said, op);
}

static void
on_contacts(db_batch *batch, const GError *error, gpointer data)
{
    g_autofree room_op *op = data;
    g_autoptr(GPtrArray) list = g_ptr_array_new();
    for (guint row = 0; !error && row < db_rows(batch, 0); row++)
        g_ptr_array_add(list, (gpointer)db_text(batch, 0, row, 0));
    g_ptr_array_add(list, NULL);
    op->contacts(error ? NULL : (const char *const *)list->pdata, error, op->user_data);
}

void
room_contacts(db_pool *db, const db_actor *actor,
              void (*done)(const char *const *organisations, const GError *error, gpointer user_data), gpointer user_data)
{
    room_op *op = g_new0(room_op, 1);
    op->contacts = done;
    op->user_data = user_data;
    db_batch *batch = db_batch_new(actor);
    db_batch_add(batch, "room_contacts", 0);
    db_pool_run(db, batch, on_contacts, op);
}

static void
on_attended(db_batch *batch, const GError *error, gpointer data)
{
    (void)batch;
    (void)data;
    if (error)
        log_limited(LOG_WARNING, "room", "attendance could not be written: %s", error->message);
}

void
room_attend(db_pool *db, const db_actor *actor, const char *room, gboolean present)
{
    db_batch *batch = db_batch_new(actor);
    db_batch_add(batch, "room_attend", 2, room, present ? "t" : "f");
    db_pool_run(db, batch, on_attended, NULL);
}
