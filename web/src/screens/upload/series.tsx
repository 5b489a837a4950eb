// Whose pictures they are: patients, studies and series, each study and series to be sent or left out.
import { UserOutlined, WarningFilled } from "@ant-design/icons";
import { Alert, Checkbox, Progress } from "antd";
import { useTranslation } from "react-i18next";
import type { Patient } from "../../api/queries";
import { formatBytes, formatDate, formatDuration } from "../../i18n/format";
import { useLanguage } from "../../i18n/use-language";
import { Data } from "../../ui/Data";
import { arrivedBytes, headerDate, headerName, isSettled, type PatientGroup, type SeriesGroup, type StudyGroup, totalSize } from "./group";
import { type Snapshot, uploader } from "./uploader";

/** Until the first is sent the choice is open; later it would tear a series apart. */
export const isChoosing = (state: Snapshot) => state.phase === "ready" || state.phase === "done";

function SeriesProgress({ series, state }: { series: SeriesGroup; state: Snapshot }) {
  const { t } = useTranslation();
  const done = series.files.filter(isSettled).length;
  const failed = series.files.some((file) => file.state === "failed");
  const bytes = totalSize(series.files);
  const arrived = arrivedBytes(series.files);
  const moving = series.files.some((file) => file.state === "sending");
  const left = moving && state.bytesPerSecond > 0 ? (bytes - arrived) / state.bytesPerSecond : null;
  return (
    <span className="upload-progress">
      <Progress
        percent={Math.floor((100 * arrived) / Math.max(1, bytes))}
        size="small"
        status={failed ? "exception" : done === series.files.length ? "success" : "normal"}
        format={() => <span translate="no">{`${done}/${series.files.length}`}</span>}
        aria-label={t("upload.progress")}
      />
      {left !== null && <span className="muted num">{t("upload.left", { time: formatDuration(left) })}</span>}
    </span>
  );
}

function SeriesRow({ series, state }: { series: SeriesGroup; state: Snapshot }) {
  const { t } = useTranslation();
  const name = series.description || series.number || series.uid;
  const chosen = !state.left.has(series.key);
  const started = series.files.some((file) => file.state !== "ready" || file.sent > 0);
  return (
    <li className={chosen ? "upload-series" : "upload-series upload-left"}>
      <Checkbox
        checked={chosen}
        disabled={!isChoosing(state)}
        aria-label={t("upload.chooseSeries", { name })}
        onChange={(event) => uploader.choose([series.key], event.target.checked)}
      />
      <span className="modality" translate="no">{series.modality || "?"}</span>
      <span className="upload-series-name"><Data>{name}</Data></span>
      <span className="num muted">{t("upload.images", { count: series.files.length })} · <Data>{formatBytes(totalSize(series.files))}</Data></span>
      {started && <SeriesProgress series={series} state={state} />}
    </li>
  );
}

function StudyBox({ study, mixed, state }: { study: StudyGroup; mixed: boolean; state: Snapshot }) {
  const { t } = useTranslation();
  const language = useLanguage();
  const keys = study.series.map((series) => series.key);
  const on = keys.filter((key) => !state.left.has(key)).length;
  const name = [study.date && formatDate(headerDate(study.date), language), study.description].filter(Boolean).join(" · ") || study.uid;
  return (
    <div className="upload-study">
      <div className="upload-study-head">
        <Checkbox
          checked={on === keys.length}
          indeterminate={on > 0 && on < keys.length}
          disabled={!isChoosing(state)}
          aria-label={t("upload.chooseStudy", { name })}
          onChange={(event) => uploader.choose(keys, event.target.checked)}
        />
        <h3 className="label num"><Data>{name}</Data></h3>
      </div>
      {mixed && <Alert type="error" showIcon title={t("upload.mixed")} />}
      <ul>{study.series.map((series) => <SeriesRow key={series.key} series={series} state={state} />)}</ul>
    </div>
  );
}

interface Props {
  patient: PatientGroup;
  mixed: ReadonlySet<string>;
  several: boolean;
  /** Whose pictures they should be. */
  wanted: Patient | null;
  state: Snapshot;
}

export function isOther(patient: PatientGroup, wanted: Patient | null): boolean {
  return wanted !== null && patient.id.trim() !== wanted.local_id;
}

export function PatientBox({ patient, mixed, several, wanted, state }: Props) {
  const { t } = useTranslation();
  const language = useLanguage();
  const other = isOther(patient, wanted);
  return (
    <section className={several || other ? "panel upload-patient upload-several" : "panel upload-patient"}>
      <h2 className="upload-name">
        <UserOutlined aria-hidden /> {headerName(patient.name) ? <Data>{headerName(patient.name)}</Data> : t("patient.unnamed")}
        <span className="muted num"> <Data>{[patient.id, patient.sex, patient.birthDate && formatDate(headerDate(patient.birthDate), language)].filter(Boolean).join(" · ")}</Data></span>
        {other && <span className="chip chip-danger"><WarningFilled aria-hidden /> {t("upload.otherPatient")}</span>}
      </h2>
      {patient.studies.map((study) => <StudyBox key={study.uid} study={study} mixed={mixed.has(study.uid)} state={state} />)}
    </section>
  );
}
