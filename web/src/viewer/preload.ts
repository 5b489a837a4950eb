/** Fetches the viewer's code, and what it reads first, before they are needed: where a click on "open images" is likely. */
import { useQueryClient, type QueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { api, take } from "../api/client";

type ViewerModule = typeof import("./Viewer");
let loaded: ViewerModule | null = null;

export async function preloadViewer(): Promise<ViewerModule> {
  loaded ??= await import("./Viewer");
  return loaded;
}

/**
 * The viewer, or null while its code is on the way. Not React's lazy(): that shows its fallback for 300 ms even when the code is there.
 * Throws into the route's error page when the code cannot be had.
 */
export function useViewerCode(): ViewerModule["default"] | null {
  const [viewer, setViewer] = useState<ViewerModule["default"] | null>(() => loaded?.default ?? null);
  const [error, setError] = useState<unknown>(null);
  useEffect(() => {
    let gone = false;
    preloadViewer().then((module) => gone || setViewer(() => module.default), (reason: unknown) => gone || setError(reason));
    return () => {
      gone = true;
    };
  }, []);
  if (error !== null) throw error;
  return viewer;
}

/** What is read of a study before its first image; the query keys follow the other screens'. */
export function studyQuery(id: string) {
  return { queryKey: ["study", id], queryFn: () => take(api.GET("/studies/{id}", { params: { path: { id } } })) };
}
export function manifestQuery(id: string) {
  return {
    queryKey: ["study", id, "manifest"],
    queryFn: () => take(api.GET("/studies/{id}/manifest", { params: { path: { id } } })),
    staleTime: 60_000,
  };
}

const IDLE_TIMEOUT_MS = 3_000;
const VIEWER_PATH = /^\/studies\/([0-9a-f-]{36})\/view$/;

/** The press of a button comes a tenth of a second before its click. (Pointing at a link is no reading: that would be in the audit.) */
function warmStudyOf(event: PointerEvent, queries: QueryClient): void {
  const link = event.target instanceof Element ? event.target.closest<HTMLAnchorElement>("a[href]") : null;
  const id = link === null || event.button !== 0 ? undefined : VIEWER_PATH.exec(new URL(link.href).pathname)?.[1];
  if (id === undefined) return;
  void queries.prefetchQuery(manifestQuery(id));
  void queries.prefetchQuery(studyQuery(id));
}

/** When the page has nothing else to do, gets the viewer and starts its engine: the first image then comes at once. */
export function useWarmViewer(likely = true): void {
  const queries = useQueryClient();
  useEffect(() => {
    if (!likely) return;
    const warm = () => void Promise.all([preloadViewer(), import("./page")]).then(([{ warmUp }]) => warmUp(), () => undefined);
    const idle = typeof requestIdleCallback === "function";
    const handle = idle ? requestIdleCallback(warm, { timeout: IDLE_TIMEOUT_MS }) : Number(setTimeout(warm, IDLE_TIMEOUT_MS));
    const onPress = (event: PointerEvent) => warmStudyOf(event, queries);
    document.addEventListener("pointerdown", onPress, { capture: true });
    return () => {
      if (idle) cancelIdleCallback(handle);
      else clearTimeout(handle);
      document.removeEventListener("pointerdown", onPress, { capture: true });
    };
  }, [likely, queries]);
}
