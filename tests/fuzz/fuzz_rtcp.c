/* RTCP: a compound packet and everything inside. */
#include "media/rtc/transport_cc.h"

int LLVMFuzzerTestOneInput(const guint8 *bytes, gsize length);

static void
on_packet(guint16 sequence, gboolean received, gint64 delta_us, gpointer user_data)
{
    gint64 *sum = user_data;
    *sum += sequence + received + delta_us;
}

int
LLVMFuzzerTestOneInput(const guint8 *bytes, gsize length)
{
    buf_reader r = buf_reader_of(bytes, length);
    rtcp_packet p;
    rtcp_is_valid(bytes, length);
    while (rtcp_next(&r, &p)) {
        transport_cc_header header;
        rtcp_report report;
        rtcp_packet copy = p;
        guint16 first, mask;
        guint32 ssrc;
        guint8 sequence;
        gint64 sum = 0;
        while (rtcp_next_report(&p, &report) || rtcp_next_nack(&p, &first, &mask) ||
               rtcp_next_fir(&p, &ssrc, &sequence))
            ;
        transport_cc_read(&copy, &header, on_packet, &sum);
    }
    return 0;
}
