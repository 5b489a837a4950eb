// An ECG on paper ruled in millimetres: the usual twelve leads or all leads one below the other, at a speed and gain that one can trust and
// measure in. A drag measures time, rate and voltage.
import { useEffect, useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { bytesOf } from "./bytes";
import type { DocumentProps } from "./DocumentPane";
import { GAINS, heightOf, isTwelveLead, measured, readWaveforms, sheetOf, SPEEDS, type Paper, type Sheet, type Strip, type WaveformGroup } from "./waveform";

/** CSS pixels a millimetre, before the sheet is made to fill the pane. */
const SMALLEST_SCALE = 3;
const LARGEST_SCALE = 8;
const PAPER = "#fff8f6";
const FINE = "#f6d7d2";
const COARSE = "#e9a79d";
const INK = "#14212b";

type Point = readonly [number, number];

function grid(context: CanvasRenderingContext2D, sheet: Sheet): void {
  context.fillStyle = PAPER;
  context.fillRect(0, 0, sheet.width, sheet.height);
  for (const [every, colour, width] of [[1, FINE, 0.08], [5, COARSE, 0.16]] as const) {
    context.strokeStyle = colour;
    context.lineWidth = width;
    context.beginPath();
    for (let x = 0; x <= sheet.width; x += every) {
      context.moveTo(x, 0);
      context.lineTo(x, sheet.height);
    }
    for (let y = 0; y <= sheet.height; y += every) {
      context.moveTo(0, y);
      context.lineTo(sheet.width, y);
    }
    context.stroke();
  }
}

/** 1 mV for 0.2 s: what the machine that drew it says about itself. */
function calibration(context: CanvasRenderingContext2D, y: number, paper: Paper): void {
  const width = 0.2 * paper.speed;
  context.beginPath();
  context.moveTo(1, y);
  for (const [x, height] of [[2, 0], [2, paper.gain], [2 + width, paper.gain], [2 + width, 0], [3 + width, 0]] as const) context.lineTo(x, y - height);
  context.stroke();
}

function trace(context: CanvasRenderingContext2D, strip: Strip, paper: Paper): void {
  context.beginPath();
  let pen = false;
  for (let sample = strip.from; sample < strip.to; sample++) {
    const height = heightOf(strip, paper, sample);
    if (Number.isNaN(height)) {
      pen = false;
      continue;
    }
    const x = strip.x + ((sample - strip.from) / strip.rate) * paper.speed;
    if (pen) context.lineTo(x, strip.y + height);
    else context.moveTo(x, strip.y + height);
    pen = true;
  }
  context.stroke();
}

function drawSheet(canvas: HTMLCanvasElement, sheet: Sheet, paper: Paper, scale: number): void {
  const ratio = Math.min(window.devicePixelRatio || 1, 16_384 / (sheet.width * scale), 16_384 / (sheet.height * scale));
  canvas.width = Math.round(sheet.width * scale * ratio);
  canvas.height = Math.round(sheet.height * scale * ratio);
  const context = canvas.getContext("2d");
  if (context === null) return;
  context.setTransform(scale * ratio, 0, 0, scale * ratio, 0, 0);
  grid(context, sheet);
  context.strokeStyle = INK;
  context.fillStyle = INK;
  context.lineJoin = "round";
  context.lineWidth = 0.3;
  context.font = "600 3.4px system-ui, sans-serif";
  for (const y of new Set(sheet.strips.map((strip) => strip.y))) calibration(context, y, paper);
  for (const strip of sheet.strips) {
    trace(context, strip, paper);
    const unit = strip.channel.unit === "mV" ? "" : ` (${strip.channel.unit || "?"})`;
    context.fillText(`${strip.channel.label}${unit}`, strip.x + 1, strip.y - 6);
  }
}

function Calipers({ paper, scale, from, to }: { paper: Paper; scale: number; from: Point; to: Point }) {
  const { t } = useTranslation();
  const { milliseconds, millivolts, perMinute } = measured(paper, (to[0] - from[0]) / scale, (to[1] - from[1]) / scale);
  const [left, top] = [Math.min(from[0], to[0]), Math.min(from[1], to[1])];
  return (
    <div className="ecg-calipers" style={{ left, top, width: Math.abs(to[0] - from[0]), height: Math.abs(to[1] - from[1]) }}>
      <output className="num">
        {t("viewer.ecg.time", { ms: milliseconds })} · {t("viewer.ecg.voltage", { mv: millivolts.toFixed(2) })}
        {perMinute !== null && <> · {t("viewer.ecg.rate", { count: perMinute })}</>}
      </output>
    </div>
  );
}

function Sheets({ group, paper }: { group: WaveformGroup; paper: Paper }) {
  const { t } = useTranslation();
  const [box, setBox] = useState<HTMLDivElement | null>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const [space, setSpace] = useState(0);
  const [calipers, setCalipers] = useState<{ from: Point; to: Point } | null>(null);
  const sheet = useMemo(() => sheetOf(group, paper), [group, paper]);
  const scale = Math.min(LARGEST_SCALE, Math.max(SMALLEST_SCALE, (space - 24) / sheet.width));

  useEffect(() => {
    if (box === null) return;
    const observer = new ResizeObserver(() => setSpace(box.clientWidth));
    observer.observe(box);
    return () => observer.disconnect();
  }, [box]);
  useEffect(() => {
    setCalipers(null);
    if (canvas.current !== null && space > 0) drawSheet(canvas.current, sheet, paper, scale);
  }, [sheet, paper, scale, space]);

  const place = (event: React.PointerEvent<HTMLElement>): Point => {
    const bounds = event.currentTarget.getBoundingClientRect();
    return [event.clientX - bounds.left, event.clientY - bounds.top];
  };
  return (
    <div ref={setBox} className="document-scroll" tabIndex={0} role="group" aria-label={t("viewer.document.kind.waveform")}>
      <div
        className="ecg-sheet"
        style={{ width: sheet.width * scale, height: sheet.height * scale }}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          setCalipers({ from: place(event), to: place(event) });
        }}
        onPointerMove={(event) => {
          if ((event.buttons & 1) === 0) return;
          const to = place(event);
          setCalipers((before) => before && { ...before, to });
        }}
      >
        <canvas ref={canvas} role="img" aria-label={t("viewer.ecg.label", { leads: sheet.strips.map(({ channel }) => channel.label).join(", ") })} data-scale={scale} />
        {calipers !== null && <Calipers paper={paper} scale={scale} {...calipers} />}
      </div>
    </div>
  );
}

interface ChoiceProps {
  label: string;
  value: number;
  values: readonly number[];
  text: (value: number) => string;
  onChange: (value: number) => void;
}

function Choice({ label, value, values, text, onChange }: ChoiceProps) {
  return (
    <select className="planes-choice" aria-label={label} title={label} value={value} onChange={(event) => onChange(Number(event.target.value))}>
      {values.map((one) => <option key={one} value={one}>{text(one)}</option>)}
    </select>
  );
}

export default function WaveformView({ dataset }: DocumentProps) {
  const { t } = useTranslation();
  const [groups, setGroups] = useState<WaveformGroup[] | null>(null);
  const [failed, setFailed] = useState(false);
  const [at, setAt] = useState(0);
  const [paper, setPaper] = useState<Paper>({ speed: 25, gain: 10, format: "standard" });

  useEffect(() => {
    let gone = false;
    readWaveforms(dataset, bytesOf).then((read) => gone || setGroups(read), () => gone || setFailed(true));
    return () => {
      gone = true;
    };
  }, [dataset]);

  const group = groups?.[at];
  return (
    <div className="document-body">
      <div className="document-tools" role="toolbar" aria-label={t("viewer.tools")}>
        {groups !== null && groups.length > 1 && (
          <Choice label={t("viewer.ecg.part")} value={at} values={groups.map((_, index) => index)} text={(index) => groups[index]!.label || `${index + 1}`} onChange={setAt} />
        )}
        {group !== undefined && isTwelveLead(group) && (
          <Choice
            label={t("viewer.ecg.format")} value={paper.format === "standard" ? 0 : 1} values={[0, 1]}
            text={(one) => t(one === 0 ? "viewer.ecg.standard" : "viewer.ecg.rows")}
            onChange={(one) => setPaper({ ...paper, format: one === 0 ? "standard" : "rows" })}
          />
        )}
        <Choice label={t("viewer.ecg.speed")} value={paper.speed} values={SPEEDS} text={(one) => `${one} mm/s`} onChange={(speed) => setPaper({ ...paper, speed })} />
        <Choice label={t("viewer.ecg.gain")} value={paper.gain} values={GAINS} text={(one) => `${one} mm/mV`} onChange={(gain) => setPaper({ ...paper, gain })} />
        <span className="muted only-wide">{t("viewer.ecg.hint")}</span>
      </div>
      {group !== undefined ? (
        <Sheets group={group} paper={paper} />
      ) : (
        <p className="viewer-wait" role={failed || groups !== null ? "alert" : "status"}>{t(failed || groups !== null ? "viewer.document.damaged" : "viewer.opening")}</p>
      )}
    </div>
  );
}
