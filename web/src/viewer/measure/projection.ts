/**
 * From pixels of the image to CSS pixels of the pane and back, computed from the view alone: the picture is mirrored, then turned clockwise,
 * then laid so that `pan` is in the middle of the pane (camera.ts puts cornerstone's viewport the same way).
 */
import { fitScale, type Geometry, type View } from "../camera";
import type { Point } from "./geometry";

export interface Projection {
  toPane: (point: Point) => Point;
  toImage: (point: Point) => Point;
  /** CSS pixels of the pane for one millimetre (or pixel, where millimetres are not known) of the image. */
  perUnit: number;
}

export function projectionOf(geometry: Geometry, view: View, width: number, height: number): Projection | null {
  if (width <= 0 || height <= 0 || geometry.rows === 0 || geometry.columns === 0) return null;
  const perUnit = (height / 2) * (view.zoom / fitScale(geometry, view.rotation, width, height));
  const [sy, sx] = geometry.spacing;
  const [px, py] = [view.pan[0] * geometry.columns, view.pan[1] * geometry.rows];
  const [fx, fy] = [view.flipH ? -1 : 1, view.flipV ? -1 : 1];
  const turn = (view.rotation * Math.PI) / 180;
  const [cos, sin] = [Math.round(Math.cos(turn)), Math.round(Math.sin(turn))];
  return {
    perUnit,
    toPane: ([x, y]) => {
      const [dx, dy] = [(x - px) * sx * fx * perUnit, (y - py) * sy * fy * perUnit];
      return [width / 2 + dx * cos - dy * sin, height / 2 + dx * sin + dy * cos];
    },
    toImage: ([u, v]) => {
      const [du, dv] = [u - width / 2, v - height / 2];
      const [dx, dy] = [du * cos + dv * sin, -du * sin + dv * cos];
      return [px + dx / (sx * fx * perUnit), py + dy / (sy * fy * perUnit)];
    },
  };
}
