#include "media/rtc/dtls.h"
#include "tests/unit/media/dtls_client.h"
#include <string.h>

/* Both ends joined by queues of datagrams. */
typedef struct {
    dtls_context *context;
    dtls_link *link;
    dtls_client *client;
    GQueue *to_client, *to_link; /* GBytes */
    guint sent;                  /* datagrams of ours */
    gsize longest;
} pair;

static void
on_link_send(const guint8 *bytes, gsize length, gpointer user_data)
{
    pair *p = user_data;
    p->sent++;
    p->longest = MAX(p->longest, length);
    g_queue_push_tail(p->to_client, g_bytes_new(bytes, length));
}

static void
on_client_send(const guint8 *bytes, gsize length, gpointer user_data)
{
    pair *p = user_data;
    g_queue_push_tail(p->to_link, g_bytes_new(bytes, length));
}

static void
set_up_with(pair *p, const char *profiles)
{
    p->context = dtls_context_new(NULL);
    g_assert_nonnull(p->context);
    p->to_client = g_queue_new();
    p->to_link = g_queue_new();
    p->link = dtls_link_new(p->context, on_link_send, p);
    p->client = dtls_client_new(profiles, on_client_send, p);
}

static void
set_up(pair *p, gconstpointer data)
{
    (void)data;
    set_up_with(p,
                "SRTP_AES128_CM_SHA1_80:SRTP_AEAD_AES_256_GCM:SRTP_AEAD_AES_128_GCM"); /* Chromium's order */
}

static void
tear_down(pair *p, gconstpointer data)
{
    (void)data;
    dtls_client_free(p->client);
    dtls_link_free(p->link);
    dtls_context_free(p->context);
    g_queue_free_full(p->to_client, (GDestroyNotify)g_bytes_unref);
    g_queue_free_full(p->to_link, (GDestroyNotify)g_bytes_unref);
}

/* Carries datagrams until both queues are empty; drops the first `lost` of the link's. */
static void
carry(pair *p)
{
    while (p->to_link->length + p->to_client->length > 0) {
        g_autoptr(GBytes) in = g_queue_pop_head(p->to_link);
        if (in)
            dtls_link_input(p->link, g_bytes_get_data(in, NULL), g_bytes_get_size(in));
        g_autoptr(GBytes) out = g_queue_pop_head(p->to_client);
        if (out)
            dtls_client_input(p->client, g_bytes_get_data(out, NULL), g_bytes_get_size(out));
    }
}

static void
expect_fingerprint(pair *p, const char *text)
{
    guint8 fingerprint[DTLS_FINGERPRINT_SIZE];
    g_assert_true(dtls_fingerprint_parse(text, fingerprint));
    dtls_link_set_fingerprint(p->link, fingerprint);
}

static void
test_agree(pair *p, gconstpointer data)
{
    dtls_keys ours, theirs;
    (void)data;
    expect_fingerprint(p, dtls_client_fingerprint(p->client));
    g_assert_false(dtls_link_keys(p->link, &ours));
    dtls_client_tick(p->client);
    carry(p);
    g_assert_cmpint(dtls_link_state(p->link), ==, DTLS_READY);
    g_assert_true(dtls_link_keys(p->link, &ours));
    g_assert_true(dtls_client_keys(p->client, &theirs));
    g_assert_cmpint(ours.profile, ==, SRTP_PROFILE_AEAD_AES_128_GCM); /* our order counts */
    g_assert_cmpmem(&ours, sizeof ours, &theirs, sizeof theirs);
    g_assert_cmpuint(p->longest, <=, DTLS_MTU);
    dtls_client_close(p->client);
    carry(p);
    g_assert_cmpint(dtls_link_state(p->link), ==, DTLS_CLOSED);
}

static void
test_wrong_certificate(pair *p, gconstpointer data)
{
    dtls_keys keys;
    g_autofree char *wrong = g_strdup(dtls_client_fingerprint(p->client));
    (void)data;
    wrong[0] = wrong[0] == 'A' ? 'B' : 'A';
    expect_fingerprint(p, wrong);
    dtls_client_tick(p->client);
    carry(p);
    g_assert_cmpint(dtls_link_state(p->link), ==, DTLS_FAILED);
    g_assert_false(dtls_link_keys(p->link, &keys));
}

/* A subscriber's answer may come after its DTLS: no keys before. */
static void
test_late_fingerprint(pair *p, gconstpointer data)
{
    dtls_keys keys;
    (void)data;
    dtls_client_tick(p->client);
    carry(p);
    g_assert_cmpint(dtls_link_state(p->link), ==, DTLS_UNVERIFIED);
    g_assert_false(dtls_link_keys(p->link, &keys));
    expect_fingerprint(p, dtls_client_fingerprint(p->client));
    g_assert_cmpint(dtls_link_state(p->link), ==, DTLS_READY);
    g_assert_true(dtls_link_keys(p->link, &keys));
}

static void
test_sha1_only(void)
{
    pair p = {0};
    dtls_keys keys;
    set_up_with(&p, "SRTP_AES128_CM_SHA1_80");
    expect_fingerprint(&p, dtls_client_fingerprint(p.client));
    dtls_client_tick(p.client);
    carry(&p);
    g_assert_true(dtls_link_keys(p.link, &keys));
    g_assert_cmpint(keys.profile, ==, SRTP_PROFILE_AES128_CM_SHA1_80);
    tear_down(&p, NULL);
}

static GBytes *
read_fragment(int number)
{
    g_autofree char *path = g_strdup_printf("tests/data/webrtc/chromium-156-clienthello-frag%d.bin", number);
    char *bytes;
    gsize length;
    g_assert_true(g_file_get_contents(path, &bytes, &length, NULL));
    return g_bytes_new_take(bytes, length);
}

/* Chromium's ClientHello comes in two datagrams, in either order; what we answer is shorter than it. */
static void
test_fragmented_hello(pair *p, gconstpointer data)
{
    gboolean swapped = GPOINTER_TO_INT(data);
    g_autoptr(GBytes) first = read_fragment(swapped ? 2 : 1);
    g_autoptr(GBytes) second = read_fragment(swapped ? 1 : 2);
    gsize answered = 0;
    g_assert_cmpint(dtls_link_input(p->link, g_bytes_get_data(first, NULL), g_bytes_get_size(first)), ==,
                    DTLS_HANDSHAKE);
    g_assert_cmpuint(p->sent, ==, 0);
    g_assert_cmpint(dtls_link_input(p->link, g_bytes_get_data(second, NULL), g_bytes_get_size(second)), ==,
                    DTLS_HANDSHAKE);
    for (GList *i = p->to_client->head; i; i = i->next)
        answered += g_bytes_get_size(i->data);
    g_assert_cmpuint(answered, >, 500);
    g_assert_cmpuint(answered, <, g_bytes_get_size(first) + g_bytes_get_size(second));
}

static void
test_garbage(pair *p, gconstpointer data)
{
    guint8 bytes[200];
    (void)data;
    memset(bytes, 22, sizeof bytes);
    for (gsize length = 0; length <= sizeof bytes; length += 7)
        dtls_link_input(p->link, bytes, length);
    g_assert_cmpint(dtls_link_state(p->link), !=, DTLS_READY);
}

static void
test_fingerprint_text(void)
{
    guint8 f[DTLS_FINGERPRINT_SIZE];
    g_autoptr(dtls_context) c = dtls_context_new(NULL);
    g_autofree char *text = g_strdup(dtls_context_fingerprint(c));
    g_assert_true(dtls_fingerprint_parse(text, f));
    text[5] = '-';
    g_assert_false(dtls_fingerprint_parse(text, f));
    g_assert_false(dtls_fingerprint_parse("AB:CD", f));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add("/dtls/agree", pair, NULL, set_up, test_agree, tear_down);
    g_test_add("/dtls/wrong-certificate", pair, NULL, set_up, test_wrong_certificate, tear_down);
    g_test_add("/dtls/late-fingerprint", pair, NULL, set_up, test_late_fingerprint, tear_down);
    g_test_add_func("/dtls/sha1-only", test_sha1_only);
    g_test_add("/dtls/fragmented-hello", pair, GINT_TO_POINTER(FALSE), set_up, test_fragmented_hello,
               tear_down);
    g_test_add("/dtls/fragmented-hello-swapped", pair, GINT_TO_POINTER(TRUE), set_up, test_fragmented_hello,
               tear_down);
    g_test_add("/dtls/garbage", pair, NULL, set_up, test_garbage, tear_down);
    g_test_add_func("/dtls/fingerprint-text", test_fingerprint_text);
    return g_test_run();
}
