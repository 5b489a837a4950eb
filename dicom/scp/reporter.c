#include "dicom/scp/reporter.h"
#include "dicom/child/child.h"
#include "dicom/dcmtk/association.h"
#include "dicom/scp/commit.h"
#include "hub/base/err.h"
#include <unistd.h>

static const dcm_proposal proposals[] = {{.sop_class = "1.2.840.10008.1.20.1",
                                          .syntaxes = {"1.2.840.10008.1.2.1", "1.2.840.10008.1.2"},
                                          .as_provider = TRUE}};

static dcm_association *
reach(const config *c, const json_t *order, GError **error)
{
    g_autofree char *files = g_build_filename(config_data_dir(c), "tls", NULL);
    gboolean over_tls = json_get_bool(order, "tls", FALSE);
    tls_context *tls = over_tls ? tls_context_new(files, error) : NULL; /* until the process ends */
    if (over_tls && !tls)
        return NULL;
    const dcm_request request = {.calling = json_get_text(order, "calling"),
                                 .called = json_get_text(order, "called"),
                                 .host = json_get_text(order, "host"),
                                 .port = (guint16)json_get_int(order, "port", 0),
                                 .tls = tls,
                                 .cert_cn = json_get_text(order, "cert_cn"),
                                 .cert_sha256 = json_get_text(order, "cert_sha256"),
                                 .code = json_get_text(order, "code"),
                                 .timeout = (int)config_int(c, "dicom", "acse-timeout"),
                                 .proposals = proposals,
                                 .count = G_N_ELEMENTS(proposals)};
    return dcm_association_request(&request, error);
}

static gboolean
report(const config *c, const json_t *order, const char *lines, GError **error)
{
    dcm_command answer;
    guint16 message = 0;
    g_autoptr(dcm_association) a = reach(c, order, error);
    if (!a || !dcm_association_report(a, json_get_text(order, "transaction"), lines, &message, error) ||
        !dcm_association_next(a, (int)config_int(c, "dicom", "idle-timeout"), &answer, error))
        return FALSE;
    if (answer.kind != DCM_REPORTED || answer.message_id != message)
        return err_set(error, ERR_UNAVAILABLE, "no answer to the report: %s", answer.why);
    dcm_association_release(a);
    return answer.status == 0 || err_set(error, ERR_UNAVAILABLE, "the receiver answers %04X", answer.status);
}

int
reporter_run(const config *c)
{
    g_autoptr(json_t) order = NULL;
    g_autoptr(GError) error = NULL;
    int fd = -1;
    child_begin();
    dcm_network_init((guint)config_int(c, "dicom", "pdu-size"));
    if (channel_receive(CHANNEL_FD, TRUE, &order, &fd) != CHANNEL_MESSAGE || fd < 0)
        return 1;
    g_autofree char *lines = channel_read_text(fd, 2 * COMMIT_ITEMS_LIMIT);
    gboolean good = lines && report(c, order, lines, &error);
    g_autoptr(json_t) answer = json_pack("{s:s*}", "reason",
                                         good    ? NULL
                                         : error ? error->message
                                                 : "the report cannot be read");
    channel_send(CHANNEL_FD, answer, -1);
    return 0;
}
