/* Secrets to identities, with a cache of a few seconds. The cache is keyed by the secret's hash; a
 * notification of the database empties it by id. An entry older than AUTH_CACHE_SECONDS is never used, so a
 * lost notification costs at most that. */
#include "hub/auth/auth.h"
#include "hub/auth/throttle.h"
#include "hub/base/err.h"
#include "hub/base/id.h"
#include <string.h>

struct hook {
    void (*ended)(const char *, gpointer);
    gpointer data;
};

struct auth {
    loop *loop;
    db_pool *db;
    char *idle_seconds;
    GHashTable *cache; /* secret hash (owned) -> identity (owned reference) */
    GArray *hooks;
    throttle *guesses;
};

struct lookup {
    auth *a;
    char *hash;
    gboolean is_session;
    identity *checked; /* auth_check */
    auth_done done;
    gpointer data;
};

static void
lookup_free(struct lookup *l)
{
    g_free(l->hash);
    g_clear_pointer(&l->checked, identity_unref);
    g_free(l);
}

static gboolean
is_named(gpointer key, gpointer value, gpointer id)
{
    (void)key;
    const identity *who = value;
    return !strcmp(who->id, id) || !strcmp(who->person, id);
}

void
auth_forget(auth *a, const char *id)
{
    g_hash_table_foreach_remove(a->cache, is_named, (gpointer)id);
}

static void
on_identity(const char *payload, gpointer data)
{
    auth *a = data;
    if (payload)
        auth_forget(a, payload);
    else
        g_hash_table_remove_all(a->cache);
    for (guint i = 0; i < a->hooks->len; i++) {
        const struct hook *h = &g_array_index(a->hooks, struct hook, i);
        h->ended(payload, h->data);
    }
}

auth *
auth_new(loop *l, db_pool *db, const config *c)
{
    auth *a = g_new0(auth, 1);
    a->loop = l;
    a->db = db;
    a->idle_seconds = g_strdup(config_text(c, "auth", "session-idle"));
    a->cache = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)identity_unref);
    a->hooks = g_array_new(FALSE, FALSE, sizeof(struct hook));
    a->guesses = throttle_new((guint)config_int(c, "auth", "failures"));
    db_pool_listen(db, "consilium_identity", on_identity, a);
    return a;
}

void
auth_free(auth *a)
{
    if (!a)
        return;
    g_hash_table_unref(a->cache);
    g_array_unref(a->hooks);
    throttle_free(a->guesses);
    g_free(a->idle_seconds);
    g_free(a);
}

struct throttle *
auth_throttle(auth *a)
{
    return a->guesses;
}

void
auth_on_ended(auth *a, void (*ended)(const char *, gpointer), gpointer user_data)
{
    struct hook h = {ended, user_data};
    g_array_append_val(a->hooks, h);
}

static char *
hash_of(const char *cookie, const char *bearer)
{
    const char *secret = cookie ? cookie : bearer;
    /* a cookie's secret and a token's are different tables: the key keeps them apart */
    g_autofree char *hash = id_sha256_hex(secret, strlen(secret));
    return g_strconcat(cookie ? "s" : "t", hash, NULL);
}

identity *
auth_cached(auth *a, const char *cookie, const char *bearer)
{
    g_autofree char *key = hash_of(cookie, bearer);
    identity *who = g_hash_table_lookup(a->cache, key);
    if (!who)
        return NULL;
    if (who->fresh_until_us > g_get_monotonic_time() && who->expires_us > g_get_real_time())
        return identity_ref(who);
    g_hash_table_remove(a->cache, key);
    return NULL;
}

static guint
scopes_of(const json_t *list)
{
    guint scopes = 0;
    gsize i;
    json_t *one;
    json_array_foreach((json_t *)list, i, one)
    {
        const char *name = json_string_value(one);
        scopes |= !g_strcmp0(name, "api") ? AUTH_API : 0;
        scopes |= !g_strcmp0(name, "dicomweb") ? AUTH_DICOMWEB : 0;
        scopes |= !g_strcmp0(name, "fhir") ? AUTH_FHIR : 0;
    }
    return scopes;
}

static char **
roles_of(const json_t *list)
{
    g_autoptr(GStrvBuilder) roles = g_strv_builder_new();
    gsize i;
    json_t *one;
    json_array_foreach((json_t *)list, i, one) g_strv_builder_add(roles, json_string_value(one));
    return g_strv_builder_end(roles);
}

/* NULL: no such secret, or the person has no role in that organisation any more. */
static identity *
identity_from(db_batch *batch, gboolean is_session)
{
    g_autoptr(json_t) roles = db_json(batch, 0, 0, 4);
    g_autoptr(json_t) scopes = db_json(batch, 0, 0, 5);
    if (db_rows(batch, 0) == 0 || json_array_size(roles) == 0)
        return NULL;
    identity *who = g_new0(identity, 1);
    who->refs = 1;
    who->is_session = is_session;
    who->id = g_strdup(db_text(batch, 0, 0, 0));
    who->person = g_strdup(db_text(batch, 0, 0, 1));
    who->organisation = g_strdup(db_text(batch, 0, 0, 2));
    who->expires_us = g_ascii_strtoll(db_text(batch, 0, 0, 3), NULL, 10);
    who->roles = roles_of(roles);
    who->scopes = scopes_of(scopes);
    who->fresh_until_us = g_get_monotonic_time() + AUTH_CACHE_SECONDS * G_USEC_PER_SEC;
    return who;
}

static void
on_found(db_batch *batch, const GError *error, gpointer data)
{
    struct lookup *l = data;
    g_autoptr(identity) who = error ? NULL : identity_from(batch, l->is_session);
    if (error) {
        l->done(NULL, error, l->data);
    } else if (!who) {
        g_autoptr(GError) refusal =
            err_new(ERR_UNAUTHENTICATED, l->is_session ? "the session has ended" : "the token is not valid");
        l->done(NULL, refusal, l->data);
    } else {
        if (g_hash_table_size(l->a->cache) >= AUTH_CACHE_LIMIT)
            g_hash_table_remove_all(l->a->cache);
        g_hash_table_insert(l->a->cache, g_strdup(l->hash), identity_ref(who));
        l->done(who, NULL, l->data);
    }
    lookup_free(l);
}

void
auth_identify(auth *a, const char *cookie, const char *bearer, auth_done done, gpointer user_data)
{
    struct lookup *l = g_new0(struct lookup, 1);
    l->a = a;
    l->hash = hash_of(cookie, bearer);
    l->is_session = cookie != NULL;
    l->done = done;
    l->data = user_data;
    db_batch *batch = db_batch_new(NULL);
    if (l->is_session)
        db_batch_add(batch, "session_find", 2, l->hash + 1, a->idle_seconds);
    else
        db_batch_add(batch, "token_find", 1, l->hash + 1);
    db_pool_run(a->db, batch, on_found, l);
}

static void
on_checked(db_batch *batch, const GError *error, gpointer data)
{
    struct lookup *l = data;
    g_autoptr(GError) refusal = NULL;
    if (!error && db_rows(batch, 0) == 0)
        refusal = err_new(ERR_UNAUTHENTICATED, "the session or token has ended");
    const GError *why = error ? error : refusal;
    l->done(why ? NULL : l->checked, why, l->data);
    lookup_free(l);
}

void
auth_check(auth *a, const identity *who, auth_done done, gpointer user_data)
{
    struct lookup *l = g_new0(struct lookup, 1);
    l->a = a;
    l->checked = identity_ref((identity *)who);
    l->done = done;
    l->data = user_data;
    db_batch *batch = db_batch_new(NULL);
    db_batch_add(batch, "identity_check", 2, who->id, a->idle_seconds);
    db_pool_run(a->db, batch, on_checked, l);
}
