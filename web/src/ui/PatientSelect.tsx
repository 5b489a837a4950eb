import { Select } from "antd";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { type Patient, usePatients } from "../api/queries";
import { maskId } from "../i18n/format";
import { PatientName, SexAge } from "./PatientBand";
import { Data } from "./Data";

/** A value that stopped changing for a moment: one search per word, not per key. */
export function useSettled<T>(value: T, ms = 250): T {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), ms);
    return () => clearTimeout(timer);
  }, [value, ms]);
  return settled;
}

interface Props {
  id?: string;
  value?: string;
  onChange?: (id: string) => void;
  onPatient: (patient: Patient) => void;
}

/** Finds a patient of the own hospital by name in any script, or by number. */
export function PatientSelect({ id, value, onChange, onPatient }: Props) {
  const { t } = useTranslation();
  const [text, setText] = useState("");
  const query = usePatients(useSettled(text));
  return (
    <Select
      id={id}
      value={value}
      showSearch={{ filterOption: false, onSearch: setText }}
      placeholder={t("patient.search")}
      loading={query.isFetching}
      notFoundContent={query.isFetching ? t("common.loading") : t("patient.none")}
      options={(query.data ?? []).map((patient) => ({
        value: patient.id,
        label: (
          <span className="patient-option">
            <PatientName patient={patient} /> <SexAge patient={patient} /> <span className="muted"><Data>{maskId(patient.local_id)}</Data></span>
          </span>
        ),
      }))}
      onChange={(chosen: string) => {
        onChange?.(chosen);
        const patient = query.data?.find((p) => p.id === chosen);
        if (patient) onPatient(patient);
      }}
    />
  );
}
