// One consultation: who it is about, what is asked, the images, the opinion, what may be done next, and every step so far.
import { VideoCameraOutlined } from "@ant-design/icons";
import { Button } from "antd";
import { useTranslation } from "react-i18next";
import { useNavigate, useParams } from "react-router";
import { type Consult, useActions, useConsult, useEvents } from "../../api/queries";
import { formatInstant } from "../../i18n/format";
import { useLanguage } from "../../i18n/use-language";
import { ActionBar } from "../../ui/ActionBar";
import { CaseParties } from "../../ui/CaseParties";
import { ConsultChip, UrgencyChip } from "../../ui/chips";
import { Data } from "../../ui/Data";
import { Page } from "../../ui/Page";
import { PatientBand } from "../../ui/PatientBand";
import { Empty, QueryView } from "../../ui/states";
import { StudyCard } from "../../ui/StudyCard";
import { Timeline } from "../../ui/Timeline";
import { WaitBar } from "../../ui/WaitBar";
import { OpinionEditor } from "./opinion-editor";
import { OpinionView } from "./opinion-view";

const finalStates: readonly Consult["state"][] = ["closed", "declined", "cancelled"];

function Studies({ consult }: { consult: Consult }) {
  const { t } = useTranslation();
  const hidden = (consult.study_count ?? consult.studies.length) - consult.studies.length;
  return (
    <section className="panel" aria-labelledby="studies-title">
      <div className="panel-head"><h2 id="studies-title">{t("case.studies")}</h2></div>
      {consult.studies.length === 0 && <Empty text={hidden > 0 ? t("case.studiesAfterClaim", { count: hidden }) : t("case.noStudies")} />}
      <div className="study-list">{consult.studies.map((study) => <StudyCard key={study.id} study={study} />)}</div>
      {consult.studies.length > 0 && hidden > 0 && <p className="muted">{t("case.studiesHidden", { count: hidden })}</p>}
    </section>
  );
}

function ConsultBody({ consult }: { consult: Consult }) {
  const { t } = useTranslation();
  const language = useLanguage();
  const navigate = useNavigate();
  const actions = useActions("consult", consult.id, consult.version);
  const events = useEvents("consult", consult.id, consult.version);
  const maySign = actions.data?.some(({ action }) => action === "sign") ?? false;
  const open = !finalStates.includes(consult.state);

  return (
    <>
      <PatientBand patient={consult.patient} />
      <div className="case-facts">
        <h1>{t("consult.title")} <span className="num muted"><Data>{consult.number}</Data></span></h1>
        <ConsultChip state={consult.state} />
        <UrgencyChip urgency={consult.urgency} />
        {open && consult.state !== "draft" && <WaitBar since={consult.created_at} due={consult.due_at} />}
      </div>
      <div className="case-grid">
        <div className="case-main">
          <section className="panel" aria-labelledby="question-title">
            <h2 id="question-title">{t("consult.question")}</h2>
            <p className="prose"><Data>{consult.question || "–"}</Data></p>
            {consult.summary && <><h3 className="label">{t("consult.summary")}</h3><p className="prose"><Data>{consult.summary}</Data></p></>}
          </section>
          {!maySign && consult.opinion && <OpinionView opinion={consult.opinion} />}
          <Studies consult={consult} />
          {maySign && <OpinionEditor consult={consult} />}
        </div>
        <div className="case-side">
          <section className="panel case-next" aria-label={t("case.next")}>
            <QueryView query={actions}>
              {(items) => items.length > 0 ? <ActionBar subject={{ kind: "consult", id: consult.id, version: consult.version }} actions={items} initial={consult.opinion ? { findings: consult.opinion.findings, impression: consult.opinion.impression, advice: consult.opinion.advice, critical: consult.opinion.critical } : undefined} /> : <p className="muted">{t("case.nothingToDo")}</p>}
            </QueryView>
            {consult.room && open && (
              <Button className="room-button" block icon={<VideoCameraOutlined aria-hidden />} onClick={() => void navigate(`/rooms/${consult.room}`)}>{t("consult.room")}</Button>
            )}
            {maySign && <p className="muted hint">{t("consult.signHint")}</p>}
          </section>
          <section className="panel" aria-label={t("case.parties")}>
            <CaseParties from={consult.from} to={consult.to} claimedBy={consult.claimed_by} consent={consult.consent} />
            {consult.access_until && <p className="muted hint">{t("case.accessUntil", { time: formatInstant(consult.access_until, language) })}</p>}
          </section>
          <section className="panel" aria-labelledby="timeline-title">
            <div className="panel-head"><h2 id="timeline-title">{t("case.timeline")}</h2></div>
            <QueryView query={events}>{(items) => <Timeline kind="consult" events={items} />}</QueryView>
          </section>
        </div>
      </div>
    </>
  );
}

export function Component() {
  const { t } = useTranslation();
  const { id } = useParams();
  const query = useConsult(id!);
  return (
    <Page bare={query.data !== undefined} title={t("consult.title")}>
      <QueryView query={query}>{(consult) => <ConsultBody key={consult.id} consult={consult} />}</QueryView>
    </Page>
  );
}
