#include "signaling/presence.h"
#include "signaling/internal.h"
#include "hub/base/clock.h"
#include <string.h>

#define LEAVE_SECONDS 5
#define TICK_MS 1000

typedef struct {
    char *person;       /* the key */
    GHashTable *organisations; /* organisation (owned) → number of its peers acting for it, as GUINT */
    guint peers;
    gint64 leaving_us;  /* monotonic; 0: online */
} online_person;

struct presence {
    signaling *s;
    GHashTable *people; /* person id → online_person, owned */
    loop_timer *tick;   /* runs while somebody is leaving */
};

static void
free_person(gpointer data)
{
    online_person *o = data;
    g_free(o->person);
    g_hash_table_unref(o->organisations);
    g_free(o);
}

static gboolean
is_contact(const peer *to, const online_person *o)
{
    GHashTableIter each;
    gpointer organisation;
    g_hash_table_iter_init(&each, o->organisations);
    while (g_hash_table_iter_next(&each, &organisation, NULL))
        if (g_hash_table_contains(to->contacts, organisation))
            return TRUE;
    return FALSE;
}

static void
tell(presence *p, const online_person *o, gboolean online)
{
    g_autoptr(json_t) params = json_pack("{s:s,s:b}", "person", o->person, "online", (int)online);
    g_autoptr(GPtrArray) peers = signaling_peers(p->s);
    for (guint i = 0; i < peers->len; i++)
        if (is_contact(peers->pdata[i], o))
            peer_notify(peers->pdata[i], "presence", params);
}

static void
on_tick(gpointer data)
{
    presence *p = data;
    gint64 now = clock_monotonic_us();
    gboolean more = FALSE;
    g_autoptr(GPtrArray) left = g_ptr_array_new_with_free_func(free_person);
    GHashTableIter each;
    gpointer value;
    g_hash_table_iter_init(&each, p->people);
    while (g_hash_table_iter_next(&each, NULL, &value)) {
        online_person *o = value;
        if (!o->leaving_us)
            continue;
        if (now - o->leaving_us < LEAVE_SECONDS * G_USEC_PER_SEC) {
            more = TRUE;
            continue;
        }
        g_hash_table_iter_steal(&each);
        g_ptr_array_add(left, o);
    }
    for (guint i = 0; i < left->len; i++)
        tell(p, left->pdata[i], FALSE);
    if (!more)
        loop_timer_stop(p->tick);
}

presence *
presence_new(signaling *s)
{
    presence *p = g_new0(presence, 1);
    p->s = s;
    p->people = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, free_person);
    p->tick = loop_timer_new(s->l, on_tick, p);
    return p;
}

void
presence_free(presence *p)
{
    if (!p)
        return;
    loop_timer_free(p->tick);
    g_hash_table_unref(p->people);
    g_free(p);
}

void
presence_came(presence *p, peer *who)
{
    online_person *o = g_hash_table_lookup(p->people, who->who->person);
    gboolean is_new = o == NULL;
    if (is_new) {
        o = g_new0(online_person, 1);
        o->person = g_strdup(who->who->person);
        o->organisations = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        g_hash_table_insert(p->people, o->person, o);
    }
    if (o->peers == 0) /* came back in time: what was kept for telling of the leave is over */
        g_hash_table_remove_all(o->organisations);
    o->peers++;
    o->leaving_us = 0;
    guint there = GPOINTER_TO_UINT(g_hash_table_lookup(o->organisations, who->who->organisation));
    g_hash_table_insert(o->organisations, g_strdup(who->who->organisation), GUINT_TO_POINTER(there + 1));
    if (is_new)
        tell(p, o, TRUE);
    presence_refresh(p, who, NULL, NULL);
}

void
presence_went(presence *p, peer *who)
{
    online_person *o = g_hash_table_lookup(p->people, who->who->person);
    if (!o)
        return;
    guint there = GPOINTER_TO_UINT(g_hash_table_lookup(o->organisations, who->who->organisation));
    o->peers--;
    /* the last organisation stays until the person is told to be gone: it says whom to tell */
    if (there > 1)
        g_hash_table_insert(o->organisations, g_strdup(who->who->organisation), GUINT_TO_POINTER(there - 1));
    else if (o->peers > 0)
        g_hash_table_remove(o->organisations, who->who->organisation);
    if (o->peers > 0)
        return;
    o->leaving_us = clock_monotonic_us();
    loop_timer_start(p->tick, TICK_MS, TICK_MS);
}

json_t *
presence_list(presence *p, const peer *to)
{
    json_t *list = json_array();
    GHashTableIter each;
    gpointer value;
    g_hash_table_iter_init(&each, p->people);
    while (g_hash_table_iter_next(&each, NULL, &value))
        if (is_contact(to, value))
            json_array_append_new(list, json_string(((online_person *)value)->person));
    return list;
}

struct refresh {
    peer *to;
    void (*done)(const GError *error, gpointer data);
    gpointer data;
};

static void
on_contacts(const char *const *organisations, const GError *error, gpointer data)
{
    struct refresh *f = data;
    if (!error) {
        g_hash_table_remove_all(f->to->contacts);
        g_hash_table_add(f->to->contacts, g_strdup(f->to->who->organisation));
        for (; organisations && *organisations; organisations++)
            g_hash_table_add(f->to->contacts, g_strdup(*organisations));
    }
    if (f->done)
        f->done(error, f->data);
    peer_unref(f->to);
    g_free(f);
}

void
presence_refresh(presence *p, peer *to, void (*done)(const GError *error, gpointer data), gpointer data)
{
    struct refresh *f = g_new0(struct refresh, 1);
    f->to = peer_ref(to);
    f->done = done;
    f->data = data;
    p->s->hooks.contacts(p->s->hub, to->who, on_contacts, f);
}
