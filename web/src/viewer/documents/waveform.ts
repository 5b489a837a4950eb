/**
 * Waveforms (PS3.3 C.10.9, A.34): samples to millivolts, and where each lead is drawn on paper ruled in millimetres. Sizes are checked
 * before anything is made of them.
 */
import { number, text, type Dataset } from "../dicom";

export interface Channel {
  label: string;
  /** "mV", or the unit in the file for what is no voltage. */
  unit: string;
  values: Float32Array;
}
export interface WaveformGroup {
  label: string;
  /** Samples a second. */
  rate: number;
  channels: Channel[];
}

const MOST_CHANNELS = 64;
const MOST_SAMPLES = 50_000_000;
const PER_MILLIVOLT: Record<string, number> = { nV: 1e-6, uV: 1e-3, "μV": 1e-3, mV: 1, V: 1000 };

export type BytesOf = (element: { InlineBinary?: string; BulkDataURI?: string }) => Promise<Uint8Array>;

const items = (dataset: Dataset, tag: string): Dataset[] =>
  ((dataset[tag]?.Value ?? []) as Dataset[]).filter((item) => typeof item === "object" && item !== null);

/** Interpretations that are plain numbers; the telephone codes (MB, AB) are not drawn. */
type Reader = (view: DataView, at: number) => number;
const READERS: Record<string, { bytes: number; read: Reader }> = {
  "8/SB": { bytes: 1, read: (view, at) => view.getInt8(at) },
  "8/UB": { bytes: 1, read: (view, at) => view.getUint8(at) },
  "16/SS": { bytes: 2, read: (view, at) => view.getInt16(at, true) },
  "16/US": { bytes: 2, read: (view, at) => view.getUint16(at, true) },
  "32/SL": { bytes: 4, read: (view, at) => view.getInt32(at, true) },
  "32/UL": { bytes: 4, read: (view, at) => view.getUint32(at, true) },
};

/** "Lead aVR" and "aVR" are the same lead. */
function labelOf(channel: Dataset, index: number): string {
  const source = items(channel, "003A0208")[0];
  const meaning = source === undefined ? "" : text(source, "00080104");
  const short = meaning.replace(/^(ECG )?lead\s+/i, "").replace(/\s*\(.*\)$/, "").trim();
  return short || text(channel, "003A0203") || `${index + 1}`;
}

function scaleOf(channel: Dataset): { factor: number; offset: number; unit: string } {
  const units = items(channel, "003A0211")[0];
  const code = units === undefined ? "" : text(units, "00080100");
  const unit = PER_MILLIVOLT[code];
  const sensitivity = (number(channel, "003A0210") ?? 1) * (number(channel, "003A0212") ?? 1);
  const baseline = number(channel, "003A0213") ?? 0;
  return unit === undefined ? { factor: sensitivity, offset: baseline, unit: code } : { factor: sensitivity * unit, offset: baseline * unit, unit: "mV" };
}

async function groupOf(item: Dataset, bytesOf: BytesOf): Promise<WaveformGroup | null> {
  const definitions = items(item, "003A0200");
  const count = number(item, "003A0010") ?? 0;
  const rate = number(item, "003A001A") ?? 0;
  const reader = READERS[`${number(item, "54001004") ?? 16}/${text(item, "54001006")}`];
  const channels = definitions.length;
  if (reader === undefined || item["54001010"] === undefined || channels === 0 || channels > MOST_CHANNELS) return null;
  if (!(rate > 0) || !(count > 0) || count * channels > MOST_SAMPLES) return null;
  const bytes = await bytesOf(item["54001010"]);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const there = Math.min(count, Math.floor(bytes.byteLength / (reader.bytes * channels)));
  return {
    label: text(item, "003A0020"),
    rate,
    channels: definitions.map((definition, channel) => {
      const { factor, offset, unit } = scaleOf(definition);
      const values = new Float32Array(there);
      for (let sample = 0; sample < there; sample++) values[sample] = reader.read(view, (sample * channels + channel) * reader.bytes) * factor + offset;
      return { label: labelOf(definition, channel), unit, values };
    }),
  };
}

/** The groups that can be drawn. Sound (basic voice) and what is coded otherwise are left out. */
export async function readWaveforms(dataset: Dataset, bytesOf: BytesOf): Promise<WaveformGroup[]> {
  const groups = await Promise.all(items(dataset, "54000100").map((item) => groupOf(item, bytesOf)));
  return groups.filter((group) => group !== null);
}

/* --- on paper --------------------------------------------------------------------------------------------------------------- */

export interface Paper {
  /** mm a second and mm a millivolt. */
  speed: number;
  gain: number;
  format: "standard" | "rows";
}
export const SPEEDS = [12.5, 25, 50];
export const GAINS = [2.5, 5, 10, 20];

/** A piece of a lead on the paper; x and y in mm, y of its zero line. */
export interface Strip {
  channel: Channel;
  rate: number;
  from: number;
  to: number;
  x: number;
  y: number;
}
export interface Sheet {
  width: number;
  height: number;
  strips: Strip[];
}

const STANDARD: readonly (readonly string[])[] = [
  ["I", "aVR", "V1", "V4"],
  ["II", "aVL", "V2", "V5"],
  ["III", "aVF", "V3", "V6"],
];
const RHYTHM = "II";
/** Room for the calibration mark at the left. */
const MARGIN_MM = 12;
/** Above and below its zero line a lead has what the largest deflection needs, within these. */
const HALF_ROW_MV = { least: 1.25, most: 2.5 };
const LEAST_HALF_ROW_MM = 10;

export function isTwelveLead(group: WaveformGroup): boolean {
  return STANDARD.flat().every((lead) => group.channels.some(({ label }) => label === lead));
}

/** The usual sheet: four columns of three leads, each its own part of the time, and the rhythm below over the whole of it. */
function standardStrips(group: WaveformGroup, paper: Paper, half: number): Strip[] {
  const lead = (label: string) => group.channels.find((one) => one.label === label)!;
  const samples = lead(RHYTHM).values.length;
  const part = Math.floor(samples / 4);
  const strips = STANDARD.flatMap((row, at) =>
    row.map((label, column): Strip => ({
      channel: lead(label), rate: group.rate, from: column * part, to: (column + 1) * part,
      x: MARGIN_MM + ((column * part) / group.rate) * paper.speed, y: half * (2 * at + 1),
    })),
  );
  return [...strips, { channel: lead(RHYTHM), rate: group.rate, from: 0, to: part * 4, x: MARGIN_MM, y: half * 7 }];
}

function largestOf({ channels }: WaveformGroup): number {
  const largest = channels.filter(({ unit }) => unit === "mV").reduce((most, { values }) => values.reduce((a, b) => Math.max(a, Math.abs(b)), most), 0);
  return Math.min(HALF_ROW_MV.most, Math.max(HALF_ROW_MV.least, largest * 1.05));
}

export function sheetOf(group: WaveformGroup, paper: Paper): Sheet {
  const half = Math.max(LEAST_HALF_ROW_MM, largestOf(group) * paper.gain);
  const standard = paper.format === "standard" && isTwelveLead(group);
  const strips = standard
    ? standardStrips(group, paper, half)
    : group.channels.map((channel, at): Strip => ({ channel, rate: group.rate, from: 0, to: channel.values.length, x: MARGIN_MM, y: half * (2 * at + 1) }));
  const ends = strips.map(({ x, from, to, rate }) => x + ((to - from) / rate) * paper.speed);
  return { width: Math.ceil(Math.max(...ends)) + 4, height: Math.ceil(2 * half * (standard ? 4 : strips.length)), strips };
}

/** What a distance on the paper means. */
export function measured(paper: Paper, dx: number, dy: number): { milliseconds: number; millivolts: number; perMinute: number | null } {
  const seconds = Math.abs(dx) / paper.speed;
  return { milliseconds: Math.round(seconds * 1000), millivolts: Math.abs(dy) / paper.gain, perMinute: seconds > 0.1 ? Math.round(60 / seconds) : null };
}

/** Millimetres of a sample above (negative) or below its zero line. A lead that is no voltage fills its row. */
export function heightOf(strip: Strip, paper: Paper, sample: number): number {
  const value = strip.channel.values[sample]!;
  return -value * paper.gain;
}
