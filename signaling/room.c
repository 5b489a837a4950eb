/* Membership and tracks of rooms; see room.h for the invariants. */
#include "signaling/room_internal.h"
#include "hub/base/id.h"
#include "hub/base/log.h"
#include <string.h>

static void
free_track(gpointer data)
{
    track *t = data;
    g_free(t->id);
    g_free(t->mid);
    g_free(t->kind);
    g_free(t->source);
    g_free(t);
}

participant *
participant_ref(participant *p)
{
    p->refs++;
    return p;
}

void
participant_unref(participant *p)
{
    if (!p || --p->refs > 0)
        return;
    loop_timer_free(p->retry);
    g_ptr_array_unref(p->tracks);
    caller_unref(p->who);
    g_free(p->id);
    g_free(p->role);
    g_free(p->device);
    g_free(p->publish_session);
    g_free(p->subscribe_session);
    g_free(p);
}

static void
free_room(gpointer data)
{
    room *r = data;
    g_hash_table_unref(r->participants);
    g_free(r->id);
    g_free(r->title);
    g_free(r->subject);
    g_free(r->recording);
    g_free(r);
}

rooms *
rooms_new(loop *l, media_call_fn call, gpointer media)
{
    rooms *all = g_new0(rooms, 1);
    all->l = l;
    all->call = call;
    all->media = media;
    all->rooms = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, free_room);
    return all;
}

static void
leave_one(participant *p, gpointer data)
{
    participant_leave(p, data);
}

void
rooms_free(rooms *all)
{
    if (!all)
        return;
    rooms_each_participant(all, leave_one, "closed");
    g_hash_table_unref(all->rooms);
    g_free(all);
}

room *
rooms_find(rooms *all, const char *id)
{
    return g_hash_table_lookup(all->rooms, id);
}

void
rooms_count(const rooms *all, guint *ret_rooms, guint *ret_participants)
{
    guint people = 0;
    GHashTableIter each;
    gpointer value;
    g_hash_table_iter_init(&each, all->rooms);
    while (g_hash_table_iter_next(&each, NULL, &value))
        people += g_hash_table_size(((room *)value)->participants);
    *ret_rooms = g_hash_table_size(all->rooms);
    *ret_participants = people;
}

/** References to all participants of a room, so that callbacks may change the table. */
static GPtrArray *
everybody(const room *r)
{
    GPtrArray *list = g_ptr_array_new_with_free_func((GDestroyNotify)participant_unref);
    GHashTableIter each;
    gpointer value;
    g_hash_table_iter_init(&each, r->participants);
    while (g_hash_table_iter_next(&each, NULL, &value))
        g_ptr_array_add(list, participant_ref(value));
    return list;
}

void
rooms_each_participant(rooms *all, void (*each)(participant *p, gpointer data), gpointer data)
{
    g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func((GDestroyNotify)participant_unref);
    GHashTableIter iter;
    gpointer value;
    g_hash_table_iter_init(&iter, all->rooms);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        g_autoptr(GPtrArray) here = everybody(value);
        for (guint i = 0; i < here->len; i++)
            g_ptr_array_add(list, participant_ref(here->pdata[i]));
    }
    for (guint i = 0; i < list->len; i++)
        if (!((participant *)list->pdata[i])->gone)
            each(list->pdata[i], data);
}

participant *
room_participant(room *r, const char *id)
{
    return id ? g_hash_table_lookup(r->participants, id) : NULL;
}

void
room_tell(room *r, const participant *except, const char *method, json_t *params)
{
    g_autoptr(GPtrArray) list = everybody(r);
    for (guint i = 0; i < list->len; i++) {
        participant *p = list->pdata[i];
        if (p != except && p->p && !p->gone)
            peer_notify(p->p, method, params);
    }
}

/* --- coming and going ------------------------------------------------------------------------------------------------ */

static json_t *
organisation_json(const caller *who)
{
    return json_pack("{s:s,s:s,s:s}", "id", who->organisation, "code", who->organisation_code, "name",
                     who->organisation_name);
}

static const char *
shown_name(const participant *p)
{
    return p->device ? p->device : p->who->name;
}

static room *
room_of(rooms *all, const room_info *info, GError **error)
{
    room *r = rooms_find(all, info->id);
    if (r)
        return r;
    if (g_hash_table_size(all->rooms) >= ROOMS_LIMIT) {
        err_set(error, ERR_LIMIT, "too many rooms are in use");
        return NULL;
    }
    r = g_new0(room, 1);
    r->all = all;
    r->id = g_strdup(info->id);
    r->title = g_strdup(info->title);
    r->subject = g_strdup(info->subject);
    r->recording = g_strdup(info->recording); /* it runs on when all leave, and when the hub dies */
    r->participants = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)participant_unref);
    g_hash_table_insert(all->rooms, r->id, r);
    return r;
}

participant *
room_enter(rooms *all, const room_info *info, caller *who, peer *p, const char *device, GError **error)
{
    room *r = room_of(all, info, error);
    if (!r)
        return NULL;
    if (g_hash_table_size(r->participants) >= ROOM_PARTICIPANTS) {
        err_set(error, ERR_LIMIT, "the room is full");
        return NULL;
    }
    participant *in = g_new0(participant, 1);
    in->refs = 1;
    in->in = r;
    in->id = id_new();
    in->who = caller_ref(who);
    in->role = g_strdup(info->role ? info->role : "participant");
    in->device = g_strdup(device);
    in->p = p;
    in->tracks = g_ptr_array_new_with_free_func(free_track);
    in->retry = loop_timer_new(all->l, on_subscribe_retry, in);
    g_hash_table_insert(r->participants, in->id, in);
    if (p)
        g_hash_table_insert(p->rooms, r->id, in);

    g_autoptr(json_t) params = json_pack("{s:s,s:s,s:s,s:s,s:o}", "room", r->id, "participant", in->id, "person",
                                         who->person, "name", shown_name(in), "organisation", organisation_json(who));
    room_tell(r, in, "room.joined", params);
    return in;
}

void
participant_on_left(participant *p, void (*on_left)(participant *p, gpointer data), gpointer data)
{
    p->on_left = on_left;
    p->on_left_data = data;
}

static void
close_room(room *r)
{
    rooms *all = r->all;
    if (all->ready)
        all->call(all->media, "room.close", json_pack("{s:s}", "room", r->id), NULL, NULL);
    g_hash_table_remove(all->rooms, r->id);
}

/** Nobody is left to look at them. */
static void
devices_leave(room *r)
{
    g_autoptr(GPtrArray) list = everybody(r);
    for (guint i = 0; i < list->len; i++)
        if (!((const participant *)list->pdata[i])->device)
            return;
    for (guint i = 0; i < list->len; i++)
        participant_leave(list->pdata[i], "left");
}

void
participant_leave(participant *p, const char *reason)
{
    if (p->gone)
        return;
    room *r = p->in;
    participant_ref(p);
    p->gone = TRUE;
    participant_close_sessions(p);
    g_hash_table_remove(r->participants, p->id);
    g_autoptr(json_t) params = json_pack("{s:s,s:s,s:s}", "room", r->id, "participant", p->id, "reason", reason);
    room_tell(r, NULL, "room.left", params);
    if (p->p) {
        g_hash_table_remove(p->p->rooms, r->id);
        if (strcmp(reason, "left") != 0) /* it has not asked for it */
            peer_notify(p->p, "room.left", params);
    }
    if (p->on_left)
        p->on_left(p, p->on_left_data);
    p->p = NULL;
    p->in = NULL;
    if (g_hash_table_size(r->participants) == 0)
        close_room(r);
    else if (!p->device)
        devices_leave(r);
    participant_unref(p);
}

void
rooms_peer_ended(rooms *all, peer *p, const char *reason)
{
    g_autoptr(GPtrArray) list = peer_participants(p);
    (void)all;
    for (guint i = 0; i < list->len; i++)
        participant_leave(list->pdata[i], reason);
}

/* --- reading --------------------------------------------------------------------------------------------------------- */

const char *
participant_id(const participant *p)
{
    return p->id;
}

const char *
participant_room(const participant *p)
{
    return p->in ? p->in->id : NULL;
}

const char *
participant_subject(const participant *p)
{
    return p->in ? p->in->subject : NULL;
}

caller *
participant_caller(const participant *p)
{
    return p->who;
}

gboolean
participant_is_gone(const participant *p)
{
    return p->gone;
}

gboolean
participant_is_there_twice(const participant *p)
{
    GHashTableIter each;
    gpointer value;
    g_hash_table_iter_init(&each, p->in->participants);
    while (g_hash_table_iter_next(&each, NULL, &value)) {
        const participant *other = value;
        if (other != p && !other->device && strcmp(other->who->person, p->who->person) == 0)
            return TRUE;
    }
    return FALSE;
}

gboolean
participant_is_device(const participant *p)
{
    return p->device != NULL;
}

gboolean
participant_is_host(const participant *p)
{
    return strcmp(p->role, "host") == 0;
}

static json_t *
describe(const participant *p)
{
    json_t *tracks = json_array();
    for (guint i = 0; i < p->tracks->len; i++) {
        const track *t = p->tracks->pdata[i];
        json_array_append_new(tracks, json_pack("{s:s,s:s,s:s,s:b}", "track", t->id, "kind", t->kind, "source", t->source,
                                                "muted", (int)t->muted));
    }
    return json_pack("{s:s,s:s,s:s,s:o,s:o}", "participant", p->id, "person", p->who->person, "name", shown_name(p),
                     "organisation", organisation_json(p->who), "tracks", tracks);
}

json_t *
participant_snapshot(const participant *p)
{
    room *r = p->in;
    json_t *others = json_array();
    GHashTableIter each;
    gpointer value;
    g_hash_table_iter_init(&each, r->participants);
    while (g_hash_table_iter_next(&each, NULL, &value))
        json_array_append_new(others, describe(value));
    g_autofree char *messages = g_strdup_printf("/api/v1/rooms/%s/messages", r->id);
    return json_pack("{s:s,s:s,s:s,s:s,s:o,s:s,s:s,s:s?}", "room", r->id, "participant", p->id, "title", r->title, "role",
                     p->role, "participants", others, "messages_url", messages, "media",
                     r->all->ready ? "ready" : "lost", "recording", r->recording);
}

/* --- tracks ---------------------------------------------------------------------------------------------------------- */

static void
tell_track(const participant *p, const track *t, const char *state)
{
    g_autoptr(json_t) params = json_pack("{s:s,s:s,s:s,s:s,s:s,s:s}", "room", p->in->id, "participant", p->id, "track", t->id,
                                         "kind", t->kind, "source", t->source, "state", state);
    room_tell(p->in, NULL, "room.track", params);
}

static gint
find_track(const GPtrArray *tracks, const char *id)
{
    for (guint i = 0; id && i < tracks->len; i++)
        if (strcmp(((const track *)tracks->pdata[i])->id, id) == 0)
            return (gint)i;
    return -1;
}

static track *
track_of(const json_t *row)
{
    const char *id = json_get_text(row, "track"), *kind = json_get_text(row, "kind"), *source = json_get_text(row, "source");
    if (!id || !kind)
        return NULL;
    track *t = g_new0(track, 1);
    t->id = g_strdup(id);
    t->kind = g_strdup(kind);
    t->mid = g_strdup(json_get_text(row, "mid"));
    t->source = g_strdup(source ? source : strcmp(kind, "audio") == 0 ? "microphone" : "camera");
    return t;
}

void
participant_set_tracks(participant *p, const json_t *rows)
{
    g_autoptr(GPtrArray) before = g_steal_pointer(&p->tracks);
    p->tracks = g_ptr_array_new_with_free_func(free_track);
    for (size_t i = 0; i < json_array_size(rows); i++) {
        track *t = track_of(json_array_get(rows, i));
        if (!t)
            continue;
        gint was = find_track(before, t->id);
        t->muted = was >= 0 && ((const track *)before->pdata[was])->muted;
        g_ptr_array_add(p->tracks, t);
        if (was < 0)
            tell_track(p, t, "added");
    }
    for (guint i = 0; i < before->len; i++)
        if (find_track(p->tracks, ((const track *)before->pdata[i])->id) < 0)
            tell_track(p, before->pdata[i], "removed");
}

void
participant_drop_track(participant *p, const char *id)
{
    gint at = find_track(p->tracks, id);
    if (at < 0)
        return;
    track *t = g_ptr_array_steal_index(p->tracks, (guint)at);
    tell_track(p, t, "removed");
    free_track(t);
}

gboolean
participant_mute(participant *p, const char *id, gboolean muted, GError **error)
{
    gint at = find_track(p->tracks, id);
    if (at < 0)
        return err_set(error, ERR_NOT_FOUND, "this participant publishes no such track");
    track *t = p->tracks->pdata[at];
    t->muted = muted;
    rooms *all = p->in->all;
    if (all->ready)
        all->call(all->media, "track.mute", json_pack("{s:s,s:b}", "track", id, "muted", (int)muted), NULL, NULL);
    tell_track(p, t, muted ? "muted" : "unmuted");
    return TRUE;
}

void
room_set_recording(room *r, gboolean on, const char *recording)
{
    g_free(r->recording);
    r->recording = on ? g_strdup(recording) : NULL;
    g_autoptr(json_t) params = json_pack("{s:s,s:b,s:s?}", "room", r->id, "on", (int)on, "recording", recording);
    room_tell(r, NULL, "room.recording", params);
}
