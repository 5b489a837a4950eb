/* Peers, rooms and the media worker's part, with the browsers, the worker and the rest of the hub played by the test:
 * texts in, texts out. */
#include "hub/base/id.h"
#include "hub/base/log.h"
#include "signaling/internal.h"
#include "signaling/workers.h"
#include <string.h>

#define ROOM "11111111-1111-4111-8111-111111111111"
#define OTHER_ROOM "22222222-2222-4222-8222-222222222222"
#define OFFER "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n"
#define CONSULT "33333333-3333-4333-8333-333333333333"

/* One end of a played connection: what the hub sent, in order. */
typedef struct {
    peer *p;
    worker *w;
    GQueue texts; /* json_t */
    guint close_code;
    gboolean full;
    gint64 last_id;
} end;

typedef struct {
    loop *l;
    signaling *s;
    end doctor, specialist, media;
    gboolean room_closed, session_live;
    const char *recording; /* that runs in ROOM */
    guint lookups, attended;
    GQueue later; /* struct promise */
} fixture;

struct promise {
    void (*keep)(struct promise *);
    fixture *f;
    gpointer done, data;
    char *text;
    gboolean flag;
};

/* --- the rest of the hub ---------------------------------------------------------------------------------------------- */

static void
promise(fixture *f, void (*keep)(struct promise *), gpointer done, gpointer data, const char *text)
{
    struct promise *made = g_new0(struct promise, 1);
    *made = (struct promise){keep, f, done, data, g_strdup(text), FALSE};
    g_queue_push_tail(&f->later, made);
}

static void
turn(fixture *f)
{
    for (int i = 0; i < 10; i++) {
        struct promise *made;
        while ((made = g_queue_pop_head(&f->later))) {
            made->keep(made);
            g_free(made->text);
            g_free(made);
        }
        uv_run(loop_uv(f->l), UV_RUN_NOWAIT);
    }
}

static void
keep_room(struct promise *made)
{
    const room_info info = {
        .id = ROOM, .title = "C-0001", .role = "member", .subject = CONSULT, .recording = made->f->recording};
    g_autoptr(GError) error = NULL;
    if (strcmp(made->text, ROOM) != 0 || made->f->room_closed)
        error = err_new(ERR_NOT_FOUND, "there is no such room");
    ((signaling_room_done)made->done)(error ? NULL : &info, error, made->data);
}

static void
hook_room(gpointer hub, const caller *who, const char *id, gboolean joining, signaling_room_done done, gpointer data)
{
    fixture *f = hub;
    (void)who;
    (void)joining;
    f->lookups++;
    promise(f, keep_room, done, data, id);
}

static void
keep_check(struct promise *made)
{
    ((signaling_check_done)made->done)(made->f->session_live, made->data);
}

static void
hook_check(gpointer hub, const caller *who, signaling_check_done done, gpointer data)
{
    (void)who;
    promise(hub, keep_check, done, data, NULL);
}

static void
keep_message(struct promise *made)
{
    ((signaling_message_done)made->done)("m1", "2026-01-01T00:00:00Z", NULL, made->data);
}

static void
hook_message(gpointer hub, const caller *who, const char *id, const char *text, signaling_message_done done, gpointer data)
{
    (void)who;
    (void)id;
    promise(hub, keep_message, done, data, text);
}

static void
keep_contacts(struct promise *made)
{
    static const char *const list[] = {"org-county", "org-lead", NULL};
    ((signaling_contacts_done)made->done)(list, NULL, made->data);
}

static void
hook_contacts(gpointer hub, const caller *who, signaling_contacts_done done, gpointer data)
{
    (void)who;
    promise(hub, keep_contacts, done, data, NULL);
}

static void
hook_attended(gpointer hub, const caller *who, const char *id, gboolean present)
{
    (void)who;
    (void)id;
    ((fixture *)hub)->attended += present;
}

static gboolean
hook_worker_may(gpointer hub, const char *name, uid_t uid, pid_t pid)
{
    (void)hub;
    (void)name;
    (void)pid;
    return uid == 1000;
}

static void
hook_worker_changed(gpointer hub, const char *name, json_t *facts)
{
    (void)hub;
    (void)name;
    (void)facts;
}

static void
hook_worker_notified(gpointer hub, const char *name, const char *method, json_t *params)
{
    (void)hub;
    (void)name;
    (void)method;
    (void)params;
}

/* --- the ends --------------------------------------------------------------------------------------------------------- */

static gboolean
end_send(gpointer link, const char *text)
{
    end *e = link;
    if (e->full)
        return FALSE;
    json_t *message = json_parse(text, strlen(text), NULL);
    g_assert_nonnull(message);
    g_queue_push_tail(&e->texts, message);
    return TRUE;
}

static void
end_close(gpointer link, guint code, const char *reason)
{
    end *e = link;
    (void)reason;
    e->close_code = code;
    g_clear_pointer(&e->p, peer_unref);
}

static void
end_move(gpointer link, peer *to)
{
    end *e = link;
    peer *from = e->p;
    e->p = peer_ref(to);
    peer_unref(from);
}

static const peer_link_ops peer_ops = {end_send, end_close, end_move};
static const worker_link_ops worker_ops = {end_send, end_close};

static void
end_clear(end *e)
{
    json_t *message;
    while ((message = g_queue_pop_head(&e->texts)))
        json_decref(message);
}

/** The next message with this method (or, method NULL, the answer to id); those before it are dropped. NULL: none. */
static json_t *
take(end *e, const char *method, gint64 id)
{
    json_t *message;
    while ((message = g_queue_pop_head(&e->texts))) {
        const char *found = json_get_text(message, "method");
        if (method ? g_strcmp0(found, method) == 0 : !found && json_get_int(message, "id", -1) == id)
            return message;
        json_decref(message);
    }
    return NULL;
}

static void
receive(end *e, json_t *message)
{
    g_autofree char *text = json_text(message);
    gboolean ok = e->p ? peer_receive(e->p, text, strlen(text)) : worker_receive(e->w, text, strlen(text));
    g_assert_true(ok);
    json_decref(message);
}

/** Sends a request and returns the hub's answer (new reference), NULL while there is none. */
static json_t *
ask(fixture *f, end *e, const char *method, json_t *params)
{
    receive(e, json_pack("{s:s,s:I,s:s,s:o}", "jsonrpc", "2.0", "id", (json_int_t)++e->last_id, "method", method, "params", params));
    turn(f);
    return take(e, NULL, e->last_id);
}

static void
ask_ok(fixture *f, end *e, const char *method, json_t *params)
{
    g_autoptr(json_t) answer = ask(f, e, method, params);
    g_assert_nonnull(answer);
    g_assert_nonnull(json_object_get(answer, "result"));
}

static void
ask_refused(fixture *f, end *e, const char *method, json_t *params, const char *name)
{
    g_autoptr(json_t) answer = ask(f, e, method, params);
    g_assert_nonnull(answer);
    g_assert_cmpstr(json_get_text(json_object_get(json_object_get(answer, "error"), "data"), "name"), ==, name);
}

static void
reply(fixture *f, end *e, const json_t *request, json_t *result)
{
    receive(e, json_pack("{s:s,s:I,s:o}", "jsonrpc", "2.0", "id", (json_int_t)json_get_int(request, "id", 0), "result", result));
    turn(f);
}

static void
reply_error(fixture *f, end *e, const json_t *request)
{
    receive(e, json_pack("{s:s,s:I,s:{s:i,s:s}}", "jsonrpc", "2.0", "id", (json_int_t)json_get_int(request, "id", 0), "error",
                         "code", -32603, "message", "no"));
    turn(f);
}

static void
notify(fixture *f, end *e, const char *method, json_t *params)
{
    receive(e, json_pack("{s:s,s:s,s:o}", "jsonrpc", "2.0", "method", method, "params", params));
    turn(f);
}

static const char *
param(const json_t *message, const char *name)
{
    return json_get_text(json_object_get(message, "params"), name);
}

static void
connect_peer(fixture *f, end *e, const char *person, const char *organisation)
{
    g_autoptr(caller) who = caller_new(person, organisation, person, "CODE", "Hospital", "credential", NULL, NULL);
    e->close_code = 0;
    e->p = peer_new(f->s, who, &peer_ops, e);
}

static void
lose_link(end *e)
{
    peer *p = g_steal_pointer(&e->p);
    peer_link_lost(p);
    peer_unref(p);
}

static void
connect_media(fixture *f)
{
    f->media.w = worker_new(f->s->workers, &worker_ops, &f->media, 1000, 1);
    ask_ok(f, &f->media, "worker.hello", json_pack("{s:s,s:i,s:i}", "worker", "media", "version", 1, "pid", 1));
}

static json_t *
room_params(void)
{
    return json_pack("{s:s}", "room", ROOM);
}

static void
set_up(fixture *f, gconstpointer data)
{
    static const signaling_hooks hooks = {
        .check = hook_check, .room_lookup = hook_room, .room_attended = hook_attended, .message_store = hook_message,
        .contacts = hook_contacts, .worker_may = hook_worker_may, .worker_changed = hook_worker_changed,
        .worker_notified = hook_worker_notified,
    };
    (void)data;
    f->session_live = TRUE;
    f->l = loop_new();
    f->s = signaling_new(f->l, &hooks, f);
    connect_media(f);
    connect_peer(f, &f->doctor, "doctor", "org-county");
    connect_peer(f, &f->specialist, "specialist", "org-lead");
}

static void
tear_down(fixture *f, gconstpointer data)
{
    (void)data;
    turn(f);
    if (f->doctor.p)
        lose_link(&f->doctor);
    if (f->specialist.p)
        lose_link(&f->specialist);
    worker_link_lost(f->media.w);
    turn(f);
    signaling_free(f->s);
    g_assert_cmpuint(g_queue_get_length(&f->later), ==, 0);
    end_clear(&f->doctor);
    end_clear(&f->specialist);
    end_clear(&f->media);
    loop_free(f->l);
}

/** Both are in the room. */
static void
both_join(fixture *f)
{
    ask_ok(f, &f->doctor, "hello", json_pack("{s:i}", "version", 1));
    ask_ok(f, &f->specialist, "hello", json_pack("{s:i}", "version", 1));
    ask_ok(f, &f->doctor, "room.join", room_params());
    ask_ok(f, &f->specialist, "room.join", room_params());
}

/** The doctor publishes one track "t1"; returns nothing: the answer is checked. */
static void
doctor_publishes(fixture *f)
{
    g_autoptr(json_t) early = ask(f, &f->doctor, "room.publish", json_pack("{s:s,s:s}", "room", ROOM, "sdp", OFFER));
    g_assert_null(early);
    g_autoptr(json_t) call = take(&f->media, "session.publish", 0);
    g_assert_cmpstr(param(call, "room"), ==, ROOM);
    reply(f, &f->media, call, json_pack("{s:s,s:[{s:s,s:s,s:s,s:s}]}", "sdp", "answer", "tracks", "track", "t1", "mid", "0", "kind",
                                        "video", "source", "camera"));
    g_autoptr(json_t) answer = take(&f->doctor, NULL, f->doctor.last_id);
    g_assert_cmpstr(json_get_text(json_object_get(answer, "result"), "sdp"), ==, "answer");
}

/** The specialist subscribes; returns the session's id. */
static char *
specialist_subscribes(fixture *f, json_t **ret_call)
{
    ask_ok(f, &f->specialist, "room.subscribe", room_params());
    *ret_call = take(&f->media, "session.subscribe", 0);
    g_assert_nonnull(*ret_call);
    return g_strdup(param(*ret_call, "session"));
}

static json_t *
offer(int version)
{
    return json_pack("{s:i,s:s,s:{}}", "version", version, "sdp", "offer", "tracks");
}

static char *
lamp(fixture *f, end *e)
{
    g_autoptr(json_t) answer = ask(f, e, "room.join", room_params());
    return g_strdup(json_get_text(json_object_get(answer, "result"), "recording"));
}

/* --- the tests -------------------------------------------------------------------------------------------------------- */

static void
hello_comes_first_and_once(fixture *f, gconstpointer data)
{
    (void)data;
    ask_refused(f, &f->doctor, "room.join", room_params(), "conflict");
    ask_refused(f, &f->doctor, "hello", json_pack("{s:i}", "version", 9), "invalid");
    ask_ok(f, &f->doctor, "hello", json_pack("{s:i}", "version", 1));
    ask_refused(f, &f->doctor, "hello", json_pack("{s:i}", "version", 1), "conflict");
    ask_refused(f, &f->doctor, "no.such", json_object(), "method");
    g_assert_false(peer_receive(f->doctor.p, "[]", 2));
}

static void
rooms_that_one_may_not_see_do_not_exist(fixture *f, gconstpointer data)
{
    (void)data;
    ask_ok(f, &f->doctor, "hello", json_pack("{s:i}", "version", 1));
    ask_refused(f, &f->doctor, "room.join", json_pack("{s:s}", "room", OTHER_ROOM), "not-found");
    ask_refused(f, &f->doctor, "room.join", json_pack("{s:s}", "room", "no id"), "not-found");
    ask_refused(f, &f->doctor, "room.publish", json_pack("{s:s,s:s}", "room", ROOM, "sdp", OFFER), "not-found");
    ask_refused(f, &f->doctor, "room.say", json_pack("{s:s,s:s}", "room", ROOM, "text", "x"), "not-found");
    g_assert_cmpuint(f->attended, ==, 0);
}

/* A recording outlives the people in the room, and the hub that started it. */
static void
who_comes_first_sees_that_it_is_recorded(fixture *f, gconstpointer data)
{
    (void)data;
    ask_ok(f, &f->doctor, "hello", json_pack("{s:i}", "version", 1));
    ask_ok(f, &f->specialist, "hello", json_pack("{s:i}", "version", 1));
    f->recording = "recording-1";
    g_autofree char *first = lamp(f, &f->doctor);
    g_assert_cmpstr(first, ==, "recording-1");
    signaling_room_recording(f->s, ROOM, FALSE, "recording-1");
    g_autoptr(json_t) told = take(&f->doctor, "room.recording", 0);
    g_assert_nonnull(told);
    g_autofree char *second = lamp(f, &f->specialist); /* the hub itself knows better than a row read earlier */
    g_assert_null(second);
}

static void
others_hear_of_joins_tracks_and_leaves(fixture *f, gconstpointer data)
{
    (void)data;
    both_join(f);
    g_autoptr(json_t) joined = take(&f->doctor, "room.joined", 0);
    g_assert_cmpstr(param(joined, "person"), ==, "specialist");
    doctor_publishes(f);
    g_autoptr(json_t) added = take(&f->specialist, "room.track", 0);
    g_assert_cmpstr(param(added, "track"), ==, "t1");
    g_assert_cmpstr(param(added, "state"), ==, "added");

    ask_ok(f, &f->doctor, "room.mute", json_pack("{s:s,s:s,s:b}", "room", ROOM, "track", "t1", "muted", 1));
    g_autoptr(json_t) muted = take(&f->specialist, "room.track", 0);
    g_assert_cmpstr(param(muted, "state"), ==, "muted");
    ask_refused(f, &f->specialist, "room.mute", json_pack("{s:s,s:s,s:b}", "room", ROOM, "track", "t1", "muted", 1), "not-found");

    ask_ok(f, &f->doctor, "room.leave", room_params());
    g_autoptr(json_t) left = take(&f->specialist, "room.left", 0);
    g_assert_cmpstr(param(left, "reason"), ==, "left");
    g_autoptr(json_t) closed = take(&f->media, "session.close", 0);
    g_assert_nonnull(closed);
    ask_ok(f, &f->specialist, "room.leave", room_params());
    g_autoptr(json_t) gone = take(&f->media, "room.close", 0);
    g_assert_nonnull(gone);
    g_assert_cmpuint(signaling_count(f->s).rooms, ==, 0);
}

static void
never_two_offers_at_once(fixture *f, gconstpointer data)
{
    (void)data;
    both_join(f);
    g_autoptr(json_t) call = NULL;
    g_autofree char *session = specialist_subscribes(f, &call);
    reply(f, &f->media, call, offer(1));
    g_autoptr(json_t) offered = take(&f->specialist, "room.offer", 0);
    g_assert_nonnull(offered);
    const char *who = param(call, "participant");
    for (int i = 0; i < 3; i++) /* while the browser thinks */
        notify(f, &f->media, "session.renegotiate", json_pack("{s:s,s:s,s:s}", "room", ROOM, "participant", who, "session", session));
    g_assert_cmpuint(g_queue_get_length(&f->media.texts), ==, 0);

    reply(f, &f->specialist, offered, json_pack("{s:i,s:s}", "version", 1, "sdp", "answer"));
    g_autoptr(json_t) answer = take(&f->media, "session.answer", 0);
    g_assert_cmpint(json_get_int(json_object_get(answer, "params"), "version", 0), ==, 1);
    g_assert_cmpuint(g_queue_get_length(&f->media.texts), ==, 0);
    reply(f, &f->media, answer, json_object());

    g_autoptr(json_t) again = take(&f->media, "session.subscribe", 0); /* one for the three */
    g_assert_nonnull(again);
    reply(f, &f->media, again, offer(2));
    g_autoptr(json_t) second = take(&f->specialist, "room.offer", 0);
    reply(f, &f->specialist, second, json_pack("{s:i,s:s}", "version", 2, "sdp", "answer"));
    g_autoptr(json_t) last = take(&f->media, "session.answer", 0);
    reply(f, &f->media, last, json_object());
    g_assert_cmpuint(g_queue_get_length(&f->media.texts), ==, 0);
}

static void
a_failed_offer_is_made_again(fixture *f, gconstpointer data)
{
    (void)data;
    both_join(f);
    g_autoptr(json_t) call = NULL;
    g_autofree char *session = specialist_subscribes(f, &call);
    reply(f, &f->media, call, offer(1));
    g_autoptr(json_t) offered = take(&f->specialist, "room.offer", 0);
    reply_error(f, &f->specialist, offered);
    json_t *again = NULL;
    for (gint64 until = g_get_monotonic_time() + 5 * G_USEC_PER_SEC; !again && g_get_monotonic_time() < until;) {
        uv_run(loop_uv(f->l), UV_RUN_ONCE);
        again = take(&f->media, "session.subscribe", 0);
    }
    g_assert_cmpstr(param(again, "session"), ==, session);
    json_decref(again);
}

static void
a_dead_media_worker_is_told_and_replaced(fixture *f, gconstpointer data)
{
    (void)data;
    both_join(f);
    doctor_publishes(f);
    g_autoptr(json_t) call = NULL;
    g_autofree char *session = specialist_subscribes(f, &call);
    g_autoptr(json_t) waiting = ask(f, &f->specialist, "room.publish", json_pack("{s:s,s:s}", "room", ROOM, "sdp", OFFER));
    g_assert_null(waiting);

    worker_link_lost(g_steal_pointer(&f->media.w));
    turn(f);
    end_clear(&f->media);
    g_autoptr(json_t) lost = take(&f->specialist, "room.media", 0);
    g_assert_cmpstr(param(lost, "state"), ==, "lost");
    g_autoptr(json_t) failed = take(&f->specialist, NULL, f->specialist.last_id);
    g_assert_cmpstr(json_get_text(json_object_get(json_object_get(failed, "error"), "data"), "name"), ==, "unavailable");
    ask_refused(f, &f->specialist, "room.subscribe", room_params(), "unavailable");
    ask_refused(f, &f->doctor, "room.publish", json_pack("{s:s,s:s}", "room", ROOM, "sdp", OFFER), "unavailable");

    connect_media(f);
    g_autoptr(json_t) ready = take(&f->specialist, "room.media", 0);
    g_assert_cmpstr(param(ready, "state"), ==, "ready");
    doctor_publishes(f);
    g_autoptr(json_t) fresh = NULL;
    g_autofree char *next = specialist_subscribes(f, &fresh);
    g_assert_cmpstr(next, !=, session);
}

static void
a_lost_peer_comes_back_to_its_rooms(fixture *f, gconstpointer data)
{
    (void)data;
    g_autoptr(json_t) welcome = ask(f, &f->doctor, "hello", json_pack("{s:i}", "version", 1));
    g_autofree char *secret = g_strdup(json_get_text(json_object_get(welcome, "result"), "resume"));
    ask_ok(f, &f->specialist, "hello", json_pack("{s:i}", "version", 1));
    ask_ok(f, &f->specialist, "room.join", room_params());
    ask_ok(f, &f->doctor, "room.join", room_params());
    ask_ok(f, &f->doctor, "room.subscribe", room_params());
    g_autoptr(json_t) call = take(&f->media, "session.subscribe", 0);
    reply(f, &f->media, call, offer(1));

    lose_link(&f->doctor);
    turn(f);
    g_assert_cmpuint(signaling_count(f->s).detached, ==, 1);
    g_autoptr(json_t) left = take(&f->specialist, "room.left", 0);
    g_assert_null(left);
    end_clear(&f->doctor);

    connect_peer(f, &f->doctor, "doctor", "org-county");
    g_autoptr(json_t) back = ask(f, &f->doctor, "hello", json_pack("{s:i,s:s}", "version", 1, "resume", secret));
    const json_t *result = json_object_get(back, "result");
    g_assert_true(json_get_bool(result, "resumed", FALSE));
    g_assert_cmpint(json_array_size(json_object_get(result, "rooms")), ==, 1);
    /* the offer that was open is made again */
    g_autoptr(json_t) again = take(&f->media, "session.subscribe", 0);
    g_assert_nonnull(again);
    ask_ok(f, &f->doctor, "room.leave", room_params());
}

static void
a_resume_secret_of_another_person_is_worth_nothing(fixture *f, gconstpointer data)
{
    (void)data;
    g_autoptr(json_t) welcome = ask(f, &f->doctor, "hello", json_pack("{s:i}", "version", 1));
    const char *secret = json_get_text(json_object_get(welcome, "result"), "resume");
    g_autoptr(json_t) other = ask(f, &f->specialist, "hello", json_pack("{s:i,s:s}", "version", 1, "resume", secret));
    g_assert_false(json_get_bool(json_object_get(other, "result"), "resumed", TRUE));
    g_assert_cmpuint(f->doctor.close_code, ==, 0);
}

static void
a_second_connection_with_the_secret_replaces_the_first(fixture *f, gconstpointer data)
{
    (void)data;
    g_autoptr(json_t) welcome = ask(f, &f->doctor, "hello", json_pack("{s:i}", "version", 1));
    const char *secret = json_get_text(json_object_get(welcome, "result"), "resume");
    end second = {0};
    connect_peer(f, &second, "doctor", "org-county");
    ask_ok(f, &second, "hello", json_pack("{s:i,s:s}", "version", 1, "resume", secret));
    g_assert_cmpuint(f->doctor.close_code, ==, CLOSE_REPLACED);
    g_assert_cmpuint(signaling_count(f->s).peers, ==, 1);
    lose_link(&second);
    end_clear(&second);
}

static void
a_slow_peer_is_dropped(fixture *f, gconstpointer data)
{
    (void)data;
    both_join(f);
    f->specialist.full = TRUE;
    doctor_publishes(f);
    g_assert_cmpuint(f->specialist.close_code, ==, CLOSE_SLOW);
    g_assert_cmpuint(signaling_count(f->s).dropped, ==, 1);
    g_assert_cmpuint(signaling_count(f->s).detached, ==, 1); /* it may resume */
}

static void
a_signed_out_person_loses_sockets_and_rooms(fixture *f, gconstpointer data)
{
    (void)data;
    both_join(f);
    signaling_ended(f->s, "somebody else");
    turn(f);
    g_assert_cmpuint(f->doctor.close_code, ==, 0);
    f->session_live = FALSE;
    signaling_ended(f->s, "doctor");
    turn(f);
    g_assert_cmpuint(f->doctor.close_code, ==, CLOSE_SIGNED_OUT);
    g_autoptr(json_t) left = take(&f->specialist, "room.left", 0);
    g_assert_nonnull(left);
    g_assert_cmpuint(f->specialist.close_code, ==, 0);
}

static void
a_closed_case_closes_its_room(fixture *f, gconstpointer data)
{
    (void)data;
    both_join(f);
    f->room_closed = TRUE;
    signaling_changed(f->s, "{\"kind\":\"consult\",\"id\":\"another\",\"organisations\":[]}");
    turn(f);
    g_assert_cmpuint(signaling_count(f->s).participants, ==, 2);
    signaling_changed(f->s, "{\"kind\":\"consult\",\"id\":\"" CONSULT "\",\"organisations\":[\"org-lead\"],\"persons\":[]}");
    turn(f);
    g_assert_cmpuint(signaling_count(f->s).participants, ==, 0);
    g_autoptr(json_t) left = take(&f->doctor, "room.left", 0);
    g_assert_nonnull(left);
}

static void
changes_reach_those_they_name(fixture *f, gconstpointer data)
{
    (void)data;
    both_join(f);
    end_clear(&f->doctor);
    end_clear(&f->specialist);
    signaling_changed(f->s, "{\"kind\":\"study\",\"id\":\"s\",\"version\":2,\"organisations\":[\"org-lead\"],\"persons\":[]}");
    g_autoptr(json_t) none = take(&f->doctor, "changed", 0);
    g_autoptr(json_t) told = take(&f->specialist, "changed", 0);
    g_assert_null(none);
    g_assert_cmpstr(param(told, "kind"), ==, "study");
    g_assert_null(json_object_get(json_object_get(told, "params"), "organisations"));
    signaling_changed(f->s, "{\"kind\":\"referral\",\"id\":\"r\",\"organisations\":[],\"persons\":[\"doctor\"]}");
    g_autoptr(json_t) personal = take(&f->doctor, "changed", 0);
    g_assert_nonnull(personal);
    signaling_changed(f->s, NULL);
    g_autoptr(json_t) all = take(&f->doctor, "changed", 0);
    g_assert_cmpstr(param(all, "kind"), ==, "all");
    signaling_changed(f->s, "not json");
    turn(f);
}

static void
what_is_said_reaches_the_room(fixture *f, gconstpointer data)
{
    (void)data;
    both_join(f);
    g_autoptr(json_t) answer = ask(f, &f->doctor, "room.say", json_pack("{s:s,s:s}", "room", ROOM, "text", "你好"));
    g_assert_cmpstr(json_get_text(json_object_get(answer, "result"), "message"), ==, "m1");
    g_autoptr(json_t) heard = take(&f->specialist, "room.message", 0);
    g_assert_cmpstr(param(heard, "text"), ==, "你好");
    ask_refused(f, &f->doctor, "room.say", json_pack("{s:s,s:s}", "room", ROOM, "text", ""), "invalid");
}

static void
presence_is_told_and_listed(fixture *f, gconstpointer data)
{
    (void)data;
    ask_ok(f, &f->doctor, "hello", json_pack("{s:i}", "version", 1));
    ask_ok(f, &f->specialist, "hello", json_pack("{s:i}", "version", 1));
    g_autoptr(json_t) came = take(&f->doctor, "presence", 0);
    g_assert_cmpstr(param(came, "person"), ==, "specialist");
    g_autoptr(json_t) list = ask(f, &f->doctor, "presence.list", json_object());
    g_assert_cmpint(json_array_size(json_object_get(json_object_get(list, "result"), "online")), ==, 2);
}

static void
a_stranger_is_no_worker(fixture *f, gconstpointer data)
{
    (void)data;
    end stranger = {0};
    stranger.w = worker_new(f->s->workers, &worker_ops, &stranger, 0, 7);
    static const char hello[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"worker.hello\",\"params\":{\"worker\":\"media\",\"version\":1}}";
    g_assert_false(worker_receive(stranger.w, hello, strlen(hello)));
    worker_link_lost(stranger.w);
    end_clear(&stranger);
    g_assert_true(signaling_worker_is_there(f->s, "media"));
}

static void
whip_clients_leave_with_their_session(fixture *f, gconstpointer data)
{
    (void)data;
    static const room_info info = {.id = ROOM, .title = "C-0001", .role = "member"};
    both_join(f);
    g_autoptr(caller) who = caller_new("doctor", "org-county", "doctor", "C", "H", "token", NULL, NULL);
    participant *in = room_enter(f->s->rooms, &info, who, NULL, NULL, NULL);
    g_autofree char *id = g_strdup(participant_id(in));
    participant_publish(in, OFFER, NULL, NULL, NULL);
    g_autoptr(json_t) call = take(&f->media, "session.publish", 0);
    reply(f, &f->media, call, json_pack("{s:s,s:[]}", "sdp", "answer", "tracks"));
    notify(f, &f->media, "session.state", json_pack("{s:s,s:s,s:s,s:s}", "room", ROOM, "participant", id, "session",
                                                    param(call, "session"), "state", "failed"));
    g_assert_cmpuint(signaling_count(f->s).participants, ==, 2);
}

static void
sdp_has_limits(void)
{
    g_autoptr(GString) sdp = g_string_new("v=0\r\n");
    for (int i = 0; i < SDP_SECTIONS; i++)
        g_string_append(sdp, "m=video 9 UDP/TLS/RTP/SAVPF 96\r\n");
    g_assert_true(sdp_is_within_limits(sdp->str, NULL));
    g_string_append(sdp, "m=video 9 UDP/TLS/RTP/SAVPF 96\r\n");
    g_assert_false(sdp_is_within_limits(sdp->str, NULL));
    g_autofree char *large = g_strnfill(SDP_LIMIT + 1, 'a');
    g_assert_false(sdp_is_within_limits(large, NULL));
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *path;
        void (*test)(fixture *, gconstpointer);
    } tests[] = {
        {"/rooms/hello", hello_comes_first_and_once},
        {"/rooms/not-found", rooms_that_one_may_not_see_do_not_exist},
        {"/rooms/lamp", who_comes_first_sees_that_it_is_recorded},
        {"/rooms/tracks", others_hear_of_joins_tracks_and_leaves},
        {"/rooms/one-offer", never_two_offers_at_once},
        {"/rooms/offer-again", a_failed_offer_is_made_again},
        {"/rooms/media-dies", a_dead_media_worker_is_told_and_replaced},
        {"/rooms/resume", a_lost_peer_comes_back_to_its_rooms},
        {"/rooms/resume-other", a_resume_secret_of_another_person_is_worth_nothing},
        {"/rooms/replace", a_second_connection_with_the_secret_replaces_the_first},
        {"/rooms/slow", a_slow_peer_is_dropped},
        {"/rooms/signed-out", a_signed_out_person_loses_sockets_and_rooms},
        {"/rooms/closed", a_closed_case_closes_its_room},
        {"/rooms/changed", changes_reach_those_they_name},
        {"/rooms/say", what_is_said_reaches_the_room},
        {"/rooms/presence", presence_is_told_and_listed},
        {"/rooms/stranger", a_stranger_is_no_worker},
        {"/rooms/whip", whip_clients_leave_with_their_session},
    };
    g_test_init(&argc, &argv, NULL);
    log_init("test_rooms", LOG_ERROR);
    for (gsize i = 0; i < G_N_ELEMENTS(tests); i++)
        g_test_add(tests[i].path, fixture, NULL, set_up, tests[i].test, tear_down);
    g_test_add_func("/rooms/sdp-limits", sdp_has_limits);
    return g_test_run();
}
