/**
 * In which order the images of a stack are loaded, and how many of them: outward from the one on the screen, a little further in the
 * direction of scrolling, never more than the memory budget holds.
 */
const AHEAD_WEIGHT = 2;

/** Indices by importance: `current` first; then two ahead for each one behind. `direction` is +1 or -1. */
export function outwardOrder(count: number, current: number, direction: 1 | -1 = 1): number[] {
  const order: number[] = [];
  if (count <= 0) return order;
  const start = Math.min(count - 1, Math.max(0, current));
  order.push(start);
  let ahead = start + direction;
  let behind = start - direction;
  const inside = (index: number) => index >= 0 && index < count;
  while (inside(ahead) || inside(behind)) {
    for (let step = 0; step < AHEAD_WEIGHT && inside(ahead); step++, ahead += direction) order.push(ahead);
    if (inside(behind)) {
      order.push(behind);
      behind -= direction;
    }
  }
  return order;
}

/** How many images of this size may be kept: at least 3, so that the neighbours are always there. */
export function imagesInBudget(budgetBytes: number, bytesPerImage: number): number {
  return Math.max(3, Math.floor(budgetBytes / Math.max(1, bytesPerImage)));
}

/** Bytes for decoded images on this machine; `deviceMemory` is in GiB as browsers tell it (8 at most), absent in Firefox. */
export function memoryBudget(deviceMemory: number | undefined, phone: boolean): number {
  const MIB = 1024 * 1024;
  if (phone) return 192 * MIB;
  const gib = deviceMemory ?? 4;
  return Math.round(Math.min(1024, Math.max(256, gib * 128))) * MIB;
}

export interface PrefetchOptions {
  /** Loads image `index`; the answer settles when it is in the cache. Must notice `signal`. */
  load: (index: number, signal: AbortSignal) => Promise<void>;
  parallel: number;
  changed: (index: number, state: LoadState) => void;
}

export type LoadState = "none" | "loading" | "loaded" | "failed";

/** Loads a stack in the background. move() re-plans around another image; what is under way and far off is given up. */
export class Prefetcher {
  readonly states: LoadState[];
  private order: number[] = [];
  private readonly running = new Map<number, AbortController>();
  private stopped = false;

  constructor(
    private readonly count: number,
    private readonly limit: number,
    private readonly options: PrefetchOptions,
  ) {
    this.states = new Array<LoadState>(count).fill("none");
  }

  move(current: number, direction: 1 | -1): void {
    if (this.stopped) return;
    this.order = outwardOrder(this.count, current, direction).slice(0, this.limit);
    const near = new Set(this.order.slice(0, this.options.parallel * 4));
    for (const [index, controller] of this.running) if (!near.has(index)) controller.abort();
    this.pump();
  }

  /** Told from outside: an image came by another way (the one on screen), or was dropped from the cache. */
  note(index: number, state: LoadState): void {
    if (index < 0 || index >= this.count || this.states[index] === state) return;
    this.states[index] = state;
    this.options.changed(index, state);
  }

  stop(): void {
    this.stopped = true;
    for (const controller of this.running.values()) controller.abort();
  }

  get loaded(): number {
    return this.states.filter((state) => state === "loaded").length;
  }

  private pump(): void {
    while (!this.stopped && this.running.size < this.options.parallel) {
      const next = this.order.find((index) => this.states[index] === "none" && !this.running.has(index));
      if (next === undefined) return;
      void this.run(next);
    }
  }

  private async run(index: number): Promise<void> {
    const controller = new AbortController();
    this.running.set(index, controller);
    this.note(index, "loading");
    let state: LoadState = "loaded";
    try {
      await this.options.load(index, controller.signal);
    } catch {
      state = controller.signal.aborted ? "none" : "failed";
    }
    this.running.delete(index);
    if (this.states[index] === "loading") this.note(index, state);
    this.pump();
  }
}
