/* Every address of the hub. Rows are searched in order. The handlers of each part are declared in its
 * api_<noun>.h. */
#include "hub/api/routes.h"
#include "hub/api/api_case.h"
#include "hub/api/api_device.h"
#include "hub/api/api_directory.h"
#include "hub/api/api_measurement.h"
#include "hub/api/api_room.h"
#include "hub/api/api_session.h"
#include "hub/api/api_stream.h"
#include "hub/api/api_study.h"
#include "hub/dicomweb/dicomweb.h"
#include "hub/http/health.h"
#include "hub/http/metrics.h"
#include "hub/http/static.h"

/* DICOMweb: each address twice, with the organisation whose copy is meant and without. */
#define DICOMWEB(path, handler)                                                                              \
    {"GET", "/dicom-web" path, handler, HTTP_DICOMWEB, 0}, {"GET", "/dicom-web/orgs/{code}" path, handler, HTTP_DICOMWEB, 0}
#define STUDY "/studies/{study}"
#define SERIES STUDY "/series/{series}"
#define INSTANCE SERIES "/instances/{instance}"

enum { SMALL = 16 * 1024, FORM = 128 * 1024, LIST = 2 * 1024 * 1024 };

const http_route routes[] = {
    {"GET", "/healthz", health_alive, HTTP_OPEN, 0},
    {"GET", "/readyz", health_ready, HTTP_OPEN, 0},
    {"GET", "/metrics", metrics_handle, HTTP_LOCAL, 0},

    {"POST", "/api/v1/session", api_session_open, HTTP_OPEN, SMALL},
    {"GET", "/api/v1/session", api_session_get, HTTP_SESSION, 0},
    {"PATCH", "/api/v1/session", api_session_change, HTTP_SESSION, SMALL},
    {"DELETE", "/api/v1/session", api_session_close, HTTP_SESSION, 0},

    {"GET", "/api/openapi.json", api_openapi_get, HTTP_OPEN, 0},
    {"GET", "/api/v1/organisations", api_organisation_list, HTTP_SESSION, 0},
    {"GET", "/api/v1/patients", api_patient_find, HTTP_SESSION, 0},
    {"POST", "/api/v1/patients", api_patient_create, HTTP_SESSION, SMALL},
    {"GET", "/api/v1/patients/{id}", api_patient_get, HTTP_SESSION, 0},
    {"GET", "/api/v1/worklist", api_worklist_get, HTTP_SESSION, 0},

    {"POST", "/api/v1/consults", api_consult_create, HTTP_SESSION, FORM},
    {"GET", "/api/v1/consults/{id}", api_consult_get, HTTP_SESSION, 0},
    {"PATCH", "/api/v1/consults/{id}", api_consult_edit, HTTP_SESSION, FORM},
    {"GET", "/api/v1/consults/{id}/actions", api_consult_actions, HTTP_SESSION, 0},
    {"POST", "/api/v1/consults/{id}/actions/{action}", api_consult_act, HTTP_SESSION, FORM},
    {"GET", "/api/v1/consults/{id}/events", api_consult_events, HTTP_SESSION, 0},
    {"PUT", "/api/v1/consults/{id}/opinion", api_consult_opinion, HTTP_SESSION, FORM},

    {"POST", "/api/v1/referrals", api_referral_create, HTTP_SESSION, FORM},
    {"GET", "/api/v1/referrals/{id}", api_referral_get, HTTP_SESSION, 0},
    {"PATCH", "/api/v1/referrals/{id}", api_referral_edit, HTTP_SESSION, FORM},
    {"GET", "/api/v1/referrals/{id}/actions", api_referral_actions, HTTP_SESSION, 0},
    {"POST", "/api/v1/referrals/{id}/actions/{action}", api_referral_act, HTTP_SESSION, FORM},
    {"GET", "/api/v1/referrals/{id}/events", api_referral_events, HTTP_SESSION, 0},

    {"POST", "/api/v1/rooms", api_room_create, HTTP_SESSION, SMALL},
    {"GET", "/api/v1/rooms/{id}", api_room_get, HTTP_SESSION, 0},
    {"GET", "/api/v1/rooms/{id}/messages", api_message_list, HTTP_SESSION, 0},
    {"POST", "/api/v1/rooms/{id}/messages", api_message_add, HTTP_SESSION, FORM},
    {"GET", "/api/v1/devices", api_device_list, HTTP_SESSION, 0},
    {"POST", "/api/v1/rooms/{id}/devices", api_device_bring, HTTP_SESSION, SMALL},
    {"DELETE", "/api/v1/rooms/{id}/devices/{participant}", api_device_remove, HTTP_SESSION, 0},

    {"GET", "/api/v1/teaching", api_teaching_list, HTTP_SESSION, 0},
    {"POST", "/api/v1/teaching", api_teaching_create, HTTP_SESSION, FORM},
    {"GET", "/api/v1/teaching/{id}", api_teaching_get, HTTP_SESSION, 0},
    {"PATCH", "/api/v1/teaching/{id}", api_teaching_edit, HTTP_SESSION, FORM},
    {"POST", "/api/v1/teaching/{id}/actions/{action}", api_teaching_act, HTTP_SESSION, FORM},
    {"GET", "/api/v1/teaching/{id}/events", api_teaching_events, HTTP_SESSION, 0},
    {"GET", "/api/v1/teaching/{id}/questions", api_question_list, HTTP_SESSION, 0},
    {"POST", "/api/v1/teaching/{id}/questions", api_question_ask, HTTP_SESSION, SMALL},
    {"POST", "/api/v1/teaching/{id}/questions/{question}/answered", api_question_answered, HTTP_SESSION, SMALL},
    {"GET", "/api/v1/recordings/{id}", api_recording_get, HTTP_SESSION, 0},
    {"GET", "/api/v1/recordings/{id}/files/{file}", api_recording_file, HTTP_SESSION, 0},
    {"GET", "/api/v1/audit", api_audit_list, HTTP_SESSION, 0},

    {"POST", "/whip/{room}", api_whip_open, HTTP_SESSION, STREAM_SDP_LIMIT},
    {"GET", "/whip/{room}", api_stream_no_get, HTTP_OPEN, 0},
    {"PATCH", "/whip/{room}/{stream}", api_whip_patch, HTTP_SESSION, STREAM_SDP_LIMIT},
    {"DELETE", "/whip/{room}/{stream}", api_whip_close, HTTP_SESSION, 0},
    {"GET", "/whip/{room}/{stream}", api_stream_no_get, HTTP_OPEN, 0},
    {"POST", "/whep/{room}", api_whep_open, HTTP_SESSION, STREAM_SDP_LIMIT},
    {"GET", "/whep/{room}", api_stream_no_get, HTTP_OPEN, 0},
    {"PATCH", "/whep/{room}/{stream}", api_whep_patch, HTTP_SESSION, STREAM_SDP_LIMIT},
    {"DELETE", "/whep/{room}/{stream}", api_whep_close, HTTP_SESSION, 0},
    {"GET", "/whep/{room}/{stream}", api_stream_no_get, HTTP_OPEN, 0},

    {"GET", "/api/v1/studies", api_study_list, HTTP_SESSION, 0},
    {"GET", "/api/v1/studies/{id}", api_study_get, HTTP_SESSION, 0},
    {"GET", "/api/v1/studies/{id}/manifest", api_study_manifest, HTTP_SESSION, 0},
    {"GET", "/api/v1/studies/{id}/measurements", api_measurement_list, HTTP_SESSION, 0},
    {"PUT", "/api/v1/studies/{id}/measurements/{measurement}", api_measurement_put, HTTP_SESSION, SMALL},
    {"DELETE", "/api/v1/studies/{id}/measurements/{measurement}", api_measurement_delete, HTTP_SESSION, 0},
    {"POST", "/api/v1/uploads/known", api_upload_known, HTTP_SESSION, LIST},

    DICOMWEB("/studies", qido_studies),
    DICOMWEB("/series", qido_series),
    DICOMWEB("/instances", qido_instances),
    DICOMWEB(STUDY "/series", qido_series),
    DICOMWEB(STUDY "/instances", qido_instances),
    DICOMWEB(SERIES "/instances", qido_instances),
    DICOMWEB(STUDY, wado_instances),
    DICOMWEB(SERIES, wado_instances),
    DICOMWEB(INSTANCE, wado_instances),
    DICOMWEB(STUDY "/metadata", wado_metadata),
    DICOMWEB(SERIES "/metadata", wado_metadata),
    DICOMWEB(INSTANCE "/metadata", wado_metadata),
    DICOMWEB(INSTANCE "/frames", wado_frames),
    DICOMWEB(INSTANCE "/frames/{frames}", wado_frames),
    DICOMWEB(INSTANCE "/bulkdata/{range}", wado_bulkdata),
    DICOMWEB(INSTANCE "/rendered", wado_rendered),
    DICOMWEB(INSTANCE "/frames/{frames}/rendered", wado_rendered),
    DICOMWEB(STUDY "/thumbnail", wado_thumbnail),
    DICOMWEB(SERIES "/thumbnail", wado_thumbnail),
    DICOMWEB(INSTANCE "/thumbnail", wado_thumbnail),
    DICOMWEB(INSTANCE "/frames/{frames}/thumbnail", wado_thumbnail),
    {"POST", "/dicom-web/studies", stow_store, HTTP_DICOMWEB | HTTP_STREAM_BODY, 0},
    {"POST", "/dicom-web/studies/{study}", stow_store, HTTP_DICOMWEB | HTTP_STREAM_BODY, 0},

    {"GET", "/{path*}", static_handle, HTTP_OPEN, 0},
    {NULL, NULL, NULL, 0, 0},
};
