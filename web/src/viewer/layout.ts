/**
 * How the screen is divided, and what is in each part of it. Plain data and pure functions: the same layout can be drawn, tested and sent
 * to another screen.
 */
import type { Window } from "./presets";
import type { Stack } from "./stack";

export interface Layout {
  rows: number;
  columns: number;
}

/** In the order of the menu: from one large picture to nine small ones. */
export const LAYOUTS: readonly Layout[] = [
  { rows: 1, columns: 1 },
  { rows: 1, columns: 2 },
  { rows: 2, columns: 1 },
  { rows: 1, columns: 3 },
  { rows: 2, columns: 2 },
  { rows: 2, columns: 3 },
  { rows: 3, columns: 2 },
  { rows: 3, columns: 3 },
];
export const MOST_PANES = 9;

/**
 * What a pane shows. A stack is drawn here; every other kind has a component of its own in PANE_KINDS (pane-kinds.ts), which gets the
 * content as it is.
 */
export interface Content {
  kind: "stack" | OtherKind;
  /** Id of the study that it comes from: one of the open ones. */
  study: string;
  stack: Stack;
  /** Where to start; the stack's natural start when absent. */
  index?: number | undefined;
  /** How it was looked at where it comes from: planes take the stack's window, and the stack theirs. */
  look?: { window: Window; invert: boolean };
}

/** Kinds that are not a stack of pictures; a row in PANE_KINDS each. */
export type OtherKind = "planes" | "document";

export interface Workspace extends Layout {
  /** Which pane has the keys and the tools; less than rows × columns. */
  active: number;
  /** Row by row. Always MOST_PANES long: what was in a pane comes back when the layout grows again. */
  cells: readonly (Content | null)[];
}

export type WorkspaceAction =
  | { type: "layout"; layout: Layout; fill: readonly Content[] }
  | { type: "activate"; cell: number }
  | { type: "open"; cell: number; content: Content | null };

export function newWorkspace(first: Content | null): Workspace {
  return { rows: 1, columns: 1, active: 0, cells: Array.from({ length: MOST_PANES }, (_, cell) => (cell === 0 ? first : null)) };
}

export function paneCount({ rows, columns }: Layout): number {
  return rows * columns;
}

export function sameStack(a: Stack, b: Stack | null | undefined): boolean {
  return b != null && a.series.series_uid === b.series.series_uid && a.frames[0]?.instance.sop_uid === b.frames[0]?.instance.sop_uid;
}

export function sameContent(a: Content, b: Content | null | undefined): boolean {
  return b != null && a.kind === b.kind && a.study === b.study && sameStack(a.stack, b.stack);
}

/** A larger layout fills its empty panes with what is not on the screen yet, in the order given. */
function filled(cells: readonly (Content | null)[], count: number, fill: readonly Content[]): (Content | null)[] {
  const visible = cells.slice(0, count);
  const rest = fill.filter((one) => !visible.some((cell) => cell !== null && sameContent(one, cell)));
  return cells.map((cell, index) => (index < count && cell === null ? (rest.shift() ?? null) : cell));
}

export function workspaceReducer(state: Workspace, action: WorkspaceAction): Workspace {
  switch (action.type) {
    case "layout": {
      const count = paneCount(action.layout);
      // The picture that one works with stays on the screen when the others go.
      const cells = [...state.cells];
      let active = state.active;
      if (active >= count) {
        const [kept] = cells.splice(active, 1);
        cells.splice(count - 1, 0, kept ?? null);
        active = count - 1;
      }
      return { ...action.layout, active, cells: filled(cells, count, action.fill) };
    }
    case "activate":
      return action.cell === state.active || action.cell >= paneCount(state) ? state : { ...state, active: action.cell };
    case "open":
      return { ...state, active: action.cell, cells: state.cells.map((cell, index) => (index === action.cell ? action.content : cell)) };
  }
}
