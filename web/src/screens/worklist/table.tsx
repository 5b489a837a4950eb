import { Button } from "antd";
import { type KeyboardEvent, useRef } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import type { WorkItem } from "../../api/queries";
import { CaseChip, Modalities, UrgencyChip } from "../../ui/chips";
import { Data } from "../../ui/Data";
import { PatientName, SexAge } from "../../ui/PatientBand";
import { WaitBar } from "../../ui/WaitBar";
import { claimable } from "./filter";
import { pathOf } from "./path";

export interface WorkListProps {
  items: readonly WorkItem[];
  fresh: ReadonlySet<string>;
  claiming: string | null;
  onOpen: (item: WorkItem) => void;
  onClaim: (item: WorkItem) => void;
}

interface TableProps extends WorkListProps {
  chosen: string | null;
  onChoose: (id: string) => void;
}

export function WorkTable({ items, fresh, claiming, chosen, onChoose, onOpen, onClaim }: TableProps) {
  const { t } = useTranslation();
  const body = useRef<HTMLTableSectionElement>(null);

  function onKey(event: KeyboardEvent<HTMLTableRowElement>, index: number) {
    if (event.target !== event.currentTarget || event.ctrlKey || event.metaKey || event.altKey) return;
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    const item = items[index]!;
    if (step !== 0) (body.current?.rows[index + step] as HTMLElement | undefined)?.focus();
    else if (event.key === "Enter") onOpen(item);
    else if (event.key.toLowerCase() === "c" && claimable(item)) onClaim(item);
    else if (event.key === " ") onChoose(item.id);
    else return;
    event.preventDefault();
  }

  return (
    <div className="table-box">
      <table className="dense">
        <caption className="sr-only">{t("nav.work")}</caption>
        <thead>
          <tr>
            {(["urgency", "wait", "patient", "kind", "from", "to", "images", "state", "claimed"] as const).map((column) => (
              <th key={column} scope="col" className={`column-${column}`}>{t(`work.column.${column}`)}</th>
            ))}
            <th scope="col"><span className="sr-only">{t("work.column.actions")}</span></th>
          </tr>
        </thead>
        <tbody ref={body}>
          {items.map((item, index) => (
            <tr
              key={`${item.kind}-${item.id}`}
              data-id={item.id}
              className={`${item.urgency === "emergency" ? "row-stat " : ""}${chosen === item.id ? "row-chosen " : ""}${fresh.has(item.id) ? "row-fresh" : ""}`}
              tabIndex={0}
              aria-selected={chosen === item.id}
              onClick={() => onChoose(item.id)}
              onDoubleClick={() => onOpen(item)}
              onKeyDown={(event) => onKey(event, index)}
            >
              <td><UrgencyChip urgency={item.urgency} /></td>
              <td>{item.state !== "draft" && <WaitBar since={item.created_at} due={item.due_at} />}</td>
              <td>
                <Link to={pathOf(item)} className="row-link"><PatientName patient={item.patient} /></Link>
                <span className="cell-sub"><SexAge patient={item.patient} /></span>
              </td>
              <td>
                {t(`work.kind.${item.kind}`)}
                <span className="cell-sub num"><Data>{item.number}</Data></span>
              </td>
              <td>
                <Data>{item.from.organisation.name}</Data>
                {item.from.person && <span className="cell-sub"><Data>{item.from.person.name}</Data></span>}
              </td>
              <td className="column-to">
                <Data>{item.to.organisation.name}</Data>
                {item.to.department && <span className="cell-sub"><Data>{item.to.department.name}</Data></span>}
              </td>
              <td className="column-images"><Modalities list={item.modalities} /></td>
              <td><CaseChip kind={item.kind} state={item.state} /></td>
              <td className="column-claimed">{item.claimed_by ? <Data>{item.claimed_by.name}</Data> : <span className="muted">–</span>}</td>
              <td className="cell-actions">
                {claimable(item) && (
                  <Button size="small" type="primary" loading={claiming === item.id} onClick={(event) => { event.stopPropagation(); onClaim(item); }}>
                    {t("action.claim")}
                  </Button>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
