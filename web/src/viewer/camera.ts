/**
 * Puts a cornerstone stack viewport where a View says, alike with and without WebGL. The two ways of drawing count zoom and pan
 * differently, so only world points and the parallel scale are used: half the height of the pane in millimetres of the patient.
 */
import type { Types } from "@cornerstonejs/core";
import type { FrameFacts } from "./dicom";

export interface View {
  /** 1 = the whole image just fits. */
  zoom: number;
  /** Point of the image in the middle of the pane, as fractions of its width and height. */
  pan: readonly [number, number];
  rotation: 0 | 90 | 180 | 270;
  flipH: boolean;
  flipV: boolean;
}

export const DEFAULT_VIEW: View = { zoom: 1, pan: [0.5, 0.5], rotation: 0, flipH: false, flipV: false };
export const SMALLEST_ZOOM = 0.1;
export const LARGEST_ZOOM = 40;

type Point3 = readonly [number, number, number];

export interface Geometry {
  origin: Point3;
  row: Point3;
  column: Point3;
  /** mm per pixel: down the rows, along the columns. */
  spacing: readonly [number, number];
  rows: number;
  columns: number;
}

export function geometryOf(facts: FrameFacts): Geometry {
  return {
    origin: facts.position ?? [0, 0, 0],
    row: facts.row ?? [1, 0, 0],
    column: facts.column ?? [0, 1, 0],
    spacing: facts.spacing ?? [1, 1],
    rows: facts.rows,
    columns: facts.columns,
  };
}

/** World point of a place in the image (fractions from the outer edge of the first pixel to that of the last). */
export function worldOf(geometry: Geometry, [u, v]: readonly [number, number]): [number, number, number] {
  const x = (u * geometry.columns - 0.5) * geometry.spacing[1];
  const y = (v * geometry.rows - 0.5) * geometry.spacing[0];
  const at = (axis: 0 | 1 | 2) => geometry.origin[axis] + geometry.row[axis] * x + geometry.column[axis] * y;
  return [at(0), at(1), at(2)];
}

export function fractionOf(geometry: Geometry, world: Point3): [number, number] {
  const along = (direction: Point3) =>
    direction.reduce((sum, part, axis) => sum + part * (world[axis as 0 | 1 | 2] - geometry.origin[axis as 0 | 1 | 2]), 0);
  return [
    (along(geometry.row) / geometry.spacing[1] + 0.5) / geometry.columns,
    (along(geometry.column) / geometry.spacing[0] + 0.5) / geometry.rows,
  ];
}

/** Parallel scale at which the whole image just fits into a pane of this size. */
export function fitScale(geometry: Geometry, rotation: number, width: number, height: number): number {
  const sizes = [geometry.columns * geometry.spacing[1], geometry.rows * geometry.spacing[0]] as const;
  const [across, down] = rotation % 180 === 0 ? sizes : ([sizes[1], sizes[0]] as const);
  return Math.max(down / 2, (across / 2) * (height / Math.max(1, width)));
}

/** The part of cornerstone's viewport that is used; `setRotation` is not in its public types. */
export interface Camera {
  element: HTMLDivElement;
  canvas: HTMLCanvasElement;
  getCamera(): Types.ICamera;
  setCamera(camera: Types.ICamera): void;
  worldToCanvas(world: Types.Point3): Types.Point2;
  canvasToWorld(canvas: Types.Point2): Types.Point3;
  setRotation(rotation: number): void;
}

export function applyView(camera: Camera, cpu: boolean, geometry: Geometry, view: View): void {
  const { clientWidth: width, clientHeight: height } = camera.element;
  if (width === 0 || height === 0) return;
  camera.setCamera({ flipHorizontal: view.flipH, flipVertical: view.flipV });
  camera.setRotation(view.rotation);
  const scale = fitScale(geometry, view.rotation, width, height) / view.zoom;
  const focus = worldOf(geometry, view.pan);
  if (cpu) {
    const finer = Math.min(geometry.spacing[0], geometry.spacing[1]);
    camera.setCamera({ scale: (finer * camera.canvas.height * 0.5) / scale } as Types.ICamera);
    camera.setCamera({ focalPoint: focus });
    return;
  }
  const now = camera.getCamera();
  const from = now.focalPoint!;
  const position = now.position!.map((part, axis) => part + focus[axis]! - from[axis]!) as unknown as Types.Point3;
  camera.setCamera({ parallelScale: scale, focalPoint: focus, position });
}

/** The view in which the place under `at` (CSS pixels in the pane) stays there while the zoom is multiplied. */
export function zoomedAt(camera: Camera, geometry: Geometry, view: View, factor: number, at: readonly [number, number]): View {
  const zoom = Math.min(LARGEST_ZOOM, Math.max(SMALLEST_ZOOM, view.zoom * factor));
  const held = fractionOf(geometry, camera.canvasToWorld([at[0], at[1]]) as Point3);
  const ratio = view.zoom / zoom;
  return {
    ...view,
    zoom,
    pan: [held[0] + (view.pan[0] - held[0]) * ratio, held[1] + (view.pan[1] - held[1]) * ratio],
  };
}

/** The view after the image was dragged by (dx, dy) CSS pixels. */
export function panned(camera: Camera, geometry: Geometry, view: View, dx: number, dy: number): View {
  const middle = [camera.element.clientWidth / 2, camera.element.clientHeight / 2] as const;
  const from = fractionOf(geometry, camera.canvasToWorld([middle[0], middle[1]]) as Point3);
  const to = fractionOf(geometry, camera.canvasToWorld([middle[0] - dx, middle[1] - dy]) as Point3);
  const bounded = (value: number) => Math.min(1.5, Math.max(-0.5, value));
  return { ...view, pan: [bounded(view.pan[0] + to[0] - from[0]), bounded(view.pan[1] + to[1] - from[1])] };
}
