#include "signaling/stream.h"
#include "signaling/internal.h"
#include "hub/base/id.h"
#include <string.h>

#define ETAG_BYTES 9

struct stream {
    char *id;
    stream_kind kind;
    char *room;
    char *etag; /* with its quotes; names the ICE session */
    participant *in; /* reference */
};

static void
free_stream(gpointer data)
{
    struct stream *t = data;
    participant_unref(t->in);
    g_free(t->id);
    g_free(t->room);
    g_free(t->etag);
    g_free(t);
}

GHashTable *
streams_new(void)
{
    return g_hash_table_new_full(g_str_hash, g_str_equal, NULL, free_stream);
}

static char *
etag_new(void)
{
    g_autofree char *secret = id_secret_new(ETAG_BYTES);
    return g_strdup_printf("\"%s\"", secret);
}

/* --- opening: identify, look the room up, enter, offer -------------------------------------------------------------------- */

struct opening {
    signaling *s;
    stream_kind kind;
    char *room, *sdp;
    char *device; /* its name; sdp is its address then */
    stream_opened done;
    gpointer data;
    caller *who;     /* reference */
    participant *in; /* reference, once entered */
};

static void
opening_end(struct opening *o, const struct stream *t, const char *sdp, const GError *error)
{
    o->done(t ? t->id : NULL, t ? sdp : NULL, t ? t->etag : NULL, error, o->data);
    participant_unref(o->in);
    caller_unref(o->who);
    g_free(o->room);
    g_free(o->sdp);
    g_free(o->device);
    g_free(o);
}

/** Whatever ended it, the resource is gone. */
static void
on_left(participant *in, gpointer data)
{
    signaling *s = data;
    GHashTableIter each;
    gpointer value;
    if (!participant_is_device(in))
        signaling_attended(s, in, FALSE);
    g_hash_table_iter_init(&each, s->streams);
    while (g_hash_table_iter_next(&each, NULL, &value))
        if (((struct stream *)value)->in == in) {
            g_hash_table_iter_remove(&each);
            return;
        }
}

static void
on_answer(json_t *result, const GError *error, gpointer data)
{
    struct opening *o = data;
    const char *sdp = json_get_text(result, "sdp");
    g_autoptr(GError) bad = NULL;
    if (!error && !sdp && o->kind != STREAM_DEVICE)
        error = bad = err_new(ERR_INTERNAL, "the media worker's answer has no sdp");
    if (error) {
        if (!participant_is_gone(o->in))
            participant_leave(o->in, "failed");
        opening_end(o, NULL, NULL, error);
        return;
    }
    struct stream *t = g_new0(struct stream, 1);
    char *id = o->kind == STREAM_DEVICE ? g_strdup(participant_id(o->in)) : id_new();
    *t = (struct stream){id, o->kind, g_strdup(o->room), etag_new(), participant_ref(o->in)};
    g_hash_table_insert(o->s->streams, t->id, t);
    opening_end(o, t, sdp, NULL);
}

static void
on_room(const room_info *info, const GError *error, gpointer data)
{
    struct opening *o = data;
    g_autoptr(GError) refused = NULL;
    if (!error && o->kind != STREAM_PLAY && g_strcmp0(info->role, "viewer") == 0)
        error = refused = err_new(ERR_DENIED, "a viewer does not publish");
    if (!error && o->kind == STREAM_DEVICE && !rooms_find(o->s->rooms, info->id))
        error = refused = err_new(ERR_CONFLICT, "nobody is in the room");
    participant *in = error ? NULL : room_enter(o->s->rooms, info, o->who, NULL, o->device, &refused);
    if (!in) {
        opening_end(o, NULL, NULL, error ? error : refused);
        return;
    }
    o->in = participant_ref(in);
    participant_on_left(in, on_left, o->s);
    if (o->kind == STREAM_DEVICE) {
        participant_bring(in, o->sdp, on_answer, o);
        return;
    }
    signaling_attended(o->s, in, TRUE);
    if (o->kind == STREAM_PUBLISH)
        participant_publish(in, o->sdp, NULL, on_answer, o);
    else
        participant_play(in, o->sdp, on_answer, o);
}

static void
on_caller(caller *who, const GError *error, gpointer data)
{
    struct opening *o = data;
    if (error) {
        opening_end(o, NULL, NULL, error);
        return;
    }
    o->who = caller_ref(who);
    o->s->hooks.room_lookup(o->s->hub, who, o->room, TRUE, on_room, o);
}

static void
begin(struct opening opening, const char *cookie, const char *authorization)
{
    struct opening *o = g_new0(struct opening, 1);
    *o = opening;
    o->s->hooks.identify(o->s->hub, authorization ? NULL : cookie, authorization, on_caller, o);
}

void
stream_open(signaling *s, stream_kind kind, const char *id, const char *cookie, const char *authorization, const char *sdp,
            stream_opened done, gpointer data)
{
    begin((struct opening){.s = s, .kind = kind, .room = g_strdup(id), .sdp = g_strdup(sdp), .done = done, .data = data},
          cookie, authorization);
}

void
stream_bring(signaling *s, const char *id, const char *cookie, const char *authorization, const char *url,
             const char *name, stream_opened done, gpointer data)
{
    begin((struct opening){.s = s, .kind = STREAM_DEVICE, .room = g_strdup(id), .sdp = g_strdup(url),
                           .device = g_strdup(name), .done = done, .data = data},
          cookie, authorization);
}

/* --- an open one ------------------------------------------------------------------------------------------------------------ */

static struct stream *
find(signaling *s, stream_kind kind, const char *room_id, const char *id, const char *person, const char *organisation,
     GError **error)
{
    struct stream *t = g_hash_table_lookup(s->streams, id);
    if (t && t->kind == kind && strcmp(t->room, room_id) == 0) {
        const caller *who = participant_caller(t->in);
        gboolean own = kind == STREAM_DEVICE || strcmp(who->person, person) == 0;
        if (own && strcmp(who->organisation, organisation) == 0)
            return t;
    }
    err_set(error, ERR_NOT_FOUND, "there is no such stream");
    return NULL;
}

struct patching {
    signaling *s;
    char *id; /* of the stream: it may be gone when the answer comes */
    gboolean restart;
    stream_patched done;
    gpointer data;
    GError *error;
    loop_timer *soon; /* for refusals of our own */
};

static void
patching_end(struct patching *p, const char *fragment, const char *etag, const GError *error)
{
    p->done(fragment, etag, error, p->data);
    loop_timer_free(p->soon);
    g_clear_error(&p->error);
    g_free(p->id);
    g_free(p);
}

static void
on_patched(json_t *result, const GError *error, gpointer data)
{
    struct patching *p = data;
    struct stream *t = g_hash_table_lookup(p->s->streams, p->id);
    g_autoptr(GError) gone = NULL;
    if (!error && !t)
        error = gone = err_new(ERR_NOT_FOUND, "there is no such stream");
    if (error || !p->restart) {
        patching_end(p, NULL, NULL, error);
        return;
    }
    g_free(t->etag);
    t->etag = etag_new();
    patching_end(p, json_get_text(result, "fragment"), t->etag, NULL);
}

static void
on_refused(gpointer data)
{
    struct patching *p = data;
    patching_end(p, NULL, NULL, p->error);
}

static gboolean
is_any(const char *if_match)
{
    return strcmp(if_match, "*") == 0 || strcmp(if_match, "\"*\"") == 0;
}

/** The stream when the fragment is for it as it is now. */
static struct stream *
check_patch(struct patching *p, struct stream *t, const char *if_match, const char *fragment)
{
    if (!t)
        return NULL;
    if (!if_match)
        p->error = err_new(ERR_PRECONDITION, "If-Match is missing");
    else if (!p->restart && strcmp(if_match, t->etag) != 0)
        p->error = err_new(ERR_STALE, "the ICE session has been restarted since");
    else if (p->restart && (!strstr(fragment, "a=ice-ufrag:") || !strstr(fragment, "a=ice-pwd:")))
        p->error = err_new(ERR_INVALID, "an ICE restart brings a=ice-ufrag and a=ice-pwd");
    return p->error ? NULL : t;
}

void
stream_patch(signaling *s, stream_kind kind, const char *room_id, const char *id, const char *person,
             const char *organisation, const char *if_match, const char *fragment, stream_patched done, gpointer data)
{
    struct patching *p = g_new0(struct patching, 1);
    *p = (struct patching){.s = s, .id = g_strdup(id), .restart = if_match && is_any(if_match), .done = done, .data = data};
    struct stream *t = check_patch(p, find(s, kind, room_id, id, person, organisation, &p->error), if_match, fragment);
    if (t) {
        participant_patch(t->in, fragment, p->restart, on_patched, p);
        return;
    }
    p->soon = loop_timer_new(s->l, on_refused, p);
    loop_timer_start(p->soon, 0, 0);
}

gboolean
stream_close(signaling *s, stream_kind kind, const char *room_id, const char *id, const char *person,
             const char *organisation, GError **error)
{
    struct stream *t = find(s, kind, room_id, id, person, organisation, error);
    if (!t)
        return FALSE;
    g_autoptr(participant) in = participant_ref(t->in);
    participant_leave(in, "left");
    return TRUE;
}
