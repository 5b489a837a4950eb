/* A private PostgreSQL for one test program: its own data directory below the temporary directory, its own Unix
 * socket, no TCP. PostgreSQL refuses to run as root; then it runs as the user postgres (of Debian's package) or nobody.
 * It dies with the test program. Roles consilium_owner, consilium_hub and consilium_dicom and the database consilium
 * exist; everybody on the socket is trusted. */
#pragma once
#include <glib.h>

typedef struct pg_cluster pg_cluster;

/** Starts it and waits until it answers. Aborts the test program when that fails. */
pg_cluster *pg_cluster_new(void);
/** Stops the server and removes its directory. */
void pg_cluster_free(pg_cluster *c);

/** Connection string for role: consilium_owner, consilium_hub, consilium_dicom or postgres (superuser). Caller frees. */
char *pg_cluster_conninfo(const pg_cluster *c, const char *role);

/** Fast shutdown, and a new start on the same data. */
void pg_cluster_stop(pg_cluster *c);
void pg_cluster_start(pg_cluster *c);
/** SIGKILL of the postmaster and all its children: a crash. */
void pg_cluster_kill(pg_cluster *c);

/** Runs SQL as the superuser by psql; aborts when it fails. Returns what it prints (caller frees). */
char *pg_cluster_sql(const pg_cluster *c, const char *sql);
