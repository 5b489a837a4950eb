/**
 * What in a study is no picture to be scrolled: by SOP class (PS3.4 B.5), and for videos by transfer syntax (PS3.5 A.4.5 and on). Each
 * is shown as a document of its own; what we cannot show is named and can be downloaded.
 */
import type { Manifest, ManifestInstance, ManifestSeries, Stack } from "../stack";

export type DocumentKind = "pdf" | "report" | "keys" | "waveform" | "video" | "other";

const STORAGE = "1.2.840.10008.5.1.4.1.1.";
const PDF = `${STORAGE}104.1`;
const KEY_OBJECTS = `${STORAGE}88.59`;
const VIDEO_SYNTAX = /^1\.2\.840\.10008\.1\.2\.4\.10[0-8](\.1)?$/;
const NOT_PICTURES = new Set(["SR", "PR", "KO", "DOC", "AU", "ECG", "HD", "RTSTRUCT", "RTPLAN", "REG", "FID", "SEG"]);

/** Names of the other kinds, by the part of the UID after the root of storage classes: viewer.document.class.<name>. */
const CLASS_NAMES: readonly [RegExp, string][] = [
  [/^104\.2$/, "cda"],
  [/^104\.[345]$/, "model"],
  [/^11\./, "presentation"],
  [/^66$|^66\.[1235]/, "registration"],
  [/^66\.4$|^66\.[78]/, "segmentation"],
  [/^481\./, "radiotherapy"],
  [/^9\./, "sound"],
];

/** Null for a picture. */
export function documentKind(series: Pick<ManifestSeries, "modality">, instance: ManifestInstance): DocumentKind | null {
  const sopClass = instance.sop_class ?? "";
  if (sopClass === PDF) return "pdf";
  if (sopClass === KEY_OBJECTS) return "keys";
  if (sopClass.startsWith(`${STORAGE}88.`)) return "report";
  if (sopClass.startsWith(`${STORAGE}9.`)) return "waveform";
  if (VIDEO_SYNTAX.test(instance.transfer_syntax ?? "")) return "video";
  const pictures = instance.rows == null ? instance.frames > 0 : instance.rows > 0;
  return pictures && !NOT_PICTURES.has(series.modality) ? null : "other";
}

/** Name of a class in the catalogues, or null when we know none. */
export function className(sopClass: string | undefined): string | null {
  if (sopClass?.startsWith(STORAGE) !== true) return null;
  const rest = sopClass.slice(STORAGE.length);
  return CLASS_NAMES.find(([pattern]) => pattern.test(rest))?.[1] ?? null;
}

/** The documents of a study, each as a stack of one so that panes and thumbnails treat all alike. */
export function documentsOfStudy(manifest: Manifest): Stack[] {
  return [...manifest.series]
    .sort((a, b) => (a.number ?? Number.MAX_SAFE_INTEGER) - (b.number ?? Number.MAX_SAFE_INTEGER))
    .flatMap((series) =>
      series.instances
        .filter((instance) => documentKind(series, instance) !== null)
        .map((instance): Stack => ({ series, frames: [{ instance, frame: 1 }], cine: false, part: 0 })),
    );
}
