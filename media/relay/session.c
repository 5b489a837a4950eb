/* A peer connection: who may talk to it from where (ICE), its keys (DTLS), and what it sends (RTP).
 *
 * Only STUN is believed from unknown addresses, and only when authentic. DTLS and SRTP are looked at only
 * from addresses that ICE has validated; the address that media goes to changes only by authentic, nominating
 * STUN. */
#include "media/relay/core.h"
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <string.h>

session *
session_new(core *c, room *r, const char *id, const char *participant, session_kind kind)
{
    session *s = g_new0(session, 1);
    s->core = c;
    s->room = r;
    s->id = g_strdup(id);
    s->participant = g_strdup(participant);
    s->kind = kind;
    s->created_us = c->now_us;
    s->legs = g_ptr_array_new_with_free_func(leg_free);
    s->bindings = g_array_new(FALSE, FALSE, sizeof(ssrc_binding));
    RAND_bytes((guint8 *)&s->sdp_id, sizeof s->sdp_id);
    s->sdp_id >>= 2; /* RFC 9429 5.2.1: 62 bits */
    s->rtcp_ssrc = session_new_ssrc(s);
    s->transport_sequence = 1;
    ice_init(&s->ice);
    session_index_ufrag(s);
    g_hash_table_insert(c->sessions, s->id, s);
    g_ptr_array_add(r->sessions, s);
    return s;
}

void
session_index_ufrag(session *s)
{
    g_hash_table_replace(s->core->ufrags, g_strdup(s->ice.local.ufrag), s);
}

static gboolean
belongs_to(gpointer key, gpointer value, gpointer user_data)
{
    (void)key;
    return value == user_data;
}

/* From the table of sessions only; session_end does the rest before. */
void
session_free(gpointer data)
{
    session *s = data;
    g_ptr_array_unref(s->legs);
    g_array_unref(s->bindings);
    dtls_link_free(s->dtls);
    srtp_session_free(s->srtp);
    g_free(s->feedback);
    g_free(s->participant);
    g_free(s->id);
    g_free(s);
}

static void
end_tracks(session *s)
{
    for (guint i = 0; i < s->legs->len; i++) {
        leg *l = g_ptr_array_index(s->legs, i);
        if (s->kind == SESSION_PUBLISH && l->track)
            room_remove_track(s->room, g_steal_pointer(&l->track));
    }
}

void
session_end(session *s, const char *reason)
{
    core *c = s->core;
    room *r = s->room;
    end_tracks(s);
    if (s->dtls) {
        if (dtls_link_state(s->dtls) == DTLS_HANDSHAKE)
            c->handshakes--;
        s->dtls_source = s->destination;
        if (s->destination.length > 0)
            dtls_link_close(s->dtls);
    }
    if (reason)
        relay_emit_session(s, RELAY_FAILED, reason);
    g_hash_table_foreach_remove(c->ufrags, belongs_to, s);
    g_hash_table_foreach_remove(c->peers, belongs_to, s);
    g_ptr_array_remove(r->sessions, s);
    g_hash_table_remove(c->sessions, s->id);
    core_drop_room_if_empty(c, r);
}

guint32
session_new_ssrc(const session *s)
{
    guint32 ssrc;
    gboolean taken;
    do {
        RAND_bytes((guint8 *)&ssrc, sizeof ssrc);
        taken = ssrc == 0 || ssrc == s->rtcp_ssrc;
        for (guint i = 0; i < s->legs->len; i++) {
            const leg *l = g_ptr_array_index(s->legs, i);
            taken |= l->forwarder && (l->forwarder->ssrc == ssrc || l->forwarder->rtx_ssrc == ssrc);
        }
    } while (taken);
    return ssrc;
}

gboolean
session_set_remote(session *s, const sdp_transport *t, GError **error)
{
    if (s->has_remote && CRYPTO_memcmp(s->remote_fingerprint, t->fingerprint, sizeof t->fingerprint) != 0)
        return err_set(error, ERR_CONFLICT, "the certificate of a session cannot change");
    if (t->setup == SDP_PASSIVE)
        return err_set(error, ERR_INVALID, "setup:passive: the relay cannot be the DTLS client");
    if (!ice_set_remote(&s->ice, t->ufrag, t->password))
        return err_set(error, ERR_INVALID, "the ICE credentials are malformed");
    g_strlcpy(s->remote_ufrag, t->ufrag, sizeof s->remote_ufrag);
    memcpy(s->remote_fingerprint, t->fingerprint, sizeof s->remote_fingerprint);
    s->has_remote = TRUE;
    if (s->dtls)
        dtls_link_set_fingerprint(s->dtls, s->remote_fingerprint);
    return TRUE;
}

/* ---- sending ---- */

gboolean
session_is_open(const session *s)
{
    return s->srtp && s->destination.length > 0;
}

gboolean
session_may_send(session *s, gsize bytes)
{
    if (s->proven)
        return TRUE;
    if (s->unproven < bytes)
        return FALSE;
    s->unproven -= bytes;
    return TRUE;
}

static gboolean
same_address(const send_address *a, const send_address *b)
{
    return a->length == b->length && memcmp(&a->any, &b->any, a->length) == 0;
}

static void
send_datagram(session *s, const guint8 *bytes, gsize length, const send_address *to)
{
    if (to->length == 0 || length > SENDER_PACKET)
        return;
    memcpy(sender_reserve(s->core->sender), bytes, length);
    sender_commit(s->core->sender, to, length);
}

/* ---- STUN ---- */

static void
renew_consent(session *s)
{
    s->ice.consent_us = s->core->now_us;
    if (!s->silent)
        return;
    s->silent = FALSE;
    relay_emit_session(s, RELAY_CONNECTED, NULL);
}

static void
on_check(session *s, const ice_result *result, const net_address *from, const send_address *source)
{
    GHashTable *peers = s->core->peers;
    if (result->has_evicted && g_hash_table_lookup(peers, &result->evicted) == s)
        g_hash_table_remove(peers, &result->evicted);
    if (result->added || g_hash_table_lookup(peers, from) != s)
        g_hash_table_replace(peers, g_memdup2(from, sizeof *from), s);
    if (result->moved) {
        s->destination = *source;
        s->proven = FALSE;
        s->unproven = SESSION_UNPROVEN_BYTES;
    }
    renew_consent(s);
}

static gboolean
is_other_ufrag(gpointer key, gpointer value, gpointer user_data)
{
    const session *s = user_data;
    return value == s && !g_str_equal(key, s->ice.local.ufrag);
}

static void
stun_input(session *s, const guint8 *bytes, gsize length, const net_address *from, const send_address *source)
{
    guint8 reply[256];
    ice_result result = ice_input(&s->ice, bytes, length, from, s->core->now_us, reply, sizeof reply);
    if (result.outcome == ICE_IGNORED) {
        s->core->stats.dropped_in++;
        return;
    }
    send_datagram(s, reply, result.reply_length, source);
    if (result.restarted)
        g_hash_table_foreach_remove(s->core->ufrags, is_other_ufrag, s);
    if (result.outcome == ICE_ANSWERED)
        on_check(s, &result, from, source);
}

/* ---- DTLS ---- */

static void
on_dtls_send(const guint8 *bytes, gsize length, gpointer user_data)
{
    session *s = user_data;
    send_datagram(s, bytes, length, &s->dtls_source);
}

static gboolean
begin_dtls(session *s)
{
    core *c = s->core;
    if (c->handshakes >= CORE_HANDSHAKES)
        return FALSE;
    c->handshakes++;
    s->dtls_began_us = c->now_us;
    s->dtls = dtls_link_new(c->dtls, on_dtls_send, s);
    if (s->has_remote)
        dtls_link_set_fingerprint(s->dtls, s->remote_fingerprint);
    return TRUE;
}

static void
open_session(session *s)
{
    dtls_keys keys;
    if (dtls_link_keys(s->dtls, &keys))
        s->srtp = srtp_session_new(&keys, FALSE);
    OPENSSL_cleanse(&keys, sizeof keys);
    if (!s->srtp) {
        session_end(s, "no SRTP profile in common");
        return;
    }
    s->proven |= same_address(&s->dtls_source, &s->destination);
    s->connected = TRUE;
    s->next_report_us = s->core->now_us + 200000; /* early: a simulcast sender waits for it */
    relay_emit_session(s, RELAY_CONNECTED, NULL);
    for (guint i = 0; i < s->legs->len; i++) {
        const leg *l = g_ptr_array_index(s->legs, i);
        if (l->forwarder && l->forwarder->enabled && l->forwarder->track)
            track_want_keyframe(l->forwarder->track);
    }
}

static void
on_dtls_state(session *s, dtls_state before, dtls_state after)
{
    if (before == DTLS_HANDSHAKE && after != DTLS_HANDSHAKE)
        s->core->handshakes--;
    if (after == DTLS_READY && !s->srtp)
        open_session(s);
    else if (after == DTLS_FAILED)
        session_end(s, "DTLS failed");
    else if (after == DTLS_CLOSED)
        session_end(s, "closed by the peer");
}

static void
dtls_input(session *s, const guint8 *bytes, gsize length, const send_address *source)
{
    s->dtls_source = *source;
    if (!s->dtls && !begin_dtls(s))
        return;
    dtls_state before = dtls_link_state(s->dtls);
    on_dtls_state(s, before, dtls_link_input(s->dtls, bytes, length));
}

/* ---- RTP ---- */

void
session_unbind(session *s, const stream *of)
{
    for (guint i = 0; i < s->bindings->len;) {
        if (g_array_index(s->bindings, ssrc_binding, i).stream == of)
            g_array_remove_index(s->bindings, i);
        else
            i++;
    }
}

void
session_bind(session *s, guint32 ssrc, stream *to, gboolean rtx)
{
    ssrc_binding b = {.ssrc = ssrc, .stream = to, .rtx = rtx};
    guint32 *slot = rtx ? &to->rtx_ssrc : &to->ssrc;
    if (*slot == ssrc)
        return;
    for (guint i = 0; i < s->bindings->len; i++) {
        const ssrc_binding *old = &g_array_index(s->bindings, ssrc_binding, i);
        if (old->ssrc == ssrc || (old->stream == to && old->rtx == rtx))
            g_array_remove_index(s->bindings, i--);
    }
    if (*slot && !rtx)
        stream_restart(to);
    *slot = ssrc;
    if (s->bindings->len >= SESSION_SSRC_LIMIT)
        g_array_remove_index(s->bindings, 0);
    g_array_append_val(s->bindings, b);
}

static gboolean
leg_has_mid(const leg *l, const rtp_extension_values *v)
{
    gsize length = strlen(l->mid);
    return v->value[RTP_MID] && v->length[RTP_MID] == length &&
           memcmp(v->value[RTP_MID], l->mid, length) == 0;
}

/* An SSRC seen for the first time: by mid and payload type, or by a payload type that only one track has. */
static const ssrc_binding *
bind_unknown(session *s, const rtp_packet *p, const rtp_extension_values *v)
{
    track *found = NULL;
    for (guint i = 0; i < s->legs->len; i++) {
        const leg *l = g_ptr_array_index(s->legs, i);
        track *t = l->track;
        if (!t || (p->payload_type != t->payload_type && p->payload_type != t->rtx_type))
            continue;
        if (v->value[RTP_MID] ? !leg_has_mid(l, v) : found != NULL) {
            if (v->value[RTP_MID])
                continue;
            return NULL;
        }
        found = t;
        if (v->value[RTP_MID])
            break;
    }
    if (!found)
        return NULL;
    session_bind(s, p->ssrc, &found->stream, p->payload_type != found->payload_type);
    return &g_array_index(s->bindings, ssrc_binding, s->bindings->len - 1);
}

static const ssrc_binding *
find_binding(session *s, const rtp_packet *p, const rtp_extension_values *v)
{
    for (guint i = 0; i < s->bindings->len; i++) {
        const ssrc_binding *b = &g_array_index(s->bindings, ssrc_binding, i);
        if (b->ssrc == p->ssrc)
            return b;
    }
    return bind_unknown(s, p, v);
}

/* RFC 4588 4: the original sequence number, then the original payload. Without them it is probing padding. */
static gboolean
restore_original(rtp_packet *p, const stream *of)
{
    if (p->payload_length < 2 || !of->started)
        return FALSE;
    p->sequence = (guint16)(p->payload[0] << 8 | p->payload[1]);
    p->payload += 2;
    p->payload_length -= 2;
    p->ssrc = of->ssrc;
    p->payload_type = of->track->payload_type;
    return p->payload_length > 0;
}

static void
plain_rtp(session *s, rtp_packet *p)
{
    rtp_extension_values v;
    rtp_read_extensions(p, &s->extensions, &v);
    const ssrc_binding *b = find_binding(s, p, &v);
    if (s->feedback && v.length[RTP_TRANSPORT_CC] >= 2) {
        const guint8 *n = v.value[RTP_TRANSPORT_CC];
        s->feedback_media = p->ssrc;
        if (transport_cc_note(s->feedback, (guint16)(n[0] << 8 | n[1]), s->core->now_us))
            session_send_feedback(s);
    }
    if (!b || (b->rtx && !restore_original(p, b->stream)))
        return;
    if (!b->rtx && p->payload_type != b->stream->track->payload_type)
        return; /* comfort noise, telephone events: not agreed */
    stream_input(b->stream, p, v.value[RTP_AUDIO_LEVEL] ? v.value[RTP_AUDIO_LEVEL][0] : RING_NO_LEVEL,
                 b->rtx);
}

static void
rtp_input(session *s, guint8 *bytes, gsize length)
{
    rtp_packet p;
    gsize header = rtp_header_length(bytes, length);
    gsize plain = header ? srtp_open_rtp(s->srtp, bytes, length, header) : 0;
    if (plain == 0 || !rtp_parse(&p, bytes, plain)) {
        s->core->stats.dropped_in++;
        return;
    }
    if (s->kind == SESSION_PUBLISH)
        plain_rtp(s, &p);
}

static gboolean
is_consent_old(const session *s)
{
    return s->core->now_us - s->ice.consent_us > G_USEC_PER_SEC;
}

/* Something that only the peer can have sent, from the address that we send to. As good as a check:
 * GStreamer's WHIP clients send none once they are connected. */
static void
on_proof(session *s)
{
    s->proven = TRUE;
    renew_consent(s);
}

/* RFC 7983 and, for RTCP, RFC 5761 4. The caller found the session: STUN by its ufrag, all else by a
 * validated address. */
void
session_input(session *s, guint8 *bytes, gsize length, const net_address *from, const send_address *source)
{
    guint8 first = bytes[0];
    if (first < 4) {
        stun_input(s, bytes, length, from, source);
    } else if (first >= 20 && first < 64) {
        dtls_input(s, bytes, length, source);
    } else if (first >= 128 && first < 192 && s->srtp && length >= 2) {
        guint64 dropped = s->core->stats.dropped_in;
        if (bytes[1] >= 192 && bytes[1] < 224)
            session_rtcp_input(s, bytes, length);
        else
            rtp_input(s, bytes, length);
        if (dropped == s->core->stats.dropped_in && (!s->proven || is_consent_old(s)) &&
            same_address(source, &s->destination))
            on_proof(s);
    } else {
        s->core->stats.dropped_in++;
    }
}

/* ---- time ---- */

/* FALSE: the session has ended. */
static gboolean
tick_start(session *s, gint64 now_us)
{
    if (now_us - s->created_us > SESSION_START_US) {
        session_end(s, "no connection within 30 s");
        return FALSE;
    }
    if (!s->dtls)
        return TRUE;
    if (now_us - s->dtls_began_us > SESSION_DTLS_US && dtls_link_state(s->dtls) == DTLS_HANDSHAKE) {
        session_end(s, "no DTLS within 10 s");
        return FALSE;
    }
    dtls_state before = dtls_link_state(s->dtls);
    dtls_state after = dtls_link_tick(s->dtls);
    if (after == DTLS_FAILED) {
        on_dtls_state(s, before, after);
        return FALSE;
    }
    return TRUE;
}

static gboolean
tick_consent(session *s, gint64 now_us)
{
    gint64 quiet_us = now_us - s->ice.consent_us;
    if (quiet_us > SESSION_LOST_US) {
        session_end(s, "no consent for 30 s");
        return FALSE;
    }
    if (quiet_us > SESSION_SILENT_US && !s->silent) {
        s->silent = TRUE;
        relay_emit_session(s, RELAY_DISCONNECTED, "no consent for 5 s");
    }
    return TRUE;
}

void
session_tick(session *s)
{
    gint64 now_us = s->core->now_us;
    if (!s->connected) {
        /* The fingerprint may have come after the handshake. */
        if (s->dtls && dtls_link_state(s->dtls) == DTLS_READY)
            open_session(s);
        else
            tick_start(s, now_us);
        return;
    }
    if (!tick_consent(s, now_us))
        return;
    if (now_us >= s->next_report_us) {
        s->next_report_us = now_us + G_USEC_PER_SEC;
        session_send_reports(s);
    }
    if (s->feedback)
        session_send_feedback(s);
}
