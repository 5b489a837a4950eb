/** The kinds of measurements: how many points each has, its key, and what it says about the image. */
import type { Schemas } from "../../api/client";
import { angle, areaOf, cobb, distance, PIXELS, shortAxis, statisticsOf, type Point, type Scale } from "./geometry";

export type Kind = Schemas["MeasurementKind"];
export type Result = Schemas["MeasurementResult"];
export type Tool = Exclude<Kind, "key">;

/** Points that a hand places one after the other; `bidirectional` gets its short axis from the long one. */
export const PLACED: Readonly<Record<Tool, number>> = {
  length: 2, bidirectional: 2, angle: 3, cobb: 4, ellipse: 2, rectangle: 2, probe: 1, arrow: 2, text: 1,
};

/** In the order of the tool bar, each with its key (ui/keymap.ts). */
export const TOOLS: readonly { tool: Tool; keys: string }[] = [
  { tool: "length", keys: "L" }, { tool: "bidirectional", keys: "B" }, { tool: "angle", keys: "A" }, { tool: "cobb", keys: "C" },
  { tool: "ellipse", keys: "E" }, { tool: "rectangle", keys: "Q" }, { tool: "probe", keys: "P" }, { tool: "arrow", keys: "T" },
  { tool: "text", keys: "N" },
];

/** Kinds that are nothing without words. */
export const WORDED: ReadonlySet<Kind> = new Set<Kind>(["text"]);

/** All points of a measurement from the ones that were placed. */
export function completed(kind: Kind, placed: readonly Point[], scale: Scale): readonly Point[] {
  return kind === "bidirectional" && placed.length === 2 ? [...placed, ...shortAxis(placed[0]!, placed[1]!, scale)] : placed;
}

/** What can be read of the image under a measurement. */
export interface Readable {
  columns: number;
  rows: number;
  /** Value of a pixel in `unit`; null for colour, where no value means anything. */
  at: ((index: number) => number) | null;
  /** Of the values: HU for CT, what RescaleType says, or "". */
  unit: string;
}

const rounded = (value: number) => Math.round(value * 1000) / 1000;

function regionResults(kind: "ellipse" | "rectangle", a: Point, b: Point, scale: Scale, image: Readable | null): Result[] {
  const results: Result[] = [{ name: "area", value: rounded(areaOf(kind, a, b, scale)), unit: scale.unit === "mm" ? "mm2" : "px2" }];
  const found = image?.at == null ? null : statisticsOf(kind, a, b, { ...image, at: image.at });
  if (found === null || image === null) return results;
  for (const name of ["mean", "sd", "min", "max"] as const) results.push({ name, value: rounded(found[name]), unit: image.unit });
  return results;
}

export function resultsOf(kind: Kind, points: readonly Point[], scale: Scale = PIXELS, image: Readable | null = null): Result[] {
  const [a, b, c, d] = points;
  const long = (name: "length" | "width", from: Point, to: Point): Result => ({
    name,
    value: rounded(distance(from, to, scale)),
    unit: scale.unit,
  });
  switch (kind) {
    case "length":
      return a && b ? [long("length", a, b)] : [];
    case "bidirectional":
      return a && b && c && d ? [long("length", a, b), long("width", c, d)] : [];
    case "angle":
      return a && b && c ? [{ name: "angle", value: rounded(angle(a, b, c, scale)), unit: "deg" }] : [];
    case "cobb":
      return a && b && c && d ? [{ name: "angle", value: rounded(cobb(a, b, c, d, scale)), unit: "deg" }] : [];
    case "ellipse":
    case "rectangle":
      return a && b ? regionResults(kind, a, b, scale, image) : [];
    case "probe": {
      if (a === undefined || image?.at == null) return [];
      const [column, row] = [Math.floor(a[0]), Math.floor(a[1])];
      if (column < 0 || row < 0 || column >= image.columns || row >= image.rows) return [];
      return [{ name: "value", value: rounded(image.at(row * image.columns + column)), unit: image.unit }];
    }
    default:
      return [];
  }
}

/** The lines of which a measurement is drawn, as pairs of points; regions are their outline. */
export function linesOf(kind: Kind, points: readonly Point[]): (readonly [Point, Point])[] {
  const [a, b, c, d] = points;
  if (a === undefined || b === undefined) return [];
  if (kind === "rectangle") {
    const [p, q]: [Point, Point] = [[b[0], a[1]], [a[0], b[1]]];
    return [[a, p], [p, b], [b, q], [q, a]];
  }
  if (kind === "ellipse") {
    const [cx, cy, rx, ry] = [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2, (b[0] - a[0]) / 2, (b[1] - a[1]) / 2];
    const at = (step: number): Point => [cx + rx * Math.cos((step * Math.PI) / 16), cy + ry * Math.sin((step * Math.PI) / 16)];
    return Array.from({ length: 32 }, (_, step) => [at(step), at(step + 1)] as const);
  }
  if (kind === "angle") return c === undefined ? [[a, b]] : [[a, b], [b, c]];
  return c !== undefined && d !== undefined ? [[a, b], [c, d]] : [[a, b]];
}
