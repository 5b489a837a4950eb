/* The journal of one recorded track: what came, in the order it came, appended without buffering.
 *
 *   "CJN1"  then records:  type (1)  length (4, big endian)  wall time in us (8, big endian)  payload (length)
 *
 * The first record is TRACK. A torn last record (crash, full disk) is where the journal ends; it is not an error. */
#pragma once
#include "hub/base/json.h"

#define JOURNAL_PAYLOAD_LIMIT 4096 /* bytes of one record's payload */

typedef enum {
    JOURNAL_TRACK = 'T',  /* JSON: track, participant, kind, source, codec, fmtp, payload_type, clock_rate, channels */
    JOURNAL_PACKET = 'P', /* one RTP packet; time: arrival */
    JOURNAL_CLOCK = 'C',  /* RTP timestamp (4, big endian) that was sampled at time */
    JOURNAL_MUTED = 'M',  /* one byte, 0 or 1 */
    JOURNAL_LOST = 'L',   /* number of packets that the tap had no room for (8, big endian) */
} journal_type;

typedef struct journal journal;

/** Creates path (an existing file is an error) and writes the TRACK record. track is borrowed. */
journal *journal_create(const char *path, json_t *track, GError **error);
/** Appends one record. One thread at a time. FALSE with ERR_STORAGE when the disk is full; the journal then ends before it. */
gboolean journal_append(journal *j, journal_type type, gint64 wall_us, const void *payload, gsize length, GError **error);
/** fdatasync; may run beside an append. */
gboolean journal_sync(journal *j, GError **error);
/** Bytes appended so far. */
guint64 journal_bytes(const journal *j);
/** Closes the file; NULL is allowed. */
void journal_free(journal *j);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(journal, journal_free)

typedef struct {
    journal_type type;
    gint64 wall_us;
    gsize length;
    guint8 payload[JOURNAL_PAYLOAD_LIMIT];
} journal_record;

typedef struct journal_reader journal_reader;

/** Opens path and reads its TRACK record. ERR_INVALID when it is no journal. */
journal_reader *journal_reader_open(const char *path, GError **error);
/** The TRACK record's JSON, borrowed. */
json_t *journal_reader_track(const journal_reader *r);
/** The next record; FALSE at the end (also at a torn or impossible record). */
gboolean journal_reader_next(journal_reader *r, journal_record *ret_record);
/** Back to the first record after TRACK. */
void journal_reader_rewind(journal_reader *r);
void journal_reader_free(journal_reader *r);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(journal_reader, journal_reader_free)
