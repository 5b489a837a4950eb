#include "hub/hooks.h"
#include "hub/api/api_room.h"
#include "hub/auth/auth.h"
#include "hub/base/err.h"
#include "hub/base/log.h"
#include "hub/domain/notify.h"
#include "hub/domain/room.h"
#include "hub/http/cookie.h"
#include "hub/http/health.h"
#include "hub/http/metrics.h"
#include <pwd.h>
#include <string.h>
#include <unistd.h>

#define SESSION_COOKIE "consilium_session"

static db_actor
actor_of(const caller *who)
{
    return (db_actor){.person = who->person, .organisation = who->organisation, .purpose = "treatment"};
}

/* --- who is it ---------------------------------------------------------------------------------------------------------- */

struct identifying {
    struct hub *hub;
    identity *who; /* reference */
    signaling_caller_done done;
    gpointer data;
};

static void
release_identity(gpointer proof)
{
    identity_unref(proof);
}

static void
on_caller(db_batch *batch, const GError *error, gpointer data)
{
    struct identifying *f = data;
    g_autoptr(GError) gone = NULL;
    g_autoptr(caller) who = NULL;
    if (!error && db_rows(batch, 0) == 0)
        error = gone = err_new(ERR_UNAUTHENTICATED, "the person or the organisation is gone");
    if (!error)
        who = caller_new(f->who->person, f->who->organisation, db_text(batch, 0, 0, 0), db_text(batch, 0, 0, 1),
                         db_text(batch, 0, 0, 2), f->who->id, identity_ref(f->who), release_identity);
    if (who)
        who->expires_us = f->who->expires_us;
    f->done(who, error, f->data);
    identity_unref(f->who);
    g_free(f);
}

/** Takes the reference of f->who. */
static void
read_caller(struct identifying *f)
{
    db_actor actor = {.person = f->who->person, .organisation = f->who->organisation};
    db_batch *batch = db_batch_new(&actor);
    db_batch_repeatable(batch);
    db_batch_add(batch, "signaling_caller", 0);
    db_pool_run(f->hub->db, batch, on_caller, f);
}

void
hooks_caller(struct hub *hub, const identity *who, signaling_caller_done done, gpointer data)
{
    struct identifying *f = g_new0(struct identifying, 1);
    *f = (struct identifying){hub, identity_ref((identity *)who), done, data};
    read_caller(f);
}

static void
on_identity(identity *who, const GError *error, gpointer data)
{
    struct identifying *f = data;
    g_autoptr(GError) refused = NULL;
    if (!error && !(who->scopes & AUTH_API))
        error = refused = err_new(ERR_DENIED, "this token has no scope api");
    if (error) {
        f->done(NULL, error, f->data);
        g_free(f);
        return;
    }
    f->who = identity_ref(who);
    read_caller(f);
}

static void
hook_identify(gpointer data, const char *cookie, const char *authorization, signaling_caller_done done, gpointer done_data)
{
    struct hub *hub = data;
    g_autofree char *session = cookie ? cookie_value(cookie, SESSION_COOKIE) : NULL;
    const char *bearer = NULL;
    if (authorization && g_ascii_strncasecmp(authorization, "Bearer ", 7) == 0)
        bearer = authorization + 7;
    struct identifying *f = g_new0(struct identifying, 1);
    *f = (struct identifying){hub, NULL, done, done_data};
    /* nothing usable is an identity that nobody has */
    auth_identify(hub->auth, bearer ? NULL : session ? session : "", bearer, on_identity, f);
}

struct checking {
    signaling_check_done done;
    gpointer data;
};

static void
on_checked(identity *who, const GError *error, gpointer data)
{
    g_autofree struct checking *f = data;
    (void)who;
    /* while the database is away nobody is thrown out; its return brings the next check */
    f->done(!error || err_is(error, ERR_UNAVAILABLE), f->data);
}

static void
hook_check(gpointer data, const caller *who, signaling_check_done done, gpointer done_data)
{
    struct hub *hub = data;
    struct checking *f = g_new0(struct checking, 1);
    *f = (struct checking){done, done_data};
    auth_check(hub->auth, who->proof, on_checked, f);
}

/* --- rooms --------------------------------------------------------------------------------------------------------------- */

struct looking_up {
    char *room;
    signaling_room_done done;
    gpointer data;
};

static void
on_admitted(const room_admission *admission, const GError *error, gpointer data)
{
    struct looking_up *f = data;
    room_info info = {.id = f->room};
    if (admission) {
        info.title = admission->title;
        info.role = admission->role;
        info.subject = admission->subject;
        info.recording = admission->recording;
    }
    f->done(error ? NULL : &info, error, f->data);
    g_free(f->room);
    g_free(f);
}

static void
hook_room_lookup(gpointer data, const caller *who, const char *room, gboolean joining, signaling_room_done done, gpointer done_data)
{
    struct hub *hub = data;
    db_actor actor = actor_of(who);
    struct looking_up *f = g_new0(struct looking_up, 1);
    *f = (struct looking_up){g_strdup(room), done, done_data};
    room_admit(hub->db, &actor, room, joining, on_admitted, f);
}

static void
hook_room_attended(gpointer data, const caller *who, const char *room, gboolean present)
{
    struct hub *hub = data;
    if (!hub->db)
        return; /* the program is ending: its rooms empty after the database has gone */
    db_actor actor = actor_of(who);
    room_attend(hub->db, &actor, room, present);
}

struct saying {
    signaling_message_done done;
    gpointer data;
};

static void
on_said(json_t *message, const GError *error, gpointer data)
{
    g_autofree struct saying *f = data;
    f->done(json_get_text(message, "id"), json_get_text(message, "at"), error, f->data);
}

static void
hook_message_store(gpointer data, const caller *who, const char *room, const char *text, signaling_message_done done,
                   gpointer done_data)
{
    struct hub *hub = data;
    db_actor actor = actor_of(who);
    struct saying *f = g_new0(struct saying, 1);
    *f = (struct saying){done, done_data};
    room_say(hub->db, &actor, room, text, on_said, f);
}

static void
hook_contacts(gpointer data, const caller *who, signaling_contacts_done done, gpointer done_data)
{
    struct hub *hub = data;
    db_actor actor = actor_of(who);
    room_contacts(hub->db, &actor, done, done_data);
}

static void
hook_record(gpointer data, const caller *who, const char *room, gboolean on, signaling_record_done done, gpointer done_data)
{
    api_teaching_record(data, who, room, on, done, done_data);
}

/* --- workers --------------------------------------------------------------------------------------------------------------- */

/* What /readyz says of each. */
static struct worker_health {
    const char *name;
    gboolean there, ready;
    char *reason;
} workers[] = {{.name = "dicom"}, {.name = "media"}};

static struct worker_health *
health_of(const char *name)
{
    for (gsize i = 0; i < G_N_ELEMENTS(workers); i++)
        if (strcmp(workers[i].name, name) == 0)
            return &workers[i];
    return NULL;
}

/** Started as root, each program has its own system user; otherwise all run as one user. */
static gboolean
hook_worker_may(gpointer data, const char *worker, uid_t uid, pid_t pid)
{
    (void)data;
    (void)pid;
    if (!health_of(worker))
        return FALSE;
    if (uid == geteuid())
        return TRUE;
    g_autofree char *user = g_strconcat("consilium-", worker, NULL);
    const struct passwd *entry = getpwnam(user);
    return entry && entry->pw_uid == uid;
}

static void
hook_worker_changed(gpointer data, const char *worker, json_t *facts)
{
    struct hub *hub = data;
    struct worker_health *w = health_of(worker);
    w->there = facts != NULL;
    w->ready = FALSE;
    g_clear_pointer(&w->reason, g_free);
    if (facts && strcmp(worker, "media") == 0) {
        w->ready = TRUE; /* registered is all that /readyz asks of it */
        api_recording_take_up(hub);
    }
}

static void
hook_worker_notified(gpointer data, const char *worker, const char *method, json_t *params)
{
    struct worker_health *w = health_of(worker);
    (void)data;
    if (strcmp(method, "record.broken") == 0)
        log_line(LOG_ERROR, json_get_text(params, "recording"), "recording cannot go on: %s", json_get_text(params, "reason"));
    if (strcmp(method, "worker.ready") != 0)
        return;
    w->ready = json_get_bool(params, "ready", FALSE);
    g_free(w->reason);
    w->reason = g_strdup(json_get_text(params, "reason"));
}

static gboolean
worker_ready(gpointer data, char **ret_reason)
{
    const struct worker_health *w = data;
    if (w->there && w->ready)
        return TRUE;
    *ret_reason = g_strdup(!w->there ? "not connected" : w->reason ? w->reason : "starting");
    return FALSE;
}

/* --- what wakes signaling -------------------------------------------------------------------------------------------------- */

static void
on_changed(const char *payload, gpointer data)
{
    signaling_changed(((struct hub *)data)->signaling, payload);
}

static void
on_ended(const char *id, gpointer data)
{
    signaling_ended(((struct hub *)data)->signaling, id);
}

static double
count_peers(gpointer data)
{
    return signaling_count(((struct hub *)data)->signaling).peers;
}

static double
count_rooms(gpointer data)
{
    return signaling_count(((struct hub *)data)->signaling).rooms;
}

static double
count_participants(gpointer data)
{
    return signaling_count(((struct hub *)data)->signaling).participants;
}

static double
count_dropped(gpointer data)
{
    return (double)signaling_count(((struct hub *)data)->signaling).dropped;
}

const signaling_hooks hub_signaling_hooks = {
    .identify = hook_identify,
    .check = hook_check,
    .room_lookup = hook_room_lookup,
    .room_attended = hook_room_attended,
    .message_store = hook_message_store,
    .contacts = hook_contacts,
    .record = hook_record,
    .worker_may = hook_worker_may,
    .worker_changed = hook_worker_changed,
    .worker_notified = hook_worker_notified,
};

void
hooks_connect(struct hub *hub)
{
    db_pool_listen(hub->db, NOTIFY_CHANNEL, on_changed, hub);
    auth_on_ended(hub->auth, on_ended, hub);
    for (gsize i = 0; i < G_N_ELEMENTS(workers); i++)
        health_add(hub->health, workers[i].name, worker_ready, &workers[i]);
    metrics_add(hub->metrics, "consilium_peers", "gauge", "Browsers that are connected, or may come back", count_peers, hub);
    metrics_add(hub->metrics, "consilium_rooms", "gauge", "Rooms in use", count_rooms, hub);
    metrics_add(hub->metrics, "consilium_participants", "gauge", "Participants of rooms", count_participants, hub);
    metrics_add(hub->metrics, "consilium_peers_dropped_total", "counter", "Browsers dropped because they were slow", count_dropped, hub);
}
