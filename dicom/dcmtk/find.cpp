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
        OFString charset; /* before the conversion says UTF-8 */
        (void)dataset->findAndGetOFStringArray(DCM_SpecificCharacterSet, charset);
        (void)dataset->convertToUTF8();
        for (unsigned long i = 0; i < dataset->card(); i++) {
            DcmElement *element = dataset->getElement(i);
            OFString value;
            char tag[9];
            g_snprintf(tag, sizeof tag, "%04X%04X", element->getGTag(), element->getETag());
            if (element->isLeaf())
                (void)element->getOFStringArray(value);
            g_autofree char *text =
                g_utf8_make_valid(value.c_str(), -1); /* what is damaged matches nothing */
            json_object_set_new(keys, tag, json_string(g_strstrip(text)));
        }
        if (!charset.empty() && g_utf8_validate(charset.c_str(), -1, NULL))
            json_object_set_new(keys, "00080005", json_string(charset.c_str()));
        return TRUE;
    });
    if (!good)
        g_clear_pointer(&keys, json_decref);
    return keys;
}

static char *
value_text(json_t *value)
{
    static const char *const groups[] = {"Alphabetic", "Ideographic", "Phonetic"};
    if (json_is_string(value))
        return g_strdup(json_string_value(value));
    if (json_is_integer(value))
        return g_strdup_printf("%" JSON_INTEGER_FORMAT, json_integer_value(value));
    if (json_is_real(value))
        return g_strdup_printf("%.10g", json_real_value(value));
    GString *name = g_string_new(NULL);
    for (gsize i = 0; json_is_object(value) && i < G_N_ELEMENTS(groups); i++) {
        const char *group = json_string_value(json_object_get(value, groups[i]));
        g_string_append_printf(name, "%s%s", i ? "=" : "", group ? group : "");
    }
    while (name->len && name->str[name->len - 1] == '=')
        g_string_truncate(name, name->len - 1);
    return g_string_free(name, FALSE);
}

/* A DICOM JSON attribute as DICOM text: its values joined. */
static char *
attribute_text(json_t *attribute)
{
    GString *text = g_string_new(NULL);
    size_t i;
    json_t *value;
    json_array_foreach(json_object_get(attribute, "Value"), i, value)
    {
        g_autofree char *one = value_text(value);
        g_string_append_printf(text, "%s%s", i ? "\\" : "", one);
    }
    return g_string_free(text, FALSE);
}

static void
put_key(DcmDataset &dataset, const char *tag, json_t *attribute)
{
    guint64 number = g_ascii_strtoull(tag, NULL, 16);
    DcmTag key((Uint16)(number >> 16), (Uint16)number);
    g_autofree char *text = attribute_text(attribute);
    if (key.getElement() == 0 || key == DCM_SpecificCharacterSet)
        return; /* group lengths, PS3.5 7.2; the character set is set at last */
    if (!*text || key.getEVR() == EVR_SQ || dataset.putAndInsertString(key, text).bad())
        (void)dataset.insertEmptyElement(key);
}

/* From UTF-8 to what the request asked for, when that can express it. */
static void
convert_text(DcmDataset &dataset, const char *wanted)
{
    (void)dataset.putAndInsertString(DCM_SpecificCharacterSet, "ISO_IR 192");
    if (!wanted || !*wanted || !strcmp(wanted, "ISO_IR 192"))
        return;
    DcmDataset converted(dataset);
    if (converted.convertCharacterSet("ISO_IR 192", wanted, 0, OFTrue).good())
        dataset = converted;
}

static void
put_match(DcmDataset &dataset, json_t *keys, json_t *match)
{
    static const char *const always[] = {"00080052", "00080054"};
    const char *tag;
    json_t *value;
    json_object_foreach(keys, tag, value)
    {
        put_key(dataset, tag, json_object_get(match, tag));
    }
    for (gsize i = 0; i < G_N_ELEMENTS(always); i++)
        put_key(dataset, always[i], json_object_get(match, always[i]));
    convert_text(dataset, json_string_value(json_object_get(keys, "00080005")));
}

gboolean
dcm_command_is_patient_root(const dcm_command *command)
{
    return !strcmp(command->sop_class, UID_FINDPatientRootQueryRetrieveInformationModel);
}

gboolean
dcm_association_match(dcm_association *a, const dcm_command *command, guint16 status, json_t *keys,
                      json_t *match, GError **error)
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
            put_match(dataset, keys, match);
        OFCondition c = DIMSE_sendFindResponse(a->association, command->context, &request, &response,
                                               match ? &dataset : NULL, NULL);
        return c.good() ? TRUE : fail(error, ERR_INVALID, "response", c);
    });
}
