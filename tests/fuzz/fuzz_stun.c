/* STUN: parse, authenticate, answer. */
#include "media/rtc/ice.h"
#include "media/rtc/stun.h"

int LLVMFuzzerTestOneInput(const guint8 *bytes, gsize length);

int
LLVMFuzzerTestOneInput(const guint8 *bytes, gsize length)
{
    net_address from = {.family = 4, .ip = {192, 0, 2, 1}, .port = 9};
    guint8 reply[STUN_MESSAGE_LIMIT];
    stun_message m;
    ice_agent a;
    gsize name;
    ice_init(&a);
    ice_username_of(bytes, length, &name);
    if (stun_parse(&m, bytes, length)) {
        stun_integrity_ok(&m, "VOkJxbRl1RmTxUk/WvJxBt");
        stun_write_success(reply, sizeof reply, &m, &from, a.local.password);
        stun_write_error(reply, sizeof reply, &m, 420, a.local.password);
    }
    ice_input(&a, bytes, length, &from, 1, reply, sizeof reply);
    return 0;
}
