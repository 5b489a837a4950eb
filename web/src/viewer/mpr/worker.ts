/** Holds the volume beside the page: nothing here blocks a click, and all of its memory goes with it when the planes are closed. */
import type { PlaneGrid, VolumeGrid } from "./geometry";
import { Volume, type Projection, type SliceValues } from "./volume";

export interface PlaneWish {
  grid: PlaneGrid;
  at: number;
  slab: number;
  projection: Projection;
}
export type ToWorker =
  | { type: "begin"; grid: VolumeGrid; factor: number; absent: number[]; kind: "int16" | "uint16" | "float32" }
  | { type: "slice"; slot: number; columns: number; values: SliceValues }
  | { type: "lost"; slot: number }
  | { type: "draw"; wish: PlaneWish };
export type FromWorker =
  | { type: "begun" }
  | { type: "full" }
  | { type: "drawn"; wish: PlaneWish; values: Float32Array };

let volume: Volume | null = null;

function answer(message: FromWorker, transfer: Transferable[] = []): void {
  (self as unknown as DedicatedWorkerGlobalScope).postMessage(message, transfer);
}

function begin(grid: VolumeGrid, factor: number, absent: number[], kind: "int16" | "uint16" | "float32"): void {
  try {
    volume = new Volume(grid, factor, absent, kind);
    answer({ type: "begun" });
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    answer({ type: "full" });
  }
}

self.onmessage = ({ data }: MessageEvent<ToWorker>) => {
  if (data.type === "begin") begin(data.grid, data.factor, data.absent, data.kind);
  if (volume === null) return;
  if (data.type === "slice") volume.put(data.slot, data.values, data.columns);
  else if (data.type === "lost") volume.lose(data.slot);
  else if (data.type === "draw") {
    const { grid, at, slab, projection } = data.wish;
    const values = volume.picture(grid, at, slab, projection);
    answer({ type: "drawn", wish: data.wish, values }, [values.buffer]);
  }
};
