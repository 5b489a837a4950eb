/** Promises of the grid and of linked panes. */
import { describe, expect, it } from "vitest";
import type { FrameFacts } from "./dicom";
import { newWorkspace, paneCount, workspaceReducer, type Content } from "./layout";
import { linkedIndex, linkOf, referenceLine, type Shown } from "./linked";
import type { Stack } from "./stack";

const content = (name: string): Content => {
  const series = { series_uid: name, modality: "CT", instances: [] };
  const stack: Stack = { series, frames: [{ instance: { sop_uid: `${name}.1`, frames: 1 }, frame: 1 }], cine: false, part: 0 };
  return { kind: "stack", study: "s", stack };
};
const [a, b, c] = [content("a"), content("b"), content("c")];
const layout = (rows: number, columns: number, fill: Content[] = []) => ({ type: "layout", layout: { rows, columns }, fill }) as const;

describe("layout", () => {
  it("fills a larger layout with what is not shown yet", () => {
    const two = workspaceReducer(newWorkspace(a), layout(1, 2, [a, b, c]));
    expect(two.cells.slice(0, 3)).toEqual([a, b, null]);
    expect(paneCount(two)).toBe(2);
  });

  it("keeps the picture that one works with when it shrinks, and the others for later", () => {
    const four = workspaceReducer(newWorkspace(a), layout(2, 2, [a, b, c]));
    const worked = workspaceReducer(four, { type: "activate", cell: 2 });
    const one = workspaceReducer(worked, layout(1, 1));
    expect([one.active, one.cells[0]]).toEqual([0, c]);
    expect(workspaceReducer(one, layout(2, 2)).cells.slice(0, 3)).toEqual([c, a, b]);
    expect(one.cells).toHaveLength(9);
  });

  it("makes no pane active that is not there", () => {
    expect(workspaceReducer(newWorkspace(a), { type: "activate", cell: 1 }).active).toBe(0);
  });
});

const facts = (z: number, more: Partial<FrameFacts> = {}) =>
  ({ position: [0, 0, z], row: [1, 0, 0], column: [0, 1, 0], frameOfReference: "f", ...more }) as FrameFacts;
const stackAt = (index: number, places: number[], more: Partial<FrameFacts> = {}): Shown => ({ index, facts: places.map((z) => facts(z, more)) });

describe("linked panes", () => {
  it("follow by place, not by number", () => {
    const thin = stackAt(20, Array.from({ length: 41 }, (_, z) => z));
    const thick = stackAt(0, [40, 30, 20, 10, 0]);
    expect(linkedIndex(thin, thick, linkOf(thin, thick))).toBe(2);
    expect(linkedIndex({ ...thin, index: 33 }, thick, linkOf(thin, thick))).toBe(1);
  });

  it("keep the distance at which they were linked when they share no frame of reference", () => {
    const now = stackAt(2, [0, 5, 10, 15, 20]);
    const prior = stackAt(1, [100, 105, 110, 115, 120], { frameOfReference: "other" });
    const link = linkOf(now, prior);
    expect(linkedIndex({ ...now, index: 3 }, prior, link)).toBe(2);
  });

  it("count images where no place is known, and leave other planes alone", () => {
    const loop = stackAt(5, [0, 0, 0, 0, 0, 0, 0], { position: null, row: null, column: null });
    const other = stackAt(3, [0, 0, 0, 0, 0], { position: null, row: null, column: null });
    expect(linkedIndex({ ...loop, index: 6 }, other, linkOf(loop, other))).toBe(4);
    const axial = stackAt(0, [0, 5]);
    const coronal = stackAt(0, [0, 5], { column: [0, 0, -1] });
    expect(linkedIndex(axial, coronal, linkOf(axial, coronal))).toBeNull();
  });
});

describe("reference lines", () => {
  const axial = { origin: [0, 0, 30], row: [1, 0, 0], column: [0, 1, 0], spacing: [1, 1], rows: 100, columns: 100 } as const;
  const coronal = { origin: [0, 50, 99], row: [1, 0, 0], column: [0, 0, -1], spacing: [1, 1], rows: 100, columns: 100 } as const;

  it("is where the other plane cuts, as long as the other picture is wide", () => {
    const line = referenceLine(axial, coronal)!;
    expect(line.map(([, y]) => y)).toEqual([69.5, 69.5]);
    expect(line.map(([x]) => x).sort((p, q) => p - q)).toEqual([0, 100]);
  });

  it("is nothing between parallel planes, or where they do not meet", () => {
    expect(referenceLine(axial, { ...axial, origin: [0, 0, 40] })).toBeNull();
    expect(referenceLine(axial, { ...coronal, origin: [0, 500, 99] })).toBeNull();
  });
});
