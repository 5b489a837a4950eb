/* What is particular to referrals: their statements and fields. The steps are in referral_fsm.def. */
#include "hub/domain/case.h"
#include <string.h>

static const field input[] = {
    {"patient", FIELD_ID, .required = TRUE},
    {"direction", FIELD_CHOICE, .required = TRUE, .choices = " up down lateral "},
    {"to_organisation", FIELD_ID, .required = TRUE},
    {"to_department", .type = FIELD_ID},
    {"urgency", FIELD_CHOICE, .required = TRUE, .choices = " routine soon urgent emergency "},
    {"path", FIELD_CHOICE, .choices = " outpatient inpatient exam "},
    {"reason", FIELD_TEXT, .required = TRUE, .min = 1, .max = 4000},
    {"diagnosis", FIELD_TEXT, .required = TRUE, .min = 1, .max = 2000},
    {"treatment", FIELD_TEXT, .max = 8000},
    {"studies", FIELD_IDS, .max = 50},
    {"consent", .type = FIELD_BOOLEAN},
    {"submit", .type = FIELD_BOOLEAN},
    {.name = NULL},
};

const case_kind case_referral = {&fsm_referral, "referral_get", "referral_act", "referral_expect", "send", input};

const case_kind *
case_kind_of(const char *name)
{
    return strcmp(name, "consult") == 0 ? &case_consult : strcmp(name, "referral") == 0 ? &case_referral : NULL;
}
