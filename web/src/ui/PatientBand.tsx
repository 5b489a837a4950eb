// Who this page is about. On top of every screen that shows one patient, and it never scrolls away.
import { EyeInvisibleOutlined, EyeOutlined, ManOutlined, WarningFilled, WomanOutlined, UserOutlined } from "@ant-design/icons";
import { Button, Tooltip } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Patient } from "../api/queries";
import { ageOf, formatDate, maskId, patientNames } from "../i18n/format";
import { useLanguage } from "../i18n/use-language";
import { Data } from "./Data";

export function PatientName({ patient }: { patient: Patient }) {
  const { t } = useTranslation();
  const { main, other } = patientNames(patient.name);
  if (!main) return <span className="muted">{t("patient.unnamed")}</span>;
  return <><Data className="patient-name">{main}</Data>{other && other !== main && <> <Data className="patient-other">{other}</Data></>}</>;
}

/** "女 34 岁": sex and age in one short phrase. */
export function SexAge({ patient }: { patient: Patient }) {
  const { t } = useTranslation();
  const age = patient.birth_date ? ageOf(patient.birth_date) : null;
  const sex = patient.sex === "M" || patient.sex === "F" || patient.sex === "O" ? t(`patient.sex.${patient.sex}`) : t("patient.sex.unknown");
  const Icon = patient.sex === "M" ? ManOutlined : patient.sex === "F" ? WomanOutlined : UserOutlined;
  return (
    <span className="sex-age num">
      <Icon aria-hidden /> {sex}
      {age && <> {t(`patient.age.${age.unit}`, { count: age.count })}</>}
    </span>
  );
}

export function PatientBand({ patient, second }: { patient: Patient; second?: boolean }) {
  const { t } = useTranslation();
  const language = useLanguage();
  const [open, setOpen] = useState(false);
  const { main, other } = patientNames(patient.name);
  return (
    <section className={second ? "band band-second" : "band"} aria-label={t("patient.band")}>
      <strong className="band-name">{main ? <Data>{main}</Data> : t("patient.unnamed")}</strong>
      {other && other !== main && <Data className="muted">{other}</Data>}
      {patient.charset_doubt && (
        <Tooltip title={t("patient.charsetHint")}><span className="chip chip-warning"><WarningFilled aria-hidden /> {t("patient.charset")}</span></Tooltip>
      )}
      <SexAge patient={patient} />
      {patient.birth_date && <span className="num muted"><Data>{formatDate(patient.birth_date, language)}</Data></span>}
      <span className="band-id num">
        <span className="muted">{t("patient.id")}</span> <Data>{open ? patient.local_id : maskId(patient.local_id)}</Data>
        {maskId(patient.local_id) !== patient.local_id && (
          <Button
            type="text"
            size="small"
            icon={open ? <EyeInvisibleOutlined /> : <EyeOutlined />}
            aria-label={open ? t("patient.hideId") : t("patient.showId")}
            onClick={() => setOpen(!open)}
          />
        )}
      </span>
      <span className="muted"><Data>{patient.organisation.name}</Data></span>
      {patient.allergies && <span className="chip chip-danger"><WarningFilled aria-hidden /> {t("patient.allergies")} <Data>{patient.allergies}</Data></span>}
    </section>
  );
}
