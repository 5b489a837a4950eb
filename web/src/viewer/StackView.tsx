// One pane with a stack of pictures: the image, what is drawn and written on it, and the bar of its positions.
import { useCallback, useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import { useTranslation } from "react-i18next";
import { Drawings, paneCalibration } from "./Drawings";
import { attachGestures } from "./gestures";
import type { Content } from "./layout";
import type { Point } from "./measure/geometry";
import { completed, resultsOf, WORDED, type Kind, type Tool } from "./measure/kinds";
import { Pencil, type Paper } from "./measure/pencil";
import type { Drawn, MeasurementStore } from "./measure/store";
import { Overlay } from "./Overlay";
import type { StackPane } from "./pane";
import { SliceBar } from "./SliceBar";
import { usePane, usePaneInfo } from "./use-pane";
import type { OpenStudy } from "./use-studies";

/** A pane that is on the screen, with the hand that draws on it and where its drawings are kept. */
export interface LivePane {
  pane: StackPane;
  pencil: Pencil;
  store: MeasurementStore;
}

interface StackViewProps {
  content: Content;
  study: OpenStudy;
  active: boolean;
  tool: Tool | null;
  overlays: boolean;
  /** The pane that is worked with, when it is another one. */
  reference: StackPane | null;
  /** Told when the pane is there, and null when it is gone. */
  onPane: (pane: LivePane | null) => void;
}

/** What is drawn on the image on the screen. */
function drawnOn(pane: StackPane, all: readonly Drawn[]): readonly Drawn[] {
  const current = pane.current;
  if (current === null) return [];
  const { ref } = current;
  return all.filter((one) => one.kind !== "key" && one.instance === ref.instance.sop_uid && one.frame === ref.frame);
}

/** The pencil of a pane: what it finishes is measured and stored. */
function usePencil(pane: StackPane | null, store: MeasurementStore, onWrite: (id: string) => void): Pencil | null {
  return useMemo(() => {
    if (pane === null) return null;
    const measured = (kind: Kind, points: readonly Point[]) => resultsOf(kind, points, paneCalibration(pane, points).scale, pane.readable());
    const paper: Paper = {
      projection: () => pane.projection(),
      shapes: () => drawnOn(pane, store.getShown()),
      finish: (kind, placed) => {
        const current = pane.current;
        if (current === null) return;
        const points = completed(kind, placed, paneCalibration(pane, placed).scale);
        const id = crypto.randomUUID();
        const { series, ref } = current;
        store.set(id, { series, instance: ref.instance.sop_uid, frame: ref.frame, kind, points, label: "", results: measured(kind, points) });
        pencil.select(id);
        if (WORDED.has(kind)) onWrite(id);
      },
      moved: (id, points) => {
        const one = store.getShown().find((drawn) => drawn.id === id);
        if (one !== undefined) store.set(id, { ...fieldsOf(one), points, results: measured(one.kind, points) });
      },
    };
    const pencil = new Pencil(paper);
    return pencil;
  }, [pane, store, onWrite]);
}

export function fieldsOf({ series, instance, frame, kind, points, label, results }: Drawn) {
  return { series, instance, frame, kind, points, label, results };
}

export function StackView({ content, study, active, tool, overlays, reference, onPane }: StackViewProps) {
  const { t } = useTranslation();
  const [element, setElement] = useState<HTMLDivElement | null>(null);
  const surface = useRef<HTMLDivElement>(null);
  const [hover, setHover] = useState<readonly [number, number] | null>(null);
  const [writing, setWriting] = useState<string | null>(null);
  const pane = usePane(element, study.source);
  const info = usePaneInfo(pane);
  const { store } = study;
  const all = useSyncExternalStore(
    useCallback((listener: () => void) => store.events.on("changed", listener), [store]),
    store.getShown,
  );
  const pencil = usePencil(pane, store, setWriting);

  useEffect(() => {
    onPane(pane === null || pencil === null ? null : { pane, pencil, store });
    return () => onPane(null);
  }, [pane, pencil, store, onPane]);

  const { stack, index, look } = content;
  useEffect(() => {
    if (pane === null) return;
    void pane.open(stack, index).then(() => look !== undefined && pane.setLook(look.window, look.invert));
  }, [pane, stack, index, look]);

  useEffect(() => {
    if (active) element?.focus({ preventScroll: true });
  }, [element, active]);

  useEffect(() => pencil?.choose(active ? tool : null), [pencil, tool, active]);

  useEffect(() => {
    if (pane === null || pencil === null || element === null || surface.current === null) return;
    return attachGestures(surface.current, { pane, pencil, hover: setHover, focus: () => element.focus({ preventScroll: true }) });
  }, [pane, pencil, element]);

  const onLabel = (id: string, label: string) => {
    setWriting(null);
    element?.focus({ preventScroll: true });
    const one = store.getShown().find((drawn) => drawn.id === id);
    if (one === undefined) return;
    if (label === "" && WORDED.has(one.kind)) store.set(id, null);
    else if (label !== one.label) store.set(id, { ...fieldsOf(one), label });
  };

  const drawn = pane === null ? [] : drawnOn(pane, all);
  const current = pane?.current ?? null;
  const key = current !== null && all.some((one) => one.kind === "key" && one.instance === current.ref.instance.sop_uid && one.frame === current.ref.frame);
  return (
    <>
      <div ref={surface} className={tool !== null && active ? "viewer-surface drawing" : "viewer-surface"}>
        <div
          ref={setElement}
          className="viewer-pane"
          tabIndex={0}
          role="application"
          aria-label={t("viewer.paneLabel")}
          data-active={active}
          data-index={info?.index}
          data-ready={info !== null && info.window !== null && !info.loading}
        />
        {pane !== null && info !== null && pencil !== null && (
          <Drawings pane={pane} info={info} pencil={pencil} drawn={drawn} reference={reference} writing={writing} onLabel={onLabel} />
        )}
      </div>
      {pane !== null && info !== null && (
        <Overlay pane={pane} info={info} source={study.source} study={study.study} hover={hover} corners={overlays} isKey={key} />
      )}
      {pane !== null && info !== null && info.count > 1 && <SliceBar pane={pane} info={info} />}
    </>
  );
}
