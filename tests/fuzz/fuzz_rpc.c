/* Any bytes as a JSON-RPC message: parsed or refused; what was parsed can be written and parsed again. */
#include "signaling/rpc.h"
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_again(const char *text, rpc_kind kind)
{
    g_auto(rpc_message) m = {0};
    if (!rpc_message_parse(&m, text, strlen(text), NULL) || m.kind != kind)
        g_error("not read back: %s", text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_auto(rpc_message) m = {0};
    g_autoptr(GError) error = NULL;
    if (!rpc_message_parse(&m, (const char *)data, size, &error)) {
        if (!error || m.root)
            g_error("refused without an error, or not cleared");
        return 0;
    }
    g_autofree char *text = m.kind == RPC_REQUEST        ? rpc_text_request(m.id, m.method, m.params)
                            : m.kind == RPC_NOTIFICATION ? rpc_text_notification(m.method, m.params)
                            : m.kind == RPC_RESULT       ? rpc_text_result(m.id, m.result)
                                                         : rpc_text_error(m.id, m.error);
    if (strlen(text) < RPC_MESSAGE_LIMIT)
        check_again(text, m.kind);
    return 0;
}
