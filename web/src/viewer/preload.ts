/** Fetches the viewer's code before it is needed, where a click on "open images" is likely. */
import { useEffect } from "react";

export function preloadViewer(): Promise<typeof import("./Viewer")> {
  return import("./Viewer");
}

const IDLE_TIMEOUT_MS = 3_000;

/** When the page has nothing else to do, gets the viewer and starts its engine: the first image then comes at once. */
export function useWarmViewer(likely = true): void {
  useEffect(() => {
    if (!likely) return;
    const warm = () => void preloadViewer().then(({ warmUp }) => warmUp(), () => undefined);
    if (typeof requestIdleCallback !== "function") {
      const timer = setTimeout(warm, IDLE_TIMEOUT_MS);
      return () => clearTimeout(timer);
    }
    const handle = requestIdleCallback(warm, { timeout: IDLE_TIMEOUT_MS });
    return () => cancelIdleCallback(handle);
  }, [likely]);
}
