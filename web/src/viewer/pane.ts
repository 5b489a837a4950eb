/**
 * One pane of the viewer: a stack, the image of it that is on the screen, how it is looked at. The truth about the view (window, zoom,
 * place, turn) is kept here and put onto cornerstone's viewport; cornerstone only loads and draws.
 *
 * show() never queues: while an image is being drawn only the newest wish is remembered, so the wheel cannot run ahead of the screen.
 */
import { cache, Enums, eventTarget, type StackViewport, type Types } from "@cornerstonejs/core";
import { Emitter } from "../signaling/emitter";
import { applyView, DEFAULT_VIEW, geometryOf, panned, zoomedAt, type Camera, type Geometry, type View } from "./camera";
import { CineClock, cineTiming } from "./cine";
import type { FrameFacts } from "./dicom";
import { engine, startEngine } from "./engine";
import type { Readable } from "./measure/kinds";
import { projectionOf, type Projection } from "./measure/projection";
import type { Shown } from "./linked";
import { edgeLetters, turned, type EdgeLetters } from "./orientation";
import { imagesInBudget, Prefetcher, type LoadState } from "./prefetch";
import { dragWindow, presetWindow, windowRange, type Window } from "./presets";
import type { StudySource } from "./source";
import { firstIndex, type FrameRef, type Stack } from "./stack";
import type { ViewState } from "./state";

const PREFETCH_PARALLEL = 4;

/** What the overlays show. A new object for each change. */
export interface PaneInfo {
  stack: Stack | null;
  index: number;
  count: number;
  /** The image that was asked for is not on the screen yet. */
  loading: boolean;
  error: unknown;
  facts: FrameFacts | null;
  window: Window | null;
  view: View;
  invert: boolean;
  letters: EdgeLetters | null;
  cine: { possible: boolean; running: boolean; fps: number };
}

export interface PaneEvents {
  info: PaneInfo;
  loaded: { index: number; state: LoadState };
  /** The picture on the screen changed by a person's hand here (not by applyState). */
  state: ViewState;
}

let nextPane = 1;

export class StackPane {
  readonly events = new Emitter<PaneEvents>();
  private readonly id = `pane-${nextPane++}`;
  private readonly cpu: boolean;
  private readonly budget: number;
  private readonly viewport: StackViewport;
  private readonly observer: ResizeObserver;
  private stack: Stack | null = null;
  private prefetcher: Prefetcher | null = null;
  private clock: CineClock | null = null;
  private frameRequest = 0;
  private infoRequest = 0;
  private wanted = 0;
  private shown = -1;
  private pumping = false;
  private wake: (() => void) | null = null;
  private direction: 1 | -1 = 1;
  private view: View = DEFAULT_VIEW;
  private window: Window | null = null;
  private invert = false;
  private error: unknown = null;
  private info: PaneInfo;
  private generation = 0;
  private disposed = false;

  constructor(
    element: HTMLDivElement,
    readonly source: StudySource,
  ) {
    const facts = startEngine();
    this.cpu = facts.cpu;
    this.budget = facts.budget;
    engine().enableElement({
      viewportId: this.id,
      type: Enums.ViewportType.STACK,
      element,
      defaultOptions: { background: [0, 0, 0] },
    });
    element.tabIndex = 0; // cornerstone takes it out of the order of the Tab key
    this.viewport = engine().getViewport(this.id) as unknown as StackViewport;
    this.info = this.describe();
    this.observer = new ResizeObserver(() => this.resized());
    this.observer.observe(element);
    eventTarget.addEventListener(Enums.Events.IMAGE_CACHE_IMAGE_REMOVED, this.onEvicted);
  }

  dispose(): void {
    this.disposed = true;
    this.generation++;
    this.stopCine();
    this.prefetcher?.stop();
    this.observer.disconnect();
    cancelAnimationFrame(this.infoRequest);
    eventTarget.removeEventListener(Enums.Events.IMAGE_CACHE_IMAGE_REMOVED, this.onEvicted);
    engine().disableElement(this.id);
    this.events.clear();
  }

  get element(): HTMLDivElement {
    return this.viewport.element;
  }

  getInfo = (): PaneInfo => this.info;

  get loadStates(): readonly LoadState[] {
    return this.prefetcher?.states ?? [];
  }

  /** Shows a stack from `index` (its natural start when absent) with its own window and the whole image. */
  async open(stack: Stack, index = firstIndex(stack)): Promise<void> {
    const generation = ++this.generation;
    this.stopCine();
    this.prefetcher?.stop();
    this.stack = stack;
    this.wanted = Math.min(Math.max(0, index), stack.frames.length - 1);
    this.shown = -1;
    this.view = DEFAULT_VIEW;
    this.window = null;
    this.invert = false;
    this.error = null;
    this.clock = null;
    this.prefetcher = this.newPrefetcher(stack);
    this.changed();
    try {
      const ids = stack.frames.map((ref) => this.source.imageId(stack.series, ref));
      await this.load(this.wanted);
      if (generation !== this.generation) return;
      await this.viewport.setStack(ids, this.wanted);
      if (generation !== this.generation) return;
      this.arrived(this.wanted);
      if (stack.cine) this.clock = new CineClock(cineTiming(stack.frames.length, this.source.cine(stack)));
      this.readRest(stack, generation);
    } catch (error) {
      if (generation !== this.generation) return;
      this.error = error;
      this.changed();
    }
  }

  /** Opens what failed once more. */
  retry(): void {
    if (this.stack === null) return;
    if (this.shown < 0) {
      void this.open(this.stack, this.wanted);
      return;
    }
    this.error = null;
    this.changed();
    void this.pump();
  }

  private readRest(stack: Stack, generation: number): void {
    this.source
      .readSeries(stack.series)
      .then(() => {
        if (generation !== this.generation) return;
        this.prefetcher?.move(this.wanted, this.direction);
        this.changed();
      })
      .catch((error: unknown) => {
        if (generation !== this.generation) return;
        this.error = error;
        this.changed();
      });
  }

  private newPrefetcher(stack: Stack): Prefetcher {
    const { rows, columns } = stack.frames[0]!.instance;
    const bytes = (rows ?? 512) * (columns ?? 512) * (stack.cine ? 3 : 2);
    return new Prefetcher(stack.frames.length, imagesInBudget(this.budget * 0.85, bytes), {
      parallel: PREFETCH_PARALLEL,
      load: async (index, signal) => {
        const id = this.imageId(stack, index);
        const abort = () => {
          if (index !== this.wanted) cache.getImageLoadObject(id)?.cancelFn?.();
        };
        signal.addEventListener("abort", abort, { once: true });
        await this.source.load(id);
        signal.removeEventListener("abort", abort);
      },
      changed: (index, state) => this.events.emit("loaded", { index, state }),
    });
  }

  private imageId(stack: Stack, index: number): string {
    return this.source.imageId(stack.series, stack.frames[index]!);
  }

  private isCached(index: number): boolean {
    return this.stack !== null && cache.getImage(this.imageId(this.stack, index)) !== undefined;
  }

  private async load(index: number): Promise<void> {
    await this.source.load(this.imageId(this.stack!, index));
    this.prefetcher?.note(index, "loaded");
  }

  private readonly onEvicted = (event: Event): void => {
    const { imageId } = (event as CustomEvent<{ imageId: string }>).detail;
    const stack = this.stack;
    if (stack === null || this.disposed) return;
    const index = stack.frames.findIndex((_, at) => this.imageId(stack, at) === imageId);
    if (index >= 0) this.prefetcher?.note(index, "none");
  };

  /** Wishes for another image; the newest wish wins. */
  show(index: number, byCine = false): void {
    if (this.stack === null) return;
    const next = Math.min(Math.max(0, index), this.stack.frames.length - 1);
    if (!byCine) this.stopCine();
    this.led = false;
    if (next === this.wanted && this.shown === next) return;
    this.direction = next >= this.wanted ? 1 : -1;
    this.wanted = next;
    this.error = null;
    this.wake?.();
    if (!byCine) this.prefetcher?.move(next, this.direction);
    this.changed();
    if (this.shown >= 0) void this.pump();
  }

  /** Shows what another pane leads to; tells nobody, so that two linked panes do not lead each other. */
  follow(index: number): void {
    if (index === this.wanted) return;
    this.show(index);
    this.led = true;
  }

  private led = false;

  /** Names the stack that is open. */
  get stackId(): string {
    return this.stack === null ? "" : this.imageId(this.stack, 0);
  }

  linkable(): Shown {
    return { index: this.wanted, facts: this.stack?.frames.map((ref) => this.source.facts(ref)) ?? [] };
  }

  step(by: number): void {
    this.show(this.wanted + by);
  }

  private async pump(): Promise<void> {
    if (this.pumping) return;
    this.pumping = true;
    const generation = this.generation;
    try {
      while (generation === this.generation && this.wanted !== this.shown) {
        const target = this.wanted;
        if (!this.isCached(target)) {
          const superseded = new Promise<void>((resolve) => (this.wake = resolve));
          await Promise.race([this.load(target), superseded]);
          if (this.wanted !== target) continue;
        }
        await this.viewport.setImageIdIndex(target);
        if (generation !== this.generation) return;
        this.arrived(target);
      }
    } catch (error) {
      if (generation === this.generation) {
        this.error = error;
        this.changed();
      }
    } finally {
      this.pumping = false;
      this.wake = null;
    }
    if (this.error === null && generation !== this.generation && this.shown >= 0 && this.wanted !== this.shown) void this.pump();
  }

  private arrived(index: number): void {
    const before = this.facts(this.shown);
    const first = this.shown < 0;
    this.shown = index;
    this.prefetcher?.note(index, "loaded");
    const now = this.facts(index);
    const moved = before === null || now === null || before.rows !== now.rows || before.columns !== now.columns;
    if (first || moved || this.cpu) this.place();
    this.placeWindow();
    this.viewport.render();
    this.changed();
    this.told();
  }

  private facts(index: number): FrameFacts | null {
    const ref: FrameRef | undefined = this.stack?.frames[index];
    return ref === undefined ? null : this.source.facts(ref);
  }

  private place(): void {
    const facts = this.facts(this.shown);
    if (facts === null || facts.rows === 0) return;
    applyView(this.viewport as unknown as Camera, this.cpu, geometryOf(facts), this.view);
  }

  private placeWindow(): void {
    const window = this.window ?? this.ownWindow();
    if (window === null) return;
    const colour = (this.facts(this.shown)?.samples ?? 1) > 1;
    const voiRange = colour && this.window === null ? { lower: 0, upper: 255 } : windowRange(window);
    this.viewport.setProperties({ voiRange, invert: this.invert !== this.negative() });
  }

  private negative(): boolean {
    return this.facts(this.shown)?.photometric === "MONOCHROME1";
  }

  /** The window that the image on the screen asks for. */
  ownWindow(): Window | null {
    const facts = this.facts(this.shown);
    if (facts === null) return null;
    if (facts.samples > 1) return { center: 128, width: 256 };
    if (facts.window !== null) return facts.window;
    const image = cache.getImage(this.imageId(this.stack!, this.shown));
    if (image === undefined) return null;
    const first = (value: number | number[]) => (Array.isArray(value) ? value[0]! : value);
    return { center: first(image.windowCenter), width: first(image.windowWidth) };
  }

  private get currentWindow(): Window | null {
    return this.window ?? this.ownWindow();
  }

  setWindow(window: Window | null): void {
    this.window = window;
    this.refresh(false);
  }

  /** As the stack was looked at in another pane or in planes. */
  setLook(window: Window, invert: boolean): void {
    this.window = window;
    this.invert = invert;
    this.refresh(false);
  }

  /** The window of another pane; tells nobody. */
  followWindow(window: Window | null): void {
    if (this.window?.center === window?.center && this.window?.width === window?.width) return;
    this.window = window;
    this.quiet = true;
    this.refresh(false);
    this.quiet = false;
  }

  preset(key: string): void {
    const own = this.ownWindow();
    if (own === null) return;
    if (key === "0") {
      this.setWindow(null);
      return;
    }
    const window = presetWindow(key, this.stack?.series.modality ?? "", own);
    if (window !== null) this.setWindow(window);
  }

  dragWindow(dx: number, dy: number): void {
    const window = this.currentWindow;
    if (window !== null) this.setWindow(dragWindow(window, dx, dy));
  }

  zoomAt(factor: number, at: readonly [number, number]): void {
    const facts = this.facts(this.shown);
    if (facts === null) return;
    this.setView(zoomedAt(this.viewport as unknown as Camera, geometryOf(facts), this.view, factor, at));
  }

  zoomBy(factor: number): void {
    const { clientWidth, clientHeight } = this.viewport.element;
    this.zoomAt(factor, [clientWidth / 2, clientHeight / 2]);
  }

  panBy(dx: number, dy: number): void {
    const facts = this.facts(this.shown);
    if (facts === null) return;
    this.setView(panned(this.viewport as unknown as Camera, geometryOf(facts), this.view, dx, dy));
  }

  fit(): void {
    this.setView({ ...this.view, zoom: 1, pan: [0.5, 0.5] });
  }

  rotate(): void {
    this.setView({ ...this.view, rotation: ((this.view.rotation + 90) % 360) as View["rotation"] });
  }

  /** Mirrors what is seen, also when the image was turned by a quarter. */
  flip(axis: "horizontal" | "vertical"): void {
    const quarter = this.view.rotation % 180 !== 0;
    const acrossRows = (axis === "horizontal") !== quarter;
    const flips = acrossRows ? { flipH: !this.view.flipH } : { flipV: !this.view.flipV };
    this.setView({ ...this.view, ...flips });
  }

  toggleInvert(): void {
    this.invert = !this.invert;
    this.refresh(false);
  }

  reset(): void {
    this.window = null;
    this.invert = false;
    this.setView(DEFAULT_VIEW);
  }

  private setView(view: View): void {
    this.view = view;
    this.refresh(true);
  }

  private refresh(moved: boolean): void {
    if (this.shown < 0) return;
    this.led = false;
    if (moved) this.place();
    this.placeWindow();
    this.viewport.render();
    this.changed();
    this.told();
  }

  private resized(): void {
    if (this.disposed) return;
    engine().resize(true, false);
    if (this.shown < 0) return;
    this.place();
    this.viewport.render();
  }

  toggleCine(): void {
    if (this.clock === null || this.shown < 0) return;
    if (this.clock.running) {
      this.stopCine();
      return;
    }
    this.prefetcher?.move(this.wanted, 1);
    this.clock.start(this.wanted, performance.now());
    const tick = (now: number) => {
      const due = this.clock?.due(now) ?? null;
      if (due === null) return;
      if (due !== this.wanted && this.isCached(due)) this.show(due, true);
      this.frameRequest = requestAnimationFrame(tick);
    };
    this.frameRequest = requestAnimationFrame(tick);
    this.changed();
  }

  private stopCine(): void {
    cancelAnimationFrame(this.frameRequest);
    if (this.clock?.running !== true) return;
    this.clock.stop();
    this.changed();
  }

  changeRate(by: number): void {
    if (this.clock === null) return;
    this.clock.setRate(Math.round(this.clock.timing.fps + by), performance.now());
    this.changed();
  }

  /** What is on the screen as data, or null before the first image. */
  getState(): ViewState | null {
    const ref = this.stack?.frames[this.shown];
    if (this.stack === null || ref === undefined) return null;
    const { zoom, pan, rotation, flipH, flipV } = this.view;
    return {
      study: this.source.manifest.study,
      series: this.stack.series.series_uid,
      instance: ref.instance.sop_uid,
      frame: ref.frame,
      window: this.window,
      zoom,
      pan: [pan[0], pan[1]],
      rotation,
      flipH,
      flipV,
      invert: this.invert,
    };
  }

  /** Shows what a state says, given the stacks of the study; says nothing to the listeners of `state`. */
  async applyState(state: ViewState, stacks: readonly Stack[]): Promise<boolean> {
    const at = (stack: Stack) =>
      stack.frames.findIndex((ref) => ref.instance.sop_uid === state.instance && ref.frame === state.frame);
    const stack = stacks.find((one) => one.series.series_uid === state.series && at(one) >= 0);
    if (stack === undefined) return false;
    this.quiet = true;
    try {
      if (this.stack !== stack) await this.open(stack, at(stack));
      else this.show(at(stack));
      this.window = state.window;
      this.invert = state.invert;
      this.setView({ zoom: state.zoom, pan: state.pan, rotation: state.rotation, flipH: state.flipH, flipV: state.flipV });
    } finally {
      this.quiet = false;
    }
    return true;
  }

  private quiet = false;

  private told(): void {
    if (this.quiet || this.led) return;
    const state = this.getState();
    if (state !== null) this.events.emit("state", state);
  }

  /** The frame on the screen. */
  get current(): { series: string; ref: FrameRef } | null {
    const ref = this.stack?.frames[this.shown];
    return this.stack === null || ref === undefined ? null : { series: this.stack.series.series_uid, ref };
  }

  /** Where the image on the screen lies; null before the first one. */
  geometry(): Geometry | null {
    const facts = this.facts(this.shown);
    return facts === null ? null : geometryOf(facts);
  }

  projection(): Projection | null {
    const geometry = this.geometry();
    const { clientWidth, clientHeight } = this.viewport.element;
    return geometry === null ? null : projectionOf(geometry, this.view, clientWidth, clientHeight);
  }

  /** The values of the image on the screen, for measuring. */
  readable(): Readable | null {
    const facts = this.facts(this.shown);
    if (facts === null || this.stack === null) return null;
    const voxels = cache.getImage(this.imageId(this.stack, this.shown))?.voxelManager;
    const at = facts.samples > 1 || voxels === undefined ? null : (index: number) => voxels.getAtIndex(index) as number;
    return { columns: facts.columns, rows: facts.rows, at, unit: facts.rescaleType };
  }

  /** Value of the image under a point of the pane (HU for CT), or null. */
  valueAt(at: readonly [number, number]): number | null {
    const facts = this.facts(this.shown);
    if (facts === null || facts.samples > 1) return null;
    const world = this.viewport.canvasToWorld([at[0], at[1]] as Types.Point2);
    const geometry = geometryOf(facts);
    const offset = world.map((part, axis) => part - geometry.origin[axis as 0]);
    const along = (direction: readonly number[]) => direction.reduce((sum, part, axis) => sum + part * offset[axis]!, 0);
    const column = Math.round(along(geometry.row) / geometry.spacing[1]);
    const row = Math.round(along(geometry.column) / geometry.spacing[0]);
    if (row < 0 || column < 0 || row >= facts.rows || column >= facts.columns) return null;
    const image = cache.getImage(this.imageId(this.stack!, this.shown));
    return image?.voxelManager?.getAtIndex(row * facts.columns + column) as number | null;
  }

  private changed(): void {
    this.info = this.describe();
    if (this.infoRequest !== 0 || this.disposed) return;
    this.infoRequest = requestAnimationFrame(() => {
      this.infoRequest = 0;
      this.events.emit("info", this.info);
    });
  }

  private describe(): PaneInfo {
    const facts = this.shown < 0 ? null : this.facts(this.shown);
    const { rotation, flipH, flipV } = this.view;
    const drawn = facts?.row && facts.column ? turned(facts.row, facts.column, rotation, flipH, flipV) : null;
    return {
      stack: this.stack,
      index: this.wanted,
      count: this.stack?.frames.length ?? 0,
      loading: this.stack !== null && this.error === null && this.shown !== this.wanted,
      error: this.error,
      facts,
      window: this.shown < 0 ? null : this.currentWindow,
      view: this.view,
      invert: this.invert,
      letters: drawn === null ? null : edgeLetters(drawn.row, drawn.column),
      cine: {
        possible: this.stack?.cine === true && this.clock !== null,
        running: this.clock?.running === true,
        fps: this.clock?.timing.fps ?? 0,
      },
    };
  }
}
