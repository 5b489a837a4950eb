/* The commit point is recording.json: it names the files and the journals they were made of. Files are first made under
 * a temporary name (.part); after a crash the list says which of these are good, all other .part files are thrown away
 * and their journals taken again. */
#include "media/record/finalise.h"
#include "hub/base/clock.h"
#include "hub/base/err.h"
#include "hub/base/log.h"
#include "media/record/lane.h"
#include "media/record/mux.h"
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LIST_NAME "recording.json"
#define JOURNAL_SUFFIX ".journal"
#define PART_SUFFIX ".part"
#define LANE_LIMIT 1024 /* journals of one recording */

struct work {
    const char *directory;
    json_t *files;    /* array */
    json_t *journals; /* array of names: made into files, to be removed */
    GPtrArray *lanes; /* of lane: journals still to be made into files, in order of start */
};

static char *
path_in(const struct work *w, const char *name)
{
    return g_build_filename(w->directory, name, NULL);
}

static gboolean
sync_path(const char *path, GError **error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    gboolean synced = fd >= 0 && fsync(fd) == 0;
    int number = errno;
    if (fd >= 0)
        close(fd);
    return synced || err_set(error, ERR_INTERNAL, "a recording cannot be synced: %s", g_strerror(number));
}

static gboolean
move(const char *from, const char *to, GError **error)
{
    return rename(from, to) == 0 || err_set(error, ERR_INTERNAL, "a recording cannot be renamed: %s", g_strerror(errno));
}

/* Gives finished parts their names and removes the journals they were made of; harmless when done before. */
static gboolean
complete(struct work *w, GError **error)
{
    size_t i;
    json_t *entry;
    json_array_foreach(w->files, i, entry)
    {
        g_autofree char *path = path_in(w, json_get_text(entry, "file"));
        g_autofree char *part = g_strconcat(path, PART_SUFFIX, NULL);
        if (g_file_test(part, G_FILE_TEST_EXISTS) && !move(part, path, error))
            return FALSE;
    }
    if (!sync_path(w->directory, error))
        return FALSE;
    json_array_foreach(w->journals, i, entry)
    {
        g_autofree char *path = path_in(w, json_string_value(entry));
        unlink(path);
    }
    return TRUE;
}

static gboolean
save_list(struct work *w, GError **error)
{
    g_autoptr(json_t) list = json_pack("{s:O, s:O}", "files", w->files, "journals", w->journals);
    g_autofree char *text = json_text(list);
    g_autofree char *path = path_in(w, LIST_NAME);
    /* writes a temporary file, syncs, renames */
    return g_file_set_contents_full(path, text, -1, G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE, 0640,
                                    error);
}

static gboolean
is_name(const char *name)
{
    return name && name[0] && name[0] != '.' && !strchr(name, '/');
}

/* A list that names anything outside of its directory was not written by us. */
static gboolean
check_list(struct work *w, GError **error)
{
    size_t i;
    json_t *entry;
    json_array_foreach(w->files, i, entry) if (!is_name(json_get_text(entry, "file"))) return err_set(
        error, ERR_INVALID, "the list of a recording is damaged");
    json_array_foreach(w->journals, i, entry) if (!is_name(json_string_value(entry))) return err_set(
        error, ERR_INVALID, "the list of a recording is damaged");
    return TRUE;
}

static gboolean
load_list(struct work *w, GError **error)
{
    g_autofree char *path = path_in(w, LIST_NAME);
    g_autofree char *text = NULL;
    gsize length;
    if (!g_file_get_contents(path, &text, &length, NULL)) {
        w->files = json_array();
        w->journals = json_array();
        return TRUE;
    }
    g_autoptr(json_t) list = json_parse(text, length, error);
    if (!list)
        return FALSE;
    w->files = json_incref(json_object_get(list, "files"));
    w->journals = json_incref(json_object_get(list, "journals"));
    if (!json_is_array(w->files) || !json_is_array(w->journals))
        return err_set(error, ERR_INVALID, "the list of a recording is damaged");
    return check_list(w, error);
}

static gint
by_start(gconstpointer a, gconstpointer b)
{
    const lane_info *x = lane_describe(*(lane *const *)a), *y = lane_describe(*(lane *const *)b);
    return x->start_us < y->start_us ? -1 : x->start_us > y->start_us;
}

/* Opens what is left to do; throws half-made files away. An unreadable journal is kept, and left alone. */
static gboolean
open_lanes(struct work *w, GError **error)
{
    g_autoptr(GDir) dir = g_dir_open(w->directory, 0, error);
    if (!dir)
        return FALSE;
    const char *name;
    while ((name = g_dir_read_name(dir))) {
        g_autofree char *path = path_in(w, name);
        if (g_str_has_suffix(name, PART_SUFFIX))
            unlink(path);
        if (!g_str_has_suffix(name, JOURNAL_SUFFIX) || w->lanes->len >= LANE_LIMIT)
            continue;
        g_autoptr(GError) why = NULL;
        lane *l = lane_open(path, &why);
        if (l)
            g_ptr_array_add(w->lanes, l);
        else if (err_is(why, ERR_NOT_FOUND))
            unlink(path);
        else
            log_line(LOG_WARNING, name, "left alone: %s", why->message);
    }
    g_ptr_array_sort(w->lanes, by_start);
    return TRUE;
}

static gboolean
same_participant(const lane *a, const lane *b)
{
    return !strcmp(lane_describe(a)->participant, lane_describe(b)->participant);
}

static gboolean
overlap(const lane *a, const lane *b)
{
    const lane_info *x = lane_describe(a), *y = lane_describe(b);
    return x->start_us <= y->end_us && y->start_us <= x->end_us;
}

static gint64
length_of(const lane *l)
{
    return lane_describe(l)->end_us - lane_describe(l)->start_us;
}

/* The participant's sound that plays during this picture; the longest when there are several. */
static lane *
sound_for(struct work *w, lane *video)
{
    lane *best = NULL;
    for (guint i = 0; i < w->lanes->len; i++) {
        lane *l = w->lanes->pdata[i];
        if (lane_describe(l)->kind == RELAY_AUDIO && same_participant(l, video) && overlap(l, video) &&
            (!best || length_of(l) > length_of(best)))
            best = l;
    }
    return best;
}

/* The picture whose file carries the whole of this sound: the participant's longest that has it. NULL: none. */
static lane *
home_of(struct work *w, lane *audio)
{
    lane *best = NULL;
    for (guint i = 0; i < w->lanes->len; i++) {
        lane *l = w->lanes->pdata[i];
        if (lane_describe(l)->kind == RELAY_VIDEO && sound_for(w, l) == audio &&
            (!best || length_of(l) > length_of(best)))
            best = l;
    }
    return best;
}

static char *
free_name(struct work *w, const lane_info *info, const char *extension)
{
    for (guint n = 1;; n++) {
        g_autofree char *name = g_strdup_printf("%s-%s-%u.%s", info->participant, relay_source_name(info->source), n,
                                                extension);
        gboolean taken = FALSE;
        size_t i;
        json_t *entry;
        json_array_foreach(w->files, i, entry) taken |= !strcmp(json_get_text(entry, "file"), name);
        if (!taken)
            return g_steal_pointer(&name);
    }
}

static char *
sha256_of_file(const char *path)
{
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
    FILE *file = fopen(path, "rbe");
    if (!file)
        return NULL;
    g_autofree guint8 *piece = g_malloc(1 << 16);
    gsize length;
    while ((length = fread(piece, 1, 1 << 16, file)) > 0)
        g_checksum_update(sum, piece, (gssize)length);
    fclose(file);
    return g_strdup(g_checksum_get_string(sum));
}

static gint64
size_of_file(const char *path)
{
    GStatBuf info;
    return g_stat(path, &info) == 0 ? (gint64)info.st_size : 0;
}

/* Makes one file and adds it to the list. */
static gboolean
make_file(struct work *w, lane *video, lane *audio, gboolean whole_sound, GError **error)
{
    const lane_info *main_info = lane_describe(video ? video : audio);
    const mux_format *format = mux_format_for(main_info->codec);
    if (!format)
        return err_set(error, ERR_UNSUPPORTED, "%s cannot be put into a file", main_info->codec);
    g_autofree char *name = free_name(w, main_info, format->extension);
    g_autofree char *path = path_in(w, name);
    g_autofree char *part = g_strconcat(path, PART_SUFFIX, NULL);
    gint64 start_us = main_info->start_us;
    if (video && audio && whole_sound)
        start_us = MIN(start_us, lane_describe(audio)->start_us);
    if (video)
        lane_start(video, start_us, G_MININT64, G_MAXINT64);
    if (audio && (whole_sound || !video))
        lane_start(audio, start_us, G_MININT64, G_MAXINT64);
    else if (audio)
        lane_start(audio, start_us, main_info->start_us, main_info->end_us);
    if (!mux_file(format, video, audio, part, error) || !sync_path(part, error))
        return FALSE;
    g_autofree char *hash = sha256_of_file(part);
    g_autofree char *started_at = clock_rfc3339(start_us);
    gint64 end_us = MAX(video ? lane_end_pts_us(video) : 0, audio ? lane_end_pts_us(audio) : 0);
    json_array_append_new(
        w->files, json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:s}", "file", name, "track", main_info->track,
                            "participant", main_info->participant, "kind", video ? "video" : "audio", "source",
                            relay_source_name(main_info->source), "mime", video ? format->video_mime : format->audio_mime,
                            "started_at", started_at, "duration_ms", (json_int_t)(end_us / 1000), "bytes",
                            (json_int_t)size_of_file(part), "sha256", hash ? hash : ""));
    return TRUE;
}

/* A picture that cannot be made into a file (no keyframe ever came) must not take the sound with it. */
static gboolean
make_files(struct work *w, GError **error)
{
    for (guint i = 0; i < w->lanes->len; i++) {
        lane *l = w->lanes->pdata[i];
        g_autoptr(GError) why = NULL;
        gboolean made = TRUE;
        if (lane_describe(l)->kind == RELAY_VIDEO) {
            lane *sound = sound_for(w, l);
            gboolean home = sound && home_of(w, sound) == l;
            made = make_file(w, l, sound, home, &why);
            if (!made && home && !err_is(why, ERR_STORAGE)) {
                log_line(LOG_WARNING, lane_describe(l)->track, "no picture in the recording: %s", why->message);
                g_clear_error(&why);
                made = make_file(w, NULL, sound, TRUE, &why);
            }
        } else if (!home_of(w, l)) {
            made = make_file(w, NULL, l, TRUE, &why);
        }
        if (!made && err_is(why, ERR_STORAGE)) {
            g_propagate_error(error, g_steal_pointer(&why));
            return FALSE;
        }
        if (!made)
            log_line(LOG_WARNING, lane_describe(l)->track, "not in the recording: %s", why->message);
        g_autofree char *used = g_strconcat(lane_describe(l)->track, JOURNAL_SUFFIX, NULL);
        if (made)
            json_array_append_new(w->journals, json_string(used));
    }
    return TRUE;
}

static void
work_clear(struct work *w)
{
    g_clear_pointer(&w->files, json_decref);
    g_clear_pointer(&w->journals, json_decref);
    g_clear_pointer(&w->lanes, g_ptr_array_unref);
}

json_t *
finalise_directory(const char *directory, GError **error)
{
    struct work w = {.directory = directory, .lanes = g_ptr_array_new_with_free_func((GDestroyNotify)lane_free)};
    gboolean done = load_list(&w, error) && complete(&w, error) && open_lanes(&w, error) && make_files(&w, error) &&
                    save_list(&w, error) && complete(&w, error);
    json_t *files = done ? json_incref(w.files) : NULL;
    work_clear(&w);
    return files;
}
