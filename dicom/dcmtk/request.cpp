/* Associations that we ask for: sub-operations of a C-MOVE, reports. */
#include "dicom/dcmtk/internal.h"

static OFCondition
propose(T_ASC_Parameters *params, const dcm_request *q)
{
    OFCondition c = EC_Normal;
    for (guint i = 0; i < q->count && c.good(); i++) {
        const dcm_proposal *p = &q->proposals[i];
        int syntaxes = 0;
        while (syntaxes < (int)G_N_ELEMENTS(p->syntaxes) && p->syntaxes[syntaxes])
            syntaxes++;
        c = ASC_addPresentationContext(params, (T_ASC_PresentationContextID)(2 * i + 1), p->sop_class,
                                       const_cast<const char **>(p->syntaxes), syntaxes,
                                       p->as_provider ? ASC_SC_ROLE_SCP : ASC_SC_ROLE_DEFAULT);
    }
    return c;
}

static gboolean
refused(T_ASC_Parameters *params, GError **error)
{
    T_ASC_RejectParameters r;
    memset(&r, 0, sizeof r);
    (void)ASC_getRejectParameters(params, &r);
    return err_set(error, ERR_DENIED, "the peer rejects the association: result %u, source %u, reason %u",
                   r.result, r.source & 0xff, r.reason & 0xff);
}

static gboolean
request(dcm_association *a, const dcm_request *q, GError **error)
{
    OFCondition c = ASC_initializeNetwork(NET_REQUESTOR, 0, q->timeout, &a->network);
    if (c.bad())
        return fail(error, ERR_INTERNAL, "network", c);
    a->layer->request = q;
    (void)ASC_setTransportLayer(a->network, a->layer, 0);
    T_ASC_Parameters *params = NULL;
    c = ASC_createAssociationParameters(&params, association_pdu_size);
    if (c.bad())
        return fail(error, ERR_INTERNAL, "parameters", c);
    const char *brackets = strchr(q->host, ':') ? "[]" : "";
    g_autofree char *peer = g_strdup_printf("%.1s%s%s:%u", brackets, q->host, *brackets ? "]" : "", q->port);
    OFStandard::strlcpy(params->ourImplementationClassUID, IMPLEMENTATION_UID, sizeof(DIC_UI));
    OFStandard::strlcpy(params->ourImplementationVersionName, IMPLEMENTATION_VERSION, sizeof(DIC_SH));
    (void)ASC_setAPTitles(params, q->calling, q->called, NULL);
    (void)ASC_setPresentationAddresses(params, "consilium", peer);
    c = propose(params, q);
    if (c.good())
        c = ASC_requestAssociation(a->network, params, &a->association, NULL, NULL, DUL_NOBLOCK, q->timeout);
    else
        (void)ASC_destroyAssociationParameters(&params);
    if (a->layer->error) {
        g_propagate_error(error, g_steal_pointer(&a->layer->error));
        return FALSE;
    }
    if (c == DUL_ASSOCIATIONREJECTED)
        return refused(params, error);
    if (c.bad())
        return fail(error, ERR_UNAVAILABLE, "the peer does not answer", c);
    association_rename_syntaxes(a);
    return ASC_countAcceptedPresentationContexts(params) > 0 ||
           err_set(error, ERR_DENIED, "the peer accepts none of the presentation contexts");
}

dcm_association *
dcm_association_request(const dcm_request *q, GError **error)
{
    dcm_association *a = g_new0(dcm_association, 1);
    a->fd = -1;
    a->layer = new QuickLayer(q->timeout, NULL);
    g_strlcpy(a->calling, q->calling, sizeof a->calling);
    g_strlcpy(a->called, q->called, sizeof a->called);
    if (!wrap(error, [&] { return request(a, q, error); })) {
        dcm_association_free(a);
        return NULL;
    }
    a->layer->request = NULL;
    return a;
}

void
dcm_association_release(dcm_association *a)
{
    (void)wrap(NULL, [&]() -> gboolean {
        if (!a->ended)
            (void)ASC_releaseAssociation(a->association);
        a->ended = TRUE;
        return TRUE;
    });
}
