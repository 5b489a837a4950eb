// One teaching session: live while it runs, again afterwards, with the questions beside it.
import "./teaching.css";
import { VideoCameraOutlined } from "@ant-design/icons";
import { Button } from "antd";
import { useTranslation } from "react-i18next";
import { useNavigate, useParams } from "react-router";
import { type Teaching, useTeaching } from "../../api/queries";
import { formatInstant } from "../../i18n/format";
import { useLanguage } from "../../i18n/use-language";
import { TeachingChip } from "../../ui/chips";
import { Data } from "../../ui/Data";
import { Page } from "../../ui/Page";
import { QueryView } from "../../ui/states";
import { useSession } from "../../ui/session-context";
import { TeachingActions } from "./actions";
import { Questions } from "./questions";

function Body({ session }: { session: Teaching }) {
  const { t } = useTranslation();
  const language = useLanguage();
  const navigate = useNavigate();
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
          {session.description && <section className="panel"><p className="prose"><Data>{session.description}</Data></p></section>}
        </div>
        <div className="case-side">
          {teaches && (
            <section className="panel case-next" aria-label={t("case.next")}>
              <TeachingActions session={session} />
              {session.state === "live" && <Button className="room-button" block icon={<VideoCameraOutlined aria-hidden />} onClick={() => void navigate(`/rooms/${session.room}`)}>{t("teaching.present")}</Button>}
              {session.state === "live" && !session.consent_at && <p className="muted hint">{t("teaching.noConsent")}</p>}
            </section>
          )}
          <Questions session={session} teaches={teaches} />
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
    <Page bare title={t("nav.teaching")}>
      <QueryView query={query}>{(session) => <Body key={session.id} session={session} />}</QueryView>
    </Page>
  );
}
