// One teaching session: live while it runs, again afterwards, with the questions beside it.
import "./teaching.css";
import { Segmented } from "antd";
import { lazy, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";
import { useParams } from "react-router";
import { type Teaching, useTeaching } from "../../api/queries";
import { formatInstant } from "../../i18n/format";
import { useLanguage } from "../../i18n/use-language";
import { TeachingChip } from "../../ui/chips";
import { Data } from "../../ui/Data";
import { Page } from "../../ui/Page";
import { Empty, QueryView, Rows } from "../../ui/states";
import { useSession } from "../../ui/session-context";
import { stepsNow, TeachingActions } from "./actions";
import { Questions } from "./questions";

const LiveStage = lazy(() => import("../../room/LiveStage").then((module) => ({ default: module.LiveStage })));
const Replay = lazy(() => import("../../room/Replay").then((module) => ({ default: module.Replay })));

/** The recordings of a session; the newest that can be played is shown first. */
function Recordings({ session }: { session: Teaching }) {
  const { t } = useTranslation();
  const language = useLanguage();
  const ready = session.recordings.filter((recording) => recording.state === "ready");
  const [chosen, setChosen] = useState<string | null>(null);
  const shown = ready.find((recording) => recording.id === chosen) ?? ready.at(-1);
  const others = session.recordings.filter((recording) => recording.state !== "ready");
  return (
    <section className="panel" aria-labelledby="replay-title">
      <div className="panel-head">
        <h2 id="replay-title">{t("teaching.replay")}</h2>
        {ready.length > 1 && (
          <Segmented
            size="small"
            aria-label={t("teaching.replay")}
            value={shown?.id}
            onChange={setChosen}
            options={ready.map((recording) => ({ value: recording.id, label: <Data>{formatInstant(recording.started_at, language)}</Data> }))}
          />
        )}
        {others.map((recording) => <span key={recording.id} className={`chip chip-${recording.state === "failed" ? "danger" : "warning"}`}>{t(`teaching.recordingState.${recording.state}`)}</span>)}
      </div>
      {shown ? <Replay recording={shown} /> : others.length === 0 && <Empty text={t("teaching.noReplay")} />}
    </section>
  );
}

function Body({ session }: { session: Teaching }) {
  const { t } = useTranslation();
  const language = useLanguage();
  const me = useSession().person.id;
  const teaches = session.teacher.id === me;
  const at = session.started_at ?? session.starts_at;
  return (
    <>
      <div className="case-facts">
        <h1><Data>{session.title}</Data></h1>
        <TeachingChip state={session.state} />
        <span className="muted"><Data>{[session.teacher.name, session.organisation.name].join(" · ")}</Data></span>
        {at && <span className="muted num"><Data>{formatInstant(at, language)}</Data></span>}
        {session.attendance !== undefined && session.attendance > 0 && <span className="muted num">{t("teaching.attendance", { count: session.attendance })}</span>}
      </div>
      <div className="case-grid">
        <div className="case-main">
          <Suspense fallback={<Rows />}>
            {session.state === "live" && <LiveStage room={session.room} role={teaches ? "teacher" : "viewer"} />}
            {(session.state === "ended" || session.recordings.some(({ state }) => state === "ready")) && <Recordings session={session} />}
          </Suspense>
          {session.state === "published" && <section className="panel"><p className="muted">{t("teaching.waiting")}</p></section>}
          {session.description && <section className="panel"><p className="prose"><Data>{session.description}</Data></p></section>}
        </div>
        <div className="case-side">
          {teaches && stepsNow(session).length > 0 && (
            <section className="panel case-next" aria-label={t("case.next")}>
              <TeachingActions session={session} />
              {["published", "live"].includes(session.state) && !session.consent_at && <p className="muted hint">{t("teaching.noConsent")}</p>}
            </section>
          )}
          {session.state !== "draft" && session.state !== "cancelled" && <Questions session={session} teaches={teaches} />}
        </div>
      </div>
    </>
  );
}

export function Component() {
  const { t } = useTranslation();
  const { id } = useParams();
  const query = useTeaching(id!);
  return (
    <Page bare={query.data !== undefined} title={t("nav.teaching")}>
      <QueryView query={query}>{(session) => <Body key={session.id} session={session} />}</QueryView>
    </Page>
  );
}
