/* Associations from the request to the end, and the commands that come over them. */
#include "dicom/dcmtk/internal.h"
#include <dcmtk/dcmnet/diutil.h>
#include <dcmtk/oflog/oflog.h>
#include <unistd.h>

long association_pdu_size = ASC_MAXIMUMPDUSIZE;
static const int CONNECT_TIMEOUT = 10; /* seconds, of a TCP connection that we open */

/* What is served besides storage, each in native transfer syntaxes. */
static const char *const services[] = {
    UID_VerificationSOPClass,
    UID_FINDPatientRootQueryRetrieveInformationModel,
    UID_FINDStudyRootQueryRetrieveInformationModel,
    UID_MOVEPatientRootQueryRetrieveInformationModel,
    UID_MOVEStudyRootQueryRetrieveInformationModel,
    UID_GETPatientRootQueryRetrieveInformationModel,
    UID_GETStudyRootQueryRetrieveInformationModel,
    UID_StorageCommitmentPushModelSOPClass,
    NULL,
};

static void
rename_syntaxes(dcm_association *a, LST_HEAD **list)
{
    DUL_PRESENTATIONCONTEXT *pc = *list ? (DUL_PRESENTATIONCONTEXT *)LST_Head(list) : NULL;
    if (pc)
        (void)LST_Position(list, pc);
    for (; pc; pc = (DUL_PRESENTATIONCONTEXT *)LST_Next(list)) {
        if (pc->result != ASC_P_ACCEPTANCE || DcmXfer(pc->acceptedTransferSyntax).getXfer() != EXS_Unknown)
            continue;
        if (!a->unknown[pc->presentationContextID])
            a->unknown[pc->presentationContextID] = g_strdup(pc->acceptedTransferSyntax);
        OFStandard::strlcpy(pc->acceptedTransferSyntax, UID_JPEG2000LosslessOnlyTransferSyntax,
                            sizeof pc->acceptedTransferSyntax);
    }
}

void
association_rename_syntaxes(dcm_association *a)
{
    rename_syntaxes(a, &a->association->params->DULparams.acceptedPresentationContext);
    rename_syntaxes(
        a, &a->association->params->DULparams.requestedPresentationContext); /* the acceptor's own record */
}

const char *
association_syntax(const dcm_association *a, T_ASC_PresentationContextID id, const char *accepted)
{
    return a->unknown[id] ? a->unknown[id] : accepted;
}

void
dcm_network_init(guint pdu_size)
{
    association_pdu_size = CLAMP((long)pdu_size, ASC_MINIMUMPDUSIZE, ASC_MAXIMUMPDUSIZE);
    (void)wrap(NULL, [&]() -> gboolean {
        g_setenv("TCP_NODELAY", "1", TRUE);
        OFLog::configure(OFLogger::OFF_LOG_LEVEL);
        dcmDisableGethostbyaddr.set(OFTrue);
        dcmConnectionTimeout.set(CONNECT_TIMEOUT);
        return TRUE;
    });
}

static gboolean
receive_request(dcm_association *a, int timeout, GError **error)
{
    dcmExternalSocketHandle.set(a->fd);
    OFCondition c = ASC_initializeNetwork(NET_ACCEPTOR, 11112, timeout, &a->network);
    if (c.bad())
        return fail(error, ERR_INTERNAL, "network", c);

    c = ASC_setTransportLayer(a->network, a->layer, 0);
    if (c.bad())
        return fail(error, ERR_INTERNAL, "transport", c);
    c = ASC_receiveAssociation(a->network, &a->association, association_pdu_size, NULL, NULL, OFFalse,
                               DUL_NOBLOCK, timeout);
    if (c == DUL_NOASSOCIATIONREQUEST)
        return fail(error, ERR_TIMEOUT, "no association request", c);
    if (c.bad())
        return fail(error, ERR_INVALID, "association request", c);
    c = ASC_getAPTitles(a->association->params, a->calling, sizeof a->calling, a->called, sizeof a->called,
                        NULL, 0);
    if (c.bad())
        return fail(error, ERR_INVALID, "application entity titles", c);
    g_strstrip(a->calling);
    g_strstrip(a->called);
    /* DCMTK takes a connection that ends before its request for a request without a name */
    return a->calling[0] ? TRUE : err_set(error, ERR_INVALID, "no calling AE title");
}

dcm_association *
dcm_association_receive(int fd, tls_session *tls, int timeout, GError **error)
{
    dcm_association *a = g_new0(dcm_association, 1);
    a->fd = fd;
    a->layer = new QuickLayer(timeout, tls);
    if (!wrap(error, [&] { return receive_request(a, timeout, error); })) {
        dcm_association_free(a);
        return NULL;
    }
    return a;
}

void
dcm_association_free(dcm_association *a)
{
    if (!a)
        return;
    (void)wrap(NULL, [&]() -> gboolean {
        if (!a->association)
            g_clear_pointer(&a->layer->tls, tls_session_free); /* before its socket */
        if (a->association && a->fd >= 0)
            (void)ASC_dropSCPAssociation(a->association, 1);
        if (a->association)
            (void)ASC_destroyAssociation(&a->association);
        else if (a->fd >= 0)
            close(a->fd);
        if (a->fd >= 0)
            dcmExternalSocketHandle.set(DCMNET_INVALID_SOCKET);
        if (a->network)
            (void)ASC_dropNetwork(&a->network);
        delete a->layer;
        return TRUE;
    });
    for (guint i = 0; i < G_N_ELEMENTS(a->unknown); i++)
        g_free(a->unknown[i]);
    g_free(a->outgoing);
    g_free(a);
}

const char *
dcm_association_calling(const dcm_association *a)
{
    return a->calling;
}

const char *
dcm_association_called(const dcm_association *a)
{
    return a->called;
}

static gboolean
takes_native(const char *uid)
{
    return !strcmp(uid, UID_LittleEndianImplicitTransferSyntax) ||
           !strcmp(uid, UID_LittleEndianExplicitTransferSyntax);
}

/* Storage: the standard's storage classes and whatever private ones a vendor stores. */
static gboolean
is_storage(const char *uid)
{
    return g_str_has_prefix(uid, "1.2.840.10008.5.1.4.1.1.") || !g_str_has_prefix(uid, "1.2.840.10008.");
}

static gboolean
is_service(const char *uid)
{
    for (const char *const *service = services; *service; service++)
        if (!strcmp(uid, *service))
            return TRUE;
    return FALSE;
}

/* The proposed transfer syntax that is taken, -1: none. Objects come in whatever the sender likes best. For
 * those that a C-GET is to send (nobody knows yet which) a native one is best, since everything can be turned
 * into it but nothing out of it; for video it cannot. */
static int
choose_syntax(const T_ASC_PresentationContext &pc, gboolean outgoing, gboolean (*suits)(const char *))
{
    int first = -1;
    for (int i = 0; i < pc.transferSyntaxCount; i++) {
        const char *uid = pc.proposedTransferSyntaxes[i];
        if (!suits(uid))
            continue;
        if (first < 0)
            first = i;
        if (!outgoing || g_str_has_prefix(pc.proposedTransferSyntaxes[first], "1.2.840.10008.1.2.4.10"))
            return first;
        if (takes_native(uid))
            return i;
    }
    return first;
}

static void
answer_context(T_ASC_Parameters *params, const T_ASC_PresentationContext &pc, gboolean (*takes)(const char *))
{
    gboolean service = is_service(pc.abstractSyntax);
    gboolean outgoing = pc.proposedRole == ASC_SC_ROLE_SCP || pc.proposedRole == ASC_SC_ROLE_SCUSCP;
    if (!service && !is_storage(pc.abstractSyntax)) {
        (void)ASC_refusePresentationContext(params, pc.presentationContextID,
                                            ASC_P_ABSTRACTSYNTAXNOTSUPPORTED);
        return;
    }
    int choice = choose_syntax(pc, outgoing && !service, service ? takes_native : takes);
    if (choice >= 0)
        (void)ASC_acceptPresentationContext(params, pc.presentationContextID,
                                            pc.proposedTransferSyntaxes[choice],
                                            service ? ASC_SC_ROLE_DEFAULT : pc.proposedRole);
    else
        (void)ASC_refusePresentationContext(params, pc.presentationContextID,
                                            ASC_P_TRANSFERSYNTAXESNOTSUPPORTED);
}

gboolean
dcm_association_accept(dcm_association *a, gboolean (*takes)(const char *transfer_syntax), GError **error)
{
    return wrap(error, [&]() -> gboolean {
        T_ASC_Parameters *params = a->association->params;
        int count = ASC_countPresentationContexts(params);
        for (int i = 0; i < count; i++) {
            T_ASC_PresentationContext pc;
            if (ASC_getPresentationContext(params, i, &pc).good())
                answer_context(params, pc, takes);
        }
        OFStandard::strlcpy(params->ourImplementationClassUID, IMPLEMENTATION_UID, sizeof(DIC_UI));
        OFStandard::strlcpy(params->ourImplementationVersionName, IMPLEMENTATION_VERSION, sizeof(DIC_SH));
        OFCondition c = ASC_acknowledgeAssociation(a->association);
        a->ended = c.bad();
        if (c.good())
            association_rename_syntaxes(a);
        return c.good() ? TRUE : fail(error, ERR_INVALID, "accepting", c);
    });
}

void
dcm_association_reject(dcm_association *a, dcm_reject_reason reason)
{
    (void)wrap(NULL, [&]() -> gboolean {
        T_ASC_RejectParameters r = {ASC_RESULT_REJECTEDPERMANENT, ASC_SOURCE_SERVICEUSER,
                                    ASC_REASON_SU_CALLINGAETITLENOTRECOGNIZED};
        if (reason == DCM_REJECT_CALLED)
            r.reason = ASC_REASON_SU_CALLEDAETITLENOTRECOGNIZED;
        if (reason == DCM_REJECT_BUSY)
            r = {ASC_RESULT_REJECTEDTRANSIENT, ASC_SOURCE_SERVICEPROVIDER_PRESENTATION_RELATED,
                 ASC_REASON_SP_PRES_LOCALLIMITEXCEEDED};
        if (reason == DCM_REJECT_NOT_READY)
            r = {ASC_RESULT_REJECTEDTRANSIENT, ASC_SOURCE_SERVICEPROVIDER_PRESENTATION_RELATED,
                 ASC_REASON_SP_PRES_TEMPORARYCONGESTION};
        (void)ASC_rejectAssociation(a->association, &r);
        a->ended = TRUE;
        return TRUE;
    });
}

static void
describe_context(dcm_association *a, T_ASC_PresentationContextID id, dcm_command *command)
{
    T_ASC_PresentationContext pc;
    command->context = id;
    if (ASC_findAcceptedPresentationContext(a->association->params, id, &pc).good())
        g_strlcpy(command->transfer_syntax, association_syntax(a, id, pc.acceptedTransferSyntax),
                  sizeof command->transfer_syntax);
}

static void
describe_message(const T_DIMSE_Message &m, dcm_command *command)
{
    switch (m.CommandField) {
    case DIMSE_C_ECHO_RQ:
        command->kind = DCM_ECHO;
        command->message_id = m.msg.CEchoRQ.MessageID;
        g_strlcpy(command->sop_class, m.msg.CEchoRQ.AffectedSOPClassUID, sizeof command->sop_class);
        break;
    case DIMSE_C_STORE_RQ:
        command->kind = DCM_STORE;
        command->message_id = m.msg.CStoreRQ.MessageID;
        command->has_dataset = m.msg.CStoreRQ.DataSetType != DIMSE_DATASET_NULL;
        g_strlcpy(command->sop_class, m.msg.CStoreRQ.AffectedSOPClassUID, sizeof command->sop_class);
        g_strlcpy(command->sop_uid, m.msg.CStoreRQ.AffectedSOPInstanceUID, sizeof command->sop_uid);
        break;
    case DIMSE_C_FIND_RQ:
        command->kind = DCM_FIND;
        command->message_id = m.msg.CFindRQ.MessageID;
        command->has_dataset = m.msg.CFindRQ.DataSetType != DIMSE_DATASET_NULL;
        g_strlcpy(command->sop_class, m.msg.CFindRQ.AffectedSOPClassUID, sizeof command->sop_class);
        break;
    case DIMSE_C_GET_RQ:
        command->kind = DCM_GET;
        command->message_id = m.msg.CGetRQ.MessageID;
        command->has_dataset = m.msg.CGetRQ.DataSetType != DIMSE_DATASET_NULL;
        g_strlcpy(command->sop_class, m.msg.CGetRQ.AffectedSOPClassUID, sizeof command->sop_class);
        break;
    case DIMSE_C_MOVE_RQ:
        command->kind = DCM_MOVE;
        command->message_id = m.msg.CMoveRQ.MessageID;
        command->has_dataset = m.msg.CMoveRQ.DataSetType != DIMSE_DATASET_NULL;
        g_strlcpy(command->sop_class, m.msg.CMoveRQ.AffectedSOPClassUID, sizeof command->sop_class);
        g_strlcpy(command->destination, m.msg.CMoveRQ.MoveDestination, sizeof command->destination);
        g_strstrip(command->destination);
        break;
    case DIMSE_C_STORE_RSP:
        command->kind = DCM_STORED;
        command->message_id = m.msg.CStoreRSP.MessageIDBeingRespondedTo;
        command->status = m.msg.CStoreRSP.DimseStatus;
        break;
    case DIMSE_N_ACTION_RQ:
        command->kind = DCM_ACTION;
        command->message_id = m.msg.NActionRQ.MessageID;
        command->has_dataset = m.msg.NActionRQ.DataSetType != DIMSE_DATASET_NULL;
        command->type = m.msg.NActionRQ.ActionTypeID;
        g_strlcpy(command->sop_class, m.msg.NActionRQ.RequestedSOPClassUID, sizeof command->sop_class);
        g_strlcpy(command->sop_uid, m.msg.NActionRQ.RequestedSOPInstanceUID, sizeof command->sop_uid);
        break;
    case DIMSE_N_EVENT_REPORT_RSP:
        command->kind = DCM_REPORTED;
        command->message_id = m.msg.NEventReportRSP.MessageIDBeingRespondedTo;
        command->has_dataset = m.msg.NEventReportRSP.DataSetType != DIMSE_DATASET_NULL;
        command->status = m.msg.NEventReportRSP.DimseStatus;
        break;
    case DIMSE_C_CANCEL_RQ:
        command->kind = DCM_CANCEL;
        break;
    default:
        command->kind = DCM_OTHER;
    }
}

static void
end(dcm_association *a, dcm_command *command, const OFCondition &c)
{
    command->kind = DCM_ENDED;
    g_strlcpy(command->why, c.text(), sizeof command->why);
    if (c != DUL_PEERABORTEDASSOCIATION && c != DUL_NETWORKCLOSED && !a->ended)
        (void)ASC_abortAssociation(a->association);
    a->ended = TRUE;
}

gboolean
dcm_association_next(dcm_association *a, int timeout, dcm_command *ret, GError **error)
{
    return wrap(error, [&]() -> gboolean {
        T_ASC_PresentationContextID id;
        T_DIMSE_Message message;
        DcmDataset *detail = NULL;
        memset(ret, 0, sizeof *ret);
        OFCondition c =
            DIMSE_receiveCommand(a->association, DIMSE_NONBLOCKING, timeout, &id, &message, &detail);
        delete detail;
        if (c == DUL_PEERREQUESTEDRELEASE) {
            ret->kind = DCM_RELEASED;
            a->ended = TRUE;
            (void)ASC_acknowledgeRelease(a->association);
            return TRUE;
        }
        if (c.bad()) {
            end(a, ret, c);
            return TRUE;
        }
        describe_context(a, id, ret);
        describe_message(message, ret);
        return TRUE;
    });
}

gboolean
dcm_association_wait(dcm_association *a, int other, int timeout_ms)
{
    return !a->layer->connection || a->layer->connection->wait(other, timeout_ms);
}

gboolean
dcm_association_respond(dcm_association *a, const dcm_command *command, guint16 status, const char *comment,
                        GError **error)
{
    return wrap(error, [&]() -> gboolean {
        OFCondition c;
        DcmDataset detail;
        if (comment)
            (void)detail.putAndInsertString(DCM_ErrorComment, OFString(comment).substr(0, 64).c_str());
        if (command->kind == DCM_ECHO) {
            T_DIMSE_C_EchoRQ request = {};
            request.MessageID = command->message_id;
            g_strlcpy(request.AffectedSOPClassUID, command->sop_class, sizeof request.AffectedSOPClassUID);
            c = DIMSE_sendEchoResponse(a->association, command->context, &request, status, NULL);
        } else {
            T_DIMSE_C_StoreRQ request = {};
            request.MessageID = command->message_id;
            g_strlcpy(request.AffectedSOPClassUID, command->sop_class, sizeof request.AffectedSOPClassUID);
            g_strlcpy(request.AffectedSOPInstanceUID, command->sop_uid,
                      sizeof request.AffectedSOPInstanceUID);
            T_DIMSE_C_StoreRSP response = {};
            response.MessageIDBeingRespondedTo = command->message_id;
            response.DimseStatus = status;
            response.DataSetType = DIMSE_DATASET_NULL;
            g_strlcpy(response.AffectedSOPClassUID, command->sop_class, sizeof response.AffectedSOPClassUID);
            g_strlcpy(response.AffectedSOPInstanceUID, command->sop_uid,
                      sizeof response.AffectedSOPInstanceUID);
            response.opts = O_STORE_AFFECTEDSOPCLASSUID | O_STORE_AFFECTEDSOPINSTANCEUID;
            c = DIMSE_sendStoreResponse(a->association, command->context, &request, &response,
                                        comment ? &detail : NULL);
        }
        return c.good() ? TRUE : fail(error, ERR_INVALID, "response", c);
    });
}

void
dcm_association_abort(dcm_association *a)
{
    (void)wrap(NULL, [&]() -> gboolean {
        if (!a->ended)
            (void)ASC_abortAssociation(a->association);
        a->ended = TRUE;
        return TRUE;
    });
}
