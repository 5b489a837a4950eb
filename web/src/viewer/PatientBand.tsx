// Whose images these are: on top of every screen that shows one patient, and it never scrolls away.
import { WarningFilled } from "@ant-design/icons";
import { useTranslation } from "react-i18next";
import type { Schemas } from "../api/client";
import { ageOf, formatDate, maskId, patientNames } from "../i18n/format";
import { useLanguage } from "../i18n/use-language";
import { Data } from "../ui/Data";

interface PatientBandProps {
  patient: Schemas["Patient"];
  /** The day for which the age is given; today when absent. */
  day?: string | null | undefined;
}

export function PatientBand({ patient, day }: PatientBandProps) {
  const { t } = useTranslation();
  const language = useLanguage();
  const names = patientNames(patient.name);
  const age = patient.birth_date ? ageOf(patient.birth_date, day ?? Date.now()) : null;
  return (
    <div className="viewer-patient">
      <strong><Data>{names.main || "—"}</Data></strong>
      {names.other !== "" && <span className="muted only-wide"><Data>{names.other}</Data></span>}
      <span>{t(`viewer.sex.${patient.sex || "U"}`)}</span>
      {age !== null && <span className="num">{t(`viewer.age.${age.unit}`, { count: age.count })}</span>}
      {patient.birth_date && <span className="num muted only-wide"><Data>{formatDate(patient.birth_date, language)}</Data></span>}
      <span className="num muted only-wide"><Data>{maskId(patient.local_id)}</Data></span>
      <span className="muted only-wide"><Data>{patient.organisation.name}</Data></span>
      {patient.allergies ? (
        <span className="viewer-allergy">
          <WarningFilled aria-hidden /> {t("viewer.allergies")} <Data>{patient.allergies}</Data>
        </span>
      ) : null}
    </div>
  );
}
