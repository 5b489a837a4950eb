/**
 * Reads what a viewer needs out of DICOM JSON (PS3.18 F.2), for classic images, multi-frame images and enhanced ones, whose facts are
 * in functional groups (PS3.3 C.7.6.16): a frame's own group wins, then the shared one, then the top level.
 */
import type { CineAttributes } from "./cine";
import type { Vector } from "./orientation";
import type { Window } from "./presets";

export interface Element {
  vr: string;
  Value?: unknown[];
  InlineBinary?: string;
  BulkDataURI?: string;
}
export type Dataset = Record<string, Element | undefined>;

/** One palette of PALETTE COLOR: descriptor (entries, first value mapped, bits) and where its table is. */
export interface PaletteFacts {
  descriptor: readonly number[];
  inline: string | null;
  uri: string | null;
}

export interface FrameFacts {
  sopClass: string;
  modality: string;
  rows: number;
  columns: number;
  samples: number;
  photometric: string;
  planar: number;
  bitsAllocated: number;
  bitsStored: number;
  signed: boolean;
  slope: number;
  intercept: number;
  /** What the rescaled values count: "HU" for CT unless it says otherwise, else "" (PS3.3 C.11.1.1.2: US is unspecified). */
  rescaleType: string;
  /** The window that the image asks for; null when it asks for none. */
  window: Window | null;
  windowFunction: string;
  /** Row and column spacing in mm, or null when unknown. */
  spacing: readonly [number, number] | null;
  position: Vector | null;
  row: Vector | null;
  column: Vector | null;
  thickness: number | null;
  location: number | null;
  frameOfReference: string | null;
  palette: readonly [PaletteFacts, PaletteFacts, PaletteFacts] | null;
}

const TAGS = {
  sopClass: "00080016",
  modality: "00080060",
  patientName: "00100010",
  patientId: "00100020",
  birthDate: "00100030",
  sex: "00100040",
  studyDate: "00080020",
  studyDescription: "00081030",
  seriesDescription: "0008103E",
  institution: "00080080",
  frameTime: "00181063",
  frameTimeVector: "00181065",
  cineRate: "00180040",
  recommendedRate: "00082144",
  thickness: "00180050",
  samples: "00280002",
  photometric: "00280004",
  planar: "00280006",
  rows: "00280010",
  columns: "00280011",
  spacing: "00280030",
  imagerSpacing: "00181164",
  bitsAllocated: "00280100",
  bitsStored: "00280101",
  representation: "00280103",
  center: "00281050",
  width: "00281051",
  windowFunction: "00281056",
  intercept: "00281052",
  slope: "00281053",
  rescaleType: "00281054",
  position: "00200032",
  orientation: "00200037",
  location: "00201041",
  frameOfReference: "00200052",
  numberOfFrames: "00280008",
  shared: "52009229",
  perFrame: "52009230",
  pixelMeasures: "00289110",
  planePosition: "00209113",
  planeOrientation: "00209116",
  frameVoi: "00289132",
  transformation: "00289145",
  usRegions: "00186011",
  physicalUnitsX: "00186024",
  physicalDeltaX: "0018602C",
  physicalDeltaY: "0018602E",
} as const;

const UNIT_CM = 3;

export function text(dataset: Dataset, tag: string): string {
  const value = dataset[tag]?.Value?.[0];
  if (typeof value === "string") return value;
  return typeof value === "number" ? String(value) : "";
}

export function numbers(dataset: Dataset, tag: string): number[] {
  return (dataset[tag]?.Value ?? []).map(Number).filter(Number.isFinite);
}

export function number(dataset: Dataset, tag: string): number | undefined {
  return numbers(dataset, tag)[0];
}

export function items(dataset: Dataset | undefined, tag: string): Dataset[] {
  return ((dataset?.[tag]?.Value ?? []) as Dataset[]).filter((item) => typeof item === "object" && item !== null);
}

function vector(values: readonly number[], from: number): Vector | null {
  const [x, y, z] = [values[from], values[from + 1], values[from + 2]];
  return x === undefined || y === undefined || z === undefined ? null : [x, y, z];
}

/** The dataset in which an attribute of `frame` (from 0) is found, given the functional group that may hold it. */
function holder(dataset: Dataset, frame: number, group: string, tag: string): Dataset {
  const own = items(items(dataset, TAGS.perFrame)[frame], group)[0];
  if (own?.[tag] !== undefined) return own;
  const shared = items(items(dataset, TAGS.shared)[0], group)[0];
  return shared?.[tag] !== undefined ? shared : dataset;
}

function spacingOf(dataset: Dataset, frame: number): readonly [number, number] | null {
  const measured = numbers(holder(dataset, frame, TAGS.pixelMeasures, TAGS.spacing), TAGS.spacing);
  const [row, column] = measured.length >= 2 ? measured : numbers(dataset, TAGS.imagerSpacing);
  if (row !== undefined && column !== undefined && row > 0 && column > 0) return [row, column];
  const region = items(dataset, TAGS.usRegions)[0];
  const x = region === undefined ? undefined : number(region, TAGS.physicalDeltaX);
  const y = region === undefined ? undefined : number(region, TAGS.physicalDeltaY);
  if (region !== undefined && number(region, TAGS.physicalUnitsX) === UNIT_CM && x && y) {
    return [Math.abs(y) * 10, Math.abs(x) * 10];
  }
  return null;
}

function paletteOf(dataset: Dataset): FrameFacts["palette"] {
  const one = (descriptorTag: string, dataTag: string): PaletteFacts | null => {
    const descriptor = numbers(dataset, descriptorTag);
    const data = dataset[dataTag];
    if (descriptor.length < 3 || data === undefined) return null;
    return { descriptor, inline: data.InlineBinary ?? null, uri: data.BulkDataURI ?? null };
  };
  const [red, green, blue] = [one("00281101", "00281201"), one("00281102", "00281202"), one("00281103", "00281203")];
  return red !== null && green !== null && blue !== null ? [red, green, blue] : null;
}

function rescaleTypeOf(written: string, modality: string): string {
  if (written === "US") return "";
  return (written || (modality === "CT" ? "HU" : "")).slice(0, 16);
}

/** Facts of frame `frame` (from 0) of this instance. */
export function frameFacts(dataset: Dataset, frame: number): FrameFacts {
  const voi = holder(dataset, frame, TAGS.frameVoi, TAGS.center);
  const [center, width] = [number(voi, TAGS.center), number(voi, TAGS.width)];
  const lut = holder(dataset, frame, TAGS.transformation, TAGS.slope);
  const position = numbers(holder(dataset, frame, TAGS.planePosition, TAGS.position), TAGS.position);
  const cosines = numbers(holder(dataset, frame, TAGS.planeOrientation, TAGS.orientation), TAGS.orientation);
  const bitsAllocated = number(dataset, TAGS.bitsAllocated) ?? 8;
  return {
    sopClass: text(dataset, TAGS.sopClass),
    modality: text(dataset, TAGS.modality),
    rows: number(dataset, TAGS.rows) ?? 0,
    columns: number(dataset, TAGS.columns) ?? 0,
    samples: number(dataset, TAGS.samples) ?? 1,
    photometric: text(dataset, TAGS.photometric) || "MONOCHROME2",
    planar: number(dataset, TAGS.planar) ?? 0,
    bitsAllocated,
    bitsStored: number(dataset, TAGS.bitsStored) ?? bitsAllocated,
    signed: number(dataset, TAGS.representation) === 1,
    slope: number(lut, TAGS.slope) ?? 1,
    intercept: number(lut, TAGS.intercept) ?? 0,
    rescaleType: rescaleTypeOf(text(lut, TAGS.rescaleType), text(dataset, TAGS.modality)),
    window: center !== undefined && width !== undefined && width >= 1 ? { center, width } : null,
    windowFunction: text(voi, TAGS.windowFunction) || "LINEAR",
    spacing: spacingOf(dataset, frame),
    position: vector(position, 0),
    row: vector(cosines, 0),
    column: vector(cosines, 3),
    thickness: number(holder(dataset, frame, TAGS.pixelMeasures, TAGS.thickness), TAGS.thickness) ?? null,
    location: number(dataset, TAGS.location) ?? position[2] ?? null,
    frameOfReference: text(dataset, TAGS.frameOfReference) || null,
    palette: paletteOf(dataset),
  };
}

export function cineAttributes(dataset: Dataset): CineAttributes {
  const vectorOf = numbers(dataset, TAGS.frameTimeVector);
  return {
    frameTime: number(dataset, TAGS.frameTime),
    frameTimeVector: vectorOf.length > 0 ? vectorOf : undefined,
    recommendedRate: number(dataset, TAGS.recommendedRate),
    cineRate: number(dataset, TAGS.cineRate),
  };
}

export interface PatientFacts {
  name: string;
  id: string;
  sex: string;
  birthDate: string;
}

/** Name as its owner writes it: ideographic when there is one, else alphabetic with the carets read as spaces. */
export function patientFacts(dataset: Dataset): PatientFacts {
  const name = dataset[TAGS.patientName]?.Value?.[0] as { Alphabetic?: string; Ideographic?: string } | string | undefined;
  const written = typeof name === "string" ? name : name?.Ideographic || name?.Alphabetic || "";
  return {
    name: written.replaceAll("^", " ").replace(/\s+/g, " ").trim(),
    id: text(dataset, TAGS.patientId),
    sex: text(dataset, TAGS.sex),
    birthDate: text(dataset, TAGS.birthDate),
  };
}

export interface HeaderFacts {
  studyDate: string;
  studyDescription: string;
  seriesDescription: string;
  institution: string;
}

export function headerFacts(dataset: Dataset): HeaderFacts {
  return {
    studyDate: dateText(text(dataset, TAGS.studyDate)),
    studyDescription: text(dataset, TAGS.studyDescription),
    seriesDescription: text(dataset, TAGS.seriesDescription),
    institution: text(dataset, TAGS.institution),
  };
}

/** 20250314 → 2025-03-14; anything else unchanged. */
export function dateText(date: string): string {
  return /^\d{8}$/.test(date) ? `${date.slice(0, 4)}-${date.slice(4, 6)}-${date.slice(6)}` : date;
}

/** Whole years between birth and the day of the examination (or today), or null. */
export function ageAt(birthDate: string, day: string): number | null {
  const birth = /^(\d{4})-?(\d{2})-?(\d{2})$/.exec(birthDate);
  const at = /^(\d{4})-?(\d{2})-?(\d{2})$/.exec(day);
  if (birth === null || at === null) return null;
  const before = Number(at[2]! + at[3]!) < Number(birth[2]! + birth[3]!) ? 1 : 0;
  const years = Number(at[1]) - Number(birth[1]) - before;
  return years >= 0 && years < 150 ? years : null;
}
