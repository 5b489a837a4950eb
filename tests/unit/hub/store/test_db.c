/* The pool and the blocking connection against a real PostgreSQL: units of work, refusals, retries, and connections
 * that the server ends, crashes or restarts. */
#include "hub/base/clock.h"
#include "hub/base/err.h"
#include "hub/base/log.h"
#include "hub/store/db.h"
#include "tests/lib/pg_cluster.h"
#include <string.h>

#define DEADLINE_MS 20000

static pg_cluster *cluster;

static const char set_up_sql[] =
    "CREATE TABLE probe (id integer PRIMARY KEY, word text NOT NULL CHECK (word <> 'bad'));"
    "CREATE TABLE probe_child (id integer REFERENCES probe DEFERRABLE INITIALLY DEFERRED);"
    "CREATE SEQUENCE probe_tries;"
    "CREATE FUNCTION probe_raise(state text) RETURNS void LANGUAGE plpgsql AS"
    " $$ BEGIN IF state = 'deferred' THEN INSERT INTO probe_child VALUES (-1);"
    " ELSE RAISE EXCEPTION USING ERRCODE = state, MESSAGE = 'told so', DETAIL = 'secret name'; END IF; END $$;"
    /* a sequence remembers what a rollback forgets */
    "CREATE FUNCTION probe_flaky(good integer) RETURNS bigint LANGUAGE plpgsql AS"
    " $$ DECLARE n bigint := nextval('probe_tries'); BEGIN IF n < good THEN RAISE EXCEPTION USING ERRCODE = '40001',"
    " MESSAGE = 'again'; END IF; RETURN n; END $$;"
    "CREATE FUNCTION probe_terminate_once() RETURNS boolean LANGUAGE plpgsql AS"
    " $$ BEGIN IF nextval('probe_tries') = 1 THEN PERFORM pg_terminate_backend(pg_backend_pid()), pg_sleep(5); END IF;"
    " RETURN true; END $$;"
    "GRANT ALL ON probe, probe_child TO consilium_hub; GRANT ALL ON SEQUENCE probe_tries TO consilium_hub;"
    "GRANT pg_signal_backend TO consilium_hub";

typedef struct {
    loop *l;
    db_pool *pool;
    loop_timer *deadline;
    loop_timer *poll;
    gboolean (*condition)(gpointer data);
    gpointer condition_data;
} fixture;

/* What became of one batch. */
typedef struct {
    guint calls;
    err_code code; /* ERR_COUNT: it succeeded */
    char *message;
    char *first; /* field 0,0 of its last statement */
    guint rows;
    guint last; /* index of the last statement */
    gboolean inside; /* set while db_pool_run is running */
} outcome;

static void
outcome_clear(outcome *o)
{
    g_free(o->message);
    g_free(o->first);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(outcome, outcome_clear)

static void
on_deadline(gpointer data)
{
    (void)data;
    g_error("the condition did not come true in time");
}

static void
on_poll(gpointer data)
{
    fixture *f = data;
    if (f->condition(f->condition_data))
        uv_stop(loop_uv(f->l));
}

static void
wait_for(fixture *f, gboolean (*condition)(gpointer), gpointer data)
{
    f->condition = condition;
    f->condition_data = data;
    loop_timer_start(f->deadline, DEADLINE_MS, 0);
    loop_timer_start(f->poll, 0, 5);
    loop_run(f->l);
    loop_timer_stop(f->poll);
    loop_timer_stop(f->deadline);
}

static gboolean
is_up(gpointer data)
{
    return db_pool_is_up(((fixture *)data)->pool);
}

static gboolean
is_called(gpointer data)
{
    return ((outcome *)data)->calls > 0;
}

static void
set_up(fixture *f, gconstpointer data)
{
    g_autofree char *conninfo = pg_cluster_conninfo(cluster, "consilium_hub");
    g_free(pg_cluster_sql(cluster, "TRUNCATE probe, probe_child; ALTER SEQUENCE probe_tries RESTART"));
    f->l = loop_new();
    f->deadline = loop_timer_new(f->l, on_deadline, f);
    f->poll = loop_timer_new(f->l, on_poll, f);
    f->pool = db_pool_new(f->l, conninfo, data ? GPOINTER_TO_UINT(data) : 2);
}

static void
tear_down(fixture *f, gconstpointer data)
{
    (void)data;
    db_pool_free(f->pool);
    loop_timer_free(f->deadline);
    loop_timer_free(f->poll);
    loop_free(f->l);
}

static void
on_done(db_batch *batch, const GError *error, gpointer data)
{
    outcome *o = data;
    g_assert_false(o->inside);
    o->calls++;
    o->code = error ? err_code_of(error) : ERR_COUNT;
    o->message = g_strdup(error ? error->message : "");
    o->rows = db_rows(batch, o->last);
    o->first = g_strdup(db_text(batch, o->last, 0, 0));
}

static void
start(fixture *f, db_batch *batch, guint last, outcome *o)
{
    o->last = last;
    o->inside = TRUE;
    db_pool_run(f->pool, batch, on_done, o);
    o->inside = FALSE;
}

static void
run_one(fixture *f, outcome *o, const char *statement, const char *param)
{
    db_batch *b = db_batch_new(NULL);
    guint last = param ? db_batch_add(b, statement, 1, param) : db_batch_add(b, statement, 0);
    start(f, b, last, o);
    wait_for(f, is_called, o);
    g_assert_cmpuint(o->calls, ==, 1);
}

static void
sets_the_actor_for_one_batch_only(fixture *f, gconstpointer data)
{
    (void)data;
    static const db_actor actor = {.person = "p", .organisation = "o", .purpose = "treatment", .request = "r"};
    g_auto(outcome) with = {0}, without = {0};
    db_batch *b = db_batch_new(&actor);
    start(f, b, db_batch_add(b, "probe_actor", 0), &with);
    wait_for(f, is_called, &with);
    g_assert_cmpint(with.code, ==, ERR_COUNT);
    g_assert_cmpstr(with.first, ==, "p");
    run_one(f, &without, "probe_actor", NULL);
    g_assert_cmpstr(without.first, ==, "");
}

static void
is_all_or_nothing(fixture *f, gconstpointer data)
{
    (void)data;
    g_auto(outcome) bad = {0}, all = {0};
    db_batch *b = db_batch_new(NULL);
    db_batch_add(b, "probe_insert", 2, "1", "one");
    db_batch_add(b, "probe_insert", 2, "1", "twice");
    start(f, b, db_batch_add(b, "probe_all", 0), &bad);
    /* this one is behind it on the same connection, in flight before the error is known */
    db_batch *next = db_batch_new(NULL);
    db_batch_add(next, "probe_insert", 2, "2", "two");
    start(f, next, db_batch_add(next, "probe_all", 0), &all);
    wait_for(f, is_called, &all);
    g_assert_cmpint(bad.code, ==, ERR_CONFLICT);
    g_assert_cmpint(all.code, ==, ERR_COUNT);
    g_assert_cmpuint(all.rows, ==, 1);
    g_assert_cmpstr(all.first, ==, "2");
}

static void
maps_errors_without_telling_values(fixture *f, gconstpointer data)
{
    (void)data;
    static const struct {
        const char *state;
        err_code code;
    } rows[] = {{"CN404", ERR_NOT_FOUND}, {"CN412", ERR_STALE},   {"CN409", ERR_CONFLICT},   {"CN422", ERR_UNPROCESSABLE},
                {"42501", ERR_DENIED},    {"22P02", ERR_INVALID}, {"53100", ERR_STORAGE},    {"57014", ERR_TIMEOUT},
                {"deferred", ERR_UNPROCESSABLE}, {"XX000", ERR_INTERNAL}, {"CN999", ERR_INTERNAL}};
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_auto(outcome) o = {0};
        run_one(f, &o, "probe_raise", rows[i].state);
        g_assert_cmpint(o.code, ==, rows[i].code);
        g_assert_null(strstr(o.message, "secret"));
    }
    g_auto(outcome) number = {0};
    db_batch *b = db_batch_new(NULL);
    start(f, b, db_batch_add(b, "probe_insert", 2, "Wang Xiaodong", "x"), &number);
    wait_for(f, is_called, &number);
    g_assert_cmpint(number.code, ==, ERR_INVALID);
    g_assert_null(strstr(number.message, "Wang"));
}

static void
tells_a_statement_that_cannot_be_prepared(fixture *f, gconstpointer data)
{
    (void)data;
    for (int i = 0; i < 2; i++) {
        g_auto(outcome) o = {0};
        run_one(f, &o, "probe_broken", NULL);
        g_assert_cmpint(o.code, ==, ERR_INTERNAL);
        g_assert_nonnull(strstr(o.message, "probe_broken"));
        g_assert_nonnull(strstr(o.message, "there_is_no_such_table"));
    }
    g_auto(outcome) good = {0};
    run_one(f, &good, "probe_all", NULL);
    g_assert_cmpint(good.code, ==, ERR_COUNT);
}

static void
retries_serialization_failures(fixture *f, gconstpointer data)
{
    (void)data;
    g_auto(outcome) third = {0}, fourth = {0};
    run_one(f, &third, "probe_flaky", "3");
    g_assert_cmpint(third.code, ==, ERR_COUNT);
    g_assert_cmpstr(third.first, ==, "3");
    run_one(f, &fourth, "probe_flaky", "100");
    g_assert_cmpint(fourth.code, ==, ERR_CONFLICT);
    g_autofree char *tries = pg_cluster_sql(cluster, "SELECT last_value FROM probe_tries");
    g_assert_cmpstr(tries, ==, "6");
}

static void
retries_what_the_server_ended(fixture *f, gconstpointer data)
{
    (void)data;
    g_auto(outcome) first = {0}, behind = {0};
    db_batch *b = db_batch_new(NULL), *next = db_batch_new(NULL);
    db_batch_add(b, "probe_insert", 2, "1", "one");
    start(f, b, db_batch_add(b, "probe_terminate_once", 0), &first);
    start(f, next, db_batch_add(next, "probe_insert", 2, "2", "two"), &behind);
    wait_for(f, is_called, &first);
    wait_for(f, is_called, &behind);
    g_assert_cmpint(first.code, ==, ERR_COUNT);
    g_assert_cmpint(behind.code, ==, ERR_COUNT);
    g_autofree char *rows = pg_cluster_sql(cluster, "SELECT string_agg(word, ',' ORDER BY id) FROM probe");
    g_assert_cmpstr(rows, ==, "one,two");
}

static gboolean
all_called(gpointer data)
{
    outcome *o = data;
    for (guint i = 0; i < 64; i++)
        if (!o[i].calls)
            return FALSE;
    return TRUE;
}

/** Every batch completes once and says the truth, whatever happens to the connections meanwhile. */
static void
survives_terminated_backends_under_load(fixture *f, gconstpointer data)
{
    (void)data;
    outcome o[64] = {0};
    wait_for(f, is_up, f);
    for (guint i = 0; i < G_N_ELEMENTS(o); i++) {
        g_autofree char *id = g_strdup_printf("%u", i);
        db_batch *b = db_batch_new(NULL);
        db_batch_add(b, "probe_insert", 2, id, "word");
        start(f, b, db_batch_add(b, "probe_sleep", 1, "0.01"), &o[i]);
        if (i % 16 == 8) {
            uv_run(loop_uv(f->l), UV_RUN_NOWAIT);
            g_free(pg_cluster_sql(cluster, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'consilium_hub'"));
        }
    }
    wait_for(f, all_called, o);
    for (guint i = 0; i < G_N_ELEMENTS(o); i++) {
        g_autofree char *sql = g_strdup_printf("SELECT count(*) FROM probe WHERE id = %u", i);
        g_autofree char *found = pg_cluster_sql(cluster, sql);
        g_assert_cmpuint(o[i].calls, ==, 1);
        if (o[i].code == ERR_COUNT)
            g_assert_cmpstr(found, ==, "1");
        else
            g_assert_cmpint(o[i].code, ==, ERR_UNAVAILABLE);
        outcome_clear(&o[i]);
    }
}

typedef struct {
    guint resyncs;
    GPtrArray *payloads;
} heard;

static void
on_notify(const char *payload, gpointer data)
{
    heard *h = data;
    if (payload)
        g_ptr_array_add(h->payloads, g_strdup(payload));
    else
        h->resyncs++;
}

static guint wanted_resyncs, wanted_payloads;

static gboolean
heard_enough(gpointer data)
{
    heard *h = data;
    return h->resyncs >= wanted_resyncs && h->payloads->len >= wanted_payloads;
}

static void
survives_a_restart_with_listen(fixture *f, gconstpointer data)
{
    gboolean crash = GPOINTER_TO_UINT(data) == 3;
    heard h = {.payloads = g_ptr_array_new_with_free_func(g_free)};
    g_auto(outcome) before = {0}, during = {0}, after = {0}, notified = {0};
    db_pool_listen(f->pool, "probe", on_notify, &h);
    wanted_resyncs = 1, wanted_payloads = 0;
    wait_for(f, heard_enough, &h);
    run_one(f, &before, "probe_notify", "first");
    wanted_payloads = 1;
    wait_for(f, heard_enough, &h);
    g_assert_cmpstr(h.payloads->pdata[0], ==, "first");

    if (crash)
        pg_cluster_kill(cluster);
    else
        pg_cluster_stop(cluster);
    db_batch *b = db_batch_new(NULL);
    db_batch_repeatable(b);
    start(f, b, db_batch_add(b, "probe_all", 0), &during);
    for (int i = 0; i < 20; i++)
        uv_run(loop_uv(f->l), UV_RUN_NOWAIT);
    pg_cluster_start(cluster);
    wait_for(f, is_called, &during);
    g_assert_cmpint(during.code, ==, ERR_COUNT);

    wanted_resyncs = 2;
    wait_for(f, heard_enough, &h);
    run_one(f, &notified, "probe_notify", "second");
    wanted_payloads = 2;
    wait_for(f, heard_enough, &h);
    g_assert_cmpstr(h.payloads->pdata[1], ==, "second");
    run_one(f, &after, "probe_all", NULL);
    g_assert_cmpint(after.code, ==, ERR_COUNT);
    g_ptr_array_unref(h.payloads);
}

static void
fails_what_waits_when_freed(fixture *f, gconstpointer data)
{
    (void)data;
    g_auto(outcome) running = {0}, waiting = {0};
    db_batch *b = db_batch_new(NULL);
    start(f, b, db_batch_add(b, "probe_sleep", 1, "30"), &waiting);
    wait_for(f, is_up, f);
    b = db_batch_new(NULL);
    start(f, b, db_batch_add(b, "probe_sleep", 1, "30"), &running);
    db_pool_free(g_steal_pointer(&f->pool));
    g_assert_cmpuint(running.calls, ==, 1);
    g_assert_cmpuint(waiting.calls, ==, 1);
    g_assert_cmpint(running.code, ==, ERR_UNAVAILABLE);
}

static void
blocking_connection_does_the_same(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *conninfo = pg_cluster_conninfo(cluster, "consilium_hub");
    g_free(pg_cluster_sql(cluster, "TRUNCATE probe, probe_child; ALTER SEQUENCE probe_tries RESTART"));
    g_autoptr(db_conn) conn = db_conn_open(conninfo, &error);
    g_assert_no_error(error);

    g_autoptr(db_batch) b = db_batch_new(NULL);
    guint insert = db_batch_add(b, "probe_insert", 2, "7", "seven"), all = db_batch_add(b, "probe_all", 0),
          bytes = db_batch_add(b, "probe_bytes", 0);
    g_assert_true(db_conn_run(conn, b, &error));
    g_assert_cmpuint(db_affected(b, insert), ==, 1);
    g_assert_cmpstr(db_text(b, all, 0, 1), ==, "seven");
    g_assert_null(db_text(b, all, 1, 0));
    g_autoptr(GBytes) value = db_bytes(b, bytes, 0, 0);
    g_assert_cmpmem(g_bytes_get_data(value, NULL), g_bytes_get_size(value), "\x00\xff\x10", 3);
    g_autoptr(json_t) json = db_json(b, bytes, 0, 1);
    g_assert_cmpint(json_array_size(json_object_get(json, "a")), ==, 2);
    g_assert_null(db_bytes(b, bytes, 0, 2));

    g_autoptr(db_batch) again = db_batch_new(NULL);
    db_batch_add(again, "probe_insert", 2, "7", "seven");
    g_assert_false(db_conn_run(conn, again, &error));
    g_assert_error(error, CONSILIUM_ERROR, ERR_CONFLICT);
    g_clear_error(&error);

    pg_cluster_stop(cluster);
    pg_cluster_start(cluster);
    g_autoptr(db_batch) later = db_batch_new(NULL);
    db_batch_repeatable(later);
    db_batch_add(later, "probe_all", 0);
    g_assert_true(db_conn_run(conn, later, &error));
    g_assert_no_error(error);
    g_assert_cmpuint(db_rows(later, 0), ==, 1);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    log_init("test_db", LOG_ERROR);
    cluster = pg_cluster_new();
    g_free(pg_cluster_sql(cluster, set_up_sql));
    gpointer one = GUINT_TO_POINTER(1), crash = GUINT_TO_POINTER(3);
    g_test_add("/db/actor", fixture, one, set_up, sets_the_actor_for_one_batch_only, tear_down);
    g_test_add("/db/all-or-nothing", fixture, one, set_up, is_all_or_nothing, tear_down);
    g_test_add("/db/errors", fixture, one, set_up, maps_errors_without_telling_values, tear_down);
    g_test_add("/db/unpreparable", fixture, NULL, set_up, tells_a_statement_that_cannot_be_prepared, tear_down);
    g_test_add("/db/serialization", fixture, NULL, set_up, retries_serialization_failures, tear_down);
    g_test_add("/db/ended-by-server", fixture, one, set_up, retries_what_the_server_ended, tear_down);
    g_test_add("/db/terminated-under-load", fixture, NULL, set_up, survives_terminated_backends_under_load, tear_down);
    g_test_add("/db/restart", fixture, NULL, set_up, survives_a_restart_with_listen, tear_down);
    g_test_add("/db/crash", fixture, crash, set_up, survives_a_restart_with_listen, tear_down);
    g_test_add("/db/freed", fixture, one, set_up, fails_what_waits_when_freed, tear_down);
    g_test_add_func("/db/blocking", blocking_connection_does_the_same);
    int status = g_test_run();
    pg_cluster_free(cluster);
    return status;
}
