/* Storage Commitment Push Model (PS3.4 annex J): the request's references as lines of text, the report from
 * such lines. */
#include "dicom/dcmtk/internal.h"
#include <dcmtk/dcmdata/dcdeftag.h>

static void
append_reference(GString *lines, DcmItem *item, guint *count)
{
    OFString sop_class, sop_uid;
    (void)item->findAndGetOFString(DCM_ReferencedSOPClassUID, sop_class);
    (void)item->findAndGetOFString(DCM_ReferencedSOPInstanceUID, sop_uid);
    g_string_append_printf(lines, "%.64s %.64s\n", sop_class.c_str(), sop_uid.c_str());
    ++*count;
}

gboolean
dcm_association_action(dcm_association *a, const dcm_command *command, int timeout, char **ret_transaction,
                       char **ret_references, guint *ret_count, GError **error)
{
    GString *lines = g_string_new(NULL);
    *ret_count = 0;
    gboolean good = wrap(error, [&]() -> gboolean {
        DcmDataset *raw = NULL;
        T_ASC_PresentationContextID id = command->context;
        OFCondition c =
            DIMSE_receiveDataSetInMemory(a->association, DIMSE_NONBLOCKING, timeout, &id, &raw, NULL, NULL);
        OFunique_ptr<DcmDataset> dataset(raw);
        if (c.bad())
            return fail(error, ERR_INVALID, "action information", c);
        OFString transaction;
        (void)dataset->findAndGetOFString(DCM_TransactionUID, transaction);
        DcmSequenceOfItems *references = NULL;
        if (dataset->findAndGetSequence(DCM_ReferencedSOPSequence, references).good() && references)
            for (unsigned long i = 0; i < references->card(); i++)
                append_reference(lines, references->getItem(i), ret_count);
        *ret_transaction = g_strdup(transaction.c_str());
        return TRUE;
    });
    *ret_references = g_string_free(lines, !good);
    return good;
}

gboolean
dcm_association_action_answer(dcm_association *a, const dcm_command *command, guint16 status, GError **error)
{
    return wrap(error, [&]() -> gboolean {
        T_DIMSE_Message m;
        memset(&m, 0, sizeof m);
        m.CommandField = DIMSE_N_ACTION_RSP;
        T_DIMSE_N_ActionRSP &r = m.msg.NActionRSP;
        r.MessageIDBeingRespondedTo = command->message_id;
        r.DimseStatus = status;
        r.DataSetType = DIMSE_DATASET_NULL;
        r.ActionTypeID = command->type;
        g_strlcpy(r.AffectedSOPClassUID, command->sop_class, sizeof r.AffectedSOPClassUID);
        g_strlcpy(r.AffectedSOPInstanceUID, command->sop_uid, sizeof r.AffectedSOPInstanceUID);
        r.opts = O_NACTION_AFFECTEDSOPCLASSUID | O_NACTION_AFFECTEDSOPINSTANCEUID | O_NACTION_ACTIONTYPEID;
        OFCondition c =
            DIMSE_sendMessageUsingMemoryData(a->association, command->context, &m, NULL, NULL, NULL, NULL);
        return c.good() ? TRUE : fail(error, ERR_UNAVAILABLE, "response", c);
    });
}

/* "CLASS INSTANCE REASON": to the list of those that are safe (reason 0) or of the others. */
static void
put_line(DcmDataset &d, char *line, gboolean *ret_failed)
{
    g_auto(GStrv) fields = g_strsplit(line, " ", 3);
    if (g_strv_length(fields) != 3)
        return;
    Uint16 reason = (Uint16)g_ascii_strtoull(fields[2], NULL, 10);
    DcmItem *item = NULL;
    if (d.findOrCreateSequenceItem(reason ? DCM_FailedSOPSequence : DCM_ReferencedSOPSequence, item, -2)
            .bad())
        return;
    (void)item->putAndInsertString(DCM_ReferencedSOPClassUID, fields[0]);
    (void)item->putAndInsertString(DCM_ReferencedSOPInstanceUID, fields[1]);
    if (reason)
        (void)item->putAndInsertUint16(DCM_FailureReason, reason);
    *ret_failed |= reason != 0;
}

static T_ASC_PresentationContextID
commitment_context(dcm_association *a)
{
    T_ASC_PresentationContext pc;
    int count = ASC_countPresentationContexts(a->association->params);
    for (int i = 0; i < count; i++)
        if (ASC_getPresentationContext(a->association->params, i, &pc).good() &&
            pc.resultReason == ASC_P_ACCEPTANCE &&
            !strcmp(pc.abstractSyntax, UID_StorageCommitmentPushModelSOPClass))
            return pc.presentationContextID;
    return 0;
}

gboolean
dcm_association_report(dcm_association *a, const char *transaction, const char *lines, guint16 *ret_message,
                       GError **error)
{
    return wrap(error, [&]() -> gboolean {
        T_ASC_PresentationContextID context = commitment_context(a);
        if (context == 0)
            return err_set(error, ERR_DENIED, "no presentation context for storage commitment");
        DcmDataset d;
        gboolean failed = FALSE;
        (void)d.putAndInsertString(DCM_TransactionUID, transaction);
        g_auto(GStrv) all = g_strsplit(lines, "\n", -1);
        for (char **line = all; *line; line++)
            put_line(d, *line, &failed);
        T_DIMSE_Message m;
        memset(&m, 0, sizeof m);
        m.CommandField = DIMSE_N_EVENT_REPORT_RQ;
        T_DIMSE_N_EventReportRQ &r = m.msg.NEventReportRQ;
        r.MessageID = *ret_message = a->association->nextMsgID++;
        g_strlcpy(r.AffectedSOPClassUID, UID_StorageCommitmentPushModelSOPClass,
                  sizeof r.AffectedSOPClassUID);
        g_strlcpy(r.AffectedSOPInstanceUID, UID_StorageCommitmentPushModelSOPInstance,
                  sizeof r.AffectedSOPInstanceUID);
        r.EventTypeID = failed ? 2 : 1; /* J.3.3 */
        r.DataSetType = DIMSE_DATASET_PRESENT;
        OFCondition c = DIMSE_sendMessageUsingMemoryData(a->association, context, &m, NULL, &d, NULL, NULL);
        return c.good() ? TRUE : fail(error, ERR_UNAVAILABLE, "report", c);
    });
}
