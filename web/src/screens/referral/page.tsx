// One referral: where it stands, who does the next step, the booking and the report.
import { CalendarOutlined, EnvironmentOutlined } from "@ant-design/icons";
import { useTranslation } from "react-i18next";
import { useParams } from "react-router";
import { type Referral, useActions, useEvents, useReferral } from "../../api/queries";
import { formatInstant } from "../../i18n/format";
import { useLanguage } from "../../i18n/use-language";
import { ActionBar } from "../../ui/ActionBar";
import { CaseParties } from "../../ui/CaseParties";
import { ReferralChip, UrgencyChip } from "../../ui/chips";
import { Data } from "../../ui/Data";
import { Page } from "../../ui/Page";
import { PatientBand } from "../../ui/PatientBand";
import { Empty, QueryView } from "../../ui/states";
import { StudyCard } from "../../ui/StudyCard";
import { Timeline } from "../../ui/Timeline";
import { WaitBar } from "../../ui/WaitBar";
import { StateLine } from "./state-line";

function Report({ report }: { report: NonNullable<Referral["report"]> }) {
  const { t } = useTranslation();
  const language = useLanguage();
  return (
    <section className="panel" aria-labelledby="report-title">
      <h2 id="report-title">{t("case.report")}</h2>
      <p className="prose"><Data>{report.text}</Data></p>
      {report.signed_at && <p className="signature">{t("opinion.signed")} <Data>{report.author?.name}</Data> · <Data>{formatInstant(report.signed_at, language)}</Data></p>}
    </section>
  );
}

function Booking({ booking }: { booking: NonNullable<Referral["booking"]> }) {
  const { t } = useTranslation();
  const language = useLanguage();
  return (
    <section className="panel booking" aria-labelledby="booking-title">
      <h2 id="booking-title">{t("booking.title")}</h2>
      <p className="booking-at num"><CalendarOutlined aria-hidden /> <Data>{formatInstant(booking.at, language)}</Data></p>
      <p><EnvironmentOutlined aria-hidden /> <Data>{booking.place}</Data></p>
      {booking.instructions && <><h3 className="label">{t("booking.instructions")}</h3><p className="prose"><Data>{booking.instructions}</Data></p></>}
    </section>
  );
}

function ReferralBody({ referral }: { referral: Referral }) {
  const { t } = useTranslation();
  const language = useLanguage();
  const actions = useActions("referral", referral.id, referral.version);
  const events = useEvents("referral", referral.id, referral.version);
  const over = ["closed", "rejected", "cancelled"].includes(referral.state);
  return (
    <>
      <PatientBand patient={referral.patient} />
      <div className="case-facts">
        <h1>{t("referral.title")} <span className="num muted"><Data>{referral.number}</Data></span></h1>
        <ReferralChip state={referral.state} />
        <UrgencyChip urgency={referral.urgency} />
        {!over && referral.state !== "draft" && <WaitBar since={referral.created_at} due={referral.due_at} />}
      </div>
      <StateLine state={referral.state} />
      <div className="case-grid">
        <div className="case-main">
          {referral.report && <Report report={referral.report} />}
          {referral.booking && <Booking booking={referral.booking} />}
          <section className="panel" aria-labelledby="reason-title">
            <h2 id="reason-title">{t("referral.diagnosis")}</h2>
            <p className="prose"><Data>{referral.diagnosis || "–"}</Data></p>
            <h3 className="label">{t("referral.reason")}</h3><p className="prose"><Data>{referral.reason || "–"}</Data></p>
            {referral.treatment && <><h3 className="label">{t("referral.treatment")}</h3><p className="prose"><Data>{referral.treatment}</Data></p></>}
          </section>
          <section className="panel" aria-labelledby="studies-title">
            <div className="panel-head"><h2 id="studies-title">{t("case.studies")}</h2></div>
            {referral.studies.length === 0 ? <Empty text={t("case.noStudies")} /> : <div className="study-list">{referral.studies.map((study) => <StudyCard key={study.id} study={study} />)}</div>}
          </section>
        </div>
        <div className="case-side">
          <section className="panel case-next" aria-label={t("case.next")}>
            <QueryView query={actions}>
              {(items) => items.length > 0 ? <ActionBar subject={{ kind: "referral", id: referral.id, version: referral.version }} actions={items} /> : <p className="muted">{t("case.nothingToDo")}</p>}
            </QueryView>
          </section>
          <section className="panel" aria-label={t("case.parties")}>
            <CaseParties from={referral.from} to={referral.to} claimedBy={referral.claimed_by} consent={referral.consent} />
            {referral.access_until && <p className="muted hint">{t("case.accessUntil", { time: formatInstant(referral.access_until, language) })}</p>}
          </section>
          <section className="panel" aria-labelledby="timeline-title">
            <div className="panel-head"><h2 id="timeline-title">{t("case.timeline")}</h2></div>
            <QueryView query={events}>{(items) => <Timeline kind="referral" events={items} />}</QueryView>
          </section>
        </div>
      </div>
    </>
  );
}

export function Component() {
  const { t } = useTranslation();
  const { id } = useParams();
  const query = useReferral(id!);
  return (
    <Page bare={query.data !== undefined} title={t("referral.title")}>
      <QueryView query={query}>{(referral) => <ReferralBody key={referral.id} referral={referral} />}</QueryView>
    </Page>
  );
}
