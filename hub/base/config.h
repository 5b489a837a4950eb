/* Configuration: consilium.conf (GKeyFile) with environment overrides; the keys are listed in config.def. */
#pragma once
#include <glib.h>

typedef struct config config;

/** Reads path (NULL: defaults and environment only). Unknown sections or keys are ERR_INVALID, naming them. */
config *config_load(const char *path, GError **error);
void config_free(config *c);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(config, config_free)

/** The value, borrowed until config_free. An unlisted key is a programming error. */
const char *config_text(const config *c, const char *section, const char *key);
/** The value as a whole number from 0; a value that is none was refused by config_load. */
gint64 config_int(const config *c, const char *section, const char *key);
/** The value as a path: absolute as it is, else below hub.data-dir. Caller frees. */
char *config_path(const config *c, const char *section, const char *key);
/** hub.data-dir made absolute. Borrowed. */
const char *config_data_dir(const config *c);
