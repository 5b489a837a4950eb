/* What a C-MOVE or C-GET (PS3.4 C.4.2, C.4.3) is to send: the identifier's keys -> one SQL function under
 * row-level security -> a list in memory that is passed to the worker by its descriptor. */
#pragma once
#include "hub/store/db.h"

#define RETRIEVE_TOO_MANY 0xa701 /* unable to calculate the number of matches */
#define RETRIEVE_UNKNOWN_DESTINATION 0xa801
#define RETRIEVE_BAD_IDENTIFIER 0xa900 /* the identifier does not match the SOP class */
#define RETRIEVE_UNABLE 0xc000

typedef struct {
    const char *organisation; /* the calling AE's */
    const char *receiver;     /* the destination's; NULL: the same */
    const char *action, *who; /* of the audit row */
    const char *request;      /* id */
    json_t *keys;             /* borrowed */
    guint most;
} retrieve_request;

/** list: descriptor of a list of `count` lines "SOP-INSTANCE SOP-CLASS TRANSFER-SYNTAX SHA-256 0|1\n" (1: it
 * may go to this receiver), the callee's to close; -1 unless status is 0. Called once, never inside
 * retrieve_list. */
typedef void (*retrieve_done)(int list, guint count, guint16 status, gpointer user_data);

void retrieve_list(db_pool *pool, const retrieve_request *request, retrieve_done done, gpointer user_data);
