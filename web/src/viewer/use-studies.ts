/** The studies whose images are open in the viewer: the one of the page, and those that were put beside it. */
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import type { Schemas } from "../api/client";
import { documentsOfStudy } from "./documents/kinds";
import { MeasurementStore } from "./measure/store";
import { StudySource } from "./source";
import { stacksOfStudy, type Stack } from "./stack";

export interface OpenStudy {
  id: string;
  manifest: Schemas["Manifest"];
  study: Schemas["Study"] | undefined;
  source: StudySource;
  stacks: readonly Stack[];
  /** Reports, PDFs, ECGs, videos and what else is no stack of pictures. */
  documents: readonly Stack[];
  /** What is drawn on its images. */
  store: MeasurementStore;
}

function opened(manifest: Schemas["Manifest"], study: Schemas["Study"] | undefined): OpenStudy {
  const source = new StudySource(manifest);
  return {
    id: manifest.study,
    manifest,
    study,
    source,
    stacks: stacksOfStudy(manifest),
    documents: documentsOfStudy(manifest),
    store: new MeasurementStore(manifest.study),
  };
}

/** Holds the source of each open study until the viewer is left. The first one is the page's. */
export function useStudies(manifest: Schemas["Manifest"], study: Schemas["Study"] | undefined) {
  const [studies, setStudies] = useState<readonly OpenStudy[]>([]);
  const held = useRef<OpenStudy[]>([]);

  useEffect(() => {
    held.current = [opened(manifest, undefined)];
    setStudies(held.current);
    return () => {
      for (const one of held.current) {
        one.source.dispose();
        one.store.dispose();
      }
      held.current = [];
    };
    // A manifest that was read again describes the same images; new ones are seen when the page is opened anew.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [manifest.study]);

  const add = useCallback((prior: Schemas["Manifest"], about: Schemas["Study"]): OpenStudy => {
    const known = held.current.find((one) => one.id === prior.study);
    if (known !== undefined) return known;
    const made = opened(prior, about);
    held.current = [...held.current, made];
    setStudies(held.current);
    return made;
  }, []);

  // What is known of the page's study comes later than its images.
  const list = useMemo(() => studies.map((one, at) => (at === 0 ? { ...one, study } : one)), [studies, study]);
  return { studies: list, add };
}
