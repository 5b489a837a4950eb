// Teaching sessions of the consortium: what is live now, what comes, what can be watched again.
import { CalendarOutlined, PlayCircleOutlined } from "@ant-design/icons";
import { Button } from "antd";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { LinkButton } from "../../ui/LinkButton";
import { type Teaching, useTeachingList } from "../../api/queries";
import { hasRole } from "../../api/session";
import { formatInstant } from "../../i18n/format";
import { useLanguage } from "../../i18n/use-language";
import { TeachingChip } from "../../ui/chips";
import { Data } from "../../ui/Data";
import { Page } from "../../ui/Page";
import { Empty, QueryView } from "../../ui/states";
import { useSession } from "../../ui/session-context";

/** Live first, then what comes (soonest first), then the past (newest first). */
export function inTeachingOrder(sessions: readonly Teaching[]): Teaching[] {
  const rank = { live: 0, published: 1, draft: 2, ended: 3, cancelled: 4 };
  const when = (s: Teaching) => Date.parse(s.started_at ?? s.starts_at ?? "") || 0;
  return [...sessions].sort((a, b) => rank[a.state] - rank[b.state] || (a.state === "published" ? when(a) - when(b) : when(b) - when(a)));
}

function Row({ session }: { session: Teaching }) {
  const { t } = useTranslation();
  const language = useLanguage();
  const at = session.started_at ?? session.starts_at;
  const replay = session.recordings.some((recording) => recording.state === "ready");
  return (
    <li>
      <Link to={`/teaching/${session.id}`} className={`card card-link teaching-${session.state}`} data-id={session.id}>
        <span className="card-line">
          <span className="card-name"><Data>{session.title}</Data></span>
          <TeachingChip state={session.state} />
        </span>
        <span className="card-line muted">
          <Data>{[session.teacher.name, session.organisation.name].join(" · ")}</Data>
          <span className="num">
            {at && <><CalendarOutlined aria-hidden /> <Data>{formatInstant(at, language)}</Data></>}
            {replay && <span className="replay-mark"><PlayCircleOutlined aria-hidden /> {t("teaching.replayReady")}</span>}
          </span>
        </span>
      </Link>
    </li>
  );
}

export function Component() {
  const { t } = useTranslation();
  const query = useTeachingList();
  const mayTeach = hasRole(useSession(), "teacher");
  const create = mayTeach && <LinkButton to="/teaching/new" type="primary">{t("teaching.new")}</LinkButton>;
  return (
    <Page title={t("nav.teaching")} actions={create}>
      <QueryView query={query}>
        {(data) => {
          const sessions = inTeachingOrder(data.pages.flatMap((page) => page.items));
          if (sessions.length === 0) return <Empty text={mayTeach ? t("teaching.emptyTeacher") : t("teaching.empty")} action={create} />;
          return <ul className="cards">{sessions.map((session) => <Row key={session.id} session={session} />)}</ul>;
        }}
      </QueryView>
      {query.hasNextPage && <div className="more"><Button loading={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>{t("common.more")}</Button></div>}
    </Page>
  );
}
