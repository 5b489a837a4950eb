// The viewer proper: series at the left, tools on top, one to nine panes in the middle. It is also used beside the faces in the consultation room (`compact`), where keys go to it only while it has the focus ring.
import { useCallback, useEffect, useMemo, useReducer, useRef, useState } from "react";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import type { Schemas } from "../api/client";
import { actionOf, isTyping, keyName, PLANE_KEYS, VIEWER_KEYS, type ViewerAction } from "../ui/keymap";
import { KeyHelp } from "../ui/KeyHelp";
import { startEngine } from "./engine";
import { Grid } from "./Grid";
import { newWorkspace, paneCount, workspaceReducer, type Content, type Layout } from "./layout";
import { MeasurementPanel } from "./MeasurementPanel";
import type { Tool } from "./measure/kinds";
import type { Drawn } from "./measure/store";
import type { StackPane } from "./pane";
import type { LivePane } from "./StackView";
import type { Stack } from "./stack";
import type { ViewState } from "./state";
import { stackKey, Thumbnails } from "./Thumbnails";
import { FrameTools, Toolbar } from "./Toolbar";
import { useLinkedScroll, useLinkedWindow } from "./use-links";
import { usePaneInfo } from "./use-pane";
import { useStudies, type OpenStudy } from "./use-studies";
import "./viewer.css";

const ZOOM_STEP = 1.25;
/** What a key does in the planes is told with the others. */
const ALL_KEYS = [...VIEWER_KEYS, ...PLANE_KEYS.filter(({ action }) => VIEWER_KEYS.every((one) => one.action !== action))];

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

/** Everything that can be put into a pane, in the order of the thumbnails. */
function contentsOf(studies: readonly OpenStudy[]): Content[] {
  return studies.flatMap((study) => [
    ...study.stacks.map((stack): Content => ({ kind: "stack", study: study.id, stack })),
    ...study.documents.map((stack): Content => ({ kind: "document", study: study.id, stack })),
  ]);
}

const contentKey = (content: Content) => stackKey(content.study, content.stack);

/** The panes that are there now, by cell. */
function usePanes() {
  const [live, setLive] = useState<ReadonlyMap<number, LivePane>>(new Map());
  const onPane = useCallback((cell: number, pane: LivePane | null) => {
    setLive((before) => {
      const after = new Map(before);
      if (pane === null) after.delete(cell);
      else after.set(cell, pane);
      return after;
    });
  }, []);
  const panes = useMemo(() => new Map([...live].map(([cell, one]) => [cell, one.pane])), [live]);
  return { live, panes, onPane };
}

const TOOL_ACTIONS: ReadonlySet<string> = new Set<Tool>(["length", "bidirectional", "angle", "cobb", "ellipse", "rectangle", "probe", "arrow", "text"]);

/** Marks the image on the screen as a key image, or takes the own mark away. */
function toggleKey({ pane, store }: LivePane): void {
  const current = pane.current;
  if (current === null) return;
  const { series, ref } = current;
  const [instance, frame] = [ref.instance.sop_uid, ref.frame];
  const mine = store.getShown().find((one) => one.kind === "key" && one.mine && one.instance === instance && one.frame === frame);
  if (mine !== undefined) store.set(mine.id, null);
  else store.set(crypto.randomUUID(), { series, instance, frame, kind: "key", points: [], label: "", results: [] });
}

/** Reads the measurements of a study, and again whenever the hub says that they have changed. */
function KeepMeasurements({ study }: { study: OpenStudy }) {
  useQuery({ queryKey: ["measurements", study.id], queryFn: () => study.store.read().then(() => Date.now()) });
  return null;
}

/** The key images of a series as a stack of their own. */
function keyStack(study: OpenStudy): Stack | null {
  const keys = new Set(study.store.getShown().flatMap((one) => (one.kind === "key" ? [`${one.instance}/${one.frame}`] : [])));
  for (const stack of study.stacks) {
    const frames = stack.frames.filter((ref) => keys.has(`${ref.instance.sop_uid}/${ref.frame}`));
    if (frames.length > 0) return { ...stack, frames, cine: false };
  }
  return null;
}

export default function Viewer({ manifest, study, start, compact = false, onState }: ViewerProps) {
  const { t } = useTranslation();
  const [help, setHelp] = useState(false);
  const { studies, add } = useStudies(manifest, study);
  const [workspace, dispatch] = useReducer(workspaceReducer, null, () => newWorkspace(null));
  const { live, panes, onPane } = usePanes();
  const [tool, setTool] = useState<Tool | null>(null);
  const [synced, setSynced] = useState(false);
  const [sameWindow, setSameWindow] = useState(false);
  const [overlays, setOverlays] = useState(true);
  const [listed, setListed] = useState(false);
  useLinkedScroll(panes, synced);
  useLinkedWindow(panes, sameWindow);
  const root = useRef<HTMLDivElement>(null);
  const begin = useRef(start);
  const contents = useMemo(() => contentsOf(studies), [studies]);
  const content = workspace.cells[workspace.active] ?? null;
  const pane = panes.get(workspace.active) ?? null;
  const info = usePaneInfo(pane);

  const main = studies[0];
  const mainId = main?.id;
  useEffect(() => {
    if (main === undefined) return;
    const { stack, index } = startOf(main.stacks, begin.current);
    const wanted = main.documents.find(({ series, frames }) => series.series_uid === begin.current?.series && (begin.current.instance ?? frames[0]!.instance.sop_uid) === frames[0]!.instance.sop_uid);
    const shown = wanted ?? (stack === undefined ? main.documents[0] : undefined);
    if (shown !== undefined) dispatch({ type: "open", cell: 0, content: { kind: "document", study: main.id, stack: shown } });
    else if (stack !== undefined) dispatch({ type: "open", cell: 0, content: { kind: "stack", study: main.id, stack, index } });
    // Once for each study; what is read of it later changes nothing on the screen.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [mainId]);

  useEffect(() => (pane === null || onState === undefined ? undefined : pane.events.on("state", onState)), [pane, onState]);

  /** Gives the keys to a pane. */
  const focusCell = useCallback((cell: number) => {
    root.current?.querySelector<HTMLElement>(`[data-cell="${cell}"] [tabindex="0"]`)?.focus({ preventScroll: true });
  }, []);
  const activate = useCallback((cell: number) => dispatch({ type: "activate", cell }), []);
  const openIn = useCallback(
    (cell: number, next: Content) => {
      dispatch({ type: "open", cell, content: next });
      focusCell(cell);
    },
    [focusCell],
  );
  const openKey = useCallback(
    (cell: number, key: string) => {
      const next = contents.find((one) => contentKey(one) === key);
      if (next !== undefined) openIn(cell, next);
    },
    [contents, openIn],
  );
  const { active } = workspace;
  const openHere = useCallback((key: string) => openKey(active, key), [openKey, active]);
  const setLayout = useCallback((layout: Layout) => dispatch({ type: "layout", layout, fill: contents }), [contents]);
  const openPrior = useCallback(
    (prior: Schemas["Manifest"], about: Schemas["Study"]) => {
      const made = add(prior, about);
      const modality = content?.stack.series.modality;
      const stack = made.stacks.find((one) => one.series.modality === modality) ?? made.stacks[0];
      if (stack === undefined) return;
      const beside = paneCount(workspace) === 1 ? { rows: 1, columns: 2 } : workspace;
      dispatch({ type: "layout", layout: { rows: beside.rows, columns: beside.columns }, fill: [] });
      dispatch({ type: "open", cell: (active + 1) % paneCount(beside), content: { kind: "stack", study: made.id, stack } });
      setSynced(true);
    },
    [add, content, workspace, active],
  );
  const goTo = useCallback(
    (of: OpenStudy, one: Drawn) => {
      const at = (stack: Stack) => stack.frames.findIndex((ref) => ref.instance.sop_uid === one.instance && ref.frame === one.frame);
      const stack = of.stacks.find((each) => at(each) >= 0);
      if (stack === undefined) return;
      const here = live.get(active);
      if (here?.pane.getInfo().stack === stack) here.pane.show(at(stack));
      else openIn(active, { kind: "stack", study: of.id, stack, index: at(stack) });
      here?.pencil.select(one.id);
      focusCell(active);
    },
    [live, active, openIn, focusCell],
  );
  const keysOnly = useCallback(
    (of: OpenStudy) => {
      const stack = keyStack(of);
      if (stack !== null) openIn(active, { kind: "stack", study: of.id, stack, index: 0 });
    },
    [active, openIn],
  );
  const hand = live.get(active);
  const act = useCallback(
    (action: ViewerAction) => {
      if (TOOL_ACTIONS.has(action)) setTool((before) => (before === action ? null : (action as Tool)));
      else if (action === "sync") setSynced((on) => !on);
      else if (action === "syncWindow") setSameWindow((on) => !on);
      else if (action === "overlays") setOverlays((on) => !on);
      else if (action === "list") setListed((on) => !on);
      else if (action === "key" && hand !== undefined) toggleKey(hand);
      else if (action === "undo") hand?.store.undo();
      else if (action === "redo") hand?.store.redo();
      else if (action === "remove" && hand?.pencil.selected != null) {
        hand.store.set(hand.pencil.selected, null);
        hand.pencil.select(null);
      } else if (action === "pointer") {
        const drawing = hand?.pencil.draft != null;
        hand?.pencil.leave();
        if (!drawing) setTool(null);
      } else return false;
      return true;
    },
    [hand],
  );
  const showHelp = useCallback(() => setHelp(true), []);

  const nextSeries = (by: number) => {
    const at = content === null ? -1 : contents.findIndex((one) => contentKey(one) === contentKey(content));
    const next = contents[at < 0 ? 0 : at + by];
    if (next !== undefined) openIn(active, next);
  };
  /** The planes through the stack in this pane, or the stack again. */
  const togglePlanes = useCallback(() => {
    if (content === null) return;
    const { study: of, stack } = content;
    const now = pane?.getInfo();
    if (content.kind === "planes") openIn(active, { kind: "stack", study: of, stack, index: content.index, ...(content.look && { look: content.look }) });
    else if (now?.window != null) openIn(active, { kind: "planes", study: of, stack, index: now.index, look: { window: now.window, invert: now.invert } });
  }, [content, pane, openIn, active]);
  const nextPane = (by: number) => {
    const count = paneCount(workspace);
    const cell = (active + by + count) % count;
    activate(cell);
    focusCell(cell);
  };

  const onKeyDown = (event: React.KeyboardEvent) => {
    if (isTyping(event.target)) return;
    // A focused button keeps its own keys.
    if (event.target instanceof HTMLButtonElement && (event.key === " " || event.key === "Enter")) return;
    const action = actionOf(VIEWER_KEYS, event.nativeEvent);
    if (action === null) return;
    event.preventDefault();
    if (action === "help") showHelp();
    else if (action === "planes") togglePlanes();
    else if (action === "nextSeries") nextSeries(1);
    else if (action === "previousSeries") nextSeries(-1);
    else if (action === "nextPane") nextPane(1);
    else if (action === "previousPane") nextPane(-1);
    else if (act(action)) return;
    else if (pane !== null) perform(pane, action, keyName(event.nativeEvent));
  };

  return (
    <div ref={root} className={["viewer", compact ? "compact" : "", listed ? "listed" : ""].join(" ")} onKeyDown={onKeyDown}>
      {pane !== null && info !== null ? (
        <Toolbar
          pane={pane}
          info={info}
          layout={workspace}
          onLayout={setLayout}
          work={{ tool, synced, listed }}
          onAction={act}
          onPlanes={togglePlanes}
          onHelp={showHelp}
        />
      ) : (
        <FrameTools layout={workspace} onLayout={setLayout} onHelp={showHelp} />
      )}
      <Thumbnails studies={studies} current={content} onOpen={openHere} onPrior={openPrior} />
      {studies.map((one) => <KeepMeasurements key={one.id} study={one} />)}
      <div className="viewer-main">
        <Grid
          workspace={workspace}
          studies={studies}
          onActivate={activate}
          onOpen={openIn}
          onDropSeries={openKey}
          onPane={onPane}
          tool={tool}
          overlays={overlays}
          reference={pane}
        />
        {main !== undefined && contents.length === 0 && <p className="viewer-wait">{t("viewer.noImages")}</p>}
      </div>
      {listed && <MeasurementPanel studies={studies} onGo={goTo} onKeysOnly={keysOnly} />}
      <KeyHelp open={help} onClose={() => setHelp(false)} bindings={ALL_KEYS} />
    </div>
  );
}
