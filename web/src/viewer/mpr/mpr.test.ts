// Planes through a volume whose every voxel is known: a linear function of the place in the patient, so that what is drawn anywhere can
// be said beforehand, whichever way the slices were taken.
import { describe, expect, it } from "vitest";
import type { FrameFacts } from "../dicom";
import type { Vector } from "../orientation";
import {
  dot, indexMatrix, length, middleOf, planeGrid, PLANE_NAMES, PLANES, planVolume, reducedGrid, reductionFor, snapped, worldInPlane,
  type VolumeGrid, type VolumePlan,
} from "./geometry";
import { coarseOrder } from "./order";
import { placeOf, onPane, windowed } from "./paint";
import { kindOf, type PlaneView } from "./session";
import { slabPlaces, Volume } from "./volume";

const COLUMNS = 20;
const ROWS = 16;
const SLICES = 12;
const SPACING: readonly [number, number] = [0.8, 0.8];

const valueAt = (world: Vector) => 3 * world[0] - 2 * world[1] + 5 * world[2] + 100;

function facts(position: Vector, row: Vector, column: Vector, more: Partial<FrameFacts> = {}): FrameFacts {
  return {
    sopClass: "", modality: "CT", rows: ROWS, columns: COLUMNS, samples: 1, photometric: "MONOCHROME2", planar: 0, bitsAllocated: 16,
    bitsStored: 16, signed: true, slope: 1, rescaleType: "HU", intercept: 0, window: null, windowFunction: "LINEAR", spacing: SPACING, position, row, column,
    thickness: null, location: null, frameOfReference: "1.2", palette: null, ...more,
  };
}

const times = (a: Vector, factor: number): Vector => [a[0] * factor, a[1] * factor, a[2] * factor];
const plus = (...parts: Vector[]): Vector => parts.reduce((a, b): Vector => [a[0] + b[0], a[1] + b[1], a[2] + b[2]]);

/** A series: slices `step` apart, in whatever order. */
function series(row: Vector, column: Vector, step: Vector, count = SLICES): FrameFacts[] {
  return Array.from({ length: count }, (_, k) => facts(plus([-5, 7, 30], times(step, k)), row, column));
}

function planOf(frames: FrameFacts[]): VolumePlan {
  const plan = planVolume(frames);
  if (typeof plan === "string") throw new Error(plan);
  return plan;
}

function filled(plan: VolumePlan, factor = 1): Volume {
  const volume = new Volume(reducedGrid(plan.grid, factor), factor, plan.slices.flatMap((at, slot) => (at < 0 ? [slot] : [])), "float32");
  plan.slices.forEach((at, slot) => {
    if (at < 0) return;
    const values = new Float32Array(COLUMNS * ROWS);
    for (let y = 0; y < ROWS; y++) for (let x = 0; x < COLUMNS; x++) values[y * COLUMNS + x] = valueAt(voxel(plan.grid, x, y, slot));
    volume.put(slot, values, COLUMNS);
  });
  return volume;
}

const voxel = ({ origin, steps }: VolumeGrid, x: number, y: number, z: number) => plus(origin, times(steps[0], x), times(steps[1], y), times(steps[2], z));

/** Voxel indices of a place; inside when all are within the grid. */
function indexOf(grid: VolumeGrid, world: Vector): number[] {
  const from: Vector = [world[0] - grid.origin[0], world[1] - grid.origin[1], world[2] - grid.origin[2]];
  return indexMatrix(grid).map((row) => dot(row, from));
}

const s = Math.SQRT1_2;
const ACQUISITIONS: [string, Vector, Vector, Vector][] = [
  ["axial", [1, 0, 0], [0, 1, 0], [0, 0, 2]],
  ["axial, to the feet", [1, 0, 0], [0, 1, 0], [0, 0, -2]],
  ["axial, prone", [-1, 0, 0], [0, -1, 0], [0, 0, 2]],
  ["coronal", [1, 0, 0], [0, 0, -1], [0, 2, 0]],
  ["sagittal", [0, 1, 0], [0, 0, -1], [2, 0, 0]],
  ["oblique by 45 degrees", [1, 0, 0], [0, s, s], [0, -s * 2, s * 2]],
  ["tilted gantry", [1, 0, 0], [0, Math.cos(0.3), Math.sin(0.3)], [0, 0, 2]],
];

describe("planes through a volume of known values", () => {
  it.each(ACQUISITIONS)("%s", (_name, row, column, step) => {
    const plan = planOf(series(row, column, step));
    expect(plan.missing).toBe(0);
    const volume = filled(plan);
    for (const plane of PLANE_NAMES) {
      const grid = planeGrid(plan.grid, plane);
      const at = snapped(grid, middleOf(plan.grid)[PLANES[plane].axis]);
      const picture = volume.picture(grid, at, 0, "max");
      let inside = 0;
      for (let v = 0; v < grid.height; v++) {
        for (let u = 0; u < grid.width; u++) {
          const world = worldInPlane(grid, at, [u, v]);
          const value = picture[v * grid.width + u]!;
          const index = indexOf(plan.grid, world);
          const sizes = [COLUMNS, ROWS, SLICES];
          if (index.every((part, axis) => part >= -1e-6 && part <= sizes[axis]! - 1 + 1e-6)) {
            expect(value).toBeCloseTo(valueAt(world), 2);
            inside++;
          } else if (index.some((part, axis) => part < -0.51 || part > sizes[axis]! - 0.49)) {
            expect(value).toBeNaN();
          }
        }
      }
      expect(inside).toBeGreaterThan(40);
    }
  });

  it("gives stored values unchanged where the plane lies along the slices", () => {
    const plan = planOf(series([1, 0, 0], [0, 1, 0], [0, 0, 2]));
    const volume = new Volume(plan.grid, 1, [], "int16");
    const stored = Array.from({ length: SLICES }, (_, slot) => Int16Array.from({ length: COLUMNS * ROWS }, (__, at) => ((at * 7919 + slot * 104729) % 4096) - 1024));
    stored.forEach((slice, slot) => volume.put(slot, slice, COLUMNS));
    const grid = planeGrid(plan.grid, "axial");
    expect([grid.width, grid.height, grid.count]).toEqual([COLUMNS, ROWS, SLICES]);
    stored.forEach((slice, slot) => expect(Array.from(volume.picture(grid, grid.low + slot * grid.step, 0, "max"))).toEqual(Array.from(slice)));
  });

  it("has square millimetres whatever the voxels are", () => {
    const plan = planOf(series([1, 0, 0], [0, 1, 0], [0, 0, 5]));
    const coronal = planeGrid(plan.grid, "coronal");
    expect(coronal.pixel).toBeCloseTo(0.8);
    expect(coronal.width * coronal.pixel).toBeCloseTo(COLUMNS * 0.8, 5);
    expect((coronal.height - 1) * coronal.pixel).toBeCloseTo((SLICES - 1) * 5, 0);
  });
});

describe("slabs", () => {
  const plan = planOf(series([1, 0, 0], [0, 1, 0], [0, 0, 2]));
  const volume = new Volume(plan.grid, 1, [], "int16");
  for (let slot = 0; slot < SLICES; slot++) volume.put(slot, new Int16Array(COLUMNS * ROWS).fill(slot * 10), COLUMNS);
  const bright = new Int16Array(COLUMNS * ROWS).fill(50);
  bright[5 * COLUMNS + 7] = 3000;
  volume.put(5, bright, COLUMNS);
  const grid = planeGrid(plan.grid, "axial");
  const at = grid.low + 6 * grid.step;

  it("takes the slices within it, and never one twice", () => {
    expect(slabPlaces(grid, at, 0)).toEqual([at]);
    expect(slabPlaces(grid, at, 1)).toEqual([at]);
    expect(slabPlaces(grid, at, 4).map((place) => Math.round((place - grid.low) / grid.step))).toEqual([5, 6, 7]);
    expect(slabPlaces(grid, grid.low, 8).length).toBe(3); // the volume ends here
  });
  it.each([
    ["max", 70, 3000],
    ["min", 50, 60],
    ["mean", 60, (3000 + 60 + 70) / 3],
  ] as const)("%s", (projection, elsewhere, there) => {
    const picture = volume.picture(grid, at, 4, projection);
    expect(picture[0]).toBeCloseTo(elsewhere, 3);
    expect(picture[5 * COLUMNS + 7]).toBeCloseTo(there, 2);
  });
  it("finds the brightest voxel in the other planes as well", () => {
    const coronal = planeGrid(plan.grid, "coronal");
    expect(Math.max(...volume.picture(coronal, coronal.low + 6 * coronal.step, 4, "max").filter((value) => !Number.isNaN(value)))).toBe(3000);
  });
});

describe("what is no volume is refused with its reason", () => {
  const good = () => series([1, 0, 0], [0, 1, 0], [0, 0, 2]);
  const changed = (at: number, more: Partial<FrameFacts>) => good().map((one, index) => (index === at ? { ...one, ...more } : one));
  it.each([
    ["few", good().slice(0, 3)],
    ["colour", changed(0, { samples: 3 })],
    ["unplaced", changed(4, { position: null })],
    ["sizes", changed(4, { rows: 8 })],
    ["sizes", changed(4, { spacing: [0.9, 0.9] })],
    ["directions", changed(4, { row: [0, 1, 0], column: [0, 0, -1] })],
    ["directions", changed(4, { frameOfReference: "9" })],
    ["repeated", [...good(), good()[3]!]],
    ["uneven", changed(4, { position: [-5, 7, 30 + 4 * 2 + 0.9] })],
    ["shifted", changed(4, { position: [-2, 7, 30 + 4 * 2] })],
  ] as const)("%s", (reason, frames) => expect(planVolume([...frames])).toBe(reason));

  it("missing slices leave their places black and are counted", () => {
    const plan = planOf(good().filter((_, index) => index !== 4 && index !== 5));
    expect([plan.missing, plan.slices.length]).toEqual([2, SLICES]);
    const volume = filled(plan);
    const grid = planeGrid(plan.grid, "coronal");
    const picture = volume.picture(grid, snapped(grid, middleOf(plan.grid)[1]), 0, "max");
    const line = (mm: number) => picture[Math.round((30 + 11 * 2 - mm) / grid.pixel) * grid.width + 3];
    expect(line(30 + 4.5 * 2)).toBeNaN();
    expect(line(30 + 2 * 2)).not.toBeNaN();
  });
  it("positions rounded in the file are no irregularity", () => {
    const frames = Array.from({ length: 200 }, (_, k) => facts([-5, 7, Math.round(k * 0.6251 * 10) / 10], [1, 0, 0], [0, 1, 0]));
    expect(planOf(frames).missing).toBe(0);
  });
});

describe("memory and order", () => {
  const grid: VolumeGrid = { columns: 512, rows: 512, slots: 1461, origin: [0, 0, 0], steps: [[0.7, 0, 0], [0, 0.7, 0], [0, 0, 0.6]] };
  it("is reduced until it fits, and only then", () => {
    expect(reductionFor({ ...grid, slots: 300 }, 2, 256 * 2 ** 20)).toBe(1);
    expect(reductionFor(grid, 2, 256 * 2 ** 20)).toBe(2);
    expect(reductionFor(grid, 2, 64 * 2 ** 20)).toBe(4);
  });
  it("reduced voxels are means, and lie where their pixels were", () => {
    const plan = planOf(series([1, 0, 0], [0, 1, 0], [0, 0, 2]));
    const volume = filled(plan, 2);
    expect([volume.grid.columns, volume.grid.rows]).toEqual([COLUMNS / 2, ROWS / 2]);
    expect(length(volume.grid.steps[0])).toBeCloseTo(1.6);
    const axial = planeGrid(volume.grid, "axial");
    const picture = volume.picture(axial, axial.low, 0, "max");
    expect(picture[0]).toBeCloseTo(valueAt(worldInPlane(axial, axial.low, [0, 0])), 2);
    expect(picture[picture.length - 1]).toBeCloseTo(valueAt(worldInPlane(axial, axial.low, [axial.width - 1, axial.height - 1])), 2);
  });
  it("what has not come is stood for by its neighbour, what cannot come is black", () => {
    const plan = planOf(series([1, 0, 0], [0, 1, 0], [0, 0, 2]));
    const volume = new Volume(plan.grid, 1, [], "int16");
    volume.put(6, new Int16Array(COLUMNS * ROWS).fill(60), COLUMNS);
    volume.put(2, new Int16Array(COLUMNS * ROWS).fill(20), COLUMNS);
    volume.lose(9);
    const axial = planeGrid(plan.grid, "axial");
    const first = (slot: number) => volume.picture(axial, axial.low + slot * axial.step, 0, "max")[0];
    expect([0, 2, 3, 5, 6, 11].map(first)).toEqual([20, 20, 20, 60, 60, 60]);
    expect(first(9)).toBeNaN();
  });
  it("values that do not fit make the volume one of floats without losing any", () => {
    const plan = planOf(series([1, 0, 0], [0, 1, 0], [0, 0, 2]));
    const volume = new Volume(plan.grid, 1, [], "int16");
    volume.put(0, new Int16Array(COLUMNS * ROWS).fill(-7), COLUMNS);
    volume.put(1, new Uint16Array(COLUMNS * ROWS).fill(60000), COLUMNS);
    volume.put(2, new Float32Array(COLUMNS * ROWS).fill(0.25), COLUMNS);
    const axial = planeGrid(plan.grid, "axial");
    expect([0, 1, 2].map((slot) => volume.picture(axial, axial.low + slot * axial.step, 0, "max")[0])).toEqual([-7, 60000, 0.25]);
  });
  it("reads every slice once, the middle first, and the ends early", () => {
    const order = coarseOrder(Array.from({ length: 300 }, (_, at) => at));
    expect(new Set(order).size).toBe(300);
    expect(order.slice(0, 20).some((slot) => slot < 16) && order.slice(0, 20).some((slot) => slot >= 284)).toBe(true);
  });
  it("knows what the slices will hold", () => {
    expect(kindOf(facts([0, 0, 0], [1, 0, 0], [0, 1, 0]))).toBe("int16");
    expect(kindOf(facts([0, 0, 0], [1, 0, 0], [0, 1, 0], { signed: false }))).toBe("uint16");
    expect(kindOf(facts([0, 0, 0], [1, 0, 0], [0, 1, 0], { slope: 0.4 }))).toBe("float32");
  });
});

describe("on the screen", () => {
  it("the window is the one of the stack", () => {
    const into = new Uint8ClampedArray(5 * 4);
    windowed(Float32Array.of(-1000, 40, 1000, NaN, -160), { center: 40, width: 400 }, false, into);
    expect([into[0], into[8], into[12], into[15]]).toEqual([0, 255, 0, 255]);
    expect(into[4]).toBeGreaterThan(125);
    expect(into[4]).toBeLessThan(131);
    windowed(Float32Array.of(-1000, 40, 1000, NaN, -160), { center: 40, width: 400 }, true, into);
    expect([into[0], into[8], into[12]]).toEqual([255, 0, 0]);
  });
  it("a place and its point on the pane belong together at any zoom", () => {
    const grid = planeGrid(planOf(series([1, 0, 0], [0, 1, 0], [0, 0, 2])).grid, "coronal");
    const view: PlaneView = { grid, picture: null, zoom: 2.5, middle: [4, 9] };
    const place = placeOf(view, [600, 300], [123, 45]);
    onPane(view, [600, 300], place).forEach((part, at) => expect(part).toBeCloseTo([123, 45][at]!, 6));
  });
});
