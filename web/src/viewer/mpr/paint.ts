/** From the values of a plane to the screen: the window as the stack has it, the picture with square millimetres, the crosshair. */
import { windowRange, type Window } from "../presets";
import { PLANES, type PlaneName } from "./geometry";
import type { MprInfo, PlaneView } from "./session";

export const PLANE_COLOURS: Record<PlaneName, string> = { axial: "#4cc2e0", coronal: "#57c785", sagittal: "#f0b04c" };
/** CSS pixels around the crossing that stay free, so that what is pointed at is seen. */
const GAP = 14;

/** Grey bytes by the DICOM LINEAR window; black and see-through nowhere: what has no value is black. */
export function windowed(values: Float32Array, window: Window, invert: boolean, into: Uint8ClampedArray): void {
  const { lower, upper } = windowRange(window);
  const scale = 255 / Math.max(upper - lower, 1e-6);
  for (let index = 0, to = 0; index < values.length; index++, to += 4) {
    const value = values[index]!;
    const grey = value <= lower ? 0 : value >= upper ? 255 : (value - lower) * scale;
    const shown = value !== value ? 0 : invert ? 255 - grey : grey;
    into[to] = shown;
    into[to + 1] = shown;
    into[to + 2] = shown;
    into[to + 3] = 255;
  }
}

/** CSS pixels per pixel of the picture. */
export function scaleOf(view: PlaneView, width: number, height: number): number {
  return Math.min(width / view.grid.width, height / view.grid.height) * view.zoom;
}

/** The place of the picture under a point of the pane (CSS pixels), and back. */
export function placeOf(view: PlaneView, size: readonly [number, number], [x, y]: readonly [number, number]): [number, number] {
  const scale = scaleOf(view, ...size);
  return [view.middle[0] + (x - size[0] / 2) / scale, view.middle[1] + (y - size[1] / 2) / scale];
}

export function onPane(view: PlaneView, size: readonly [number, number], [u, v]: readonly [number, number]): [number, number] {
  const scale = scaleOf(view, ...size);
  return [size[0] / 2 + (u - view.middle[0]) * scale, size[1] / 2 + (v - view.middle[1]) * scale];
}

/** Keeps the last windowed picture, so that the crosshair moves without a new one. */
export class Painter {
  private readonly picture = document.createElement("canvas");
  private of: readonly unknown[] = [];

  private prepare({ picture, grid }: PlaneView, window: Window, invert: boolean): boolean {
    if (picture === null) return false;
    const now = [picture.values, window.center, window.width, invert];
    if (now.every((part, at) => part === this.of[at])) return true;
    this.of = now;
    this.picture.width = grid.width;
    this.picture.height = grid.height;
    const context = this.picture.getContext("2d")!;
    const image = context.createImageData(grid.width, grid.height);
    windowed(picture.values, window, invert, image.data);
    context.putImageData(image, 0, 0);
    return true;
  }

  paint(canvas: HTMLCanvasElement, info: MprInfo, plane: PlaneName, cross: readonly [number, number]): void {
    const view = info.planes![plane];
    const ratio = window.devicePixelRatio || 1;
    const size = [canvas.clientWidth, canvas.clientHeight] as const;
    const [width, height] = [Math.round(size[0] * ratio), Math.round(size[1] * ratio)];
    const context = canvas.getContext("2d");
    if (context === null || width === 0 || height === 0) return;
    if (canvas.width !== width || canvas.height !== height) {
      canvas.width = width;
      canvas.height = height;
    }
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.fillStyle = "#000";
    context.fillRect(0, 0, size[0], size[1]);
    if (!this.prepare(view, info.window, info.invert)) return;
    const scale = scaleOf(view, ...size);
    const [left, top] = onPane(view, size, [-0.5, -0.5]); // the outer edge of the first pixel
    context.imageSmoothingEnabled = true;
    context.imageSmoothingQuality = "high";
    context.drawImage(this.picture, left, top, view.grid.width * scale, view.grid.height * scale);
    if (info.crosshair) lines(context, view, size, plane, cross, (info.slab / view.grid.pixel) * scale);
  }
}

/** The other two planes as lines in their colours, and the slab's borders dashed. */
function lines(
  context: CanvasRenderingContext2D, view: PlaneView, size: readonly [number, number], plane: PlaneName,
  cross: readonly [number, number], slab: number,
): void {
  const [x, y] = onPane(view, size, cross);
  const across = (Object.keys(PLANES) as PlaneName[]).find((one) => PLANES[one].normal.some((part, at) => part !== 0 && PLANES[plane].down[at as 0] !== 0))!;
  const upright = (Object.keys(PLANES) as PlaneName[]).find((one) => one !== plane && one !== across)!;
  const line = (from: readonly [number, number], to: readonly [number, number]) => {
    context.beginPath();
    context.moveTo(...from);
    context.lineTo(...to);
    context.stroke();
  };
  context.lineWidth = 1;
  context.setLineDash([]);
  context.strokeStyle = PLANE_COLOURS[across];
  line([0, y], [x - GAP, y]);
  line([x + GAP, y], [size[0], y]);
  context.strokeStyle = PLANE_COLOURS[upright];
  line([x, 0], [x, y - GAP]);
  line([x, y + GAP], [x, size[1]]);
  if (slab < 4) return;
  context.setLineDash([4, 4]);
  for (const side of [-slab / 2, slab / 2]) {
    context.strokeStyle = PLANE_COLOURS[across];
    line([0, y + side], [size[0], y + side]);
    context.strokeStyle = PLANE_COLOURS[upright];
    line([x + side, 0], [x + side, size[1]]);
  }
}
