/* A transport address: IPv4 or IPv6 and port, comparable byte by byte (unused bytes are zero). */
#pragma once
#include <glib.h>

typedef struct {
    guint8 ip[16]; /* IPv4: the first four */
    guint16 port;  /* host order */
    guint8 family; /* 4, 6; 0: none */
    guint8 unused;
} net_address;

gboolean net_address_equal(const net_address *a, const net_address *b);
