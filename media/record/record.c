/* Tap callbacks run on the delivery thread and only append to journals. The libuv thread's timer has them synced in the
 * thread pool once a second. `lock` guards the list of tracks, which both see; journals live until the recorder ends. */
#include "media/record/record.h"
#include "hub/base/buf.h"
#include "hub/base/clock.h"
#include "hub/base/err.h"
#include "hub/base/log.h"
#include "media/record/finalise.h"
#include "media/record/journal.h"
#include "media/relay/tap.h"
#include <errno.h>
#include <sys/stat.h>

#define SYNC_MS 1000
#define PROGRESS_SYNCS 5
/* Browsers send keyframes only when asked; players can jump only to keyframes. */
#define KEYFRAME_US (10 * G_USEC_PER_SEC)

struct track {
    recorder *owner;
    char *id;
    journal *journal;
    gboolean video;
    gint64 asked_us; /* when a keyframe was asked for last; 0: never */
};

struct recorder {
    loop *l;
    tap *tap;
    char *directory;
    GHashTable *participants; /* set; NULL: all */
    recorder_events events;
    gpointer user_data;
    gint64 wall_offset_us; /* wall time minus monotonic time, fixed for the whole recording */
    gint64 started_us;
    GMutex lock;
    GPtrArray *tracks; /* of struct track */
    GError *error;     /* the first write that failed */
    gboolean told;     /* events.broken was called */
    loop_timer *timer;
    guint syncs;
    gboolean syncing; /* a sync is in the thread pool; it holds the recorder */
    gboolean ending;
    /* set by recorder_stop */
    void (*done)(json_t *, const GError *, gpointer);
    gpointer done_data;
};

struct finalisation {
    char *directory;
    json_t *files;
    GError *error;
    void (*done)(json_t *, const GError *, gpointer);
    gpointer done_data;
};

static void
track_free(gpointer data)
{
    struct track *t = data;
    journal_free(t->journal);
    g_free(t->id);
    g_free(t);
}

static void
keep_error(recorder *r, GError *error)
{
    g_mutex_lock(&r->lock);
    if (!r->error)
        r->error = g_steal_pointer(&error);
    g_mutex_unlock(&r->lock);
    g_clear_error(&error);
}

static void
append(struct track *t, journal_type type, gint64 wall_us, const void *payload, gsize length)
{
    GError *error = NULL;
    if (!journal_append(t->journal, type, wall_us, payload, length, &error))
        keep_error(t->owner, error);
}

static json_t *
describe(const tap_track *info)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:i, s:i}", "track", info->track, "participant",
                     info->participant, "kind", relay_kind_name(info->kind), "source", relay_source_name(info->source),
                     "codec", info->codec, "fmtp", info->fmtp ? info->fmtp : "", "payload_type", (int)info->payload_type,
                     "clock_rate", (int)info->clock_rate, "channels", (int)info->channels);
}

static gpointer
on_track(const tap_track *info, gpointer user_data)
{
    recorder *r = user_data;
    if (r->participants && !g_hash_table_contains(r->participants, info->participant))
        return NULL;
    g_autofree char *name = g_strconcat(info->track, ".journal", NULL);
    g_autofree char *path = g_build_filename(r->directory, name, NULL);
    g_autoptr(json_t) description = describe(info);
    GError *error = NULL;
    if (r->tracks->len >= RECORD_TRACK_LIMIT) {
        keep_error(r, err_new(ERR_LIMIT, "a recording holds at most %d tracks", RECORD_TRACK_LIMIT));
        return NULL;
    }
    journal *j = journal_create(path, description, &error);
    if (!j) {
        keep_error(r, error);
        return NULL;
    }
    struct track *t = g_new0(struct track, 1);
    *t = (struct track){.owner = r, .id = g_strdup(info->track), .journal = j, .video = info->kind == RELAY_VIDEO};
    g_mutex_lock(&r->lock);
    g_ptr_array_add(r->tracks, t);
    g_mutex_unlock(&r->lock);
    return t;
}

static void
on_packet(gpointer track, const guint8 *bytes, gsize length, gint64 received_us, gpointer user_data)
{
    recorder *r = user_data;
    struct track *t = track;
    append(t, JOURNAL_PACKET, received_us + r->wall_offset_us, bytes, length);
    tap *source = g_atomic_pointer_get(&r->tap); /* NULL while tap_new has not returned yet */
    if (t->video && source && (t->asked_us == 0 || received_us - t->asked_us >= KEYFRAME_US)) {
        t->asked_us = received_us;
        tap_request_keyframe(source, t->id);
    }
}

static void
on_clock(gpointer track, guint32 rtp_time, gint64 wall_us, gpointer user_data)
{
    (void)user_data;
    guint8 payload[4];
    buf_writer w = buf_writer_of(payload, sizeof payload);
    buf_put_be32(&w, rtp_time);
    append(track, JOURNAL_CLOCK, wall_us, payload, sizeof payload);
}

static void
on_muted(gpointer track, gboolean muted, gpointer user_data)
{
    (void)user_data;
    guint8 payload = muted ? 1 : 0;
    append(track, JOURNAL_MUTED, clock_wall_us(), &payload, 1);
}

static void
on_lost(guint64 packets, gpointer user_data)
{
    recorder *r = user_data;
    log_limited(LOG_WARNING, r->directory, "%" G_GUINT64_FORMAT " packets were not recorded: the disk is too slow", packets);
}

static guint64
bytes_of(recorder *r)
{
    guint64 bytes = 0;
    g_mutex_lock(&r->lock);
    for (guint i = 0; i < r->tracks->len; i++)
        bytes += journal_bytes(((struct track *)r->tracks->pdata[i])->journal);
    g_mutex_unlock(&r->lock);
    return bytes;
}

/* Thread pool. Journals outlive this: the recorder ends only when no sync runs. */
static void
sync_work(gpointer data)
{
    recorder *r = data;
    for (guint i = 0;; i++) {
        g_mutex_lock(&r->lock);
        journal *j = i < r->tracks->len ? ((struct track *)r->tracks->pdata[i])->journal : NULL;
        g_mutex_unlock(&r->lock);
        if (!j)
            return;
        GError *error = NULL;
        if (!journal_sync(j, &error))
            keep_error(r, error);
    }
}

static void
recorder_destroy(recorder *r)
{
    g_clear_pointer(&r->participants, g_hash_table_unref);
    g_clear_pointer(&r->tracks, g_ptr_array_unref);
    g_clear_error(&r->error);
    g_mutex_clear(&r->lock);
    g_free(r->directory);
    g_free(r);
}

static void
finalise_work(gpointer data)
{
    struct finalisation *f = data;
    f->files = finalise_directory(f->directory, &f->error);
}

static void
on_finalised(gpointer data)
{
    struct finalisation *f = data;
    f->done(f->files, f->error, f->done_data);
    g_clear_pointer(&f->files, json_decref);
    g_clear_error(&f->error);
    g_free(f->directory);
    g_free(f);
}

void
recorder_repair(loop *l, const char *directory, void (*done)(json_t *, const GError *, gpointer), gpointer user_data)
{
    struct finalisation *f = g_new0(struct finalisation, 1);
    *f = (struct finalisation){.directory = g_strdup(directory), .done = done, .done_data = user_data};
    loop_work(l, finalise_work, on_finalised, f);
}

/* The end, once no sync is under way. */
static void
finish(recorder *r)
{
    if (r->done)
        recorder_repair(r->l, r->directory, r->done, r->done_data);
    recorder_destroy(r);
}

static void
on_synced(gpointer data)
{
    recorder *r = data;
    r->syncing = FALSE;
    if (r->ending) {
        finish(r);
        return;
    }
    g_mutex_lock(&r->lock);
    GError *error = r->told ? NULL : r->error;
    g_mutex_unlock(&r->lock);
    if (error) {
        r->told = TRUE; /* the error stays as it is from now on */
        if (r->events.broken)
            r->events.broken(r, error, r->user_data);
    }
}

static void
on_timer(gpointer data)
{
    recorder *r = data;
    if (!r->syncing) {
        r->syncing = TRUE;
        loop_work(r->l, sync_work, on_synced, r);
    }
    if (++r->syncs % PROGRESS_SYNCS == 0 && r->events.progress)
        r->events.progress(r, (clock_monotonic_us() - r->started_us) / G_USEC_PER_SEC, bytes_of(r), r->user_data);
}

recorder *
recorder_new(loop *l, relay *media, const char *room, const char *directory, GHashTable *participants,
             const recorder_events *events, gpointer user_data, GError **error)
{
    if (mkdir(directory, 0750) != 0 && errno != EEXIST) {
        err_set(error, errno == ENOSPC ? ERR_STORAGE : ERR_INTERNAL, "the recording's directory cannot be made: %s",
                g_strerror(errno));
        return NULL;
    }
    recorder *r = g_new0(recorder, 1);
    r->l = l;
    r->directory = g_strdup(directory);
    r->participants = participants ? g_hash_table_ref(participants) : NULL;
    r->events = *events;
    r->user_data = user_data;
    r->started_us = clock_monotonic_us();
    r->wall_offset_us = clock_wall_us() - r->started_us;
    r->tracks = g_ptr_array_new_with_free_func(track_free);
    g_mutex_init(&r->lock);
    r->timer = loop_timer_new(l, on_timer, r);
    loop_timer_start(r->timer, SYNC_MS, SYNC_MS);
    static const tap_callbacks callbacks = {
        .track = on_track, .packet = on_packet, .clock = on_clock, .muted = on_muted, .lost = on_lost};
    g_atomic_pointer_set(&r->tap, tap_new(media, room, &callbacks, r));
    return r;
}

static void
end(recorder *r)
{
    tap_free(r->tap);
    loop_timer_free(r->timer);
    r->ending = TRUE;
    if (!r->syncing)
        finish(r);
}

void
recorder_stop(recorder *r, void (*done)(json_t *, const GError *, gpointer), gpointer user_data)
{
    r->done = done;
    r->done_data = user_data;
    end(r);
}

void
recorder_free(recorder *r)
{
    if (r)
        end(r);
}
