/* Who is asking: sessions (cookie), bearer tokens, and what ends them.
 *
 * A presented secret is hashed and looked up; the answer is kept for AUTH_CACHE_SECONDS so that a burst of
 * image reads costs one query. NOTIFY consilium_identity (sent by the database when a session or token ends,
 * a role changes or a person is disabled) empties the cache and runs the on_ended hooks, which is how sockets
 * and media go within 5 seconds. */
#pragma once
#include "hub/base/config.h"
#include "hub/base/loop.h"
#include "hub/store/db.h"

#define AUTH_CACHE_SECONDS 4
#define AUTH_CACHE_LIMIT 4096

typedef struct auth auth;

enum { AUTH_API = 1, AUTH_DICOMWEB = 2, AUTH_FHIR = 4, AUTH_ALL = 7 }; /* scopes; a session has all */

/* Read only, reference counted; stays valid after it ended. */
typedef struct identity {
    gint refs;
    gboolean is_session; /* came by the cookie: CSRF rules hold */
    char *id;            /* of the session or token */
    char *person, *organisation;
    char **roles; /* in the acting organisation, NULL-terminated */
    guint scopes;
    gint64 expires_us;     /* wall clock: absolute limit */
    gint64 fresh_until_us; /* monotonic: cache */
} identity;

identity *identity_ref(identity *who);
void identity_unref(identity *who);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(identity, identity_unref)
gboolean identity_has_role(const identity *who, const char *role);

auth *auth_new(loop *l, db_pool *db, const config *c);
void auth_free(auth *a);

/** The cached identity of a cookie value or a bearer token (one of them NULL), as a new reference, or NULL:
 * ask auth_identify. */
identity *auth_cached(auth *a, const char *cookie, const char *bearer);

/** who NULL with error ERR_UNAUTHENTICATED (no, wrong, ended) or ERR_UNAVAILABLE. Borrowed; ref to keep. */
typedef void (*auth_done)(identity *who, const GError *error, gpointer user_data);
/** Looks up a cookie value or bearer token. done is called exactly once, on the loop, never inside this call.
 */
void auth_identify(auth *a, const char *cookie, const char *bearer, auth_done done, gpointer user_data);

/** Hook: a session or token (id), or everything of a person (id), ended or changed; id NULL: anything may
 * have (the notification connection was lost), check again by auth_check. For long-lived sockets. */
void auth_on_ended(auth *a, void (*ended)(const char *id, gpointer user_data), gpointer user_data);
/** Is this identity (of a socket opened earlier) still live? done as in auth_identify. Touches nothing. */
void auth_check(auth *a, const identity *who, auth_done done, gpointer user_data);
/** Guesses under way, by login. Borrowed. */
struct throttle *auth_throttle(auth *a);
/** Forgets what is cached under the session or token id. */
void auth_forget(auth *a, const char *id);
