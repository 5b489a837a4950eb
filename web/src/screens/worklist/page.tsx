// What waits for this person and this hospital. New rows come by themselves (api/live.ts). A table on a desk, cards on a
// phone; the same keys on both: arrows to walk, Enter to open, C to claim.
import "./worklist.css";
import { SearchOutlined } from "@ant-design/icons";
import { App, Button, Input, Segmented, Tabs } from "antd";
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { useNavigate, useSearchParams } from "react-router";
import { ApiError } from "../../api/client";
import { actOn, useWorklist, type WorkItem, type WorkView } from "../../api/queries";
import { hasRole } from "../../api/session";
import { useSignalOpen } from "../../ui/LiveDot";
import { Page } from "../../ui/Page";
import { Empty, QueryView, useErrorText } from "../../ui/states";
import { useSession } from "../../ui/session-context";
import { usePhone } from "../../ui/use-phone";
import { WorkCards } from "./cards";
import { matchesFilter, type WorkFilter } from "./filter";
import { pathOf } from "./path";
import { Preview } from "./preview";
import { WorkTable } from "./table";

const views: WorkView[] = ["todo", "unclaimed", "sent", "closed"];

/** Ids that were not there when the list was first shown: they are marked for a while instead of just jumping in. */
function useFresh(items: readonly WorkItem[] | undefined, view: WorkView): ReadonlySet<string> {
  const known = useRef<{ view: WorkView; ids: Set<string> } | null>(null);
  const [fresh, setFresh] = useState<ReadonlySet<string>>(new Set());
  useEffect(() => {
    if (items === undefined) return;
    const ids = items.map((item) => item.id);
    if (known.current?.view !== view) {
      known.current = { view, ids: new Set(ids) };
      setFresh(new Set());
      return;
    }
    const arrived = ids.filter((id) => !known.current!.ids.has(id));
    if (arrived.length === 0) return;
    for (const id of arrived) known.current.ids.add(id);
    setFresh((before) => new Set([...before, ...arrived]));
  }, [items, view]);
  return fresh;
}

export function Component() {
  const { t } = useTranslation();
  const session = useSession();
  const phone = usePhone();
  const navigate = useNavigate();
  const queries = useQueryClient();
  const { message } = App.useApp();
  const errorText = useErrorText();
  const [params, setParams] = useSearchParams();
  const view = views.find((v) => v === params.get("view")) ?? "todo";
  const [filter, setFilter] = useState<WorkFilter>({ text: "", kind: "all" });
  const [chosen, setChosen] = useState<string | null>(null);
  const [claiming, setClaiming] = useState<string | null>(null);
  const query = useWorklist(view, useSignalOpen());
  const all = useMemo(() => query.data?.pages.flatMap((page) => page.items), [query.data]);
  const counts = query.data?.pages[0]?.counts;
  const items = useMemo(() => all?.filter((item) => matchesFilter(item, filter)), [all, filter]);
  const fresh = useFresh(query.isPlaceholderData ? undefined : all, view);
  const selected = items?.find((item) => item.id === chosen);
  const mayAsk = hasRole(session, "doctor");

  async function claim(item: WorkItem) {
    setClaiming(item.id);
    try {
      const updated = await actOn(item.kind, item.id, item.version, "claim", {});
      queries.setQueryData([item.kind, item.id], updated);
      await navigate(pathOf(item));
    } catch (error) {
      const taken = error instanceof ApiError && (error.code === "conflict" || error.code === "stale");
      void message.warning(taken ? t("work.taken") : errorText(error));
    } finally {
      setClaiming(null);
      void queries.invalidateQueries({ queryKey: ["worklist"] });
    }
  }

  const open = (item: WorkItem) => void navigate(pathOf(item));
  const filtered = filter.text !== "" || filter.kind !== "all";
  const empty = (
    <Empty
      text={filtered ? t("work.emptyFilter") : t(`work.empty.${view}`)}
      action={filtered
        ? <Button onClick={() => setFilter({ text: "", kind: "all" })}>{t("work.clearFilter")}</Button>
        : mayAsk && <Button type="primary" onClick={() => void navigate("/studies")}>{t("work.toStudies")}</Button>}
    />
  );
  const list = { items: items ?? [], fresh, claiming, onOpen: open, onClaim: (item: WorkItem) => void claim(item) };

  return (
    <Page
      wide
      title={t("nav.work")}
      actions={mayAsk && (
        <>
          <Button onClick={() => void navigate("/referrals/new")}>{t("referral.new")}</Button>
          <Button type="primary" onClick={() => void navigate("/consults/new")}>{t("consult.new")}</Button>
        </>
      )}
    >
      <Tabs
        activeKey={view}
        onChange={(key) => { setChosen(null); setParams({ view: key }, { replace: true }); }}
        items={views.map((key) => ({
          key,
          label: <span>{t(`work.view.${key}`)} {counts && <span className="count num">{counts[key]}</span>}</span>,
        }))}
      />
      <div className="filter-row">
        <Input
          allowClear
          prefix={<SearchOutlined aria-hidden />}
          placeholder={t("work.filter")}
          aria-label={t("work.filter")}
          value={filter.text}
          onChange={(event) => setFilter({ ...filter, text: event.target.value })}
        />
        <Segmented<WorkFilter["kind"]>
          aria-label={t("work.column.kind")}
          value={filter.kind}
          onChange={(kind) => setFilter({ ...filter, kind })}
          options={(["all", "consult", "referral", "stat"] as const).map((value) => ({ value, label: t(`work.kind.${value}`) }))}
        />
      </div>
      <QueryView query={query}>
        {() => (
          <div className={selected && !phone ? "work-split" : undefined}>
            {items?.length === 0 ? empty : phone ? <WorkCards {...list} /> : <WorkTable {...list} chosen={chosen} onChoose={setChosen} />}
            {selected && !phone && <Preview item={selected} onOpen={() => open(selected)} onClose={() => setChosen(null)} />}
          </div>
        )}
      </QueryView>
      {query.hasNextPage && (
        <div className="more"><Button loading={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>{t("common.more")}</Button></div>
      )}
    </Page>
  );
}
