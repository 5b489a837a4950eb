/**
 * The hand on one pane: draws with the chosen tool, picks what is drawn, moves it and its handles. Knows points of the pane (CSS pixels)
 * and of the image, no elements: gestures.ts feeds it, Drawings.tsx shows what it holds.
 *
 * A line may be dragged or clicked point by point: while fewer points than needed are placed, the last one follows the pointer.
 */
import { Emitter } from "../../signaling/emitter";
import { distanceToLine, type Point } from "./geometry";
import { linesOf, PLACED, type Kind, type Tool } from "./kinds";
import type { Projection } from "./projection";

export interface Shape {
  id: string;
  kind: Kind;
  points: readonly Point[];
  mine: boolean;
}

/** What the pencil may touch, asked for anew at each movement. */
export interface Paper {
  projection(): Projection | null;
  shapes(): readonly Shape[];
  /** All points are placed. */
  finish(kind: Tool, points: readonly Point[]): void;
  /** A shape was moved; called once, at the end. */
  moved(id: string, points: readonly Point[]): void;
}

export interface Draft {
  kind: Tool;
  points: readonly Point[];
}

interface Held {
  shape: Shape;
  /** Which point; -1: all of it. */
  handle: number;
  from: Point;
  points: readonly Point[];
}

const REACH = 9;
const STILL = 4;

export class Pencil {
  readonly events = new Emitter<{ changed: null }>();
  tool: Tool | null = null;
  selected: string | null = null;
  private placed: Point[] = [];
  private follow: Point | null = null;
  private pressed: Point | null = null;
  private held: Held | null = null;

  constructor(private readonly paper: Paper) {}

  choose(tool: Tool | null): void {
    this.tool = tool;
    this.placed = [];
    this.follow = null;
    this.held = null;
    this.tell();
  }

  select(id: string | null): void {
    if (this.selected === id) return;
    this.selected = id;
    this.tell();
  }

  /** What is being drawn. */
  get draft(): Draft | null {
    if (this.tool === null || this.placed.length === 0) return null;
    return { kind: this.tool, points: this.follow === null ? this.placed : [...this.placed, this.follow] };
  }

  /** A shape with the points that it has while it is moved. */
  shown(shape: Shape): readonly Point[] {
    return this.held?.shape.id === shape.id ? this.held.points : shape.points;
  }

  /** Escape: first the half-drawn, then the tool, then the choice. False when there was nothing to leave. */
  leave(): boolean {
    if (this.placed.length > 0) this.choose(this.tool);
    else if (this.tool !== null) this.choose(null);
    else if (this.selected !== null) this.select(null);
    else return false;
    return true;
  }

  /** True when the press is ours; false: it means what it means without a pencil. `reach` grows for fingers. */
  down(at: Point, reach = REACH): boolean {
    const projection = this.paper.projection();
    if (projection === null) return false;
    this.pressed = at;
    if (this.placed.length === 0 && this.pick(at, projection, reach)) return true;
    if (this.tool === null) return false;
    const point = projection.toImage(at);
    this.placed.push(point);
    this.follow = this.placed.length < PLACED[this.tool] ? point : null;
    this.tell();
    return true;
  }

  private pick(at: Point, projection: Projection, reach: number): boolean {
    const shapes = [...this.paper.shapes()].sort((a, b) => Number(b.id === this.selected) - Number(a.id === this.selected));
    const near = (point: Point) => {
      const [x, y] = projection.toPane(point);
      return Math.hypot(x - at[0], y - at[1]) <= reach;
    };
    for (const shape of shapes) {
      const handle = shape.points.findIndex(near);
      const onLine = () =>
        linesOf(shape.kind, shape.points).some(([a, b]) => distanceToLine(at, projection.toPane(a), projection.toPane(b)) <= reach);
      // With a tool in hand only the chosen shape is picked, so that one can draw beside and across others.
      if (this.tool !== null && shape.id !== this.selected) continue;
      if (handle < 0 && !onLine()) continue;
      this.held = { shape, handle, from: projection.toImage(at), points: shape.points };
      this.selected = shape.id;
      this.tell();
      return true;
    }
    if (this.tool === null && this.selected !== null) this.select(null);
    return false;
  }

  move(at: Point): void {
    const projection = this.paper.projection();
    if (projection === null) return;
    const point = projection.toImage(at);
    if (this.held !== null) {
      if (!this.held.shape.mine) return;
      const { shape, handle, from } = this.held;
      const shift = (one: Point): Point => [one[0] + point[0] - from[0], one[1] + point[1] - from[1]];
      this.held.points = shape.points.map((one, index) => (handle < 0 || index === handle ? shift(one) : one));
    } else if (this.follow !== null) this.follow = point;
    else return;
    this.tell();
  }

  up(at: Point): void {
    const travelled = this.pressed === null ? 0 : Math.hypot(at[0] - this.pressed[0], at[1] - this.pressed[1]);
    this.pressed = null;
    if (this.held !== null) {
      const { shape, points } = this.held;
      this.held = null;
      if (travelled >= STILL && shape.mine) this.paper.moved(shape.id, points);
      this.tell();
      return;
    }
    if (this.tool === null || this.placed.length === 0) return;
    const needed = PLACED[this.tool];
    // A drag places its end too.
    if (travelled >= STILL && this.follow !== null) this.placed.push(this.follow);
    if (this.placed.length < needed) {
      this.follow = this.placed.at(-1)!;
      this.tell();
      return;
    }
    const [kind, points] = [this.tool, this.placed.slice(0, needed)];
    this.placed = [];
    this.follow = null;
    this.paper.finish(kind, points);
    this.tell();
  }

  private tell(): void {
    this.events.emit("changed", null);
  }
}
