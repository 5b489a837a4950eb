/**
 * Panes that belong together: scrolling by place in the patient, and where the plane of one picture cuts another. Pure functions over what
 * the images say of themselves.
 */
import type { Geometry } from "./camera";
import type { FrameFacts } from "./dicom";
import type { Point } from "./measure/geometry";

type Vector = readonly [number, number, number];

const PARALLEL = 0.95;

const dot = (a: Vector, b: Vector) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
const cross = (a: Vector, b: Vector): Vector => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];

function normalOf(facts: FrameFacts | null): Vector | null {
  return facts?.row && facts.column ? cross(facts.row, facts.column) : null;
}

/** Place of an image along a direction in mm; null when the image does not say where it lies. */
function placeAlong(facts: FrameFacts | null, normal: Vector): number | null {
  return facts?.position ? dot(facts.position, normal) : null;
}

/** What a pane shows, as far as linking is concerned. */
export interface Shown {
  index: number;
  /** One for each image of the stack; null where its metadata is not there yet. */
  facts: readonly (FrameFacts | null)[];
}

/** Where two panes stood when they were linked: the way between stacks that share no frame of reference (a study and its prior). */
export interface Link {
  /** mm along the follower's normal from the leader's image to the follower's; null: place is not known, images are counted. */
  offset: number | null;
  steps: number;
}

export function linkOf(leader: Shown, follower: Shown): Link {
  const steps = follower.index - leader.index;
  const [from, to] = [leader.facts[leader.index] ?? null, follower.facts[follower.index] ?? null];
  const normal = normalOf(to);
  if (normal === null || from === null) return { offset: null, steps };
  const [a, b] = [placeAlong(from, normal), placeAlong(to, normal)];
  return { offset: a === null || b === null ? null : b - a, steps };
}

/** The follower's image for where the leader is now; null when their planes are not parallel (they are not linked then). */
export function linkedIndex(leader: Shown, follower: Shown, link: Link): number | null {
  const from = leader.facts[leader.index] ?? null;
  const to = follower.facts[follower.index] ?? null;
  const [normal, theirs] = [normalOf(to), normalOf(from)];
  const place = normal === null ? null : placeAlong(from, normal);
  if (normal === null || theirs === null || place === null) {
    return Math.min(follower.facts.length - 1, Math.max(0, leader.index + link.steps));
  }
  if (Math.abs(dot(normal, theirs)) < PARALLEL) return null;
  const same = from?.frameOfReference != null && from.frameOfReference === to?.frameOfReference;
  const wanted = place + (same ? 0 : (link.offset ?? 0));
  let best = follower.index;
  let least = Infinity;
  follower.facts.forEach((facts, index) => {
    const at = placeAlong(facts, normal);
    if (at !== null && Math.abs(at - wanted) < least) [best, least] = [index, Math.abs(at - wanted)];
  });
  return best;
}

/** The piece of plane `of` that cuts picture `on`, in pixels of `on`; null when they are parallel or do not meet. */
export function referenceLine(of: Geometry, on: Geometry): readonly [Point, Point] | null {
  const normal = cross(on.row, on.column);
  if (Math.abs(dot(normal, cross(of.row, of.column))) > PARALLEL) return null;
  const corner = (column: number, row: number): Vector => {
    const [x, y] = [(column - 0.5) * of.spacing[1], (row - 0.5) * of.spacing[0]];
    return [0, 1, 2].map((axis) => of.origin[axis as 0] + of.row[axis as 0] * x + of.column[axis as 0] * y) as unknown as Vector;
  };
  const corners = [corner(0, 0), corner(of.columns, 0), corner(of.columns, of.rows), corner(0, of.rows)];
  const height = (point: Vector) => dot(normal, [point[0] - on.origin[0], point[1] - on.origin[1], point[2] - on.origin[2]]);
  const cuts = corners.flatMap((a, index): Point[] => {
    const b = corners[(index + 1) % 4]!;
    const [ha, hb] = [height(a), height(b)];
    if (ha === hb || (ha < 0) === (hb < 0)) return [];
    const part = ha / (ha - hb);
    const offset = [0, 1, 2].map((axis) => a[axis as 0] + (b[axis as 0] - a[axis as 0]) * part - on.origin[axis as 0]) as unknown as Vector;
    return [[dot(on.row, offset) / on.spacing[1] + 0.5, dot(on.column, offset) / on.spacing[0] + 0.5]];
  });
  return cuts.length === 2 ? [cuts[0]!, cuts[1]!] : null;
}
