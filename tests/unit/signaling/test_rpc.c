#include "signaling/rpc.h"
#include <string.h>

static void
refuses(const char *text)
{
    g_auto(rpc_message) m = {0};
    g_autoptr(GError) error = NULL;
    if (rpc_message_parse(&m, text, strlen(text), &error))
        g_test_message("accepted: %s", text);
    g_assert_nonnull(error);
    g_assert_null(m.root);
}

static void
refuses_what_is_not_the_protocol(void)
{
    static const char *const bad[] = {
        "", "[]", "{}", "null", "{\"jsonrpc\":\"2.0\"}", "{\"jsonrpc\":\"1.0\",\"method\":\"a\"}",
        "{\"jsonrpc\":\"2.0\",\"id\":\"text\",\"method\":\"a\"}", "{\"jsonrpc\":\"2.0\",\"id\":1.5,\"method\":\"a\"}",
        "{\"jsonrpc\":\"2.0\",\"method\":\"\"}", "{\"jsonrpc\":\"2.0\",\"method\":7}",
        "{\"jsonrpc\":\"2.0\",\"method\":\"a\",\"params\":[1]}", "{\"jsonrpc\":\"2.0\",\"method\":\"a\",\"params\":null}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{},\"error\":{\"code\":1}}", "{\"jsonrpc\":\"2.0\",\"id\":1}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":5}", "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{}}",
        "{\"jsonrpc\":\"2.0\",\"result\":{}}", "[{\"jsonrpc\":\"2.0\",\"method\":\"a\"}]",
        "{\"jsonrpc\":\"2.0\",\"method\":\"a\",\"method\":\"b\"}", "{\"jsonrpc\":\"2.0\",\"method\":\"\xff\"}",
        "{\"jsonrpc\":\"2.0\",\"method\":\"a\",\"result\":{}}",
        "{\"jsonrpc\":\"2.0\",\"method\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}", NULL};
    for (int i = 0; bad[i]; i++)
        refuses(bad[i]);
    g_autofree char *deep = g_strnfill(100000, '[');
    refuses(deep);
    g_autofree char *large = g_strnfill(RPC_MESSAGE_LIMIT + 1, ' ');
    refuses(large);
}

static void
reads_back_what_it_writes(void)
{
    g_autoptr(json_t) params = json_pack("{s:s}", "room", "病房");
    g_autoptr(GError) error = NULL, refusal = err_new(ERR_NOT_FOUND, "no such room"), inside = err_new(ERR_INTERNAL, "SQL of table x");
    char *texts[] = {rpc_text_request(42, "room.join", params), rpc_text_notification("room.joined", NULL),
                                rpc_text_result(G_MAXINT64, params), rpc_text_error(7, refusal), rpc_text_error(8, inside)};
    rpc_message m[5] = {0};
    for (gsize i = 0; i < G_N_ELEMENTS(m); i++) {
        g_assert_true(rpc_message_parse(&m[i], texts[i], strlen(texts[i]), &error));
        g_assert_no_error(error);
    }
    g_assert_cmpint(m[0].kind, ==, RPC_REQUEST);
    g_assert_cmpint(m[0].id, ==, 42);
    g_assert_cmpstr(json_get_text(m[0].params, "room"), ==, "病房");
    g_assert_cmpint(m[1].kind, ==, RPC_NOTIFICATION);
    g_assert_cmpint(json_object_size(m[1].params), ==, 0);
    g_assert_cmpint(m[2].kind, ==, RPC_RESULT);
    g_assert_cmpint(m[2].id, ==, G_MAXINT64);
    g_assert_error(m[3].error, CONSILIUM_ERROR, ERR_NOT_FOUND);
    g_assert_cmpstr(m[3].error->message, ==, "no such room");
    g_assert_cmpstr(json_get_text(json_object_get(json_object_get(m[3].root, "error"), "data"), "name"), ==, "not-found");
    g_assert_null(strstr(m[4].error->message, "SQL")); /* the inside stays inside */
    for (gsize i = 0; i < G_N_ELEMENTS(m); i++)
        rpc_message_clear(&m[i]);
    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++)
        g_free(texts[i]);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/rpc/refuses", refuses_what_is_not_the_protocol);
    g_test_add_func("/rpc/round-trip", reads_back_what_it_writes);
    return g_test_run();
}
