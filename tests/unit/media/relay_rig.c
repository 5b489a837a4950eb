#include "tests/unit/media/relay_rig.h"

#define WAIT_US (10 * G_USEC_PER_SEC)

static void
note(relay_rig *r, const char *what, const char *who)
{
    g_ptr_array_add(r->events, g_strdup_printf("%s %s", what, who));
}

static void
on_session_state(const char *room, const char *participant, const char *session, relay_session_state state,
                 const char *reason, gpointer user_data)
{
    (void)room;
    (void)participant;
    (void)reason;
    note(user_data, relay_session_state_name(state), session);
}

static void
on_renegotiate(const char *room, const char *participant, const char *session, gpointer user_data)
{
    (void)room;
    (void)participant;
    note(user_data, "renegotiate", session);
}

static void
on_track_state(const char *room, const relay_track_info *track, gboolean live, gpointer user_data)
{
    g_autofree char *what = g_strdup_printf("%s-%s", live ? "live" : "ended", relay_kind_name(track->kind));
    (void)room;
    note(user_data, what, track->participant);
}

static void
on_speaker(const char *room, const char *participant, gpointer user_data)
{
    (void)room;
    note(user_data, "speaker", participant);
}

static const relay_events events = {on_session_state, on_renegotiate, on_track_state, on_speaker};

void
relay_rig_set_up(relay_rig *r, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    relay_config config = {.bind_address = "127.0.0.1"};
    (void)data;
    r->loop = loop_new();
    r->events = g_ptr_array_new_with_free_func(g_free);
    r->tracks = g_ptr_array_new_with_free_func(g_free);
    r->relay = relay_new(r->loop, &config, &events, r, &error);
    g_assert_no_error(error);
}

void
relay_rig_tear_down(relay_rig *r, gconstpointer data)
{
    (void)data;
    relay_free(r->relay);
    loop_free(r->loop);
    g_ptr_array_unref(r->events);
    g_ptr_array_unref(r->tracks);
    g_clear_error(&r->error);
    g_free(r->sdp);
}

void
relay_rig_done(const relay_reply *reply, const GError *error, gpointer rig)
{
    relay_rig *r = rig;
    g_clear_error(&r->error);
    g_clear_pointer(&r->sdp, g_free);
    g_ptr_array_set_size(r->tracks, 0);
    r->done = TRUE;
    if (error) {
        r->error = g_error_copy(error);
        return;
    }
    r->sdp = g_strdup(reply->sdp);
    r->version = reply->version;
    for (guint i = 0; i < reply->tracks->len; i++)
        g_ptr_array_add(r->tracks,
                        g_strdup(((relay_track_info *)g_ptr_array_index(reply->tracks, i))->track));
}

static void
on_turn_timer(uv_timer_t *t)
{
    (void)t;
}

/* One turn of the loop, at most 10 ms. */
static void
turn(relay_rig *r)
{
    uv_timer_t timer;
    uv_timer_init(loop_uv(r->loop), &timer);
    uv_timer_start(&timer, on_turn_timer, 10, 0);
    uv_run(loop_uv(r->loop), UV_RUN_ONCE);
    uv_close((uv_handle_t *)&timer, NULL);
    uv_run(loop_uv(r->loop), UV_RUN_NOWAIT);
}

gboolean
relay_rig_wait(relay_rig *r)
{
    gint64 end = g_get_monotonic_time() + WAIT_US;
    while (!r->done) {
        g_assert_cmpint(g_get_monotonic_time(), <, end);
        turn(r);
    }
    r->done = FALSE;
    return r->error == NULL;
}

gboolean
relay_rig_has(const relay_rig *r, const char *event)
{
    for (guint i = 0; i < r->events->len; i++)
        if (g_str_equal(g_ptr_array_index(r->events, i), event))
            return TRUE;
    return FALSE;
}

void
relay_rig_expect(relay_rig *r, const char *event)
{
    gint64 end = g_get_monotonic_time() + WAIT_US;
    while (!relay_rig_has(r, event)) {
        if (g_get_monotonic_time() > end)
            g_error("no event '%s'", event);
        turn(r);
    }
}

static void
on_stats(const relay_stats *stats, gpointer user_data)
{
    *(relay_stats *)user_data = *stats;
}

relay_stats
relay_rig_stats(relay_rig *r)
{
    relay_stats stats = {.rooms = G_MAXUINT};
    relay_get_stats(r->relay, on_stats, &stats);
    while (stats.rooms == G_MAXUINT)
        turn(r);
    return stats;
}

peer *
relay_rig_publisher(relay_rig *r, const char *participant, const char *session, const char *profiles)
{
    peer *p = peer_new(relay_port(r->relay), profiles);
    g_autofree char *offer = peer_offer(p, "sendonly");
    g_autofree char *event = g_strdup_printf("connected %s", session);
    relay_publish(r->relay, "room", participant, session, offer, NULL, relay_rig_done, r);
    g_assert_true(relay_rig_wait(r));
    peer_set_remote(p, r->sdp);
    g_assert_true(peer_connect(p));
    relay_rig_expect(r, event);
    return p;
}

peer *
relay_rig_player(relay_rig *r, const char *participant, const char *session, const char *profiles)
{
    peer *p = peer_new(relay_port(r->relay), profiles);
    g_autofree char *offer = peer_offer(p, "recvonly");
    g_autofree char *event = g_strdup_printf("connected %s", session);
    relay_play(r->relay, "room", participant, session, offer, relay_rig_done, r);
    g_assert_true(relay_rig_wait(r));
    peer_set_remote(p, r->sdp);
    g_assert_true(peer_connect(p));
    relay_rig_expect(r, event);
    return p;
}

peer *
relay_rig_subscriber(relay_rig *r, const char *participant, const char *session)
{
    peer *p = peer_new(relay_port(r->relay), NULL);
    g_autofree char *event = g_strdup_printf("connected %s", session);
    relay_subscribe(r->relay, "room", participant, session, FALSE, relay_rig_done, r);
    g_assert_true(relay_rig_wait(r));
    g_autofree char *answer = peer_answer(p, r->sdp);
    relay_answer(r->relay, session, r->version, answer, relay_rig_done, r);
    g_assert_true(relay_rig_wait(r));
    g_assert_true(peer_connect(p));
    relay_rig_expect(r, event);
    return p;
}
