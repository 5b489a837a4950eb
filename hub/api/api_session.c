/* Signing in, in the order of the callbacks: candidate (one query) → verify (thread pool) → second factor →
 * open. Every way out that is not a success counts as a failure, costs the same time and leaves an audit row.
 */
#include "hub/api/api_session.h"
#include "hub/auth/auth.h"
#include "hub/auth/password.h"
#include "hub/auth/throttle.h"
#include "hub/auth/totp.h"
#include "hub/base/id.h"
#include "hub/base/log.h"
#include "hub/hub.h"
#include <openssl/crypto.h>
#include <string.h>

struct sign_in {
    http_request *request;
    char *address;
    char *login, *password, *otp, *organisation; /* otp, organisation: NULL when not given */
    char *person;                                /* NULL: no such login */
    char *hash;
    GBytes *totp_secret;
    gint64 totp_last_step;
    gint64 totp_step;
    gboolean right;
    gboolean entered;
    char *secret;      /* the cookie's value */
    char *retry_after; /* of a refusal by throttling, else NULL */
};

static void on_candidate(db_batch *batch, const GError *error, gpointer data);
static void step_verify(gpointer data);
static void on_verified(gpointer data);
static void on_totp(db_batch *batch, const GError *error, gpointer data);
static void find_organisation(struct sign_in *s);
static void on_organisation(db_batch *batch, const GError *error, gpointer data);
static void on_opened(db_batch *batch, const GError *error, gpointer data);

static struct hub *
hub_of(const struct sign_in *s)
{
    return http_hub(s->request);
}

static void
sign_in_free(struct sign_in *s)
{
    if (s->entered)
        throttle_leave(auth_throttle(hub_of(s)->auth), s->login);
    OPENSSL_cleanse(s->password, strlen(s->password));
    g_free(s->password);
    g_free(s->address);
    g_free(s->login);
    g_free(s->otp);
    g_free(s->organisation);
    g_free(s->person);
    g_free(s->hash);
    g_free(s->secret);
    g_free(s->retry_after);
    g_clear_pointer(&s->totp_secret, g_bytes_unref);
    http_unref(s->request);
    g_free(s);
}

/* The answer comes after the failure was written: whoever asks again is counted with it. */
static void
on_refusal_written(db_batch *batch, const GError *error, gpointer data)
{
    struct sign_in *s = data;
    (void)batch;
    if (error)
        log_limited(LOG_WARNING, "audit", "a refused sign-in could not be written: %s", error->message);
    if (s->retry_after)
        http_reply_header(s->request, "Retry-After", s->retry_after);
    if (s->retry_after)
        http_reply_problem(s->request, ERR_LIMIT, "too many failed sign-ins; wait");
    else /* one text for every reason: nobody learns which logins exist */
        http_reply_problem(s->request, ERR_UNAUTHENTICATED, "login, password or code are wrong");
    sign_in_free(s);
}

/* Ends in a refusal. counts: this was a guess. */
static void
refuse(struct sign_in *s, const char *why, gboolean counts)
{
    db_actor actor = {.person = s->person, .purpose = "system", .request = http_id(s->request)};
    db_batch *batch = db_batch_new(&actor);
    g_autofree char *detail = g_strdup_printf("{\"why\":\"%s\"}", why);
    if (counts)
        db_batch_add(batch, "session_failed", 2, s->login, s->address);
    db_batch_add(batch, "audit_append", 4, s->address, "session.refused", s->person ? s->person : "", detail);
    db_pool_run(hub_of(s)->db, batch, on_refusal_written, s);
}

static void
refuse_login(struct sign_in *s, const char *why)
{
    refuse(s, why, TRUE);
}

static void
refuse_throttled(struct sign_in *s, const char *retry_after)
{
    s->retry_after = g_strdup(retry_after ? retry_after : "1");
    refuse(s, "throttled", FALSE);
}

static gboolean
is_text(const char *text, gsize limit)
{
    return text && *text && strlen(text) <= limit;
}

void
api_session_open(http_request *r)
{
    g_autoptr(json_t) body = http_body_json(r);
    if (!body)
        return;
    const char *login = json_get_text(body, "login"), *password = json_get_text(body, "password");
    if (!is_text(login, 64) || !is_text(password, PASSWORD_MAX_LENGTH)) {
        http_reply_problem(r, ERR_INVALID, "login and password must be given");
        return;
    }
    struct sign_in *s = g_new0(struct sign_in, 1);
    struct hub *hub = http_hub(r);
    s->request = http_ref(r);
    s->address = g_strdup(http_peer(r));
    s->login = g_ascii_strdown(login, -1);
    s->password = g_strdup(password);
    s->otp = g_strdup(json_get_text(body, "otp"));
    s->organisation = g_strdup(json_get_text(body, "organisation"));
    s->entered = throttle_enter(auth_throttle(hub->auth), s->login);
    if (!s->entered) {
        refuse_throttled(s, "1");
        return;
    }
    db_batch *batch = db_batch_new(NULL);
    db_batch_add(batch, "session_candidate", 3, s->login, s->address,
                 config_text(hub->config, "auth", "failure-window"));
    db_pool_run(hub->db, batch, on_candidate, s);
}

static gint64
number_of(db_batch *batch, guint column, gint64 fallback)
{
    const char *text = db_text(batch, 0, 0, column);
    return text ? g_ascii_strtoll(text, NULL, 10) : fallback;
}

static void
on_candidate(db_batch *batch, const GError *error, gpointer data)
{
    struct sign_in *s = data;
    if (error) {
        http_reply_error(s->request, error);
        sign_in_free(s);
        return;
    }
    gint64 limit = config_int(hub_of(s)->config, "auth", "failures");
    s->person = g_strdup(db_text(batch, 0, 0, 3));
    s->hash = g_strdup(db_text(batch, 0, 0, 4));
    s->totp_secret = db_bytes(batch, 0, 0, 5);
    s->totp_last_step = number_of(batch, 6, -1);
    if (number_of(batch, 0, 0) >= limit || number_of(batch, 1, 0) >= limit) {
        refuse_throttled(s, db_text(batch, 0, 0, 2));
        return;
    }
    loop_work(hub_of(s)->loop, step_verify, on_verified, s);
}

/* In the thread pool. */
static void
step_verify(gpointer data)
{
    struct sign_in *s = data;
    s->right = password_verify(s->password, s->hash);
}

static void
on_verified(gpointer data)
{
    struct sign_in *s = data;
    if (!s->right) {
        refuse_login(s, "password");
        return;
    }
    if (!s->totp_secret) {
        find_organisation(s);
        return;
    }
    gsize length;
    const guint8 *secret = g_bytes_get_data(s->totp_secret, &length);
    if (!totp_verify(secret, length, s->otp, g_get_real_time() / G_USEC_PER_SEC, s->totp_last_step,
                     &s->totp_step)) {
        refuse_login(s, "code");
        return;
    }
    g_autofree char *step = g_strdup_printf("%" G_GINT64_FORMAT, s->totp_step);
    db_batch *batch = db_batch_new(NULL);
    db_batch_add(batch, "session_totp", 2, s->person, step);
    db_pool_run(hub_of(s)->db, batch, on_totp, s);
}

static void
on_totp(db_batch *batch, const GError *error, gpointer data)
{
    struct sign_in *s = data;
    if (error) {
        http_reply_error(s->request, error);
        sign_in_free(s);
    } else if (db_rows(batch, 0) == 0) {
        refuse_login(s, "code");
    } else {
        find_organisation(s);
    }
}

static void
find_organisation(struct sign_in *s)
{
    db_batch *batch = db_batch_new(NULL);
    db_batch_add(batch, "session_organisation", 2, s->person, s->organisation);
    db_pool_run(hub_of(s)->db, batch, on_organisation, s);
}

static void
on_organisation(db_batch *batch, const GError *error, gpointer data)
{
    struct sign_in *s = data;
    if (error) {
        http_reply_error(s->request, error);
        sign_in_free(s);
        return;
    }
    if (db_rows(batch, 0) == 0) {
        refuse_login(s, "organisation");
        return;
    }
    const config *c = hub_of(s)->config;
    const char *organisation = db_text(batch, 0, 0, 0);
    db_actor actor = {.person = s->person,
                      .organisation = organisation,
                      .purpose = "system",
                      .request = http_id(s->request)};
    g_autofree char *expires =
        g_strdup_printf("%" G_GINT64_FORMAT,
                        g_get_real_time() + config_int(c, "auth", "session-max") * (gint64)G_USEC_PER_SEC);
    s->secret = id_secret_new(32);
    g_autofree char *secret_hash = id_sha256_hex(s->secret, strlen(s->secret));
    db_batch *next = db_batch_new(&actor);
    db_batch_add(next, "session_open", 5, secret_hash, s->person, organisation, s->address,
                 config_text(c, "auth", "session-max"));
    db_batch_add(next, "session_describe", 1, expires);
    db_batch_add(next, "session_forgive", 1, s->login);
    db_batch_add(next, "audit_append", 4, s->address, "session.open", s->person, NULL);
    db_pool_run(hub_of(s)->db, next, on_opened, s);
}

static void
on_opened(db_batch *batch, const GError *error, gpointer data)
{
    struct sign_in *s = data;
    if (error) {
        http_reply_error(s->request, error);
    } else {
        g_autofree char *cookie =
            g_strdup_printf("consilium_session=%s; Path=/; Max-Age=%s; HttpOnly; Secure; SameSite=Strict",
                            s->secret, config_text(hub_of(s)->config, "auth", "session-max"));
        http_reply_header(s->request, "Set-Cookie", cookie);
        http_reply_json_text(s->request, 200, db_text(batch, 1, 0, 0));
    }
    sign_in_free(s);
}

/* --- with a session
 * ------------------------------------------------------------------------------------------------ */
static void
add_description(http_request *r, db_batch *batch)
{
    g_autofree char *expires = g_strdup_printf("%" G_GINT64_FORMAT, http_identity(r)->expires_us);
    db_batch_add(batch, "session_describe", 1, expires);
}

static void
on_described(http_request *r, db_batch *batch)
{
    http_reply_json_text(r, 200, db_text(batch, 0, 0, 0));
}

void
api_session_get(http_request *r)
{
    db_batch *batch = db_batch_new(http_actor(r));
    add_description(r, batch);
    http_db(r, batch, on_described);
}

static void
on_changed(http_request *r, db_batch *batch)
{
    auth_forget(http_hub(r)->auth, http_identity(r)->id);
    http_reply_json_text(r, 200, db_text(batch, 1, 0, 0));
}

static void
on_other_organisation(http_request *r, db_batch *batch)
{
    const char *organisation = db_text(batch, 0, 0, 0);
    if (!organisation) {
        http_reply_problem(r, ERR_NOT_FOUND, "%s", "");
        return;
    }
    db_actor actor = *http_actor(r);
    actor.organisation = organisation;
    db_batch *next = db_batch_new(&actor);
    db_batch_add(next, "session_act_for", 2, http_identity(r)->id, organisation);
    add_description(r, next);
    db_batch_add(next, "audit_append", 4, http_peer(r), "session.organisation", organisation, NULL);
    http_db(r, next, on_changed);
}

static gboolean
is_language(const char *text)
{
    static const char *const languages[] = {"zh-CN", "zh-TW", "en", "ms", NULL};
    return text && g_strv_contains(languages, text);
}

void
api_session_change(http_request *r)
{
    g_autoptr(json_t) body = http_body_json(r);
    if (!body)
        return;
    const char *language = json_get_text(body, "language"),
               *organisation = json_get_text(body, "organisation");
    if (json_object_size(body) != 1 || (!is_language(language) && !organisation)) {
        http_reply_problem(r, ERR_INVALID, "give a language (zh-CN, zh-TW, en, ms) or an organisation");
        return;
    }
    db_batch *batch = db_batch_new(http_actor(r));
    if (language) {
        db_batch_add(batch, "session_language", 1, language);
        add_description(r, batch);
        http_db(r, batch, on_changed);
        return;
    }
    if (!http_identity(r)->is_session) {
        http_reply_problem(r, ERR_DENIED, "a token acts for one organisation");
        db_batch_free(batch);
        return;
    }
    db_batch_add(batch, "session_organisation", 2, http_identity(r)->person, organisation);
    http_db(r, batch, on_other_organisation);
}

static void
on_closed(http_request *r, db_batch *batch)
{
    (void)batch;
    auth_forget(http_hub(r)->auth, http_identity(r)->id);
    http_reply_header(r, "Set-Cookie",
                      "consilium_session=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Strict");
    http_reply_header(r, "Clear-Site-Data", "\"cache\"");
    http_reply_empty(r, 204);
}

void
api_session_close(http_request *r)
{
    if (!http_identity(r)->is_session) {
        http_reply_problem(r, ERR_DENIED, "a token is revoked, not signed out");
        return;
    }
    db_batch *batch = db_batch_new(http_actor(r));
    db_batch_add(batch, "session_end", 1, http_identity(r)->id);
    db_batch_add(batch, "audit_append", 4, http_peer(r), "session.close", http_identity(r)->person, NULL);
    http_db(r, batch, on_closed);
}
