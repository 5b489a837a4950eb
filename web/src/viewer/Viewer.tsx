// The viewer proper: series at the left, tools on top, the image with its overlays in the middle. It is also used beside the
// faces in the consultation room (`compact`), where keys go to it only while it has the focus ring.
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "../api/client";
import { actionOf, isTyping, keyName, VIEWER_KEYS, type ViewerAction } from "../ui/keymap";
import { KeyHelp } from "../ui/KeyHelp";
import { startEngine } from "./engine";
import { attachGestures } from "./gestures";
import { Overlay } from "./Overlay";
import type { StackPane } from "./pane";
import { SliceBar } from "./SliceBar";
import { StudySource } from "./source";
import { stacksOfStudy, type Stack } from "./stack";
import type { ViewState } from "./state";
import { Thumbnails } from "./Thumbnails";
import { Toolbar } from "./Toolbar";
import { usePane, usePaneInfo } from "./use-pane";
import "./viewer.css";

const ZOOM_STEP = 1.25;

/** Starts the engine ahead of the first image. */
export function warmUp(): void {
  startEngine();
}

interface ViewerProps {
  manifest: Schemas["Manifest"];
  study?: Schemas["Study"] | undefined;
  /** Where to start, from the page's address. */
  start?: { series: string | null; instance: string | null };
  compact?: boolean;
  /** What the person looks at, for shared viewing. */
  onState?: (state: ViewState) => void;
}

function startOf(stacks: readonly Stack[], start: ViewerProps["start"]): { stack: Stack | undefined; index: number | undefined } {
  const wanted = stacks.filter((stack) => start?.series == null || stack.series.series_uid === start.series);
  if (start?.instance != null) {
    for (const stack of wanted) {
      const index = stack.frames.findIndex((ref) => ref.instance.sop_uid === start.instance);
      if (index >= 0) return { stack, index };
    }
  }
  return { stack: wanted[0] ?? stacks[0], index: undefined };
}

function perform(pane: StackPane, action: ViewerAction, key: string): void {
  const simple: Partial<Record<ViewerAction, () => void>> = {
    next: () => pane.step(1),
    previous: () => pane.step(-1),
    first: () => pane.show(0),
    last: () => pane.show(Number.MAX_SAFE_INTEGER),
    preset: () => pane.preset(key),
    ownWindow: () => pane.setWindow(null),
    zoomIn: () => pane.zoomBy(ZOOM_STEP),
    zoomOut: () => pane.zoomBy(1 / ZOOM_STEP),
    fit: () => pane.fit(),
    invert: () => pane.toggleInvert(),
    rotate: () => pane.rotate(),
    flipHorizontal: () => pane.flip("horizontal"),
    flipVertical: () => pane.flip("vertical"),
    cine: () => pane.toggleCine(),
    slower: () => pane.changeRate(-1),
    faster: () => pane.changeRate(1),
    reset: () => pane.reset(),
  };
  simple[action]?.();
}

function useSource(manifest: Schemas["Manifest"]): StudySource | null {
  const [source, setSource] = useState<StudySource | null>(null);
  useEffect(() => {
    const made = new StudySource(manifest);
    setSource(made);
    return () => made.dispose();
    // A manifest that was read again describes the same images; new ones are seen when the page is opened anew.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [manifest.study]);
  return source;
}

export default function Viewer({ manifest, study, start, compact = false, onState }: ViewerProps) {
  const { t } = useTranslation();
  const [element, setElement] = useState<HTMLDivElement | null>(null);
  const [hover, setHover] = useState<readonly [number, number] | null>(null);
  const [help, setHelp] = useState(false);
  const source = useSource(manifest);
  const stacks = useMemo(() => stacksOfStudy(source?.manifest ?? manifest), [source, manifest]);
  const pane = usePane(element, source);
  const info = usePaneInfo(pane);
  const first = useRef(startOf(stacks, start));

  useEffect(() => {
    const { stack, index } = first.current;
    if (pane !== null && stack !== undefined) void pane.open(stack, index);
  }, [pane]);

  useEffect(() => {
    if (pane === null || element === null) return;
    element.focus({ preventScroll: true });
    return attachGestures(element, pane, setHover);
  }, [pane, element]);

  useEffect(() => (pane === null || onState === undefined ? undefined : pane.events.on("state", onState)), [pane, onState]);

  const open = useCallback(
    (stack: Stack) => {
      if (pane !== null) void pane.open(stack);
      element?.focus({ preventScroll: true });
    },
    [pane, element],
  );

  const showHelp = useCallback(() => setHelp(true), []);

  const nextSeries = (by: number) => {
    const at = stacks.findIndex((stack) => stack === info?.stack);
    const stack = stacks[at + by];
    if (stack !== undefined) open(stack);
  };

  const onKeyDown = (event: React.KeyboardEvent) => {
    if (isTyping(event.target) || pane === null) return;
    // A focused button keeps its own keys.
    if (event.target instanceof HTMLButtonElement && (event.key === " " || event.key === "Enter")) return;
    const action = actionOf(VIEWER_KEYS, event.nativeEvent);
    if (action === null) return;
    event.preventDefault();
    if (action === "help") showHelp();
    else if (action === "nextSeries") nextSeries(1);
    else if (action === "previousSeries") nextSeries(-1);
    else perform(pane, action, keyName(event.nativeEvent));
  };

  return (
    <div className={compact ? "viewer compact" : "viewer"} onKeyDown={onKeyDown}>
      {pane !== null && info !== null ? <Toolbar pane={pane} info={info} onHelp={showHelp} /> : <div className="viewer-tools" />}
      <Thumbnails manifest={manifest} stacks={stacks} current={info?.stack ?? null} onOpen={open} />
      <div className="viewer-main">
        <div
          ref={setElement}
          className="viewer-pane"
          tabIndex={0}
          role="application"
          aria-label={t("viewer.paneLabel")}
          data-index={info?.index}
          data-ready={info !== null && info.window !== null && !info.loading}
        />
        {pane !== null && info !== null && <Overlay pane={pane} info={info} source={source} study={study} hover={hover} />}
        {pane !== null && info !== null && info.count > 1 && <SliceBar pane={pane} info={info} />}
        {stacks.length === 0 && <p className="viewer-wait">{t("viewer.noImages")}</p>}
      </div>
      <KeyHelp open={help} onClose={() => setHelp(false)} bindings={VIEWER_KEYS} />
    </div>
  );
}
