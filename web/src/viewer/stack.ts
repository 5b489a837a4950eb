/**
 * From the manifest to stacks of frames: which images a series has, in which order, and where the bytes of each are. Knows no pixels.
 */
import { documentKind } from "./documents/kinds";

export interface ManifestInstance {
  sop_uid: string;
  sop_class?: string;
  number?: number | null;
  frames: number;
  rows?: number | null;
  columns?: number | null;
  transfer_syntax?: string;
}
export interface ManifestSeries {
  series_uid: string;
  modality: string;
  number?: number | null;
  description?: string;
  instances: ManifestInstance[];
}
export interface Manifest {
  study: string;
  study_uid: string;
  dicomweb: string;
  series: ManifestSeries[];
}

/** One picture: a frame of an instance. `frame` counts from 1, as in WADO-RS. */
export interface FrameRef {
  instance: ManifestInstance;
  frame: number;
}

export interface Stack {
  series: ManifestSeries;
  frames: FrameRef[];
  /** The stack is one multi-frame instance, which may be played as cine. */
  cine: boolean;
  /** Which multi-frame instance of its series this is, from 1; 0 when the stack is the whole series. */
  part: number;
}

/** Instances by number; those without one keep the place that the server gave them, at the end. */
function inOrder(instances: readonly ManifestInstance[]): ManifestInstance[] {
  const place = (one: ManifestInstance) => one.number ?? Number.MAX_SAFE_INTEGER;
  return instances
    .map((instance, index) => ({ instance, index }))
    .sort((a, b) => place(a.instance) - place(b.instance) || a.index - b.index)
    .map(({ instance }) => instance);
}

function framesOf(instance: ManifestInstance): FrameRef[] {
  return Array.from({ length: Math.max(1, instance.frames) }, (_, index) => ({ instance, frame: index + 1 }));
}

/** The stacks of one series: its single-frame images together, and each multi-frame image by itself. */
function stacksOf(series: ManifestSeries): Stack[] {
  const pictures = inOrder(series.instances).filter((one) => documentKind(series, one) === null);
  const single = pictures.filter((one) => one.frames <= 1);
  const multi = pictures.filter((one) => one.frames > 1);
  const stacks: Stack[] = [];
  if (single.length > 0) stacks.push({ series, frames: single.flatMap(framesOf), cine: false, part: 0 });
  multi.forEach((instance, index) => {
    stacks.push({ series, frames: framesOf(instance), cine: true, part: pictures.length > 1 ? index + 1 : 0 });
  });
  return stacks;
}

export function stacksOfStudy(manifest: Manifest): Stack[] {
  return [...manifest.series]
    .sort((a, b) => (a.number ?? Number.MAX_SAFE_INTEGER) - (b.number ?? Number.MAX_SAFE_INTEGER))
    .flatMap(stacksOf);
}

/** Where to start: the middle of a volume (a doctor looks for the organ, not for the first slice), the first frame of a loop. */
export function firstIndex(stack: Stack): number {
  return stack.cine ? 0 : Math.floor(stack.frames.length / 2);
}

export function seriesUrl(manifest: Manifest, series: ManifestSeries): string {
  return `${manifest.dicomweb}/series/${series.series_uid}`;
}

export function instanceUrl(manifest: Manifest, series: ManifestSeries, instance: ManifestInstance): string {
  return `${seriesUrl(manifest, series)}/instances/${instance.sop_uid}`;
}

export function frameUrl(manifest: Manifest, series: ManifestSeries, ref: FrameRef): string {
  return `${instanceUrl(manifest, series, ref.instance)}/frames/${ref.frame}`;
}

export function thumbnailUrl(manifest: Manifest, stack: Stack): string {
  const ref = stack.frames[firstIndex(stack)]!;
  return `${instanceUrl(manifest, stack.series, ref.instance)}/thumbnail`;
}
