/**
 * How large a pixel is, and how sure that is: measured by the scanner (CT, MR), set by a calibrated region (ultrasound), only at the
 * detector (projection images, PS3.3 C.8.11.4: what lies nearer to the tube is magnified), or not known at all.
 */
import { items, number, numbers, text, type Dataset } from "../dicom";
import { PIXELS, type Point, type Scale } from "./geometry";

export type Certainty = "measured" | "region" | "magnified" | "detector" | "none";

export interface Calibration {
  scale: Scale;
  certainty: Certainty;
}

/** What the axes of an ultrasound region count, PS3.3 C.8.5.5.1.15. */
const UNITS: Record<number, string> = { 1: "%", 2: "dB", 3: "cm", 4: "s", 5: "Hz", 6: "dB/s", 7: "cm/s", 8: "cm2", 9: "cm2/s", 12: "deg" };

export interface Region {
  left: number;
  top: number;
  right: number;
  bottom: number;
  deltaX: number;
  deltaY: number;
  unitX: string;
  unitY: string;
  /** Pixel, from the region's corner, at which the axes are 0; null when it is not said. */
  zero: Point | null;
}

export function regionsOf(dataset: Dataset): Region[] {
  return items(dataset, "00186011").flatMap((item): Region[] => {
    const at = (tag: string) => number(item, tag);
    const [left, top, right, bottom] = [at("00186018"), at("0018601A"), at("0018601C"), at("0018601E")];
    const [deltaX, deltaY] = [at("0018602C"), at("0018602E")];
    if (left === undefined || top === undefined || right === undefined || bottom === undefined || !deltaX || !deltaY) return [];
    const [x0, y0] = [at("00186020"), at("00186022")];
    const zero: Point | null = x0 === undefined || y0 === undefined ? null : [x0, y0];
    return [{ left, top, right, bottom, deltaX, deltaY, unitX: UNITS[at("00186024") ?? 0] ?? "", unitY: UNITS[at("00186026") ?? 0] ?? "", zero }];
  });
}

/** The smallest region that holds all points: ECG strips and panels may lie over larger ones. */
export function regionAt(regions: readonly Region[], points: readonly Point[]): Region | null {
  const holds = (region: Region) =>
    points.every(([x, y]) => x >= region.left && x <= region.right + 1 && y >= region.top && y <= region.bottom + 1);
  const size = (region: Region) => (region.right - region.left) * (region.bottom - region.top);
  return [...regions].filter(holds).sort((a, b) => size(a) - size(b))[0] ?? null;
}

const PROJECTION = new Set(["CR", "DX", "MG", "RF", "XA", "IO", "PX", "RG"]);

/** For points that lie within one image. `spacing` is what the frame says of itself (rows, columns), e.g. from functional groups. */
export function calibrationOf(dataset: Dataset, spacing: readonly [number, number] | null, points: readonly Point[]): Calibration {
  const regions = regionsOf(dataset);
  if (regions.length > 0) {
    const region = regionAt(regions, points);
    if (region?.unitX !== "cm" || region.unitY !== "cm") return { scale: PIXELS, certainty: "none" };
    return { scale: { x: Math.abs(region.deltaX) * 10, y: Math.abs(region.deltaY) * 10, unit: "mm" }, certainty: "region" };
  }
  const projection = PROJECTION.has(text(dataset, "00080060"));
  const [row, column] = numbers(dataset, "00280030");
  if (spacing !== null && (!projection || (row !== undefined && column !== undefined && text(dataset, "00280A02") !== ""))) {
    return { scale: { x: spacing[1], y: spacing[0], unit: "mm" }, certainty: "measured" };
  }
  const [imagerRow, imagerColumn] = numbers(dataset, "00181164");
  if (imagerRow && imagerColumn) {
    const magnification = number(dataset, "00181114") ?? 1;
    const factor = magnification >= 1 ? magnification : 1;
    const scale: Scale = { x: imagerColumn / factor, y: imagerRow / factor, unit: "mm" };
    return { scale, certainty: factor > 1 ? "magnified" : "detector" };
  }
  if (spacing !== null) return { scale: { x: spacing[1], y: spacing[0], unit: "mm" }, certainty: "detector" };
  return { scale: PIXELS, certainty: "none" };
}

/** What the two axes of a region that is not flat space (Doppler, M-mode) say between two points. */
export function spanOf(region: Region, a: Point, b: Point): readonly { value: number; unit: string }[] {
  return [
    { value: Math.abs((b[0] - a[0]) * region.deltaX), unit: region.unitX },
    { value: Math.abs((b[1] - a[1]) * region.deltaY), unit: region.unitY },
  ].filter(({ unit }) => unit !== "");
}
