/**
 * Every key of the viewer and the room, in one place. Viewer keys are plain and go to the pane with the focus ring; room keys need Alt,
 * because a doctor looks at images while speaking. Nothing here is heard while somebody types.
 */
export interface Binding {
  /** KeyboardEvent.key, letters in lower case; "Ctrl+", "Alt+" in front where needed. */
  keys: readonly string[];
  /** What it does; its words are keys.<action> in the catalogues. */
  action: string;
}

export const VIEWER_KEYS = [
  { keys: ["ArrowDown"], action: "next" },
  { keys: ["ArrowUp"], action: "previous" },
  { keys: ["ArrowRight"], action: "nextPane" },
  { keys: ["ArrowLeft"], action: "previousPane" },
  { keys: ["PageDown"], action: "nextSeries" },
  { keys: ["PageUp"], action: "previousSeries" },
  { keys: ["Home"], action: "first" },
  { keys: ["End"], action: "last" },
  { keys: ["1", "2", "3", "4", "5", "6", "7", "8", "9"], action: "preset" },
  { keys: ["0"], action: "ownWindow" },
  { keys: ["+", "="], action: "zoomIn" },
  { keys: ["-"], action: "zoomOut" },
  { keys: ["f"], action: "fit" },
  { keys: ["i"], action: "invert" },
  { keys: ["r"], action: "rotate" },
  { keys: ["h"], action: "flipHorizontal" },
  { keys: ["v"], action: "flipVertical" },
  { keys: [" "], action: "cine" },
  { keys: ["["], action: "slower" },
  { keys: ["]"], action: "faster" },
  { keys: ["Backspace"], action: "reset" },
  { keys: ["m"], action: "planes" },
  { keys: ["l"], action: "length" },
  { keys: ["b"], action: "bidirectional" },
  { keys: ["a"], action: "angle" },
  { keys: ["c"], action: "cobb" },
  { keys: ["e"], action: "ellipse" },
  { keys: ["q"], action: "rectangle" },
  { keys: ["p"], action: "probe" },
  { keys: ["t"], action: "arrow" },
  { keys: ["n"], action: "text" },
  { keys: ["Escape"], action: "pointer" },
  { keys: ["Delete"], action: "remove" },
  { keys: ["Ctrl+z"], action: "undo" },
  { keys: ["Ctrl+y"], action: "redo" },
  { keys: ["k"], action: "key" },
  { keys: ["s"], action: "sync" },
  { keys: ["w"], action: "syncWindow" },
  { keys: ["o"], action: "overlays" },
  { keys: ["g"], action: "list" },
  { keys: ["?"], action: "help" },
] as const satisfies readonly Binding[];

/** In the planes through a series; keys that are not here mean what they mean in the viewer. */
export const PLANE_KEYS = [
  { keys: ["ArrowDown"], action: "next" },
  { keys: ["ArrowUp"], action: "previous" },
  { keys: ["Home"], action: "first" },
  { keys: ["End"], action: "last" },
  { keys: ["1", "2", "3", "4", "5", "6", "7", "8", "9"], action: "preset" },
  { keys: ["0"], action: "ownWindow" },
  { keys: ["+", "="], action: "zoomIn" },
  { keys: ["-"], action: "zoomOut" },
  { keys: ["f"], action: "fit" },
  { keys: ["i"], action: "invert" },
  { keys: ["x"], action: "crosshair" },
  { keys: ["["], action: "thinner" },
  { keys: ["]"], action: "thicker" },
  { keys: ["p"], action: "projection" },
  { keys: ["Backspace"], action: "reset" },
  { keys: ["m"], action: "planes" },
] as const satisfies readonly Binding[];

export const ROOM_KEYS = [
  { keys: ["Alt+m"], action: "microphone" },
  { keys: ["Alt+v"], action: "camera" },
  { keys: ["Alt+s"], action: "screen" },
  { keys: ["Alt+c"], action: "chat" },
] as const satisfies readonly Binding[];

export type ViewerAction = (typeof VIEWER_KEYS)[number]["action"];
export type PlaneAction = (typeof PLANE_KEYS)[number]["action"];
export type RoomAction = (typeof ROOM_KEYS)[number]["action"];

/** The name of what was pressed, as in Binding.keys. Alt changes `key` on some systems, so letters are then read from `code`. */
export function keyName(event: Pick<KeyboardEvent, "key" | "code" | "altKey" | "ctrlKey" | "metaKey">): string {
  const letter = /^Key([A-Z])$/.exec(event.code);
  const key = event.altKey && letter !== null ? letter[1]!.toLowerCase() : event.key.length === 1 ? event.key.toLowerCase() : event.key;
  return `${event.ctrlKey || event.metaKey ? "Ctrl+" : ""}${event.altKey ? "Alt+" : ""}${key}`;
}

export function actionOf<Action extends string>(
  map: readonly { keys: readonly string[]; action: Action }[],
  event: Pick<KeyboardEvent, "key" | "code" | "altKey" | "ctrlKey" | "metaKey">,
): Action | null {
  const name = keyName(event);
  return map.find(({ keys }) => keys.includes(name))?.action ?? null;
}

/** True while the person writes: no key is a command then. */
export function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}
