/* Identifiers: keys as they come, matches as they go. */
#include "dicom/dcmtk/internal.h"

json_t *
dcm_association_keys(dcm_association *a, const dcm_command *command, int timeout, GError **error)
{
    json_t *keys = json_object();
    gboolean good = wrap(error, [&]() -> gboolean {
        DcmDataset *raw = NULL;
        T_ASC_PresentationContextID id = command->context;
        OFCondition c =
            DIMSE_receiveDataSetInMemory(a->association, DIMSE_NONBLOCKING, timeout, &id, &raw, NULL, NULL);
        OFunique_ptr<DcmDataset> dataset(raw);
        if (c.bad())
            return fail(error, ERR_INVALID, "identifier", c);
        (void)dataset->convertToUTF8();
        for (unsigned long i = 0; i < dataset->card(); i++) {
            DcmElement *element = dataset->getElement(i);
            OFString value;
            char tag[9];
            g_snprintf(tag, sizeof tag, "%04X%04X", element->getGTag(), element->getETag());
            if (element->isLeaf())
                (void)element->getOFStringArray(value);
            gboolean valid = g_utf8_validate(value.c_str(), -1, NULL);
            json_object_set_new(keys, tag, json_string(valid ? value.c_str() : ""));
        }
        return TRUE;
    });
    if (!good)
        g_clear_pointer(&keys, json_decref);
    return keys;
}

static void
put_match(DcmDataset &dataset, json_t *match)
{
    const char *tag;
    json_t *value;
    (void)dataset.putAndInsertString(DCM_SpecificCharacterSet, "ISO_IR 192");
    json_object_foreach(match, tag, value)
    {
        guint64 number = g_ascii_strtoull(tag, NULL, 16);
        DcmTag key((Uint16)(number >> 16), (Uint16)number);
        if (key != DCM_SpecificCharacterSet && key.getEVR() != EVR_SQ)
            (void)dataset.putAndInsertString(key, json_string_value(value));
    }
}

gboolean
dcm_association_match(dcm_association *a, const dcm_command *command, guint16 status, json_t *match,
                      GError **error)
{
    return wrap(error, [&]() -> gboolean {
        T_DIMSE_C_FindRQ request = {};
        request.MessageID = command->message_id;
        g_strlcpy(request.AffectedSOPClassUID, command->sop_class, sizeof request.AffectedSOPClassUID);
        T_DIMSE_C_FindRSP response = {};
        response.MessageIDBeingRespondedTo = command->message_id;
        response.DimseStatus = status;
        response.DataSetType = match ? DIMSE_DATASET_PRESENT : DIMSE_DATASET_NULL;
        g_strlcpy(response.AffectedSOPClassUID, command->sop_class, sizeof response.AffectedSOPClassUID);
        response.opts = O_FIND_AFFECTEDSOPCLASSUID;
        DcmDataset dataset;
        if (match)
            put_match(dataset, match);
        OFCondition c = DIMSE_sendFindResponse(a->association, command->context, &request, &response,
                                               match ? &dataset : NULL, NULL);
        return c.good() ? TRUE : fail(error, ERR_INVALID, "response", c);
    });
}
