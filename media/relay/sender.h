/* Sends datagrams in batches. Packets are sealed straight into the send area, one after the other; neighbours
 * to one address and of one size become one message that the kernel cuts up (UDP_SEGMENT), which halves the
 * price of a packet. Where the kernel or the device will not do that, it is given up for good and each goes
 * alone. Media thread. */
#pragma once
#include <netinet/in.h>
#include <glib.h>

#define SENDER_AREA (192 * 1024)
#define SENDER_RUNS 128        /* messages of one system call */
#define SENDER_SEGMENTS 64     /* datagrams of one message: the kernel's UDP_MAX_SEGMENTS */
#define SENDER_RUN_BYTES 60000 /* below the 64 KiB of one message */
#define SENDER_WAITS 5         /* milliseconds that one flush waits for a full socket at most */
#define SENDER_PACKET 1600     /* room that sender_reserve promises */

typedef struct {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    };
    socklen_t length;
} send_address;

typedef struct sender sender;

sender *sender_new(int socket);
void sender_free(sender *s);
/** Room for one packet of SENDER_PACKET bytes. */
guint8 *sender_reserve(sender *s);
/** What was written to the reserved room goes to address. */
void sender_commit(sender *s, const send_address *address, gsize length);
/** Hands everything to the kernel. */
void sender_flush(sender *s);

typedef struct {
    guint64 packets, bytes, dropped; /* dropped: the kernel would not take them */
} sender_stats;

const sender_stats *sender_get_stats(const sender *s);
/** For tests: FALSE after segmentation was given up (or set so). */
gboolean sender_segments(const sender *s);
void sender_disable_segments(sender *s);
