/**
 * Plane geometry of measurements. Points are in pixels of the image, [column, row], [0, 0] being the outer corner of the first pixel
 * (PS3.3 C.18.6), so that they mean the same on every screen and in a DICOM report. `scale` says how large a pixel is.
 */
export type Point = readonly [number, number];

/** Length of one pixel along the columns (x) and down the rows (y), in `unit`. */
export interface Scale {
  x: number;
  y: number;
  unit: "mm" | "px";
}

export const PIXELS: Scale = { x: 1, y: 1, unit: "px" };

export function distance(a: Point, b: Point, scale: Scale): number {
  return Math.hypot((b[0] - a[0]) * scale.x, (b[1] - a[1]) * scale.y);
}

export function middle(a: Point, b: Point): Point {
  return [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
}

function direction(a: Point, b: Point, scale: Scale): readonly [number, number] {
  return [(b[0] - a[0]) * scale.x, (b[1] - a[1]) * scale.y];
}

function degreesBetween(u: readonly [number, number], v: readonly [number, number]): number {
  return Math.abs((Math.atan2(u[0] * v[1] - u[1] * v[0], u[0] * v[0] + u[1] * v[1]) * 180) / Math.PI);
}

/** Angle at `vertex`, 0 to 180 degrees. */
export function angle(a: Point, vertex: Point, b: Point, scale: Scale): number {
  return degreesBetween(direction(vertex, a, scale), direction(vertex, b, scale));
}

/** Angle between two lines as in Cobb's method: 0 to 90 degrees, whichever way each was drawn. */
export function cobb(a: Point, b: Point, c: Point, d: Point, scale: Scale): number {
  const between = degreesBetween(direction(a, b, scale), direction(c, d, scale));
  return between > 90 ? 180 - between : between;
}

export interface Box {
  left: number;
  top: number;
  width: number;
  height: number;
}

export function boxOf(a: Point, b: Point): Box {
  return { left: Math.min(a[0], b[0]), top: Math.min(a[1], b[1]), width: Math.abs(b[0] - a[0]), height: Math.abs(b[1] - a[1]) };
}

export function areaOf(kind: "ellipse" | "rectangle", a: Point, b: Point, scale: Scale): number {
  const { width, height } = boxOf(a, b);
  return width * scale.x * height * scale.y * (kind === "ellipse" ? Math.PI / 4 : 1);
}

export interface Statistics {
  count: number;
  mean: number;
  /** Of the pixels as a population. */
  sd: number;
  min: number;
  max: number;
}

/** Is the middle of this pixel inside? */
function inside(kind: "ellipse" | "rectangle", box: Box, column: number, row: number): boolean {
  const [x, y] = [column + 0.5, row + 0.5];
  if (kind === "rectangle") return x >= box.left && x <= box.left + box.width && y >= box.top && y <= box.top + box.height;
  const u = (x - box.left) / box.width - 0.5;
  const v = (y - box.top) / box.height - 0.5;
  return u * u + v * v <= 0.25;
}

/** Over the pixels whose middle is inside; null when there is none. */
export function statisticsOf(
  kind: "ellipse" | "rectangle",
  a: Point,
  b: Point,
  image: { columns: number; rows: number; at: (index: number) => number },
): Statistics | null {
  const box = boxOf(a, b);
  let [count, sum, squares, min, max] = [0, 0, 0, Infinity, -Infinity];
  // Squares are summed about the first value: HU around 1000 would lose digits otherwise.
  let about = 0;
  for (let row = Math.max(0, Math.floor(box.top)); row < Math.min(image.rows, box.top + box.height); row++) {
    for (let column = Math.max(0, Math.floor(box.left)); column < Math.min(image.columns, box.left + box.width); column++) {
      if (!inside(kind, box, column, row)) continue;
      const value = image.at(row * image.columns + column);
      if (count === 0) about = value;
      const difference = value - about;
      count++;
      sum += difference;
      squares += difference * difference;
      if (value < min) min = value;
      if (value > max) max = value;
    }
  }
  if (count === 0) return null;
  const mean = sum / count;
  return { count, mean: about + mean, sd: Math.sqrt(Math.max(0, squares / count - mean * mean)), min, max };
}

/** Distance from a point to a stretch of line, all in the same flat units. */
export function distanceToLine(p: Point, a: Point, b: Point): number {
  const [dx, dy] = [b[0] - a[0], b[1] - a[1]];
  const length = dx * dx + dy * dy;
  const at = length === 0 ? 0 : Math.min(1, Math.max(0, ((p[0] - a[0]) * dx + (p[1] - a[1]) * dy) / length));
  return Math.hypot(p[0] - a[0] - at * dx, p[1] - a[1] - at * dy);
}

/** The short axis that a bidirectional measurement starts with: across the middle of the long one, half as long on the screen. */
export function shortAxis(a: Point, b: Point, scale: Scale): readonly [Point, Point] {
  const [mx, my] = middle(a, b);
  const [dx, dy] = direction(a, b, scale);
  const [px, py] = [-dy / 4 / scale.x, dx / 4 / scale.y];
  return [[mx + px, my + py], [mx - px, my - py]];
}
