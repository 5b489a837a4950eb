/* Putting the parts together, and what reaches many peers at once: changes, and the end of sessions. */
#include "signaling/signaling.h"
#include "signaling/internal.h"
#include "signaling/presence.h"
#include "signaling/transport.h"
#include "signaling/workers.h"
#include "hub/base/clock.h"
#include "hub/base/log.h"
#include <string.h>

#define MEDIA_CALL_MS 10000
#define SWEEP_MS 2000
#define SWEEPS_TO_CHECK 30 /* once a minute everybody is checked: idle limits are known to the database only */

static void
call_media(gpointer data, const char *method, json_t *params, rpc_done done, gpointer done_data)
{
    signaling *s = data;
    worker_table_call(s->workers, "media", method, params, MEDIA_CALL_MS, done, done_data);
}

static gboolean
has_expired(const caller *who)
{
    return who->expires_us && who->expires_us <= clock_wall_us();
}

static void
leave_when_expired(participant *in, gpointer data)
{
    (void)data;
    if (has_expired(participant_caller(in)))
        participant_leave(in, "signed-out");
}

static void
on_sweep(gpointer data)
{
    signaling *s = data;
    g_autoptr(GPtrArray) list = signaling_peers(s);
    for (guint i = 0; i < list->len; i++) {
        peer *p = list->pdata[i];
        if (has_expired(p->who))
            peer_end(p, CLOSE_SIGNED_OUT, "signed-out");
    }
    rooms_each_participant(s->rooms, leave_when_expired, NULL);
    if (++s->sweeps % SWEEPS_TO_CHECK == 0)
        signaling_ended(s, NULL);
}

signaling *
signaling_new(loop *l, const signaling_hooks *hooks, gpointer hub)
{
    signaling *s = g_new0(signaling, 1);
    s->l = l;
    s->hooks = *hooks;
    s->hub = hub;
    s->peers = g_hash_table_new(g_str_hash, g_str_equal);
    s->resumes = g_hash_table_new(g_str_hash, g_str_equal);
    s->rooms = rooms_new(l, call_media, s);
    s->streams = streams_new();
    s->presence = presence_new(s);
    s->workers = worker_table_new(s);
    s->transport = transport_new(s);
    s->sweep = loop_timer_new(l, on_sweep, s);
    loop_timer_start(s->sweep, SWEEP_MS, SWEEP_MS);
    return s;
}

GPtrArray *
signaling_peers(const signaling *s)
{
    GPtrArray *list = g_ptr_array_new_with_free_func((GDestroyNotify)peer_unref);
    GHashTableIter each;
    gpointer value;
    g_hash_table_iter_init(&each, s->peers);
    while (g_hash_table_iter_next(&each, NULL, &value))
        g_ptr_array_add(list, peer_ref(value));
    return list;
}

void
signaling_free(signaling *s)
{
    if (!s)
        return;
    g_autoptr(GPtrArray) list = signaling_peers(s);
    for (guint i = 0; i < list->len; i++)
        peer_end(list->pdata[i], CLOSE_GOING, "closing");
    g_ptr_array_set_size(list, 0);
    loop_timer_free(s->sweep);
    rooms_free(s->rooms);
    g_hash_table_unref(s->streams);
    presence_free(s->presence);
    worker_table_free(s->workers);
    transport_free(s->transport);
    g_hash_table_unref(s->resumes);
    g_hash_table_unref(s->peers);
    g_free(s);
}

void
signaling_shutdown(signaling *s)
{
    transport_close_browsers(s->transport, CLOSE_GOING, "closing");
}

const struct lws_protocols *
signaling_browser_protocols(signaling *s)
{
    return transport_browser_protocols(s->transport);
}

const struct lws_protocols *
signaling_worker_protocols(signaling *s)
{
    return transport_worker_protocols(s->transport);
}

/* --- sessions that ended ---------------------------------------------------------------------------------------------- */

static void
on_peer_checked(gboolean live, gpointer data)
{
    peer *p = data;
    if (!live && !p->gone)
        peer_end(p, CLOSE_SIGNED_OUT, "signed-out");
    peer_unref(p);
}

static void
on_participant_checked(gboolean live, gpointer data)
{
    participant *in = data;
    if (!live && !participant_is_gone(in))
        participant_leave(in, "signed-out");
    participant_unref(in);
}

struct ending {
    signaling *s;
    const char *id; /* NULL: everybody */
};

static gboolean
is_concerned(const caller *who, const char *id)
{
    return !id || strcmp(who->credential, id) == 0 || strcmp(who->person, id) == 0;
}

/** WHIP and WHEP clients; those of peers end with them. */
static void
check_participant(participant *in, gpointer data)
{
    const struct ending *e = data;
    caller *who = participant_caller(in);
    if (is_concerned(who, e->id))
        e->s->hooks.check(e->s->hub, who, on_participant_checked, participant_ref(in));
}

void
signaling_ended(signaling *s, const char *id)
{
    g_autoptr(GPtrArray) list = signaling_peers(s);
    struct ending e = {s, id};
    for (guint i = 0; i < list->len; i++) {
        peer *p = list->pdata[i];
        if (is_concerned(p->who, id))
            s->hooks.check(s->hub, p->who, on_peer_checked, peer_ref(p));
    }
    rooms_each_participant(s->rooms, check_participant, &e);
}

/* --- changes ---------------------------------------------------------------------------------------------------------- */

static gboolean
names(const json_t *list, const char *id)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *each = json_string_value(json_array_get(list, i));
        if (each && strcmp(each, id) == 0)
            return TRUE;
    }
    return FALSE;
}

/** When persons are named, only they are meant; otherwise all who act for one of the organisations. */
static gboolean
concerns(const json_t *change, const caller *who)
{
    const json_t *persons = json_object_get(change, "persons");
    if (json_array_size(persons) > 0)
        return names(persons, who->person);
    return names(json_object_get(change, "organisations"), who->organisation);
}

static void
on_still_allowed(const room_info *info, const GError *error, gpointer data)
{
    participant *in = data;
    (void)info;
    if (error && !err_is(error, ERR_UNAVAILABLE) && !participant_is_gone(in))
        participant_leave(in, "closed");
    participant_unref(in);
}

struct change {
    signaling *s;
    const char *id; /* NULL: anything */
};

/** A case that closed, or was given to another, may end somebody's right to be in its room. */
static void
recheck(participant *in, gpointer data)
{
    const struct change *c = data;
    const char *subject = participant_subject(in);
    if (c->id && strcmp(c->id, participant_room(in)) != 0 && g_strcmp0(c->id, subject) != 0)
        return;
    c->s->hooks.room_lookup(c->s->hub, participant_caller(in), participant_room(in), FALSE, on_still_allowed,
                            participant_ref(in));
}

void
signaling_changed(signaling *s, const char *payload)
{
    g_autoptr(json_t) change = payload ? json_parse(payload, strlen(payload), NULL) : json_pack("{s:s}", "kind", "all");
    const char *kind = json_get_text(change, "kind");
    if (!kind) {
        log_limited(LOG_WARNING, "signal", "a change that is not understood");
        return;
    }
    g_autoptr(json_t) told = json_object();
    static const char *const members[] = {"kind", "id", "version"};
    for (gsize i = 0; i < G_N_ELEMENTS(members); i++)
        if (json_object_get(change, members[i]))
            json_object_set(told, members[i], json_object_get(change, members[i]));

    g_autoptr(GPtrArray) list = signaling_peers(s);
    for (guint i = 0; i < list->len; i++) {
        peer *p = list->pdata[i];
        if (!payload || concerns(change, p->who))
            peer_notify(p, "changed", told);
    }
    if (strcmp(kind, "message") != 0 && strcmp(kind, "study") != 0 && strcmp(kind, "measurement") != 0) {
        struct change c = {s, json_get_text(change, "id")};
        rooms_each_participant(s->rooms, recheck, &c);
    }
}

void
signaling_attended(signaling *s, const participant *in, gboolean present)
{
    if (!participant_is_there_twice(in))
        s->hooks.room_attended(s->hub, participant_caller(in), participant_room(in), present);
}

/* --- the rest --------------------------------------------------------------------------------------------------------- */

void
signaling_worker_call(signaling *s, const char *name, const char *method, json_t *params, guint timeout_ms, rpc_done done,
                      gpointer data)
{
    worker_table_call(s->workers, name, method, params, timeout_ms, done, data);
}

void
signaling_worker_notify(signaling *s, const char *name, const char *method, json_t *params)
{
    worker_table_notify(s->workers, name, method, params);
}

gboolean
signaling_worker_is_there(const signaling *s, const char *name)
{
    return worker_table_has(s->workers, name);
}

void
signaling_room_recording(signaling *s, const char *id, gboolean on, const char *recording)
{
    room *r = rooms_find(s->rooms, id);
    if (r)
        room_set_recording(r, on, recording);
}

void
signaling_room_message(signaling *s, const char *id, json_t *params)
{
    g_autoptr(json_t) mine = params;
    room *r = rooms_find(s->rooms, id);
    if (r)
        room_tell(r, NULL, "room.message", mine);
}

signaling_statistics
signaling_count(const signaling *s)
{
    signaling_statistics n = {.peers = g_hash_table_size(s->peers), .dropped = s->dropped};
    GHashTableIter each;
    gpointer value;
    g_hash_table_iter_init(&each, s->peers);
    while (g_hash_table_iter_next(&each, NULL, &value))
        n.detached += ((const peer *)value)->link == NULL;
    rooms_count(s->rooms, &n.rooms, &n.participants);
    return n;
}
