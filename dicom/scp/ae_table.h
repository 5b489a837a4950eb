/* Who may call: the AE titles of the database, read at start, on dicom.reload, and again when an unknown one
 * calls (so that `consilium ae add` takes effect at once). */
#pragma once
#include "dicom/tls/tls.h"
#include "hub/store/db.h"

typedef struct ae_table ae_table;

typedef struct {
    char *title;
    char *organisation, *code; /* UUID and code */
    char *charset;             /* assumed for its unlabelled text; may be NULL */
    char *host;                /* the only source for plain DIMSE, and where it listens; NULL: TLS only */
    guint16 port;              /* where it listens; 0: nowhere */
    char *cert_cn;             /* subject of its certificate; NULL: it does without TLS */
    char *cert_sha256;         /* the one certificate that it must show; NULL: any that is trusted */
    guint associations, association_rate; /* limits of its own; 0: as configured */
    guint64 object_limit;
} ae_entry;

typedef enum { AE_ADMITTED, AE_UNKNOWN, AE_WRONG_ADDRESS, AE_WRONG_CERTIFICATE, AE_NOT_READY } ae_verdict;

/** own: the address that this machine is known by. Callers that are registered at a loopback address may come
 * from it too: what runs on this machine and calls that address has it as its source. */
ae_table *ae_table_new(loop *l, db_pool *pool, const char *own);
void ae_table_free(ae_table *t);
/** Reads the table again; done (may be NULL) is called on the loop afterwards, never inside this call. */
void ae_table_reload(ae_table *t, void (*done)(gpointer user_data), gpointer user_data);
/** Judges a caller by title and, over TLS, its certificate (peer, copied), else (peer NULL) source address;
 * reading the table again first when it is unknown. decide is called once, never inside this call; entry is
 * borrowed until it returns, NULL unless admitted or at the wrong address. */
void ae_table_judge(ae_table *t, const char *title, const char *address, const tls_peer *peer,
                    void (*decide)(ae_verdict verdict, const ae_entry *entry, gpointer user_data),
                    gpointer user_data);
/** Has some AE registered this very certificate? As of what was last read. */
gboolean ae_table_knows(const ae_table *t, const char *sha256);
/** Looks title up wherever it may call from, reading the table again first when it is unknown: AE_ADMITTED
 * with the entry, AE_UNKNOWN or AE_NOT_READY. decide as above. */
void ae_table_find(ae_table *t, const char *title,
                   void (*decide)(ae_verdict verdict, const ae_entry *entry, gpointer user_data),
                   gpointer user_data);
gboolean ae_table_is_loaded(const ae_table *t);
