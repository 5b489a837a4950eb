import { Button } from "antd";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { CaseChip, Modalities, UrgencyChip } from "../../ui/chips";
import { Data } from "../../ui/Data";
import { PatientName, SexAge } from "../../ui/PatientBand";
import { WaitBar } from "../../ui/WaitBar";
import { claimable } from "./filter";
import { pathOf } from "./path";
import type { WorkListProps } from "./table";

export function WorkCards({ items, fresh, claiming, onClaim }: WorkListProps) {
  const { t } = useTranslation();
  return (
    <ul className="cards">
      {items.map((item) => (
        <li key={`${item.kind}-${item.id}`} data-id={item.id} className={`card${item.urgency === "emergency" ? " card-stat" : ""}${fresh.has(item.id) ? " row-fresh" : ""}`}>
          <Link to={pathOf(item)} className="card-link">
            <span className="card-line"><UrgencyChip urgency={item.urgency} /><CaseChip kind={item.kind} state={item.state} /></span>
            <span className="card-line card-name"><PatientName patient={item.patient} /><SexAge patient={item.patient} /></span>
            <span className="card-line muted">
              <span>{t(`work.kind.${item.kind}`)} · <Data>{item.from.organisation.name}</Data> → <Data>{item.to.department?.name ?? item.to.organisation.name}</Data></span>
              <span><Modalities list={item.modalities} /></span>
            </span>
            {item.summary && <Data className="card-text">{item.summary}</Data>}
            {item.state !== "draft" && <WaitBar since={item.created_at} due={item.due_at} />}
          </Link>
          {claimable(item) && (
            <Button type="primary" block size="large" loading={claiming === item.id} onClick={() => onClaim(item)}>{t("action.claim")}</Button>
          )}
        </li>
      ))}
    </ul>
  );
}
