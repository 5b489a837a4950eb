// Upload: drop a folder, look at whose pictures they are, send them.
import "./upload.css";
import { CheckCircleOutlined, CloseCircleOutlined, CloudUploadOutlined, PauseOutlined, PlayCircleOutlined } from "@ant-design/icons";
import { Alert, Button, Checkbox, Progress } from "antd";
import { useEffect, useState, useSyncExternalStore } from "react";
import { useTranslation } from "react-i18next";
import { useSearchParams } from "react-router";
import { type Patient, usePatient } from "../../api/queries";
import { formatBytes, formatDuration } from "../../i18n/format";
import { Data } from "../../ui/Data";
import { useLeaveGuard } from "../../ui/leave-guard";
import { LinkButton } from "../../ui/LinkButton";
import { Page } from "../../ui/Page";
import { PatientSelect } from "../../ui/PatientSelect";
import { useSession } from "../../ui/session-context";
import { useErrorText } from "../../ui/states";
import { DocumentForm } from "./document/form";
import { DropZone } from "./drop-zone";
import { mixedStudies } from "./group";
import { Interrupted } from "./interrupted";
import { Privacy } from "./privacy";
import { Known, Results } from "./results";
import { isOther, PatientBox } from "./series";
import { type Snapshot, uploader } from "./uploader";

function Buttons({ state, allowed }: { state: Snapshot; allowed: boolean }) {
  const { t } = useTranslation();
  const failed = state.files.some((file) => file.state === "failed");
  return (
    <div className="action-bar">
      {state.phase === "ready" && <Button type="primary" icon={<CloudUploadOutlined aria-hidden />} disabled={state.chosen === 0 || !allowed} onClick={() => void uploader.start()}>{t("upload.send")}</Button>}
      {state.phase === "checking" && <Button type="primary" loading>{t("upload.checking")}</Button>}
      {(state.phase === "sending" || state.phase === "waiting") && <Button icon={<PauseOutlined aria-hidden />} onClick={() => uploader.pause()}>{t("upload.pause")}</Button>}
      {state.phase === "paused" && <Button type="primary" icon={<PlayCircleOutlined aria-hidden />} onClick={() => void uploader.resume()}>{t("upload.resume")}</Button>}
      {state.phase === "done" && failed && <Button onClick={() => void uploader.start()}>{t("upload.retryFailed")}</Button>}
      {state.phase === "done" && <LinkButton to="/studies" type="primary">{t("nav.studies")}</LinkButton>}
      {["ready", "done"].includes(state.phase) && <Button icon={<CloseCircleOutlined aria-hidden />} onClick={() => uploader.clear()}>{t("upload.clear")}</Button>}
      {["waiting", "paused"].includes(state.phase) && <Button danger icon={<CloseCircleOutlined aria-hidden />} onClick={() => uploader.clear()}>{t("upload.cancel")}</Button>}
    </div>
  );
}

/** May this tab be closed? Said all the time, so that nobody has to guess. */
function Safety({ state }: { state: Snapshot }) {
  const { t } = useTranslation();
  if (state.phase === "done") {
    const failed = state.files.filter((file) => file.state === "failed").length;
    if (failed > 0) return <Alert type="warning" showIcon title={t("upload.doneFailed", { count: failed })} />;
    return <p className="upload-done" role="status"><CheckCircleOutlined aria-hidden /> {t("upload.done")} {t("upload.safe")}</p>;
  }
  return ["checking", "sending", "waiting", "paused"].includes(state.phase) ? <p className="muted hint">{t("upload.leave")}</p> : null;
}

function Controls({ state, allowed }: { state: Snapshot; allowed: boolean }) {
  const { t } = useTranslation();
  const errorText = useErrorText();
  // what has left this computer may still be on its way: the last percent is the hub's word
  const percent = state.bytes > 0 ? Math.min(99, Math.floor((100 * state.sentBytes) / state.bytes)) : 0;
  const known = state.files.filter((file) => file.state === "known").length;
  const moving = ["sending", "waiting", "paused"].includes(state.phase);
  if (state.phase === "reading") {
    return (
      <div className="panel upload-controls" aria-live="polite">
        <p className="num">{t("upload.reading", { read: state.read, total: state.toRead })}</p>
        <Progress percent={Math.floor((100 * state.read) / Math.max(1, state.toRead))} showInfo={false} aria-label={t("upload.progress")} />
      </div>
    );
  }
  return (
    <div className="panel upload-controls" aria-live="polite">
      <p className="num upload-total">
        {t("upload.total", { count: state.chosen })} · <Data>{formatBytes(state.bytes)}</Data>
        {state.phase === "sending" && state.bytesPerSecond > 0 && <> · <Data>{formatBytes(state.bytesPerSecond)}/s</Data></>}
        {state.phase === "sending" && state.secondsLeft !== null && <> · {t("upload.left", { time: formatDuration(state.secondsLeft) })}</>}
      </p>
      {moving && <Progress percent={percent} format={(value) => <span translate="no">{value} %</span>} aria-label={t("upload.progress")} />}
      {state.trouble && <Alert type="warning" showIcon title={errorText(state.trouble)} description={state.phase === "waiting" ? t("upload.again") : undefined} />}
      <Buttons state={state} allowed={allowed} />
      <Safety state={state} />
      {state.phase === "done" && known > 0 && <Known count={known} />}
    </div>
  );
}

/** The patient whom the pictures should be of, and what is of others. */
function Wanted({ wanted, others, confirmed, onWanted, onConfirmed }: { wanted: Patient | null; others: number; confirmed: boolean; onWanted: (patient: Patient | null) => void; onConfirmed: (on: boolean) => void }) {
  const { t } = useTranslation();
  return (
    <section className="panel upload-wanted">
      <label className="label" htmlFor="wanted-patient">{t("upload.wanted")}</label>
      <PatientSelect id="wanted-patient" value={wanted?.id} onPatient={onWanted} />
      {wanted !== null && others > 0 && (
        <Alert
          type="error"
          showIcon
          title={t("upload.others", { count: others })}
          description={<Checkbox checked={confirmed} onChange={(event) => onConfirmed(event.target.checked)}>{t("upload.othersMeant")}</Checkbox>}
        />
      )}
    </section>
  );
}

export function Component() {
  const { t } = useTranslation();
  const session = useSession();
  const [params] = useSearchParams();
  const state = useSyncExternalStore(uploader.subscribe, uploader.get);
  const asked = usePatient(params.get("patient") ?? undefined).data ?? null;
  const [picked, setPicked] = useState<Patient | null>(null);
  const [confirmed, setConfirmed] = useState(false);
  const [form, setForm] = useState(params.has("document"));
  useEffect(() => void uploader.open(session.person.id), [session.person.id]);
  useLeaveGuard(uploader.busy || state.phase === "paused");
  const wanted = picked ?? asked;
  const mixed = new Set(mixedStudies(state.patients));
  const several = state.patients.length > 1;
  const sent = (patient: (typeof state.patients)[number]) => patient.studies.some((study) => study.series.some((series) => !state.left.has(series.key)));
  const others = state.patients.filter((patient) => isOther(patient, wanted) && sent(patient)).length;
  const reading = state.phase === "reading";
  useEffect(() => setConfirmed(false), [wanted?.id, others, reading]); // what was confirmed was another selection
  const shows = state.phase !== "empty" && state.phase !== "reading";
  return (
    <Page title={t("nav.upload")}>
      {state.interrupted && <Interrupted upload={state.interrupted} />}
      <DropZone busy={uploader.busy} onDocument={() => setForm(true)} />
      {form && <DocumentForm patient={wanted} busy={uploader.busy} onClose={() => setForm(false)} />}
      {state.phase !== "empty" && <Controls state={state} allowed={others === 0 || confirmed} />}
      {shows && state.files.length > 0 && (
        <div className="upload-options">
          <Wanted wanted={wanted} others={others} confirmed={confirmed} onWanted={setPicked} onConfirmed={setConfirmed} />
          <Privacy state={state} />
        </div>
      )}
      {several && <Alert className="upload-warning" type="error" showIcon title={t("upload.several", { count: state.patients.length })} />}
      {state.patients.map((patient) => <PatientBox key={patient.key} patient={patient} mixed={mixed} several={several} wanted={wanted} state={state} />)}
      {shows && <Results state={state} />}
    </Page>
  );
}
