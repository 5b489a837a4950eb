/**
 * The planes through one series, from opening to closing: reads the slices (coarse first, so that all planes are seen at once), gives
 * them to the worker that holds the volume, and keeps how the planes are looked at. One window for all planes, one point (the
 * crosshair) in which they meet. Lossless: the voxels are the stored values; when they do not fit into the memory that this computer
 * may use, slices are reduced and the screen says so.
 */
import { cache, type Types } from "@cornerstonejs/core";
import { Emitter } from "../../signaling/emitter";
import type { FrameFacts } from "../dicom";
import { dragWindow, presetWindow, type Window } from "../presets";
import type { StudySource } from "../source";
import type { Stack } from "../stack";
import {
  middleOf, placeInPlane, planeGrid, PLANE_NAMES, PLANES, planVolume, reducedGrid, reductionFor, snapped, worldInPlane,
  type PlaneGrid, type PlaneName, type Refusal, type VolumeGrid, type VolumePlan,
} from "./geometry";
import { coarseOrder } from "./order";
import type { FromWorker, PlaneWish, ToWorker } from "./worker";
import type { Projection, SliceValues } from "./volume";

const PARALLEL = 4;
/** Between two drawings while slices arrive. */
const REDRAW_MS = 200;
/** Of copying slices, before the page gets its turn. */
const LONGEST_TURN_MS = 30;
export const THICKEST_MM = 100;
const LARGEST_ZOOM = 20;
const SMALLEST_ZOOM = 0.25;

export interface PlaneView {
  grid: PlaneGrid;
  /** What is on the screen; null before the first picture. NaN where there is nothing. */
  picture: { values: Float32Array; at: number } | null;
  zoom: number;
  /** Pixel of the picture in the middle of the pane. */
  middle: readonly [number, number];
}

/** What the screen shows; a new object for each change. */
export interface MprInfo {
  refusal: Refusal | null;
  error: unknown;
  planes: Record<PlaneName, PlaneView> | null;
  /** The point where the planes meet, mm in the patient. */
  point: readonly [number, number, number];
  window: Window;
  invert: boolean;
  modality: string;
  slab: number;
  projection: Projection;
  crosshair: boolean;
  loaded: number;
  slices: number;
  missing: number;
  unreadable: number;
  /** 1: full resolution; 2: two by two pixels made one … */
  reduction: number;
  /** Every slice is there and all planes show it. */
  complete: boolean;
}

export class MprSession {
  readonly events = new Emitter<{ info: MprInfo }>();
  private readonly abort = new AbortController();
  private worker: Worker | null = null;
  private plan: VolumePlan | null = null;
  private begun = false;
  /** Stored slices still to be read, by slot. */
  private queue: number[] = [];
  private readonly own: Window;
  private readonly drawing = new Map<PlaneName, boolean>();
  private redraw: ReturnType<typeof setTimeout> | null = null;
  private frame = 0;
  private reading = 0;
  private busySince = 0;
  private info: MprInfo;

  /** `budget`: bytes for the volume. `window` and `invert`: as the stack is looked at now. */
  constructor(
    private readonly source: StudySource,
    private readonly stack: Stack,
    private readonly budget: number,
    window: Window,
    invert: boolean,
  ) {
    this.own = window;
    this.info = {
      refusal: null, error: null, planes: null, point: [0, 0, 0], window, invert, modality: stack.series.modality, slab: 0,
      projection: "max", crosshair: true, loaded: 0, slices: stack.frames.length, missing: 0, unreadable: 0, reduction: 1, complete: false,
    };
  }

  getInfo = (): MprInfo => this.info;

  /** Frees the volume: the worker goes, and its memory with it. */
  dispose(): void {
    this.abort.abort();
    this.worker?.terminate();
    this.worker = null;
    this.queue = [];
    if (this.redraw !== null) clearTimeout(this.redraw);
    cancelAnimationFrame(this.frame);
    this.info = { ...this.info, planes: null };
    this.events.clear();
  }

  async start(): Promise<void> {
    try {
      await this.source.readSeries(this.stack.series);
      if (this.abort.signal.aborted) return;
      const facts = this.stack.frames.map((ref) => this.source.facts(ref)).filter((one): one is FrameFacts => one !== null);
      const plan = facts.length === this.stack.frames.length ? planVolume(facts) : "unplaced";
      if (typeof plan === "string") this.set({ refusal: plan });
      else this.open(plan, reductionFor(plan.grid, kindOf(facts[0]!) === "float32" ? 4 : 2, this.budget), kindOf(facts[0]!));
    } catch (error) {
      if (!this.abort.signal.aborted) this.set({ error });
    }
  }

  private open(plan: VolumePlan, reduction: number, kind: "int16" | "uint16" | "float32"): void {
    this.plan = plan;
    const grid = reducedGrid(plan.grid, reduction);
    const grids = PLANE_NAMES.map((plane) => planeGrid(grid, plane));
    const point = middleOf(grid).map((at, axis) => snapped(grids.find(({ plane }) => PLANES[plane].axis === axis)!, at)) as [number, number, number];
    const views = grids.map((one): PlaneView => ({ grid: one, picture: null, zoom: 1, middle: centreOf(one) }));
    const planes = { axial: views[0]!, coronal: views[1]!, sagittal: views[2]! };
    this.set({ planes, point, reduction, missing: plan.missing });
    this.worker?.terminate();
    this.worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module", name: "planes" });
    this.worker.onmessage = ({ data }: MessageEvent<FromWorker>) => this.answered(data, plan, grid, kind);
    this.worker.onerror = (event) => this.set({ error: event.error ?? new Error(event.message) });
    const absent = plan.slices.flatMap((index, slot) => (index < 0 ? [slot] : []));
    this.tell({ type: "begin", grid, factor: reduction, absent, kind });
  }

  private answered(message: FromWorker, plan: VolumePlan, grid: VolumeGrid, kind: "int16" | "uint16" | "float32"): void {
    if (message.type === "drawn") {
      this.drawn(message.wish, message.values);
    } else if (message.type === "begun") {
      this.begun = true;
      this.queue = coarseOrder(plan.slices.flatMap((index, slot) => (index < 0 ? [] : [slot])));
      for (let reader = 0; reader < PARALLEL; reader++) void this.read();
    } else if (grid.columns > 16) {
      this.open(plan, this.info.reduction + 1, kind); // the browser has less memory than it told
    } else {
      this.set({ error: new Error("no memory for the volume") });
    }
  }

  private tell(message: ToWorker, transfer: Transferable[] = []): void {
    this.worker?.postMessage(message, transfer);
  }

  /** Reads slices one after the other until there are no more. */
  private async read(): Promise<void> {
    this.reading++;
    for (let slot = this.queue.shift(); slot !== undefined && this.worker !== null; slot = this.queue.shift()) {
      try {
        const { values, columns } = await this.slice(this.plan!.slices[slot]!);
        if (this.worker === null) return;
        this.tell({ type: "slice", slot, columns, values }, [values.buffer]);
        this.set({ loaded: this.info.loaded + 1 });
      } catch {
        if (this.abort.signal.aborted) return;
        this.tell({ type: "lost", slot });
        this.set({ unreadable: this.info.unreadable + 1 });
      }
      this.redrawSoon();
      await this.yielded();
    }
    if (--this.reading === 0) this.drawAll();
  }

  /** Slices that are all in the cache would otherwise keep the page from drawing until the last one was copied. */
  private async yielded(): Promise<void> {
    if (performance.now() - this.busySince < LONGEST_TURN_MS) return;
    await new Promise((resolve) => setTimeout(resolve));
    this.busySince = performance.now();
  }

  /** Values of a slice in a buffer of their own. What the stack has in its cache is used; nothing is added to that. */
  private async slice(index: number): Promise<{ values: SliceValues; columns: number }> {
    const ref = this.stack.frames[index]!;
    const id = this.source.imageId(this.stack.series, ref);
    const pending = cache.getImageLoadObject(id);
    const kept = pending === undefined ? undefined : ((await pending.promise.catch(() => undefined)) as Types.IImage | undefined);
    const image = kept ?? (await this.source.loadImage(id, this.stack.series, ref, this.abort.signal));
    const values = modalityValues(image);
    return { values: kept === undefined && values.byteOffset === 0 ? values : values.slice(), columns: image.columns };
  }

  private redrawSoon(): void {
    if (this.redraw !== null) return;
    this.redraw = setTimeout(() => {
      this.redraw = null;
      this.drawAll();
    }, this.info.loaded <= PARALLEL ? 0 : REDRAW_MS);
  }

  private drawAll(): void {
    for (const plane of PLANE_NAMES) this.draw(plane);
  }

  /** Asks for a picture; while one is being made only that another is wanted is remembered. */
  private draw(plane: PlaneName): void {
    const view = this.info.planes?.[plane];
    if (view === undefined || !this.begun) return;
    if (this.drawing.has(plane)) {
      this.drawing.set(plane, true);
      return;
    }
    this.drawing.set(plane, false);
    const { slab, projection, point } = this.info;
    this.tell({ type: "draw", wish: { grid: view.grid, at: point[PLANES[plane].axis], slab, projection } });
  }

  private drawn({ grid, at }: PlaneWish, values: Float32Array): void {
    const again = this.drawing.get(grid.plane) === true;
    this.drawing.delete(grid.plane);
    if (this.info.planes === null) return;
    this.change(grid.plane, { picture: { values, at } });
    if (again) this.draw(grid.plane);
    const idle = this.reading === 0 && this.drawing.size === 0 && this.redraw === null;
    if (idle && !this.info.complete) this.set({ complete: true });
  }

  private change(plane: PlaneName, view: Partial<PlaneView>): void {
    const planes = this.info.planes;
    if (planes !== null) this.set({ planes: { ...planes, [plane]: { ...planes[plane], ...view } } });
  }

  private set(parts: Partial<MprInfo>): void {
    this.info = { ...this.info, ...parts };
    if (this.frame !== 0 || this.abort.signal.aborted) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      this.events.emit("info", this.info);
    });
  }

  /** Moves a plane along its own axis by whole steps; the crosshair goes with it. */
  step(plane: PlaneName, by: number): void {
    const view = this.info.planes?.[plane];
    if (view === undefined) return;
    const { axis, forward } = PLANES[plane];
    this.move(axis, snapped(view.grid, this.info.point[axis] + by * forward * view.grid.step));
  }

  end(plane: PlaneName, last: boolean): void {
    this.step(plane, last ? 1e6 : -1e6);
  }

  /** Puts the crosshair to a place in a plane's picture; the other two planes go through it. */
  pointTo(plane: PlaneName, place: readonly [number, number]): void {
    const planes = this.info.planes;
    if (planes === null) return;
    const world = worldInPlane(planes[plane].grid, this.info.point[PLANES[plane].axis], place);
    for (const other of PLANE_NAMES) {
      const { axis } = PLANES[other];
      if (other !== plane) this.move(axis, snapped(planes[other].grid, world[axis]));
    }
  }

  private move(axis: 0 | 1 | 2, to: number): void {
    if (this.info.point[axis] === to) return;
    const point = [...this.info.point] as [number, number, number];
    point[axis] = to;
    this.set({ point });
    for (const plane of PLANE_NAMES) if (PLANES[plane].axis === axis) this.draw(plane);
  }

  setSlab(mm: number): void {
    const slab = Math.min(THICKEST_MM, Math.max(0, mm));
    if (slab === this.info.slab) return;
    this.set({ slab });
    this.drawAll();
  }

  setProjection(projection: Projection): void {
    this.set({ projection });
    this.drawAll();
  }

  setWindow(window: Window | null): void {
    this.set({ window: window ?? this.own });
  }

  preset(key: string): void {
    const window = presetWindow(key, this.info.modality, this.own);
    if (window !== null) this.setWindow(window);
  }

  dragWindow(dx: number, dy: number): void {
    this.setWindow(dragWindow(this.info.window, dx, dy));
  }

  toggleInvert(): void {
    this.set({ invert: !this.info.invert });
  }

  toggleCrosshair(): void {
    this.set({ crosshair: !this.info.crosshair });
  }

  /** Multiplies the zoom of a plane; `held` is the pixel of the picture that stays where it is. */
  zoom(plane: PlaneName, factor: number, held?: readonly [number, number]): void {
    const view = this.info.planes?.[plane];
    if (view === undefined) return;
    const zoom = Math.min(LARGEST_ZOOM, Math.max(SMALLEST_ZOOM, view.zoom * factor));
    const at = held ?? view.middle;
    const ratio = view.zoom / zoom;
    this.change(plane, { zoom, middle: [at[0] + (view.middle[0] - at[0]) * ratio, at[1] + (view.middle[1] - at[1]) * ratio] });
  }

  /** Moves the picture by so many of its own pixels. */
  pan(plane: PlaneName, dx: number, dy: number): void {
    const view = this.info.planes?.[plane];
    if (view === undefined) return;
    const inside = (value: number, size: number) => Math.min(size, Math.max(0, value));
    this.change(plane, { middle: [inside(view.middle[0] - dx, view.grid.width), inside(view.middle[1] - dy, view.grid.height)] });
  }

  fit(plane: PlaneName): void {
    const view = this.info.planes?.[plane];
    if (view !== undefined) this.change(plane, { zoom: 1, middle: centreOf(view.grid) });
  }

  reset(): void {
    for (const plane of PLANE_NAMES) this.fit(plane);
    this.set({ window: this.own, invert: false, slab: 0, projection: "max" });
    this.drawAll();
  }

  /** Value (HU for CT) at a place of a plane's picture, or null. */
  valueAt(plane: PlaneName, [u, v]: readonly [number, number]): number | null {
    const view = this.info.planes?.[plane];
    const [x, y] = [Math.round(u), Math.round(v)];
    if (!view?.picture || x < 0 || y < 0 || x >= view.grid.width || y >= view.grid.height) return null;
    const value = view.picture.values[y * view.grid.width + x]!;
    return Number.isNaN(value) ? null : value;
  }

  /** Where the crosshair is in a plane's picture. */
  crossIn(plane: PlaneName): readonly [number, number] {
    return placeInPlane(this.info.planes![plane].grid, this.info.point);
  }
}

const centreOf = (grid: PlaneGrid): readonly [number, number] => [(grid.width - 1) / 2, (grid.height - 1) / 2];

/** What the slices will hold after rescaling (pixels.ts makes the same choice for each image). */
export function kindOf(facts: FrameFacts): "int16" | "uint16" | "float32" {
  if (!Number.isInteger(facts.slope) || !Number.isInteger(facts.intercept)) return "float32";
  const plain = facts.slope === 1 && facts.intercept === 0;
  return plain && !facts.signed && facts.bitsAllocated === 16 ? "uint16" : "int16";
}

/** Cornerstone's decoders may leave the rescaling to whoever reads the values. */
function modalityValues(image: Types.IImage): SliceValues {
  const values = image.getPixelData() as SliceValues;
  if (image.preScale?.scaled === true || (image.slope === 1 && image.intercept === 0)) return values;
  return Float32Array.from(values, (value) => value * image.slope + image.intercept);
}
