/* What the hub asks of the dicom worker (signaling/README.md, section 2), with types. Every done is called
 * exactly once, never inside the call: ERR_UNAVAILABLE at once when the worker is away, ERR_TIMEOUT when it
 * does not answer. */
#pragma once
#include "signaling/signaling.h"

typedef struct {
    const char *blob; /* SHA-256 */
    guint frame;      /* from 0 */
    gboolean has_window;
    double center, width;
    const char *function; /* VOI LUT function or NULL */
    guint rows, columns;  /* largest size wanted; 0: as it is */
    guint quality;        /* of JPEG, 1..100; 0: the worker's choice */
    const char *format;   /* "jpeg" or "png" */
} rpc_dicom_render;

/** file: name below <data>/cache/ (borrowed), kind: its media type or transfer syntax. */
typedef void (*rpc_dicom_file_done)(const char *file, gint64 bytes, const char *kind, const GError *error,
                                    gpointer data);
/** result of the method as it is in README; borrowed; NULL with error. */
typedef void (*rpc_dicom_done)(json_t *result, const GError *error, gpointer data);

/** files: [{file, name?}] below <data>/incoming/, consumed by the worker; takes the reference. person, study
 * may be NULL. */
void rpc_dicom_ingest_files(signaling *s, const char *organisation, const char *person, const char *request,
                            const char *study, json_t *files, rpc_dicom_done done, gpointer data);
void rpc_dicom_render_frame(signaling *s, const rpc_dicom_render *what, rpc_dicom_file_done done,
                            gpointer data);
void rpc_dicom_transcode_frame(signaling *s, const char *blob, guint frame, const char *transfer_syntax,
                               rpc_dicom_file_done done, gpointer data);
/** The AE table has changed. */
void rpc_dicom_reload(signaling *s);
void rpc_dicom_stats(signaling *s, rpc_dicom_done done, gpointer data);
