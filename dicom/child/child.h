/* A child process of this program: the same executable started with `--child ROLE`, one channel with it,
 * watched on the loop. Children hold what may crash: DCMTK on network input (role association) and pixel
 * decoders (role render). */
#pragma once
#include "dicom/child/channel.h"
#include "hub/base/loop.h"

typedef struct child child;

typedef struct {
    /** message is borrowed; fd is the handler's to close (-1: none). */
    void (*message)(child *c, json_t *message, int fd, gpointer user_data);
    /** The process is gone or its channel broke; called once, then the child frees itself. Not after
     * child_free. */
    void (*gone)(child *c, gpointer user_data);
} child_handler;

/** config_path: given on to the child as --config. handler: not copied. */
child *child_spawn(loop *l, const char *role, const char *config_path, const child_handler *handler,
                   gpointer user_data, GError **error);
/** Kills it without a further call of its handler. */
void child_free(child *c);
/** FALSE: it does not read; the caller should end it. */
gboolean child_send(child *c, const json_t *message, int fd);
/** SIGKILL; `gone` follows. */
void child_kill(child *c);
int child_pid(const child *c);

/** In the child, first thing: dies with its parent, ignores the terminal's signals. */
void child_begin(void);
