/**
 * The voxels of one series and pictures of planes through them. Runs in a worker, knows neither screen nor network. Values are what the
 * slices hold (HU for CT), never scaled or rounded; where there is no value a picture holds NaN.
 */
import { dot, indexMatrix, PLANES, worldInPlane, type PlaneGrid, type VolumeGrid } from "./geometry";

export type Voxels = Int16Array | Uint16Array | Float32Array;
export type SliceValues = Int8Array | Uint8Array | Int16Array | Uint16Array | Float32Array;
export type Projection = "max" | "min" | "mean";

/** A slot waits for its slice (until then its nearest neighbour stands for it), has it, or will never have one and stays black. */
const WAITING = 0;
const HERE = 1;
const ABSENT = 2;

const NEAR = 1e-3;

export class Volume {
  values: Voxels;
  private readonly state: Uint8Array;
  /** For each slot the one whose values are shown for it, or -1. */
  private readonly shown: Int32Array;

  /** `kind` tells which values the first slices hold. Throws RangeError when the memory is not to be had. */
  constructor(
    readonly grid: VolumeGrid,
    private readonly factor: number,
    absent: readonly number[],
    kind: "int16" | "uint16" | "float32",
  ) {
    const count = grid.columns * grid.rows * grid.slots;
    this.values = kind === "int16" ? new Int16Array(count) : kind === "uint16" ? new Uint16Array(count) : new Float32Array(count);
    this.state = new Uint8Array(grid.slots);
    this.shown = new Int32Array(grid.slots).fill(-1);
    for (const slot of absent) this.state[slot] = ABSENT;
  }

  /** Puts a slice of `columns` values a row in its place, reduced when the volume is. */
  put(slot: number, slice: SliceValues, columns: number): void {
    const { columns: width, rows: height } = this.grid;
    const at = slot * width * height;
    if (this.factor === 1) {
      this.fit(slice);
      this.values.set(slice.subarray(0, width * height), at);
    } else {
      const small = averaged(slice, columns, width, height, this.factor);
      this.fit(small);
      this.values.set(this.values instanceof Float32Array ? small : small.map(Math.round), at);
    }
    this.state[slot] = HERE;
    this.findNeighbours();
  }

  lose(slot: number): void {
    this.state[slot] = ABSENT;
    this.findNeighbours();
  }

  /** Slices of one series may be scaled each by itself: values that do not fit make the volume one of floats. */
  private fit(slice: SliceValues): void {
    const values = this.values;
    if (values instanceof Float32Array || slice instanceof Uint8Array) return;
    if (values instanceof Int16Array && (slice instanceof Int16Array || slice instanceof Int8Array)) return;
    if (values instanceof Uint16Array && slice instanceof Uint16Array) return;
    const [low, high] = values instanceof Int16Array ? [-32768, 32767] : [0, 65535];
    const fractions = slice instanceof Float32Array && this.factor === 1;
    if (!fractions && slice.every((value) => value >= low && value <= high)) return;
    this.values = Float32Array.from(values);
  }

  private findNeighbours(): void {
    const { slots } = this.grid;
    let before = -1;
    for (let slot = 0; slot < slots; slot++) {
      if (this.state[slot] === HERE) before = slot;
      this.shown[slot] = this.state[slot] === ABSENT ? -1 : before;
    }
    let after = -1;
    for (let slot = slots - 1; slot >= 0; slot--) {
      if (this.state[slot] === HERE) after = slot;
      if (this.state[slot] !== WAITING || after < 0) continue;
      const other = this.shown[slot]!;
      if (other < 0 || after - slot < slot - other) this.shown[slot] = after;
    }
  }

  /** The picture of a plane at `at` mm on its axis, or of a slab of `slab` mm around it. */
  picture(plane: PlaneGrid, at: number, slab: number, projection: Projection): Float32Array {
    const places = slabPlaces(plane, at, slab);
    const result = new Float32Array(plane.width * plane.height).fill(NaN);
    const layer = places.length === 1 ? result : new Float32Array(result.length);
    const counts = projection === "mean" && places.length > 1 ? new Uint16Array(result.length) : null;
    for (const place of places) {
      this.layer(plane, place, layer);
      if (layer !== result) merge(result, layer, projection, counts);
    }
    if (counts !== null) for (let index = 0; index < result.length; index++) result[index]! /= counts[index]!;
    return result;
  }

  /** One plane without thickness. When the plane's axes are the volume's, weights are worked out once for each row and column. */
  private layer(plane: PlaneGrid, at: number, into: Float32Array): void {
    const matrix = indexMatrix(this.grid);
    const { right, down } = PLANES[plane.plane];
    const start = worldInPlane(plane, at, [0, 0]);
    const from = [start[0] - this.grid.origin[0], start[1] - this.grid.origin[1], start[2] - this.grid.origin[2]] as const;
    const origin = matrix.map((row) => dot(row, from));
    const across = matrix.map((row) => dot(row, right) * plane.pixel);
    const along = matrix.map((row) => dot(row, down) * plane.pixel);
    const moves = (parts: readonly number[]) => parts.map((part) => Math.abs(part) > 1e-6);
    const [byColumn, byRow] = [moves(across), moves(along)];
    const once = (which: readonly boolean[]) => which.filter(Boolean).length === 1;
    if (once(byColumn) && once(byRow)) this.straight(plane, into, origin, across, along, byColumn.indexOf(true), byRow.indexOf(true));
    else this.slanted(plane, into, origin, across, along);
  }

  private straight(
    { width, height }: PlaneGrid, into: Float32Array, origin: readonly number[], across: readonly number[], along: readonly number[],
    columnAxis: number, rowAxis: number,
  ): void {
    const columns = this.line(columnAxis, origin[columnAxis]!, across[columnAxis]!, width);
    const rows = this.line(rowAxis, origin[rowAxis]!, along[rowAxis]!, height);
    const fixedAxis = 3 - columnAxis - rowAxis;
    const fixed = this.line(fixedAxis, origin[fixedAxis]!, 0, 1);
    const [near, far, share] = [fixed.low[0]!, fixed.high[0]!, fixed.share[0]!];
    const values = this.values;
    if (near < 0 || far < 0) {
      into.fill(NaN);
      return;
    }
    for (let v = 0, index = 0; v < height; v++) {
      const [rowLow, rowHigh, rowShare] = [rows.low[v]!, rows.high[v]!, rows.share[v]!];
      for (let u = 0; u < width; u++, index++) {
        const low = columns.low[u]!;
        const high = columns.high[u]!;
        if (low < 0 || high < 0 || rowLow < 0 || rowHigh < 0) {
          into[index] = NaN;
          continue;
        }
        const part = columns.share[u]!;
        let value = values[near + rowLow + low]!;
        if (part > 0) value += (values[near + rowLow + high]! - value) * part;
        if (rowShare > 0) {
          let below = values[near + rowHigh + low]!;
          if (part > 0) below += (values[near + rowHigh + high]! - below) * part;
          value += (below - value) * rowShare;
        }
        if (share > 0) {
          let other = values[far + rowLow + low]!;
          if (part > 0) other += (values[far + rowLow + high]! - other) * part;
          if (rowShare > 0) {
            let below = values[far + rowHigh + low]!;
            if (part > 0) below += (values[far + rowHigh + high]! - below) * part;
            other += (below - other) * rowShare;
          }
          value += (other - value) * share;
        }
        into[index] = value;
      }
    }
  }

  /** For places along one axis of the volume: offsets of the two voxels around each (-1: none there), and the share of the second. */
  private line(axis: number, origin: number, step: number, count: number): { low: Int32Array; high: Int32Array; share: Float32Array } {
    const { columns, rows, slots } = this.grid;
    const size = [columns, rows, slots][axis]!;
    const stride = [1, columns, columns * rows][axis]!;
    const low = new Int32Array(count).fill(-1);
    const high = new Int32Array(count).fill(-1);
    const share = new Float32Array(count);
    const offset = (index: number) => {
      const from = axis === 2 ? this.shown[index]! : index;
      return from < 0 ? -1 : from * stride;
    };
    for (let at = 0; at < count; at++) {
      const place = origin + step * at;
      if (place < -0.5 || place > size - 0.5) continue;
      const inside = Math.min(size - 1, Math.max(0, place));
      const whole = Math.abs(inside - Math.round(inside)) < NEAR ? Math.round(inside) : Math.floor(inside);
      const part = Math.abs(inside - whole) < NEAR ? 0 : inside - whole;
      low[at] = offset(whole);
      high[at] = part === 0 ? low[at]! : offset(whole + 1);
      share[at] = part;
    }
    return { low, high, share };
  }

  private slanted({ width, height }: PlaneGrid, into: Float32Array, origin: readonly number[], across: readonly number[], along: readonly number[]): void {
    const { columns, rows, slots } = this.grid;
    const [ux, uy, uz] = across as [number, number, number];
    const [vx, vy, vz] = along as [number, number, number];
    for (let v = 0, index = 0; v < height; v++) {
      let x = origin[0]! + v * vx;
      let y = origin[1]! + v * vy;
      let z = origin[2]! + v * vz;
      for (let u = 0; u < width; u++, index++, x += ux, y += uy, z += uz) {
        const inside = x >= -0.5 && y >= -0.5 && z >= -0.5 && x <= columns - 0.5 && y <= rows - 0.5 && z <= slots - 0.5;
        into[index] = inside ? this.between(x, y, z) : NaN;
      }
    }
  }

  /** Trilinear; NaN where one of the slices that count is not there. */
  private between(x: number, y: number, z: number): number {
    const { columns, rows, slots } = this.grid;
    const [cx, cy, cz] = [Math.min(columns - 1, Math.max(0, x)), Math.min(rows - 1, Math.max(0, y)), Math.min(slots - 1, Math.max(0, z))];
    const [x0, y0] = [Math.floor(cx), Math.floor(cy)];
    const z0 = Math.abs(cz - Math.round(cz)) < NEAR ? Math.round(cz) : Math.floor(cz);
    const [x1, y1] = [Math.min(columns - 1, x0 + 1), Math.min(rows - 1, y0 + 1)];
    const [px, py] = [cx - x0, cy - y0];
    const pz = Math.max(0, cz - z0) < NEAR ? 0 : cz - z0;
    const near = this.inSlice(this.shown[z0]!, x0, x1, px, y0, y1, py);
    if (pz === 0) return near;
    return near + (this.inSlice(this.shown[z0 + 1]!, x0, x1, px, y0, y1, py) - near) * pz;
  }

  private inSlice(slot: number, x0: number, x1: number, px: number, y0: number, y1: number, py: number): number {
    if (slot < 0) return NaN;
    const { columns, rows } = this.grid;
    const values = this.values;
    const [up, low] = [(slot * rows + y0) * columns, (slot * rows + y1) * columns];
    const above = values[up + x0]! + (values[up + x1]! - values[up + x0]!) * px;
    const below = values[low + x0]! + (values[low + x1]! - values[low + x0]!) * px;
    return above + (below - above) * py;
  }
}

/** Positions of the layers that make a slab: those of the slices in it, so that the brightest voxel is found as it is. */
export function slabPlaces(plane: PlaneGrid, at: number, slab: number): number[] {
  const first = Math.max(0, Math.ceil((at - slab / 2 - plane.low) / plane.step - NEAR));
  const last = Math.min(plane.count - 1, Math.floor((at + slab / 2 - plane.low) / plane.step + NEAR));
  if (slab <= 0 || last <= first) return [at];
  return Array.from({ length: last - first + 1 }, (_, index) => plane.low + (first + index) * plane.step);
}

function merge(result: Float32Array, layer: Float32Array, projection: Projection, counts: Uint16Array | null): void {
  for (let index = 0; index < layer.length; index++) {
    const value = layer[index]!;
    if (value !== value) continue; // NaN: this layer has nothing here
    const before = result[index]!;
    if (before !== before) result[index] = value;
    else if (projection === "mean") result[index] = before + value;
    else if (projection === "max" ? value > before : value < before) result[index] = value;
    if (counts !== null) counts[index]!++;
  }
}

function averaged(slice: SliceValues, columns: number, width: number, height: number, factor: number): Float32Array {
  const small = new Float32Array(width * height);
  for (let y = 0, index = 0; y < height; y++) {
    for (let x = 0; x < width; x++, index++) {
      let sum = 0;
      for (let dy = 0; dy < factor; dy++) {
        const from = (y * factor + dy) * columns + x * factor;
        for (let dx = 0; dx < factor; dx++) sum += slice[from + dx]!;
      }
      small[index] = sum / (factor * factor);
    }
  }
  return small;
}
