// What is drawn over a pane: measurements with their figures, the one in hand, and where the other panes' planes cut this picture.
import { useEffect, useReducer, useState } from "react";
import { useTranslation } from "react-i18next";
import { referenceLine } from "./linked";
import { calibrationOf } from "./measure/calibration";
import { type Point } from "./measure/geometry";
import { completed, linesOf, resultsOf, type Kind } from "./measure/kinds";
import type { Pencil } from "./measure/pencil";
import type { Projection } from "./measure/projection";
import type { Drawn } from "./measure/store";
import { certaintyText, linesOfResults } from "./measure/words";
import type { PaneInfo, StackPane } from "./pane";

const HANDLE = 4;
const LINE_HEIGHT = 17;

/** Calibration for points of the image on the screen. */
export function paneCalibration(pane: StackPane, points: readonly Point[]) {
  const current = pane.current;
  const dataset = current === null ? null : pane.source.dataset(current.ref);
  return calibrationOf(dataset ?? {}, pane.getInfo().facts?.spacing ?? null, points);
}

interface FigureProps {
  kind: Kind;
  points: readonly Point[];
  projection: Projection;
  text: readonly string[];
  warning: string | null;
  state: string;
  handles: boolean;
}

function Figure({ kind, points, projection, text, warning, state, handles }: FigureProps) {
  const at = points.map(projection.toPane);
  const path = linesOf(kind, points)
    .map(([a, b]) => `M${projection.toPane(a).join(" ")}L${projection.toPane(b).join(" ")}`)
    .join("");
  const right = at.reduce((best, one) => (one[0] > best[0] ? one : best), at[0]!);
  const words = warning === null ? text : [...text, warning];
  const head = kind === "arrow" && at.length === 2 ? arrowHead(at[0]!, at[1]!) : "";
  const probe = kind === "probe" || kind === "text" ? `M${at[0]![0] - 6} ${at[0]![1]}h12M${at[0]![0]} ${at[0]![1] - 6}v12` : "";
  return (
    <g className={`drawn ${state}`}>
      <path className="drawn-halo" d={path + head + probe} />
      <path className="drawn-line" d={path + head + probe} />
      {handles && at.map(([x, y], index) => <circle key={index} className="drawn-handle" cx={x} cy={y} r={HANDLE} />)}
      {words.map((line, index) => (
        <text key={index} className={index === text.length ? "drawn-text warn" : "drawn-text"} x={right[0] + 8} y={right[1] + 4 + index * LINE_HEIGHT}>
          {line}
        </text>
      ))}
    </g>
  );
}

/** The arrow points at its first point: where one pressed. */
function arrowHead([x, y]: Point, [fx, fy]: Point): string {
  const turn = Math.atan2(fy - y, fx - x);
  const barb = (by: number) => `M${x} ${y}L${x + 12 * Math.cos(turn + by)} ${y + 12 * Math.sin(turn + by)}`;
  return barb(0.4) + barb(-0.4);
}

interface DrawingsProps {
  pane: StackPane;
  info: PaneInfo;
  pencil: Pencil;
  drawn: readonly Drawn[];
  /** The pane that is worked with, when it is another one. */
  reference: StackPane | null;
  onLabel: (id: string, label: string) => void;
  /** The measurement whose words are being written. */
  writing: string | null;
}

function useSize(element: HTMLElement): number {
  const [size, setSize] = useState(0);
  useEffect(() => {
    const observer = new ResizeObserver(() => setSize(element.clientWidth * 10_000 + element.clientHeight));
    observer.observe(element);
    return () => observer.disconnect();
  }, [element]);
  return size;
}

export function Drawings({ pane, info, pencil, drawn, reference, onLabel, writing }: DrawingsProps) {
  const { t } = useTranslation();
  const [, redraw] = useReducer((count: number) => count + 1, 0);
  useSize(pane.element);
  useEffect(() => pencil.events.on("changed", redraw), [pencil]);
  useEffect(() => reference?.events.on("info", redraw), [reference]);
  const projection = pane.projection();
  const geometry = pane.geometry();
  if (projection === null || geometry === null || info.window === null) return null;
  const draft = pencil.draft;
  const draftScale = draft === null ? null : paneCalibration(pane, draft.points);
  const draftPoints = draft === null || draftScale === null ? [] : completed(draft.kind, draft.points, draftScale.scale);
  const other = reference?.geometry() ?? null;
  const sameSpace = info.facts?.frameOfReference != null && reference?.getInfo().facts?.frameOfReference === info.facts.frameOfReference;
  const cut = other !== null && sameSpace ? referenceLine(other, geometry) : null;
  const written = drawn.find((one) => one.id === writing);
  return (
    <>
      <svg className="viewer-drawings" aria-hidden>
        {cut !== null && <path className="reference-line" d={`M${projection.toPane(cut[0]).join(" ")}L${projection.toPane(cut[1]).join(" ")}`} />}
        {drawn.map((one) => {
          const points = pencil.shown(one);
          const calibration = paneCalibration(pane, points);
          const results = points === one.points ? one.results : resultsOf(one.kind, points, calibration.scale, pane.readable());
          const chosen = one.id === pencil.selected;
          return (
            <Figure
              key={one.id}
              kind={one.kind}
              points={points}
              projection={projection}
              text={linesOfResults(t, one.kind, results, one.label)}
              warning={certaintyText(t, calibration.certainty, results)}
              state={`${chosen ? "chosen" : ""} ${one.state} ${one.mine ? "" : "others"}`}
              handles={chosen && one.mine}
            />
          );
        })}
        {draft !== null && draftScale !== null && (
          <Figure
            kind={draft.kind}
            points={draftPoints}
            projection={projection}
            text={linesOfResults(t, draft.kind, resultsOf(draft.kind, draftPoints, draftScale.scale, pane.readable()), "")}
            warning={null}
            state="chosen"
            handles
          />
        )}
      </svg>
      {written !== undefined && (
        <LabelField at={projection.toPane(written.points[0]!)} value={written.label} onDone={(label) => onLabel(written.id, label)} />
      )}
    </>
  );
}

function LabelField({ at, value, onDone }: { at: Point; value: string; onDone: (label: string) => void }) {
  const { t } = useTranslation();
  const [text, setText] = useState(value);
  return (
    <input
      className="drawn-field"
      style={{ left: Math.max(4, at[0]), top: Math.max(4, at[1] + 8) }}
      autoFocus
      maxLength={500}
      aria-label={t("viewer.label")}
      placeholder={t("viewer.label")}
      value={text}
      onChange={(event) => setText(event.target.value)}
      onBlur={() => onDone(text.trim())}
      onKeyDown={(event) => {
        event.stopPropagation();
        if (event.key === "Enter") onDone(text.trim());
        else if (event.key === "Escape") onDone(value);
      }}
    />
  );
}
