/* Messages between the program and its child processes: one JSON object a datagram on a SOCK_SEQPACKET pair,
 * with at most one descriptor passed along. A message is whole or does not come. */
#pragma once
#include "hub/base/json.h"

#define CHANNEL_MESSAGE_LIMIT (128 * 1024) /* bytes of one message's text */
#define CHANNEL_FD 3                       /* the child's end */

typedef enum { CHANNEL_MESSAGE, CHANNEL_CLOSED, CHANNEL_EMPTY, CHANNEL_BROKEN } channel_result;

/** A descriptor to pass along that holds text; caller closes. -1: no memory for it. */
int channel_text(const char *text, gsize length);
/** The text of such a descriptor, which stays the caller's; NULL: it cannot be read, or is longer than limit.
 * Caller frees. */
char *channel_read_text(int fd, gsize limit);
/** A connected pair, close-on-exec. FALSE with ERR_UNAVAILABLE. */
gboolean channel_pair(int ret_fds[2], GError **error);
/** Sends message (borrowed) and a copy of fd (-1: none) without waiting. FALSE: the other end is gone, or
 * does not read. */
gboolean channel_send(int channel, const json_t *message, int fd);
/** CHANNEL_MESSAGE: *ret_message is a new reference and *ret_fd the descriptor that came along (caller
 * closes) or -1. wait FALSE: CHANNEL_EMPTY when nothing is there. */
channel_result channel_receive(int channel, gboolean wait, json_t **ret_message, int *ret_fd);
