/* The hub's end of the connections with its workers: one per name, the newest wins. */
#pragma once
#include "signaling/pending.h"
#include "signaling/signaling.h"

typedef struct worker_table worker_table;
typedef struct worker worker;

typedef struct {
    gboolean (*send)(gpointer link, const char *text);
    void (*close)(gpointer link, guint code, const char *reason);
} worker_link_ops;

/** on_media: the media worker is ready (TRUE) or gone. on_media_notified: its notifications. */
worker_table *worker_table_new(signaling *s);
void worker_table_free(worker_table *all);

/** A connection whose hello is to come; uid and pid are the kernel's word for who is there. */
worker *worker_new(worker_table *all, const worker_link_ops *ops, gpointer link, uid_t uid, pid_t pid);
/** One text from it. FALSE: close. */
gboolean worker_receive(worker *w, const char *text, gsize length);
/** The connection is gone: calls fail. Frees it. */
void worker_link_lost(worker *w);

void worker_table_call(worker_table *all, const char *name, const char *method, json_t *params, guint timeout_ms, rpc_done done,
                  gpointer data);
void worker_table_notify(worker_table *all, const char *name, const char *method, json_t *params);
gboolean worker_table_has(const worker_table *all, const char *name);
