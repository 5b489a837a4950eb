// Upload: drop a folder, look at whose pictures they are, send them.
import "./upload.css";
import {
  CheckCircleOutlined, CloseCircleOutlined, CloudUploadOutlined, FolderOpenOutlined, PauseOutlined, PlayCircleOutlined, UserOutlined,
} from "@ant-design/icons";
import { Alert, Button, Progress } from "antd";
import { type ChangeEvent, type DragEvent, useEffect, useRef, useState, useSyncExternalStore } from "react";
import { useTranslation } from "react-i18next";
import { LinkButton } from "../../ui/LinkButton";
import { formatBytes, formatDate, formatDuration } from "../../i18n/format";
import { useLanguage } from "../../i18n/use-language";
import { Data } from "../../ui/Data";
import { useLeaveGuard } from "../../ui/leave-guard";
import { Page } from "../../ui/Page";
import { useErrorText } from "../../ui/states";
import { filesOfDrop, filesOfInput, type Found } from "./collect";
import { headerDate, headerName, mixedStudies, type PatientGroup, type SeriesGroup, totalSize } from "./group";
import { Results } from "./results";
import { type Snapshot, uploader } from "./uploader";

function DropZone({ busy }: { busy: boolean }) {
  const { t } = useTranslation();
  const [over, setOver] = useState(false);
  const folder = useRef<HTMLInputElement>(null);
  const files = useRef<HTMLInputElement>(null);
  useEffect(() => folder.current?.setAttribute("webkitdirectory", ""), []);

  const collect = (find: () => Found[] | Promise<Found[]>) => {
    void (async () => {
      try {
        uploader.add(await find());
      } catch {
        uploader.refuse("");
      }
    })();
  };
  const onDrop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    collect(() => filesOfDrop(event.dataTransfer));
  };
  const onChosen = (event: ChangeEvent<HTMLInputElement>) => {
    const list = event.target.files;
    if (list) collect(() => filesOfInput(list));
    event.target.value = "";
  };
  return (
    <div
      className={over ? "drop drop-over" : "drop"}
      data-testid="drop-zone"
      onDragOver={(event) => { event.preventDefault(); setOver(true); }}
      onDragLeave={() => setOver(false)}
      onDrop={busy ? (event) => event.preventDefault() : onDrop}
    >
      <CloudUploadOutlined className="drop-icon" aria-hidden />
      <p className="drop-text">{t("upload.drop")}</p>
      <p className="muted">{t("upload.dropHint")}</p>
      <div className="action-bar">
        <Button icon={<FolderOpenOutlined aria-hidden />} disabled={busy} onClick={() => folder.current?.click()}>{t("upload.folder")}</Button>
        <Button disabled={busy} onClick={() => files.current?.click()}>{t("upload.files")}</Button>
      </div>
      <input ref={folder} type="file" multiple hidden tabIndex={-1} aria-hidden onChange={onChosen} data-testid="folder-input" />
      <input ref={files} type="file" multiple hidden tabIndex={-1} aria-hidden onChange={onChosen} data-testid="files-input" />
    </div>
  );
}

function SeriesRow({ series }: { series: SeriesGroup }) {
  const { t } = useTranslation();
  const done = series.files.filter((file) => file.state === "stored" || file.state === "known").length;
  const failed = series.files.filter((file) => file.state === "failed").length;
  const started = series.files.some((file) => file.state !== "ready");
  return (
    <li className="upload-series">
      <span className="modality" translate="no">{series.modality || "?"}</span>
      <span className="upload-series-name"><Data>{series.description || series.number || series.uid}</Data></span>
      <span className="num muted">{t("upload.images", { count: series.files.length })} · <Data>{formatBytes(totalSize(series.files))}</Data></span>
      {started && (
        <span className="upload-progress">
          <Progress
            percent={Math.round((100 * done) / series.files.length)}
            size="small"
            status={failed > 0 ? "exception" : done === series.files.length ? "success" : "normal"}
            format={() => <span translate="no">{`${done}/${series.files.length}`}</span>}
            aria-label={t("upload.progress")}
          />
        </span>
      )}
    </li>
  );
}

function Patient({ patient, mixed, several }: { patient: PatientGroup; mixed: ReadonlySet<string>; several: boolean }) {
  const { t } = useTranslation();
  const language = useLanguage();
  return (
    <section className={several ? "panel upload-patient upload-several" : "panel upload-patient"}>
      <h2 className="upload-name">
        <UserOutlined aria-hidden /> {headerName(patient.name) ? <Data>{headerName(patient.name)}</Data> : t("patient.unnamed")}
        <span className="muted num"> <Data>{[patient.id, patient.sex, patient.birthDate && formatDate(headerDate(patient.birthDate), language)].filter(Boolean).join(" · ")}</Data></span>
      </h2>
      {patient.studies.map((study) => (
        <div key={study.uid} className="upload-study">
          <h3 className="label num"><Data>{[study.date && formatDate(headerDate(study.date), language), study.description].filter(Boolean).join(" · ") || study.uid}</Data></h3>
          {mixed.has(study.uid) && <Alert type="error" showIcon title={t("upload.mixed")} />}
          <ul>{study.series.map((series) => <SeriesRow key={series.uid} series={series} />)}</ul>
        </div>
      ))}
    </section>
  );
}

function Controls({ state }: { state: Snapshot }) {
  const { t } = useTranslation();
  const errorText = useErrorText();
  const percent = state.bytes > 0 ? Math.floor((100 * state.sentBytes) / state.bytes) : 0;
  const moving = state.phase === "sending" || state.phase === "paused";
  return (
    <div className="panel upload-controls" aria-live="polite">
      {state.phase === "reading" && (
        <>
          <p className="num">{t("upload.reading", { read: state.read, total: state.toRead })}</p>
          <Progress percent={Math.floor((100 * state.read) / Math.max(1, state.toRead))} showInfo={false} aria-label={t("upload.progress")} />
        </>
      )}
      {state.phase !== "reading" && (
        <p className="num upload-total">
          {t("upload.total", { count: state.files.length })} · <Data>{formatBytes(state.bytes)}</Data>
          {state.phase === "sending" && state.bytesPerSecond > 0 && <> · <Data>{formatBytes(state.bytesPerSecond)}/s</Data></>}
          {state.phase === "sending" && state.secondsLeft !== null && <> · {t("upload.left", { time: formatDuration(state.secondsLeft) })}</>}
        </p>
      )}
      {moving && <Progress percent={percent} format={(value) => <span translate="no">{value} %</span>} aria-label={t("upload.progress")} />}
      {state.trouble && <Alert type="warning" showIcon title={errorText(state.trouble)} description={moving ? t("upload.again") : undefined} />}
      {state.phase === "done" && <p className="upload-done" role="status"><CheckCircleOutlined aria-hidden /> {t("upload.done")}</p>}
      <div className="action-bar">
        {state.phase === "ready" && <Button type="primary" icon={<CloudUploadOutlined aria-hidden />} disabled={state.files.length === 0} onClick={() => void uploader.start()}>{t("upload.send")}</Button>}
        {state.phase === "checking" && <Button type="primary" loading>{t("upload.checking")}</Button>}
        {state.phase === "sending" && <Button icon={<PauseOutlined aria-hidden />} onClick={() => uploader.pause()}>{t("upload.pause")}</Button>}
        {state.phase === "paused" && <Button type="primary" icon={<PlayCircleOutlined aria-hidden />} onClick={() => uploader.resume()}>{t("upload.resume")}</Button>}
        {state.phase === "done" && state.files.some((file) => file.state === "failed") && <Button onClick={() => void uploader.start()}>{t("upload.retryFailed")}</Button>}
        {state.phase === "done" && <LinkButton to="/studies" type="primary">{t("nav.studies")}</LinkButton>}
        {["ready", "paused", "done"].includes(state.phase) && <Button icon={<CloseCircleOutlined aria-hidden />} onClick={() => uploader.clear()}>{t("upload.clear")}</Button>}
      </div>
      {moving && <p className="muted hint">{t("upload.leave")}</p>}
    </div>
  );
}

export function Component() {
  const { t } = useTranslation();
  const state = useSyncExternalStore(uploader.subscribe, uploader.get);
  const mixed = new Set(mixedStudies(state.patients));
  useLeaveGuard(uploader.busy);
  return (
    <Page title={t("nav.upload")}>
      <DropZone busy={uploader.busy} />
      {state.phase !== "empty" && <Controls state={state} />}
      {state.patients.length > 1 && <Alert className="upload-warning" type="error" showIcon title={t("upload.several", { count: state.patients.length })} />}
      {state.patients.map((patient) => <Patient key={patient.key} patient={patient} mixed={mixed} several={state.patients.length > 1} />)}
      {state.phase !== "empty" && state.phase !== "reading" && <Results files={state.files} skipped={state.skipped} />}
    </Page>
  );
}
