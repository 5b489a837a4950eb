/* STUN messages (RFC 8489) as far as ICE-lite needs them: binding requests in, binding responses out. */
#pragma once
#include <glib.h>
#include "media/rtc/address.h"

#define STUN_HEADER 20
#define STUN_USERNAME_LIMIT 513 /* RFC 8489 14.3: below 509 bytes; RFC 8445: 256 + ':' + 256 */
#define STUN_MESSAGE_LIMIT 1280
#define STUN_TRANSACTION_ID 12
#define STUN_UNKNOWN_LIMIT 8 /* unknown attributes that we name in an answer */

typedef enum {
    STUN_REQUEST = 0x0001,
    STUN_INDICATION = 0x0011,
    STUN_SUCCESS = 0x0101,
    STUN_ERROR = 0x0111
} stun_type;

/* One parsed binding message; pointers go into the bytes it was parsed from. */
typedef struct {
    stun_type type;
    const guint8 *bytes;
    gsize length;
    const guint8 *transaction;
    const char *username; /* not terminated; NULL when absent */
    gsize username_length;
    gboolean has_priority;
    gboolean use_candidate;
    gboolean controlling;
    gboolean controlled;
    gboolean has_fingerprint;            /* and it was right */
    gsize integrity_at;                  /* offset of MESSAGE-INTEGRITY; 0: absent */
    guint16 unknown[STUN_UNKNOWN_LIMIT]; /* comprehension-required attributes that we do not know */
    guint unknown_count;
    gboolean has_mapped;
    net_address mapped; /* XOR-MAPPED-ADDRESS of a response */
    guint error;        /* of an error response; 0: none */
} stun_message;

/** FALSE: not a well-formed binding message, or its FINGERPRINT is wrong. */
gboolean stun_parse(stun_message *ret_message, const guint8 *bytes, gsize length);
/** Is MESSAGE-INTEGRITY there and made with this password (RFC 8489 14.5, short-term)? Constant time. */
gboolean stun_integrity_ok(const stun_message *m, const char *password);

/** A success response with XOR-MAPPED-ADDRESS, MESSAGE-INTEGRITY and FINGERPRINT. Returns its length, 0: area
 * too small. */
gsize stun_write_success(guint8 *area, gsize size, const stun_message *request, const net_address *mapped,
                         const char *password);
/** An error response (RFC 8489 14.8) with the same protection; 420 lists the request's unknown attributes. */
gsize stun_write_error(guint8 *area, gsize size, const stun_message *request, guint code,
                       const char *password);
/** A connectivity check as a controlling browser sends it: for tests, and for a full agent later. */
gsize stun_write_check(guint8 *area, gsize size, const guint8 transaction[STUN_TRANSACTION_ID],
                       const char *username, const char *password, guint32 priority, gboolean controlling,
                       gboolean use_candidate);
