// Photo or PDF: for which patient and study, then pictures from the camera or files.
import { CameraOutlined, FileAddOutlined, PlusOutlined } from "@ant-design/icons";
import { Alert, Button, DatePicker, Form, Input, Select } from "antd";
import dayjs from "dayjs";
import { type ChangeEvent, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, take } from "../../../api/client";
import { type Patient, useStudies } from "../../../api/queries";
import { formatDate } from "../../../i18n/format";
import { useLanguage } from "../../../i18n/use-language";
import { Data } from "../../../ui/Data";
import { PatientBand } from "../../../ui/PatientBand";
import { PatientSelect } from "../../../ui/PatientSelect";
import { useErrorText } from "../../../ui/states";
import type { Found } from "../source";
import { uploader } from "../uploader";
import { documentObject, newStudy } from "./document";
import { NotPicture, type PictureFault } from "./picture";

interface PatientFields {
  local_id: string;
  name: string;
  birth_date?: dayjs.Dayjs;
  sex?: "" | "M" | "F" | "O";
}

/** A patient whom the hub does not know yet. */
function NewPatient({ onPatient }: { onPatient: (patient: Patient) => void }) {
  const { t } = useTranslation();
  const errorText = useErrorText();
  const [failure, setFailure] = useState<unknown>(null);
  const create = async ({ birth_date, ...fields }: PatientFields) => {
    try {
      onPatient(await take(api.POST("/patients", { body: { ...fields, ...(birth_date ? { birth_date: birth_date.format("YYYY-MM-DD") } : {}) } })));
    } catch (error) {
      setFailure(error);
    }
  };
  const needed = [{ required: true, message: t("common.required") }];
  return (
    <Form layout="vertical" requiredMark={false} className="upload-new-patient" onFinish={(fields: PatientFields) => void create(fields)}>
      <Form.Item name="local_id" label={t("upload.document.number")} rules={needed}><Input maxLength={64} /></Form.Item>
      <Form.Item name="name" label={t("upload.document.name")} rules={needed}><Input maxLength={64} /></Form.Item>
      <Form.Item name="birth_date" label={t("upload.document.birthDate")}><DatePicker maxDate={dayjs()} /></Form.Item>
      <Form.Item name="sex" label={t("upload.document.sex")}>
        <Select options={(["M", "F", "O"] as const).map((sex) => ({ value: sex, label: t(`patient.sex.${sex}`) }))} />
      </Form.Item>
      {failure !== null && <Alert type="error" showIcon title={errorText(failure)} />}
      <Button htmlType="submit">{t("upload.document.createPatient")}</Button>
    </Form>
  );
}

function StudySelect({ patient, value, onChange }: { patient: string; value: string; onChange: (id: string) => void }) {
  const { t } = useTranslation();
  const language = useLanguage();
  const studies = useStudies({ patient, scope: "own" }).data?.pages.flatMap((page) => page.items) ?? [];
  const name = (study: (typeof studies)[number]) => [study.study_date && formatDate(study.study_date, language), study.modalities.join(" "), study.description].filter(Boolean).join(" · ");
  return (
    <Select
      id="document-study"
      value={value}
      onChange={onChange}
      options={[{ value: "", label: t("upload.document.newStudy") }, ...studies.map((study) => ({ value: study.id, label: <Data>{name(study) || study.study_uid}</Data> }))]}
    />
  );
}

interface Refused {
  name: string;
  why: PictureFault;
}

function Inputs({ disabled, onFiles }: { disabled: boolean; onFiles: (files: File[]) => void }) {
  const { t } = useTranslation();
  const camera = useRef<HTMLInputElement>(null);
  const files = useRef<HTMLInputElement>(null);
  const onChosen = (event: ChangeEvent<HTMLInputElement>) => {
    const chosen = [...(event.target.files ?? [])];
    event.target.value = "";
    if (chosen.length > 0) onFiles(chosen);
  };
  return (
    <>
      <Button type="primary" icon={<CameraOutlined aria-hidden />} disabled={disabled} onClick={() => camera.current?.click()}>{t("upload.document.camera")}</Button>
      <Button icon={<FileAddOutlined aria-hidden />} disabled={disabled} onClick={() => files.current?.click()}>{t("upload.document.files")}</Button>
      <input ref={camera} type="file" accept="image/*" capture="environment" hidden tabIndex={-1} aria-hidden onChange={onChosen} data-testid="camera-input" />
      <input ref={files} type="file" accept="image/jpeg,image/png,application/pdf,.heic,.heif" multiple hidden tabIndex={-1} aria-hidden onChange={onChosen} data-testid="document-input" />
    </>
  );
}

export function DocumentForm({ patient: wanted, busy, onClose }: { patient: Patient | null; busy: boolean; onClose: () => void }) {
  const { t } = useTranslation();
  const [chosen, setChosen] = useState<Patient | null>(null);
  const [creating, setCreating] = useState(false);
  /** Not among those that were found by searching. */
  const [created, setCreated] = useState<string>();
  const [studyId, setStudyId] = useState("");
  const [title, setTitle] = useState("");
  const [working, setWorking] = useState(false);
  const [refused, setRefused] = useState<Refused[]>([]);
  const patient = chosen ?? wanted;
  const study = useStudies({ patient: patient?.id ?? "", scope: "own" }, patient !== null).data?.pages.flatMap((page) => page.items).find((one) => one.id === studyId) ?? null;
  const choose = (one: Patient) => {
    setChosen(one);
    setCreating(false);
    setStudyId("");
  };
  // a patient that came without a number is known by its study only
  const numberless = patient?.local_id.startsWith("study:") === true && study === null;

  const convert = async (files: File[]) => {
    setWorking(true);
    const to = newStudy(patient!, study, title);
    const made: Found[] = [];
    const not: Refused[] = [];
    for (const [index, file] of files.entries()) {
      try {
        made.push({ path: file.name, blob: await documentObject(file, to, index + 1) });
      } catch (error) {
        not.push({ name: file.name, why: error instanceof NotPicture ? error.why : "no-picture" });
      }
    }
    setRefused(not);
    setWorking(false);
    if (made.length > 0) await uploader.addDocuments(made);
  };
  return (
    <section className="panel upload-document" aria-labelledby="document-title">
      <h2 id="document-title">{t("upload.document.open")}</h2>
      {patient ? <PatientBand patient={patient} /> : null}
      <label className="label" htmlFor="document-patient">{t("patient.label")}</label>
      <div className="upload-document-patient">
        <PatientSelect id="document-patient" value={patient?.id === created ? undefined : patient?.id} onPatient={choose} />
        <Button icon={<PlusOutlined aria-hidden />} onClick={() => setCreating(!creating)}>{t("upload.document.newPatient")}</Button>
      </div>
      {creating && <NewPatient onPatient={(one) => { setCreated(one.id); choose(one); }} />}
      {patient && (
        <>
          <label className="label" htmlFor="document-study">{t("upload.document.study")}</label>
          <StudySelect patient={patient.id} value={studyId} onChange={setStudyId} />
          <label className="label" htmlFor="document-name">{t("upload.document.title")}</label>
          <Input id="document-name" value={title} maxLength={64} onChange={(event) => setTitle(event.target.value)} />
          {numberless && <Alert type="warning" showIcon title={t("upload.document.numberless")} />}
        </>
      )}
      <p className="muted">{t("upload.document.hint")}</p>
      {refused.map((one) => <Alert key={one.name} type="error" showIcon title={t(`upload.document.refused.${one.why}`)} description={<Data>{one.name}</Data>} />)}
      <div className="action-bar">
        <Inputs disabled={patient === null || numberless || busy || working} onFiles={(files) => void convert(files)} />
        <Button onClick={onClose}>{t("common.close")}</Button>
      </div>
    </section>
  );
}
