// The bar at the right edge: which images are here already, and where one is. Click or drag to go there.
import { useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import type { PaneInfo, StackPane } from "./pane";

const COLOURS = { none: "#2b3742", loading: "#5b6b79", loaded: "#2f7f95", failed: "#ff7a70" } as const;
const MARK = "#e6edf3";

function draw(canvas: HTMLCanvasElement, pane: StackPane, index: number): void {
  const context = canvas.getContext("2d");
  const ratio = window.devicePixelRatio || 1;
  const [width, height] = [Math.round(canvas.clientWidth * ratio), Math.round(canvas.clientHeight * ratio)];
  if (context === null || width === 0 || height === 0) return;
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
  }
  context.clearRect(0, 0, width, height);
  const states = pane.loadStates;
  const each = height / Math.max(1, states.length);
  states.forEach((state, at) => {
    context.fillStyle = COLOURS[state];
    context.fillRect(width * 0.25, at * each, width * 0.5, Math.max(1, each - (each > 4 ? 1 : 0)));
  });
  context.fillStyle = MARK;
  context.fillRect(0, (index + 0.5) * each - 2 * ratio, width, 4 * ratio);
}

export function SliceBar({ pane, info }: { pane: StackPane; info: PaneInfo }) {
  const { t } = useTranslation();
  const canvas = useRef<HTMLCanvasElement>(null);
  const request = useRef(0);
  const index = info.index;

  useEffect(() => {
    const redraw = () => {
      cancelAnimationFrame(request.current);
      request.current = requestAnimationFrame(() => {
        if (canvas.current === null) return;
        draw(canvas.current, pane, pane.getInfo().index);
        canvas.current.parentElement!.dataset.loaded = String(pane.loadStates.filter((state) => state === "loaded").length);
      });
    };
    redraw();
    const off = pane.events.on("loaded", redraw);
    const observer = new ResizeObserver(redraw);
    if (canvas.current !== null) observer.observe(canvas.current);
    return () => {
      off();
      observer.disconnect();
      cancelAnimationFrame(request.current);
    };
  }, [pane, index, info.stack]);

  const go = (event: React.PointerEvent<HTMLDivElement>) => {
    if ((event.buttons & 1) === 0) return;
    const box = event.currentTarget.getBoundingClientRect();
    pane.show(Math.floor(((event.clientY - box.top) / box.height) * info.count));
  };

  return (
    <div
      className="slice-bar"
      role="slider"
      aria-label={t("viewer.position")}
      aria-orientation="vertical"
      aria-valuemin={1}
      aria-valuemax={info.count}
      aria-valuenow={index + 1}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        go(event);
      }}
      onPointerMove={go}
    >
      <canvas ref={canvas} />
    </div>
  );
}
