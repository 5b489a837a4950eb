/* ICE-lite. The order of refusals matters (RFC 8445 7.3, and what attackers do with relays): a message that
 * is not authentic is never answered and never changes anything; an authentic one that is wrong gets an error
 * and changes nothing; only then is the source address believed. */
#include "media/rtc/ice.h"
#include "media/rtc/stun.h"
#include <openssl/rand.h>
#include <string.h>

static void
fill_random(char *text, gsize length)
{
    /* ice-char of RFC 8839 5.4 */
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    guint8 bytes[ICE_PASSWORD];
    if (RAND_bytes(bytes, (int)length) != 1)
        g_error("no randomness");
    for (gsize i = 0; i < length; i++)
        text[i] = alphabet[bytes[i] & 63];
    text[length] = '\0';
}

static void
make_credentials(ice_credentials *c)
{
    fill_random(c->ufrag, ICE_UFRAG);
    fill_random(c->password, ICE_PASSWORD);
}

void
ice_init(ice_agent *a)
{
    *a = (ice_agent){.selected = -1};
    make_credentials(&a->local);
}

static gboolean
is_ice_text(const char *text, gsize least)
{
    gsize length = strlen(text);
    if (length < least || length > ICE_CREDENTIAL_LIMIT)
        return FALSE;
    for (const char *c = text; *c; c++)
        if (!g_ascii_isalnum(*c) && *c != '+' && *c != '/')
            return FALSE;
    return TRUE;
}

gboolean
ice_set_remote(ice_agent *a, const char *ufrag, const char *password)
{
    if (!is_ice_text(ufrag, 4) || !is_ice_text(password, 22))
        return FALSE;
    g_strlcpy(a->remote_ufrag, ufrag, sizeof a->remote_ufrag);
    return TRUE;
}

void
ice_restart(ice_agent *a)
{
    /* A second restart before the first was used: only the pair in use and the newest count. */
    if (!a->previous.ufrag[0])
        a->previous = a->local;
    make_credentials(&a->local);
}

const char *
ice_username_of(const guint8 *bytes, gsize length, gsize *ret_length)
{
    stun_message m;
    *ret_length = 0;
    if (!stun_parse(&m, bytes, length) || m.type != STUN_REQUEST || !m.username)
        return NULL;
    const char *colon = memchr(m.username, ':', m.username_length);
    if (!colon)
        return NULL;
    *ret_length = (gsize)(colon - m.username);
    return m.username;
}

static gboolean
username_is(const stun_message *m, const char *local, const char *remote)
{
    gsize local_length = strlen(local);
    gsize remote_length = strlen(remote);
    if (!m->username || m->username_length < local_length + 1 ||
        memcmp(m->username, local, local_length) != 0 || m->username[local_length] != ':')
        return FALSE;
    if (remote_length == 0)
        return TRUE;
    return m->username_length == local_length + 1 + remote_length &&
           memcmp(m->username + local_length + 1, remote, remote_length) == 0;
}

/* Which of our credentials the request was made with; NULL: neither. */
static const ice_credentials *
authenticate(const ice_agent *a, const stun_message *m)
{
    if (username_is(m, a->local.ufrag, a->remote_ufrag) && stun_integrity_ok(m, a->local.password))
        return &a->local;
    /* Its other half may be the peer's old or new one. */
    if (a->previous.ufrag[0] && username_is(m, a->previous.ufrag, "") &&
        stun_integrity_ok(m, a->previous.password))
        return &a->previous;
    return NULL;
}

static int
find_tuple(const ice_agent *a, const net_address *address)
{
    for (guint i = 0; i < a->tuple_count; i++)
        if (net_address_equal(&a->tuples[i].address, address))
            return (int)i;
    return -1;
}

/* The place for a new tuple: a free one, else that of the longest silent one that is not in use. */
static guint
place_for_tuple(ice_agent *a, ice_result *result)
{
    if (a->tuple_count < ICE_TUPLES)
        return a->tuple_count++;
    guint oldest = a->selected == 0 ? 1 : 0;
    for (guint i = 0; i < ICE_TUPLES; i++)
        if ((int)i != a->selected && a->tuples[i].checked_us < a->tuples[oldest].checked_us)
            oldest = i;
    result->has_evicted = TRUE;
    result->evicted = a->tuples[oldest].address;
    return oldest;
}

static void
select_tuple(ice_agent *a, int tuple, gboolean nominate, gint64 now_us, ice_result *result)
{
    if (a->selected < 0) {
        result->moved = TRUE;
    } else if (tuple == a->selected) {
        a->nominated |= nominate;
        return;
    } else if (!nominate || (a->nominated && now_us - a->moved_us < ICE_MOVE_INTERVAL_US)) {
        return;
    } else {
        result->moved = TRUE;
    }
    a->selected = tuple;
    a->nominated = nominate;
    a->moved_us = now_us;
}

static void
accept_check(ice_agent *a, const stun_message *m, const net_address *from, gint64 now_us, ice_result *result)
{
    int tuple = find_tuple(a, from);
    if (tuple < 0) {
        tuple = (int)place_for_tuple(a, result);
        a->tuples[tuple].address = *from;
        result->added = TRUE;
    }
    a->tuples[tuple].checked_us = now_us;
    a->consent_us = now_us;
    select_tuple(a, tuple, m->use_candidate, now_us, result);
}

static gboolean
too_many_checks(ice_agent *a, gint64 now_us)
{
    if (now_us - a->second_us >= G_USEC_PER_SEC) {
        a->second_us = now_us;
        a->checks = 0;
    }
    return ++a->checks > ICE_CHECKS_PER_SECOND;
}

/* What an authentic request deserves instead of success; 0: nothing. */
static guint
error_for(const stun_message *m)
{
    if (m->unknown_count > 0)
        return 420;
    if (!m->has_priority)
        return 400;
    return m->controlled ? 487 : 0; /* RFC 8445 7.3.1.1: a lite agent is always the controlled one */
}

ice_result
ice_input(ice_agent *a, const guint8 *bytes, gsize length, const net_address *from, gint64 now_us,
          guint8 *reply, gsize reply_size)
{
    ice_result result = {.outcome = ICE_IGNORED};
    stun_message m;
    if (!stun_parse(&m, bytes, length) || m.type != STUN_REQUEST || !m.has_fingerprint ||
        too_many_checks(a, now_us))
        return result;
    const ice_credentials *used = authenticate(a, &m);
    if (!used)
        return result;
    guint error = error_for(&m);
    if (error) {
        result.outcome = ICE_REFUSED;
        result.reply_length = stun_write_error(reply, reply_size, &m, error, used->password);
        return result;
    }
    result.outcome = ICE_ANSWERED;
    result.reply_length = stun_write_success(reply, reply_size, &m, from, used->password);
    if (used == &a->local && a->previous.ufrag[0]) {
        a->previous = (ice_credentials){0};
        a->nominated = FALSE; /* the first nomination of the new session moves at once */
        result.restarted = TRUE;
    }
    accept_check(a, &m, from, now_us, &result);
    return result;
}

gboolean
ice_is_valid(const ice_agent *a, const net_address *from)
{
    return find_tuple(a, from) >= 0;
}

const net_address *
ice_selected(const ice_agent *a)
{
    return a->selected < 0 ? NULL : &a->tuples[a->selected].address;
}
