/**
 * What is on the screen, as data: enough to show the same picture on another screen of another size, and small enough to be sent for
 * each movement of the hand. All places are in the image (fractions of its width and height), never in pixels of the screen.
 */
import * as v from "valibot";

export const ViewState = v.object({
  study: v.string(),
  series: v.string(),
  instance: v.string(),
  /** From 1. */
  frame: v.pipe(v.number(), v.integer(), v.minValue(1)),
  window: v.nullable(v.object({ center: v.number(), width: v.pipe(v.number(), v.minValue(1)) })),
  /** 1 = the whole image just fits. */
  zoom: v.pipe(v.number(), v.minValue(0.01), v.maxValue(100)),
  /** The point of the image in the middle of the pane: [0.5, 0.5] is its own middle. */
  pan: v.tuple([v.number(), v.number()]),
  rotation: v.picklist([0, 90, 180, 270]),
  flipH: v.boolean(),
  flipV: v.boolean(),
  invert: v.boolean(),
});
export type ViewState = v.InferOutput<typeof ViewState>;

/** Reads a state that came from elsewhere; null when it is none. */
export function readViewState(value: unknown): ViewState | null {
  const parsed = v.safeParse(ViewState, value);
  return parsed.success ? parsed.output : null;
}

export function sameState(a: ViewState | null, b: ViewState | null): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
