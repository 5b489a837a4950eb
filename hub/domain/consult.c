/* What is particular to consultations: their statements and fields. The steps are in consult_fsm.def. */
#include "hub/domain/case.h"

static const field input[] = {
    {"patient", FIELD_ID, .required = TRUE},
    {"to_organisation", FIELD_ID, .required = TRUE},
    {"to_department", FIELD_ID, .required = TRUE},
    {"urgency", FIELD_CHOICE, .required = TRUE, .choices = " routine urgent emergency "},
    {"question", FIELD_TEXT, .required = TRUE, .min = 1, .max = 4000},
    {"summary", FIELD_TEXT, .max = 8000},
    {"studies", FIELD_IDS, .required = TRUE, .max = 50},
    {"consent", .type = FIELD_BOOLEAN},
    {"submit", .type = FIELD_BOOLEAN},
    {.name = NULL},
};

const case_kind case_consult = {&fsm_consult, "consult_get", "consult_act", "consult_expect", "submit", input};
