/**
 * Where the slices of a series lie in the patient, whether they make a volume, and the three planes that are laid through it. All
 * places are in patient coordinates (PS3.3 C.7.6.2.1.1: x to the left, y to the back, z to the head), in millimetres, of centres of
 * voxels. A tilted gantry or an oblique acquisition is no special case: the step from slice to slice may point anywhere.
 */
import type { FrameFacts } from "../dicom";
import type { Vector } from "../orientation";

export type PlaneName = "axial" | "coronal" | "sagittal";
export const PLANE_NAMES: readonly PlaneName[] = ["axial", "coronal", "sagittal"];

interface PlaneAxes {
  /** Directions of the drawn picture in the patient. */
  right: Vector;
  down: Vector;
  normal: Vector;
  /** Which patient axis the normal is, and to which end of it "next" goes: to the feet, to the back, to the left. */
  axis: 0 | 1 | 2;
  forward: 1 | -1;
}

export const PLANES: Record<PlaneName, PlaneAxes> = {
  axial: { right: [1, 0, 0], down: [0, 1, 0], normal: [0, 0, 1], axis: 2, forward: -1 },
  coronal: { right: [1, 0, 0], down: [0, 0, -1], normal: [0, 1, 0], axis: 1, forward: 1 },
  sagittal: { right: [0, 1, 0], down: [0, 0, -1], normal: [1, 0, 0], axis: 0, forward: 1 },
};

/** Why a series is no volume; viewer.mpr.refusal.<name> in the catalogues. */
export type Refusal = "few" | "colour" | "unplaced" | "sizes" | "directions" | "repeated" | "uneven" | "shifted";

/** A regular grid of voxels. A slot is a place for a slice; there may be slots that no slice of the series fills. */
export interface VolumeGrid {
  columns: number;
  rows: number;
  slots: number;
  /** Centre of voxel (0, 0, 0). */
  origin: Vector;
  /** From a voxel to its neighbour in the row, in the column, in the next slot; mm. */
  steps: readonly [Vector, Vector, Vector];
}

export interface VolumePlan {
  grid: VolumeGrid;
  /** For each slot the index in the stack, or -1. */
  slices: number[];
  missing: number;
}

const FEWEST = 4;
const SAME_DIRECTION = 0.9998; // one degree
const SAME_SPACING = 0.005;
/** How far a slice may lie from its place, in distances between slices. */
const UNEVEN = 0.2;
/** More empty places than slices: not a gap but another kind of series. */
const EMPTIEST = 2;

export const dot = (a: Vector, b: Vector): number => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
const cross = (a: Vector, b: Vector): Vector => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
const minus = (a: Vector, b: Vector): Vector => [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
const times = (a: Vector, factor: number): Vector => [a[0] * factor, a[1] * factor, a[2] * factor];
const plus = (a: Vector, b: Vector): Vector => [a[0] + b[0], a[1] + b[1], a[2] + b[2]];
export const length = (a: Vector): number => Math.sqrt(dot(a, a));

type Placed = FrameFacts & { position: Vector; row: Vector; column: Vector; spacing: readonly [number, number] };

function isPlaced(facts: FrameFacts): facts is Placed {
  return facts.position !== null && facts.row !== null && facts.column !== null && facts.spacing !== null;
}

function unlike(a: Placed, b: Placed): Refusal | null {
  if (a.rows !== b.rows || a.columns !== b.columns) return "sizes";
  if (a.spacing.some((mm, at) => Math.abs(mm - b.spacing[at as 0 | 1]) > SAME_SPACING * mm)) return "sizes";
  if (dot(a.row, b.row) < SAME_DIRECTION || dot(a.column, b.column) < SAME_DIRECTION) return "directions";
  return a.frameOfReference === b.frameOfReference ? null : "directions";
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)]!;
}

/** The place of each sorted distance in a row of even places, or null when they are uneven. */
function slotsOf(along: readonly number[]): number[] | null {
  const gaps = along.slice(1).map((at, index) => at - along[index]!);
  const usual = median(gaps);
  // Counted from slice to slice, so that positions rounded in the file do not add up over the series.
  const slots = [0];
  for (const gap of gaps) slots.push(slots.at(-1)! + Math.max(1, Math.round(gap / usual)));
  const gap = (along.at(-1)! - along[0]!) / slots.at(-1)!;
  if (slots.at(-1)! >= along.length * (1 + EMPTIEST)) return null;
  const even = along.every((at, index) => Math.abs((at - along[0]!) / gap - slots[index]!) <= UNEVEN);
  return even ? slots : null;
}

/** Makes a volume of the frames of a stack (their facts in the stack's order), or says why they are none. */
export function planVolume(frames: readonly FrameFacts[]): VolumePlan | Refusal {
  if (frames.some((one) => one.samples > 1 || one.photometric === "PALETTE COLOR")) return "colour";
  if (frames.length < FEWEST) return "few";
  if (!frames.every(isPlaced)) return "unplaced";
  const first = frames[0]!;
  for (const one of frames) {
    const reason = unlike(first, one);
    if (reason !== null) return reason;
  }
  const normal = cross(first.row, first.column);
  const sorted = frames.map((facts, index) => ({ facts, index, along: dot(normal, facts.position) })).sort((a, b) => a.along - b.along);
  const along = sorted.map((one) => one.along);
  const nearest = Math.min(...along.slice(1).map((at, index) => at - along[index]!));
  if (nearest < 0.01) return "repeated";
  const slots = slotsOf(along);
  if (slots === null) return "uneven";
  const [low, high] = [sorted[0]!, sorted.at(-1)!];
  const step = times(minus(high.facts.position, low.facts.position), 1 / slots.at(-1)!);
  const allowed = Math.max(...first.spacing) / 2 + length(step) * UNEVEN;
  const strays = sorted.some(({ facts }, index) => length(minus(facts.position, plus(low.facts.position, times(step, slots[index]!)))) > allowed);
  if (strays) return "shifted";
  const slices = new Array<number>(slots.at(-1)! + 1).fill(-1);
  sorted.forEach(({ index }, at) => (slices[slots[at]!] = index));
  return {
    grid: {
      columns: first.columns,
      rows: first.rows,
      slots: slices.length,
      origin: low.facts.position,
      steps: [times(first.row, first.spacing[1]), times(first.column, first.spacing[0]), step],
    },
    slices,
    missing: slices.length - frames.length,
  };
}

/** The grid after `factor` × `factor` pixels of each slice were made one. */
export function reducedGrid(grid: VolumeGrid, factor: number): VolumeGrid {
  const [across, down, step] = grid.steps;
  const half = (factor - 1) / 2;
  return {
    columns: Math.floor(grid.columns / factor),
    rows: Math.floor(grid.rows / factor),
    slots: grid.slots,
    origin: plus(grid.origin, plus(times(across, half), times(down, half))),
    steps: [times(across, factor), times(down, factor), step],
  };
}

/** By how much the slices must be reduced for the volume to stay in `budget` bytes. */
export function reductionFor(grid: VolumeGrid, bytesPerVoxel: number, budget: number): number {
  const largest = Math.max(1, Math.floor(Math.min(grid.columns, grid.rows) / 16));
  for (let factor = 1; factor < largest; factor++) {
    const { columns, rows, slots } = reducedGrid(grid, factor);
    if (columns * rows * slots * bytesPerVoxel <= budget) return factor;
  }
  return largest;
}

/** Index space of the grid as a function of the patient's: index = matrix · (world - origin), row by row. */
export function indexMatrix({ steps: [a, b, c] }: VolumeGrid): readonly [Vector, Vector, Vector] {
  const scale = 1 / dot(a, cross(b, c));
  return [times(cross(b, c), scale), times(cross(c, a), scale), times(cross(a, b), scale)];
}

export interface PlaneGrid {
  plane: PlaneName;
  width: number;
  height: number;
  /** mm per pixel, the same across and down, whatever the voxels are. */
  pixel: number;
  /** World of the centre of pixel (0, 0) where the plane's own axis is 0. */
  corner: Vector;
  /** The positions that the plane can take along its axis: from `low`, `count` of them, `step` mm apart. */
  low: number;
  step: number;
  count: number;
}

export const LARGEST_PLANE = 1024;

function bounds(grid: VolumeGrid): readonly [Vector, Vector] {
  const ends = (axis: 0 | 1 | 2): [number, number] => {
    const reach = [grid.columns - 1, grid.rows - 1, grid.slots - 1].map((count, at) => count * grid.steps[at as 0 | 1 | 2][axis]);
    const low = reach.reduce((sum, part) => sum + Math.min(0, part), grid.origin[axis]);
    const high = reach.reduce((sum, part) => sum + Math.max(0, part), grid.origin[axis]);
    return [low, high];
  };
  const [x, y, z] = [ends(0), ends(1), ends(2)];
  return [
    [x[0], y[0], z[0]],
    [x[1], y[1], z[1]],
  ];
}

/** The picture of a plane: it holds the whole volume, and its pixels meet the voxels where the plane lies along the slices. */
export function planeGrid(grid: VolumeGrid, plane: PlaneName): PlaneGrid {
  const { right, down, normal, axis } = PLANES[plane];
  const [low, high] = bounds(grid);
  const across = Math.abs(dot(right, minus(high, low)));
  const along = Math.abs(dot(down, minus(high, low)));
  const finest = Math.min(...grid.steps.map(length));
  const pixel = Math.max(finest, across / (LARGEST_PLANE - 1), along / (LARGEST_PLANE - 1));
  const corner = [0, 1, 2].map((at) => {
    if (at === axis) return 0;
    return right[at as 0] > 0 || down[at as 0] > 0 ? low[at as 0] : high[at as 0];
  }) as unknown as Vector;
  const step = Math.max(...grid.steps.map((one) => Math.abs(dot(one, normal))));
  return {
    plane,
    width: Math.round(across / pixel) + 1,
    height: Math.round(along / pixel) + 1,
    pixel,
    corner,
    low: low[axis],
    step,
    count: Math.round((high[axis] - low[axis]) / step) + 1,
  };
}

/** Patient coordinates of a place in the picture (pixels, fractions allowed) when the plane is at `at` on its axis. */
export function worldInPlane(grid: PlaneGrid, at: number, [u, v]: readonly [number, number]): Vector {
  const { right, down, normal } = PLANES[grid.plane];
  return plus(plus(grid.corner, times(normal, at)), plus(times(right, u * grid.pixel), times(down, v * grid.pixel)));
}

/** Where in the picture of a plane a point of the patient is (its own axis is left out). */
export function placeInPlane(grid: PlaneGrid, world: Vector): [number, number] {
  const { right, down } = PLANES[grid.plane];
  const from = minus(world, grid.corner);
  return [dot(right, from) / grid.pixel, dot(down, from) / grid.pixel];
}

/** The nearest position that the plane can take. */
export function snapped(grid: PlaneGrid, at: number): number {
  const index = Math.min(grid.count - 1, Math.max(0, Math.round((at - grid.low) / grid.step)));
  return grid.low + index * grid.step;
}

export function middleOf(grid: VolumeGrid): Vector {
  const [low, high] = bounds(grid);
  return times(plus(low, high), 0.5);
}
