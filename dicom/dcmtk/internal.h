/* The parts of an association that the files of this folder share. The socket is given to DCMTK as its
 * "external" socket. Two things are added to its TCP transport: TCP_QUICKACK before every read (a sender that
 * keeps Nagle's algorithm on writes a PDU in two pieces and would wait 40 ms for our delayed
 * acknowledgement), and TCP_NODELAY. */
#pragma once
#include "dicom/dcmtk/wrap.h" /* first: it includes our C headers as C */
#include "dicom/dcmtk/association.h"
#include <dcmtk/dcmdata/dctk.h>
#include <dcmtk/dcmnet/assoc.h>
#include <dcmtk/dcmnet/dcmlayer.h>
#include <dcmtk/dcmnet/dcmtrans.h>
#include <dcmtk/dcmnet/dimse.h>
#include <string.h>

static const char IMPLEMENTATION_UID[] = "2.25.176391418291634520181934519874521873409";
static const char IMPLEMENTATION_VERSION[] = "CONSILIUM_0";

class QuickLayer;

/* Our end of the socket, with or without TLS. */
class QuickConnection : public DcmTCPConnection
{
  public:
    QuickConnection(DcmNativeSocketType s, QuickLayer *of) : DcmTCPConnection(s), layer(of)
    {
    }
    OFCondition clientSideHandshake() override;
    ssize_t read(void *buffer, size_t length) override;
    ssize_t write(void *buffer, size_t length) override;
    void close() override;
    void closeTransportConnection() override;
    OFBool networkDataAvailable(int timeout) override;
    OFBool isTransparentConnection() override;
    /** Milliseconds; other: another descriptor to wait for, -1: none. TRUE when the peer has sent something.
     */
    gboolean wait(int other, int timeout_ms);

  private:
    QuickLayer *layer;
};

/* Makes the one connection of an association. Writing and reading end after a while even when the peer does
 * neither, and another thread may shut the socket down while an association is being requested over it. */
class QuickLayer : public DcmTransportLayer
{
  public:
    QuickLayer(int seconds, tls_session *session) : tls(session), limit(seconds)
    {
    }
    ~QuickLayer() override
    {
        tls_session_free(tls);
    }
    DcmTransportConnection *createConnection(DcmNativeSocketType s, OFBool) override;
    QuickConnection *connection = NULL; /* DCMTK's, for as long as the association lives */
    tls_session *tls;                   /* NULL: plain */
    const dcm_request *request = NULL;  /* what we ask for, until it is answered */
    GError *error = NULL;               /* why its handshake failed; the one who asked frees it */

  private:
    int limit;
};

struct dcm_association {
    T_ASC_Network *network;
    T_ASC_Association *association;
    QuickLayer *layer;
    int fd; /* the accepted socket; -1: we asked */
    DIC_AE calling, called;
    gboolean ended;     /* the peer is gone or was sent away: nothing more to say */
    char *unknown[256]; /* transfer syntax of a context by its id, where DCMTK does not know it */
    guint8 *outgoing;   /* buffer of objects on their way out, NULL before the first */
};

/* of what we take, bytes */
extern long association_pdu_size;

/** Writes all of it. FALSE with ERR_UNAVAILABLE. */
gboolean association_write(dcm_association *a, const guint8 *bytes, gsize length, GError **error);
/** Once the contexts are agreed on: DCMTK refuses messages in transfer syntaxes that it does not know
 * (HTJ2K), so it is told another encapsulated one; the real one is kept. */
void association_rename_syntaxes(dcm_association *a);
/** The transfer syntax that was really agreed on; accepted: as DCMTK says. */
const char *association_syntax(const dcm_association *a, T_ASC_PresentationContextID id,
                               const char *accepted);
