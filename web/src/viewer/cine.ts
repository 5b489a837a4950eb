/**
 * The clock of a cine loop. It says which frame is due now; it never counts frames. A computer that cannot draw fast enough skips frames,
 * and the heart on the screen still beats at its own rate.
 */
export interface CineTiming {
  frames: number;
  /** Time from the start of the loop to the start of each frame, in ms; [0] is 0. */
  starts: readonly number[];
  /** Length of the whole loop in ms. */
  length: number;
  fps: number;
}

export const DEFAULT_FPS = 25;
export const SLOWEST_FPS = 1;
export const FASTEST_FPS = 120;

export interface CineAttributes {
  /** FrameTime (0018,1063), ms */
  frameTime?: number | undefined;
  /** FrameTimeVector (0018,1065), ms from the frame before; the first is 0 */
  frameTimeVector?: readonly number[] | undefined;
  /** RecommendedDisplayFrameRate (0008,2144), 1/s */
  recommendedRate?: number | undefined;
  /** CineRate (0018,0040), 1/s */
  cineRate?: number | undefined;
}

/** PS3.3 C.7.6.5: the vector when frames are uneven, else the recommended rate, the frame time, the rate of acquisition. */
export function cineTiming(frames: number, attributes: CineAttributes): CineTiming {
  const vector = attributes.frameTimeVector;
  if (vector !== undefined && vector.length === frames && frames > 1 && vector.slice(1).every((one) => one > 0)) {
    return fromVector(frames, vector);
  }
  const time = attributes.frameTime;
  const fps =
    usable(attributes.recommendedRate) ??
    (time !== undefined && time > 0 ? usable(1000 / time) : undefined) ??
    usable(attributes.cineRate) ??
    DEFAULT_FPS;
  return evenTiming(frames, fps);
}

export function evenTiming(frames: number, fps: number): CineTiming {
  const bounded = Math.min(FASTEST_FPS, Math.max(SLOWEST_FPS, fps));
  const step = 1000 / bounded;
  return {
    frames,
    starts: Array.from({ length: frames }, (_, index) => index * step),
    length: frames * step,
    fps: bounded,
  };
}

function usable(rate: number | undefined): number | undefined {
  return rate !== undefined && rate >= SLOWEST_FPS && rate <= FASTEST_FPS ? rate : undefined;
}

function fromVector(frames: number, vector: readonly number[]): CineTiming {
  const starts: number[] = [];
  let at = 0;
  for (let index = 0; index < frames; index++) {
    if (index > 0) at += vector[index] ?? 0;
    starts.push(at);
  }
  const mean = at / (frames - 1); // the last frame stays for the mean of the others
  return { frames, starts, length: at + mean, fps: 1000 / mean };
}

/** The frame that is due `elapsed` ms after frame 0 of a loop began. */
export function frameAt(timing: CineTiming, elapsed: number): number {
  const at = ((elapsed % timing.length) + timing.length) % timing.length;
  let low = 0;
  let high = timing.frames - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((timing.starts[middle] ?? 0) <= at) low = middle;
    else high = middle - 1;
  }
  return low;
}

export class CineClock {
  private begun: number | null = null;

  constructor(private current: CineTiming) {}

  get timing(): CineTiming {
    return this.current;
  }

  get running(): boolean {
    return this.begun !== null;
  }

  /** Starts with `frame` due at `now` (ms of any steady clock). */
  start(frame: number, now: number): void {
    this.begun = now - (this.current.starts[frame] ?? 0);
  }

  stop(): void {
    this.begun = null;
  }

  due(now: number): number | null {
    return this.begun === null ? null : frameAt(this.current, now - this.begun);
  }

  /** Another rate; a running loop goes on from the frame that it shows. */
  setRate(fps: number, now: number): void {
    const frame = this.due(now);
    this.current = evenTiming(this.current.frames, fps);
    if (frame !== null) this.start(frame, now);
  }
}
