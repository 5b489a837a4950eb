/* A bounded directory of finished pictures, named by what they show. Oldest out first. One thread. */
#pragma once
#include <glib.h>

typedef struct render_cache render_cache;

/** directory is made when it is not there; what it holds already counts. */
render_cache *cache_open(const char *directory, guint64 limit, GError **error);
void cache_close(render_cache *c);
/** The relative name of key's file and its size when it is there, NULL otherwise. Caller frees. */
char *cache_find(render_cache *c, const char *key, const char *extension, guint64 *ret_bytes);
/** A new file to write key's picture to; *ret_temp: its absolute path (caller frees). -1 with error. */
int cache_begin(render_cache *c, char **ret_temp, GError **error);
/** The finished file becomes key's. Returns its relative name, NULL with error. */
char *cache_finish(render_cache *c, const char *temp, const char *key, const char *extension, guint64 bytes,
                   GError **error);
