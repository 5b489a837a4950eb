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
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

static const char IMPLEMENTATION_UID[] = "2.25.176391418291634520181934519874521873409";
static const char IMPLEMENTATION_VERSION[] = "CONSILIUM_0";

class QuickConnection : public DcmTCPConnection
{
  public:
    explicit QuickConnection(DcmNativeSocketType s) : DcmTCPConnection(s)
    {
    }
    ssize_t
    read(void *buffer, size_t length) override
    {
        int on = 1;
        (void)setsockopt(getSocket(), IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
        return DcmTCPConnection::read(buffer, length);
    }
};

class QuickLayer : public DcmTransportLayer
{
  public:
    DcmTransportConnection *
    createConnection(DcmNativeSocketType s, OFBool) override
    {
        return new QuickConnection(s);
    }
};

struct dcm_association {
    T_ASC_Network *network;
    T_ASC_Association *association;
    QuickLayer *layer;
    int fd;
    DIC_AE calling, called;
    gboolean ended; /* the peer is gone or was sent away: nothing more to say */
};
