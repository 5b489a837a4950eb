// The audit log of the own hospital, newest first: who looked at what, and what was refused.
import { Button, Input } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { type AuditRow, useAudit } from "../../api/queries";
import { formatSecond } from "../../i18n/format";
import { useLanguage } from "../../i18n/use-language";
import { Data } from "../../ui/Data";
import { Page } from "../../ui/Page";
import { useSettled } from "../../ui/PatientSelect";
import { Empty, QueryView } from "../../ui/states";
import { usePhone } from "../../ui/use-phone";

const nameOf = (row: AuditRow) => row.person?.name ?? row.actor ?? "–";

function AuditTable({ rows }: { rows: readonly AuditRow[] }) {
  const { t } = useTranslation();
  const language = useLanguage();
  return (
    <div className="table-box">
      <table className="dense">
        <caption className="sr-only">{t("nav.audit")}</caption>
        <thead><tr>{(["seq", "at", "person", "action", "object", "purpose"] as const).map((column) => <th key={column} scope="col">{t(`audit.column.${column}`)}</th>)}</tr></thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.seq}>
              <td className="num"><Data>{row.seq}</Data></td>
              <td className="num"><Data>{formatSecond(row.at, language)}</Data></td>
              <td><Data>{nameOf(row)}</Data></td>
              <td><Data>{row.action}</Data></td>
              <td className="audit-object"><Data>{row.object ?? ""}</Data></td>
              <td><Data>{row.purpose ?? ""}</Data></td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function AuditCards({ rows }: { rows: readonly AuditRow[] }) {
  const language = useLanguage();
  return (
    <ul className="cards">
      {rows.map((row) => (
        <li key={row.seq} className="card card-link">
          <span className="card-line"><strong><Data>{row.action}</Data></strong><span className="num muted"><Data>{formatSecond(row.at, language)}</Data></span></span>
          <span className="card-line"><Data>{nameOf(row)}</Data><span className="num muted"><Data>{row.seq}</Data></span></span>
          {row.object && <Data className="muted audit-object">{row.object}</Data>}
        </li>
      ))}
    </ul>
  );
}

export function Component() {
  const { t } = useTranslation();
  const phone = usePhone();
  const [action, setAction] = useState("");
  const [object, setObject] = useState("");
  const settled = useSettled(JSON.stringify({ ...(action.trim() ? { action: action.trim() } : {}), ...(object.trim() ? { object: object.trim() } : {}) }));
  const query = useAudit(JSON.parse(settled));
  return (
    <Page wide title={t("nav.audit")}>
      <div className="filter-row" role="search">
        <Input allowClear placeholder={t("audit.action")} aria-label={t("audit.action")} value={action} maxLength={64} onChange={(event) => setAction(event.target.value)} />
        <Input allowClear placeholder={t("audit.object")} aria-label={t("audit.object")} value={object} maxLength={200} onChange={(event) => setObject(event.target.value)} />
      </div>
      <QueryView query={query}>
        {(data) => {
          const rows = data.pages.flatMap((page) => page.items);
          if (rows.length === 0) return <Empty text={settled === "{}" ? t("audit.empty") : t("audit.emptyFilter")} />;
          return phone ? <AuditCards rows={rows} /> : <AuditTable rows={rows} />;
        }}
      </QueryView>
      {query.hasNextPage && <div className="more"><Button loading={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>{t("common.more")}</Button></div>}
    </Page>
  );
}
