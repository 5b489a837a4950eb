/**
 * Mouse and touch on a pane. The pencil (measure/pencil.ts) is asked first: what it takes is drawing or moving a measurement.
 * Mouse: wheel = images, Ctrl+wheel = zoom, left = window, right = zoom, middle = pan, left and right together = images. Touch: one finger = images, two = zoom and pan, a long press and then a drag = window.
 */
import type { Pencil } from "./measure/pencil";
import { modeOfButtons, Steps } from "./gestures-math";

const WHEEL_NOTCH = 60;
const LINE_HEIGHT = 30;
const SCROLL_PIXELS = 14;
const LONG_PRESS_MS = 450;
const STILL_PIXELS = 8;
const ZOOM_PER_PIXEL = 1.008;
const ZOOM_PER_WHEEL_PIXEL = 1.0024;

type Point = readonly [number, number];

/** What the hand can do: to a stack, and to a plane through one. */
export interface GestureTarget {
  step: (by: number) => void;
  zoomAt: (factor: number, at: Point) => void;
  dragWindow: (dx: number, dy: number) => void;
  panBy: (dx: number, dy: number) => void;
}

/** A finger hides what it points at. */
const FINGER_REACH = 22;

interface Hand {
  pane: GestureTarget;
  /** Absent where nothing is drawn. */
  pencil?: Pencil;
  hover: (at: Point | null) => void;
  /** Gives the keys to the pane. */
  focus: () => void;
}

/** Listens on `element`, which lies over the pane and is as large; answers how to stop. */
export function attachGestures(element: HTMLElement, { pane, pencil, hover, focus }: Hand): () => void {
  const wheelSteps = new Steps(WHEEL_NOTCH);
  const dragSteps = new Steps(SCROLL_PIXELS);
  const pointers = new Map<number, Point>();
  let press: ReturnType<typeof setTimeout> | null = null;
  let touchWindow = false;
  let travelled = 0;
  let drawing = false;
  let zoomCentre: Point = [0, 0];

  const place = (event: MouseEvent): Point => {
    const box = element.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };

  const onWheel = (event: WheelEvent) => {
    event.preventDefault();
    focus();
    const pixels = event.deltaY * (event.deltaMode === WheelEvent.DOM_DELTA_LINE ? LINE_HEIGHT : 1);
    if (event.ctrlKey) {
      pane.zoomAt(ZOOM_PER_WHEEL_PIXEL ** -Math.max(-60, Math.min(60, pixels)), place(event));
      return;
    }
    // A mouse notch is one image, whatever number the system gives it; a trackpad's small steps add up.
    const steps = Math.abs(pixels) >= WHEEL_NOTCH && Math.abs(pixels) < WHEEL_NOTCH * 4 ? Math.sign(pixels) : wheelSteps.add(pixels);
    if (steps !== 0) pane.step(steps);
  };

  const endPress = () => {
    if (press !== null) clearTimeout(press);
    press = null;
  };

  const onDown = (event: PointerEvent) => {
    if (event.target instanceof HTMLInputElement) return;
    focus();
    element.setPointerCapture(event.pointerId);
    const first = event.pointerType === "mouse" ? event.button === 0 && event.buttons === 1 : pointers.size === 0;
    drawing = first && pencil?.down(place(event), event.pointerType === "mouse" ? undefined : FINGER_REACH) === true;
    pointers.set(event.pointerId, place(event));
    dragSteps.clear();
    zoomCentre = place(event);
    travelled = 0;
    endPress();
    if (drawing) return;
    if (event.pointerType !== "mouse" && pointers.size === 1) {
      touchWindow = false;
      press = setTimeout(() => {
        touchWindow = true;
        navigator.vibrate?.(20);
      }, LONG_PRESS_MS);
    }
  };

  const mouse = (event: PointerEvent, dx: number, dy: number) => {
    const mode = modeOfButtons(event.buttons);
    if (mode === "window") pane.dragWindow(dx, dy);
    else if (mode === "pan") pane.panBy(dx, dy);
    else if (mode === "zoom") pane.zoomAt(ZOOM_PER_PIXEL ** -dy, zoomCentre);
    else if (mode === "scroll") pane.step(dragSteps.add(dy));
  };

  const pinch = (id: number, before: Point, now: Point) => {
    const other = [...pointers].find(([one]) => one !== id)?.[1];
    if (other === undefined) return;
    const spread = (a: Point, b: Point) => Math.hypot(a[0] - b[0], a[1] - b[1]);
    const [was, is] = [spread(before, other), spread(now, other)];
    if (was > 0 && is > 0) pane.zoomAt(is / was, [(now[0] + other[0]) / 2, (now[1] + other[1]) / 2]);
    pane.panBy((now[0] - before[0]) / 2, (now[1] - before[1]) / 2);
  };

  const onMove = (event: PointerEvent) => {
    const now = place(event);
    const before = pointers.get(event.pointerId);
    if (event.pointerType === "mouse") hover(now);
    if (drawing || before === undefined) pencil?.move(now);
    if (drawing || before === undefined) {
      if (before !== undefined) pointers.set(event.pointerId, now);
      return;
    }
    const [dx, dy] = [now[0] - before[0], now[1] - before[1]];
    pointers.set(event.pointerId, now);
    travelled += Math.hypot(dx, dy);
    if (event.pointerType === "mouse") {
      mouse(event, dx, dy);
      return;
    }
    if (travelled > STILL_PIXELS && !touchWindow) endPress();
    if (pointers.size === 2) pinch(event.pointerId, before, now);
    else if (touchWindow) pane.dragWindow(dx, dy);
    else {
      const steps = dragSteps.add(dy);
      if (steps !== 0) pane.step(steps);
    }
  };

  const onUp = (event: PointerEvent) => {
    pointers.delete(event.pointerId);
    endPress();
    if (drawing) pencil?.up(place(event));
    drawing = false;
    if (pointers.size === 0) touchWindow = false;
  };

  const onLeave = () => hover(null);
  const onMenu = (event: Event) => event.preventDefault();

  element.addEventListener("wheel", onWheel, { passive: false });
  element.addEventListener("pointerdown", onDown);
  element.addEventListener("pointermove", onMove);
  element.addEventListener("pointerup", onUp);
  element.addEventListener("pointercancel", onUp);
  element.addEventListener("pointerleave", onLeave);
  element.addEventListener("contextmenu", onMenu);
  return () => {
    endPress();
    element.removeEventListener("wheel", onWheel);
    element.removeEventListener("pointerdown", onDown);
    element.removeEventListener("pointermove", onMove);
    element.removeEventListener("pointerup", onUp);
    element.removeEventListener("pointercancel", onUp);
    element.removeEventListener("pointerleave", onLeave);
    element.removeEventListener("contextmenu", onMenu);
  };
}
