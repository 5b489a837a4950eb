// Three planes through one series in one pane: axial large, coronal and sagittal beside it. Each is worked with like a stack (wheel, drag,
// keys); the crosshair shows and moves the point in which they meet. Its tools are in the pane, since they are about all three.
import { AimOutlined, BgColorsOutlined, CloseOutlined, UndoOutlined } from "@ant-design/icons";
import { memo, useCallback, useEffect, useRef, useState, useSyncExternalStore, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { ApiError } from "../../api/client";
import { actionOf, isTyping, keyName, PLANE_KEYS, type PlaneAction } from "../../ui/keymap";
import { useErrorText } from "../../ui/states";
import { attachGestures } from "../gestures";
import { edgeLetters } from "../orientation";
import { CT_PRESETS, presetName, type Window } from "../presets";
import type { StudySource } from "../source";
import type { Stack } from "../stack";
import { PLANE_NAMES, PLANES, type PlaneName } from "./geometry";
import { onPane, Painter, placeOf, PLANE_COLOURS, scaleOf } from "./paint";
import { MprSession, THICKEST_MM, type MprInfo } from "./session";
import type { Projection } from "./volume";
import "./planes.css";

const PROJECTIONS: readonly Projection[] = ["max", "min", "mean"];
const SLAB_STEP_MM = 2;
const ZOOM_STEP = 1.25;

interface PlanesProps {
  source: StudySource;
  stack: Stack;
  /** Bytes for the volume. */
  budget: number;
  window: Window;
  invert: boolean;
  /** Told how the planes were looked at last, unless there were none. */
  onClose: (look?: { window: Window; invert: boolean }) => void;
}

function useSession({ source, stack, budget, window, invert }: Omit<PlanesProps, "onClose">): MprSession | null {
  const [session, setSession] = useState<MprSession | null>(null);
  const look = useRef({ window, invert });
  useEffect(() => {
    const made = new MprSession(source, stack, budget, look.current.window, look.current.invert);
    setSession(made);
    void made.start();
    return () => {
      setSession(null);
      made.dispose();
    };
  }, [source, stack, budget]);
  return session;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

/** What a key does to the plane that has the focus. */
function perform(session: MprSession, plane: PlaneName, action: PlaneAction, key: string): void {
  const { slab, projection } = session.getInfo();
  const simple: Partial<Record<PlaneAction, () => void>> = {
    next: () => session.step(plane, 1),
    previous: () => session.step(plane, -1),
    first: () => session.end(plane, false),
    last: () => session.end(plane, true),
    preset: () => session.preset(key),
    ownWindow: () => session.setWindow(null),
    zoomIn: () => session.zoom(plane, ZOOM_STEP),
    zoomOut: () => session.zoom(plane, 1 / ZOOM_STEP),
    fit: () => session.fit(plane),
    invert: () => session.toggleInvert(),
    crosshair: () => session.toggleCrosshair(),
    thinner: () => session.setSlab(slab - SLAB_STEP_MM),
    thicker: () => session.setSlab(slab + SLAB_STEP_MM),
    projection: () => session.setProjection(PROJECTIONS[(PROJECTIONS.indexOf(projection) + 1) % PROJECTIONS.length]!),
    reset: () => session.reset(),
  };
  simple[action]?.();
}

function Tool({ label, keys, on, onClick, children }: { label: string; keys: string; on?: boolean; onClick: () => void; children: ReactNode }) {
  return (
    <button type="button" className="tool" aria-label={label} title={`${label} (${keys})`} aria-pressed={on} onClick={onClick}>
      <span aria-hidden>{children}</span>
    </button>
  );
}

function Tools({ session, info, onClose }: { session: MprSession; info: MprInfo; onClose: () => void }) {
  const { t } = useTranslation();
  const preset = presetName(info.window, info.modality);
  return (
    <div className="planes-tools" role="toolbar" aria-label={t("viewer.mpr.tools")}>
      <Tool label={t("keys.crosshair")} keys="X" on={info.crosshair} onClick={() => session.toggleCrosshair()}><AimOutlined /></Tool>
      {info.modality === "CT" && (
        <select
          className="planes-choice"
          aria-label={t("viewer.window")}
          value={CT_PRESETS.find(({ name }) => name === preset)?.key ?? "0"}
          onChange={(event) => (event.target.value === "0" ? session.setWindow(null) : session.preset(event.target.value))}
        >
          <option value="0">{t("viewer.preset.own")}</option>
          {CT_PRESETS.map(({ key, name }) => (
            <option key={key} value={key}>{t(`viewer.preset.${name}` as "viewer.preset.soft")}</option>
          ))}
        </select>
      )}
      <label className="planes-slab">
        <span>{t("viewer.mpr.slab")}</span>
        <input
          type="range" min={0} max={THICKEST_MM} step={1} value={info.slab}
          aria-valuetext={t("viewer.mpr.mm", { mm: info.slab })}
          onChange={(event) => session.setSlab(Number(event.target.value))}
        />
        <span className="num">{t("viewer.mpr.mm", { mm: info.slab })}</span>
      </label>
      <select
        className="planes-choice" aria-label={t("viewer.mpr.projection")} value={info.projection} disabled={info.slab === 0}
        onChange={(event) => session.setProjection(event.target.value as Projection)}
      >
        {PROJECTIONS.map((one) => <option key={one} value={one}>{t(`viewer.mpr.${one}`)}</option>)}
      </select>
      <Tool label={t("keys.invert")} keys="I" on={info.invert} onClick={() => session.toggleInvert()}><BgColorsOutlined /></Tool>
      <Tool label={t("keys.reset")} keys="⌫" onClick={() => session.reset()}><UndoOutlined /></Tool>
      <span className="tool-gap" />
      <Tool label={t("viewer.mpr.close")} keys="M" onClick={onClose}><CloseOutlined /></Tool>
    </div>
  );
}

/** What a doctor must know about these pictures: how much is there, and what is not as the scanner sent it. */
function Notices({ info }: { info: MprInfo }) {
  const { t } = useTranslation();
  const told = info.loaded + info.unreadable;
  const texts = [
    told < info.slices ? t("viewer.mpr.loading", { loaded: told, count: info.slices }) : null,
    info.missing > 0 ? t("viewer.mpr.missing", { count: info.missing }) : null,
    info.unreadable > 0 ? t("viewer.mpr.unreadable", { count: info.unreadable }) : null,
    info.reduction > 1 ? t("viewer.mpr.reduced", { factor: info.reduction }) : null,
  ].filter((text) => text !== null);
  return (
    <div className="planes-notices" role="status">
      {texts.map((text) => <p key={text}>{text}</p>)}
    </div>
  );
}

/** A click or drag with the left button moves the crosshair, near it or not; a tap of a finger too. */
function attachCrosshair(element: HTMLElement, session: MprSession, plane: PlaneName): () => void {
  const point = (event: PointerEvent) => {
    const view = session.getInfo().planes?.[plane];
    if (view === undefined) return;
    const box = element.getBoundingClientRect();
    session.pointTo(plane, placeOf(view, [box.width, box.height], [event.clientX - box.left, event.clientY - box.top]));
  };
  const mine = (event: PointerEvent) => event.pointerType === "mouse" && event.buttons === 1 && session.getInfo().crosshair;
  let held = false;
  const onDown = (event: PointerEvent) => {
    if (!mine(event)) return;
    held = true;
    event.stopImmediatePropagation();
    element.focus({ preventScroll: true });
    element.setPointerCapture(event.pointerId);
    point(event);
  };
  const onMove = (event: PointerEvent) => {
    if (!held) return;
    if (!mine(event)) held = false;
    else {
      event.stopImmediatePropagation();
      point(event);
    }
  };
  const onUp = () => (held = false);
  const onClick = (event: MouseEvent) => {
    if ((event as PointerEvent).pointerType !== "mouse" && session.getInfo().crosshair) point(event as PointerEvent);
  };
  element.addEventListener("pointerdown", onDown, { capture: true });
  element.addEventListener("pointermove", onMove, { capture: true });
  element.addEventListener("pointerup", onUp, { capture: true });
  element.addEventListener("click", onClick);
  return () => {
    element.removeEventListener("pointerdown", onDown, { capture: true });
    element.removeEventListener("pointermove", onMove, { capture: true });
    element.removeEventListener("pointerup", onUp, { capture: true });
    element.removeEventListener("click", onClick);
  };
}

function sizeOf(element: HTMLElement): readonly [number, number] {
  return [element.clientWidth, element.clientHeight];
}

/** The plane as the gestures of a stack see it. */
function gestureTarget(element: HTMLElement, session: MprSession, plane: PlaneName) {
  const view = () => session.getInfo().planes![plane];
  return {
    step: (by: number) => session.step(plane, by),
    zoomAt: (factor: number, at: readonly [number, number]) => session.zoom(plane, factor, placeOf(view(), sizeOf(element), at)),
    dragWindow: (dx: number, dy: number) => session.dragWindow(dx, dy),
    panBy: (dx: number, dy: number) => {
      const scale = scaleOf(view(), ...sizeOf(element));
      session.pan(plane, dx / scale, dy / scale);
    },
  };
}

function usePainting(element: HTMLElement | null, canvas: HTMLCanvasElement | null, session: MprSession, plane: PlaneName): void {
  useEffect(() => {
    if (element === null || canvas === null) return;
    const painter = new Painter();
    const paint = () => {
      const info = session.getInfo();
      if (info.planes !== null) painter.paint(canvas, info, plane, session.crossIn(plane));
    };
    const off = session.events.on("info", paint);
    const observer = new ResizeObserver(paint);
    observer.observe(element);
    return () => {
      off();
      observer.disconnect();
    };
  }, [element, canvas, session, plane]);
}

/** Part of Plane that follows the pointer. */
function UnderPointer({ session, plane, place, modality }: { session: MprSession; plane: PlaneName; place: readonly [number, number] | null; modality: string }) {
  const { t } = useTranslation();
  const value = place === null ? null : session.valueAt(plane, place);
  if (value === null) return null;
  return <div>{t(modality === "CT" ? "viewer.hu" : "viewer.value", { value: round(value) })}</div>;
}

function Plane({ session, info, plane }: { session: MprSession; info: MprInfo; plane: PlaneName }) {
  const { t } = useTranslation();
  const [element, setElement] = useState<HTMLDivElement | null>(null);
  const [canvas, setCanvas] = useState<HTMLCanvasElement | null>(null);
  const [hover, setHover] = useState<readonly [number, number] | null>(null);
  const view = info.planes![plane];
  const { right, down, axis } = PLANES[plane];
  const letters = edgeLetters(right, down);
  usePainting(element, canvas, session, plane);
  useEffect(() => {
    if (element === null) return;
    const ends = [attachCrosshair(element, session, plane), attachGestures(element, { pane: gestureTarget(element, session, plane), hover: setHover, focus: () => element.focus({ preventScroll: true }) })];
    if (plane === "axial") element.focus({ preventScroll: true });
    return () => ends.forEach((end) => end());
  }, [element, session, plane]);
  const place = hover === null || element === null ? null : placeOf(view, sizeOf(element), hover);
  const cross = element === null ? null : onPane(view, sizeOf(element), session.crossIn(plane)).map(Math.round);
  return (
    <div className={`plane plane-${plane}`}>
      <div
        ref={setElement}
        className="plane-picture"
        tabIndex={0}
        role="application"
        aria-label={t(`viewer.mpr.${plane}Label`)}
        data-plane={plane}
        data-at={Math.round(info.point[axis] * 1000) / 1000}
        data-cross={cross?.join(" ")}
        data-ready={info.complete && view.picture?.at === info.point[axis]}
      >
        <canvas ref={setCanvas} />
      </div>
      <div className="viewer-overlay">
        <div className="corner top-left" style={{ color: PLANE_COLOURS[plane] }}>{t(`viewer.mpr.${plane}`)}</div>
        <div className="corner bottom-left num">
          <UnderPointer session={session} plane={plane} place={place} modality={info.modality} />
          {plane === "axial" && <div>{t("viewer.windowText", { width: round(info.window.width), center: round(info.window.center) })}</div>}
          <div>{t("viewer.zoom", { percent: Math.round(view.zoom * 100) })}</div>
        </div>
        <div className="corner bottom-right num">
          {info.slab > 0 && <div>{t(`viewer.mpr.${info.projection}`)} {t("viewer.mpr.mm", { mm: info.slab })}</div>}
          <div>{t("viewer.location", { mm: round(info.point[axis]) })}</div>
        </div>
        <div translate="no">
          <span className="edge at-left">{letters.left}</span>
          <span className="edge at-right">{letters.right}</span>
          <span className="edge at-top">{letters.top}</span>
          <span className="edge at-bottom">{letters.bottom}</span>
        </div>
      </div>
    </div>
  );
}

function Refused({ info, onClose }: { info: MprInfo; onClose: () => void }) {
  const { t } = useTranslation();
  const errorText = useErrorText();
  const text =
    info.refusal !== null ? t(`viewer.mpr.refusal.${info.refusal}`) : info.error instanceof ApiError ? errorText(info.error) : t("viewer.mpr.failed");
  const button = useCallback((element: HTMLButtonElement | null) => element?.focus(), []);
  return (
    <div className="viewer-error" role="alert">
      <p>{text}</p>
      <button ref={button} type="button" className="tool wide" onClick={onClose}>{t("viewer.mpr.back")}</button>
    </div>
  );
}

const NOTHING = () => () => undefined;

export const Planes = memo(function Planes(props: PlanesProps) {
  const { t } = useTranslation();
  const session = useSession(props);
  const info = useSyncExternalStore(
    session === null ? NOTHING : (listener) => session.events.on("info", listener),
    () => session?.getInfo() ?? null,
  );
  const { onClose } = props;
  const close = useCallback(() => {
    const last = session?.getInfo();
    onClose(last?.complete === true ? { window: last.window, invert: last.invert } : undefined);
  }, [session, onClose]);

  const onKeyDown = (event: React.KeyboardEvent) => {
    if (session === null || isTyping(event.target)) return;
    if (event.target instanceof HTMLButtonElement && (event.key === " " || event.key === "Enter")) return;
    const action = actionOf(PLANE_KEYS, event.nativeEvent);
    if (action === null) return;
    event.preventDefault();
    event.stopPropagation();
    if (action === "planes") close();
    else perform(session, planeOf(event.target), action, keyName(event.nativeEvent));
  };

  return (
    <div className="planes" onKeyDown={onKeyDown} data-complete={info?.complete} data-loaded={info?.loaded}>
      {session !== null && info !== null && <Tools session={session} info={info} onClose={close} />}
      <div className="planes-grid">
        {session !== null && info !== null && info.planes !== null ? (
          PLANE_NAMES.map((plane) => <Plane key={plane} session={session} info={info} plane={plane} />)
        ) : (
          <p className="viewer-wait" role="status">{t("viewer.opening")}</p>
        )}
        {info !== null && <Notices info={info} />}
        {info !== null && (info.refusal !== null || info.error !== null) && <Refused info={info} onClose={close} />}
      </div>
    </div>
  );
});

/** Keys of the tools in the pane go to the axial plane. */
function planeOf(target: EventTarget): PlaneName {
  const name = target instanceof HTMLElement ? target.closest<HTMLElement>("[data-plane]")?.dataset.plane : undefined;
  return PLANE_NAMES.find((one) => one === name) ?? "axial";
}
