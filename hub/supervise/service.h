/* One program under supervision: who runs it, where its output goes, when it is started again. */
#pragma once
#include <glib.h>
#include <sys/types.h>

typedef struct {
    const char *name;    /* "database"; its log is <data>/log/<name>.log */
    const char *user;    /* system user when the supervisor is root */
    const char *role;    /* PostgreSQL role, given as PGUSER; NULL: none */
    const char *program; /* file below the directory of programs, or of PostgreSQL */
    int stop_signal;
    const char *const *arguments; /* NULL-terminated; a leading "%s" is the data directory */
} service_kind;

typedef struct {
    const service_kind *kind;
    char *path;         /* of the executable */
    const char *data;   /* data directory, borrowed */
    pid_t pid;          /* 0: not running */
    gint64 started_us;  /* monotonic */
    gint64 start_at_us; /* monotonic time of the next start, while not running */
    guint failures;     /* starts in a row that ended within SERVICE_STEADY_US */
    gboolean steady_once; /* has run that long at least once */
    gboolean missing;   /* there is no such program */
} service;

/** A program that ran this long has started well: its next restart is immediate. */
#define SERVICE_STEADY_US (5 * G_USEC_PER_SEC)

/** Forks and executes. The child runs as kind->user in a session of its own, with its output appended to its log,
 * and gets kind->stop_signal when the supervisor dies. Returns FALSE with errno when it could not be forked. */
gboolean service_start(service *s);

/** Notes the end of the program and sets start_at_us by back-off: 0.1, 0.2, 0.4 … 5 s. */
void service_ended(service *s);

/** Sends a signal when it runs. */
void service_signal(service *s, int signal_number);

/** Keeps logs bounded: a log over 64 MiB is copied to <name>.log.1 and begun anew. */
void service_rotate_log(const service *s);

/** What waitpid said, in words. Caller frees. */
char *service_status_text(int status);
