/* The tables that the build makes from sql/query and sql/schema (sql_tables.py). Private to hub/store and its tests. */
#pragma once
#include <glib.h>

typedef struct {
    const char *name;
    const char *text;
} sql_statement;

typedef struct {
    int number;
    const char *name;   /* file name */
    const char *sha256; /* of the text, lower-case hexadecimal */
    const char *text;
} sql_migration;

/* Sorted by name; ends with NULLs. */
extern const sql_statement sql_statements[];
extern const guint sql_statement_count;

/* Sorted by number; ends with NULLs. */
extern const sql_migration sql_migrations[];
extern const guint sql_migration_count;
