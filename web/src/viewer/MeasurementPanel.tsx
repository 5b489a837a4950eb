// The list of what was drawn on the open studies and which images are key: who, where, what it says; a click goes there.
import { DeleteOutlined, StarFilled } from "@ant-design/icons";
import { useMemo, useSyncExternalStore } from "react";
import { useTranslation } from "react-i18next";
import { Data } from "../ui/Data";
import type { MeasurementStore, Drawn } from "./measure/store";
import { linesOfResults } from "./measure/words";
import type { OpenStudy } from "./use-studies";

export function useDrawn(store: MeasurementStore): readonly Drawn[] {
  const subscribe = useMemo(() => (listener: () => void) => store.events.on("changed", listener), [store]);
  return useSyncExternalStore(subscribe, store.getShown);
}

/** Number of the image in its stack, from 1; 0 when no stack of the study has it. */
export function imageNumber(study: OpenStudy, one: Pick<Drawn, "instance" | "frame">): number {
  for (const stack of study.stacks) {
    const at = stack.frames.findIndex((ref) => ref.instance.sop_uid === one.instance && ref.frame === one.frame);
    if (at >= 0) return at + 1;
  }
  return 0;
}

interface PanelProps {
  studies: readonly OpenStudy[];
  onGo: (study: OpenStudy, one: Drawn) => void;
  onKeysOnly: (study: OpenStudy) => void;
}

function Row({ study, one, onGo }: { study: OpenStudy; one: Drawn; onGo: PanelProps["onGo"] }) {
  const { t } = useTranslation();
  const words = one.kind === "key" ? [] : linesOfResults(t, one.kind, one.results, one.label);
  const kind = t(`viewer.kind.${one.kind}`);
  return (
    <li className="drawn-row">
      <button type="button" className="drawn-go" onClick={() => onGo(study, one)}>
        <span className="drawn-row-head">
          <span>{one.kind === "key" && <StarFilled aria-hidden className="key-star" />} {kind}</span>
          <span className="muted num">{t("viewer.imageNumber", { number: imageNumber(study, one) })}</span>
        </span>
        {words.map((line, index) => (
          <span key={index} className="num"><Data>{line}</Data></span>
        ))}
        <span className="muted">
          {one.state === "saved" ? <Data>{`${one.author} · ${one.organisation}`}</Data> : t(one.state === "waiting" ? "viewer.notSavedYet" : "viewer.notTaken")}
        </span>
      </button>
      {one.mine && (
        <button type="button" className="tool" aria-label={`${t("keys.remove")}: ${kind}`} title={t("keys.remove")} onClick={() => study.store.set(one.id, null)}>
          <DeleteOutlined aria-hidden />
        </button>
      )}
    </li>
  );
}

function OfStudy({ study, onGo, onKeysOnly }: { study: OpenStudy } & Pick<PanelProps, "onGo" | "onKeysOnly">) {
  const { t } = useTranslation();
  const drawn = useDrawn(study.store);
  const sorted = [...drawn].sort((a, b) => imageNumber(study, a) - imageNumber(study, b));
  if (drawn.length === 0) return <p className="muted">{t("viewer.nothingDrawn")}</p>;
  return (
    <>
      {drawn.some((one) => one.kind === "key") && (
        <button type="button" className="tool wide" onClick={() => onKeysOnly(study)}>
          <StarFilled aria-hidden className="key-star" />
          <span>{t("viewer.keysOnly")}</span>
        </button>
      )}
      <ul className="drawn-list">
        {sorted.map((one) => (
          <Row key={one.id} study={study} one={one} onGo={onGo} />
        ))}
      </ul>
    </>
  );
}

export function MeasurementPanel({ studies, onGo, onKeysOnly }: PanelProps) {
  const { t } = useTranslation();
  return (
    <aside className="viewer-panel" aria-label={t("viewer.drawnList")}>
      <h2>{t("viewer.drawnList")}</h2>
      {studies.map((study) => (
        <OfStudy key={study.id} study={study} onGo={onGo} onKeysOnly={onKeysOnly} />
      ))}
    </aside>
  );
}
