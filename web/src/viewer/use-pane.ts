import { useEffect, useState, useSyncExternalStore } from "react";
import { StackPane, type PaneInfo } from "./pane";
import type { StudySource } from "./source";

/** A pane that lives as long as its element is on the page. */
export function usePane(element: HTMLDivElement | null, source: StudySource | null): StackPane | null {
  const [pane, setPane] = useState<StackPane | null>(null);
  useEffect(() => {
    if (element === null || source === null) return;
    const made = new StackPane(element, source);
    setPane(made);
    return () => {
      setPane(null);
      made.dispose();
    };
  }, [element, source]);
  return pane;
}

const NO_SUBSCRIPTION = () => () => undefined;

export function usePaneInfo(pane: StackPane | null): PaneInfo | null {
  return useSyncExternalStore(
    pane === null ? NO_SUBSCRIPTION : (listener) => pane.events.on("info", listener),
    () => pane?.getInfo() ?? null,
  );
}
