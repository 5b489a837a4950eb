// Files → patients → studies → series, as the person checks them before sending.
import type { Header, HeaderResult } from "./header";

export type FileState = "ready" | "known" | "sending" | "stored" | "failed";

export interface UploadFile {
  path: string;
  blob: Blob;
  header: Header;
  state: FileState;
  /** Failure reason of the hub (DICOM status) or an error code of ours. */
  why?: string;
}
export interface SkippedFile {
  path: string;
  why: "not-dicom" | "directory" | "incomplete" | "duplicate" | "too-much" | "archive";
}

export interface SeriesGroup {
  uid: string;
  modality: string;
  number: string;
  description: string;
  files: UploadFile[];
}
export interface StudyGroup {
  uid: string;
  date: string;
  description: string;
  series: SeriesGroup[];
}
export interface PatientGroup {
  key: string;
  id: string;
  name: string;
  birthDate: string;
  sex: string;
  studies: StudyGroup[];
}

/** A list of files with one per SOP Instance UID: the same picture in two folders is sent once. */
export class FileSet {
  readonly files: UploadFile[] = [];
  readonly skipped: SkippedFile[] = [];
  private readonly seen = new Set<string>();

  add(found: { path: string; blob: Blob; result: HeaderResult }): void {
    if (!found.result.ok) {
      this.skipped.push({ path: found.path, why: found.result.why });
      return;
    }
    const { header } = found.result;
    if (this.seen.has(header.sopUid)) {
      this.skipped.push({ path: found.path, why: "duplicate" });
      return;
    }
    this.seen.add(header.sopUid);
    this.files.push({ path: found.path, blob: found.blob, header, state: "ready" });
  }
}

function inOrder<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) map.set(key, (value = make()));
  return value;
}

const byNumber = new Intl.Collator("en", { numeric: true }).compare;

export function groupFiles(files: readonly UploadFile[]): PatientGroup[] {
  const patients = new Map<string, PatientGroup>();
  const studies = new Map<string, StudyGroup>();
  const series = new Map<string, SeriesGroup>();
  for (const file of files) {
    const h = file.header;
    const patientKey = `${h.patientId}\n${h.patientName}`;
    const patient = inOrder(patients, patientKey, () => ({ key: patientKey, id: h.patientId, name: h.patientName, birthDate: h.birthDate, sex: h.sex, studies: [] }));
    const study = inOrder(studies, `${patientKey}\n${h.studyUid}`, () => {
      const made: StudyGroup = { uid: h.studyUid, date: h.studyDate, description: h.studyDescription, series: [] };
      patient.studies.push(made);
      return made;
    });
    const one = inOrder(series, `${patientKey}\n${h.studyUid}\n${h.seriesUid}`, () => {
      const made: SeriesGroup = { uid: h.seriesUid, modality: h.modality, number: h.seriesNumber, description: h.seriesDescription, files: [] };
      study.series.push(made);
      return made;
    });
    one.files.push(file);
  }
  for (const study of studies.values()) study.series.sort((a, b) => byNumber(a.number, b.number));
  return [...patients.values()];
}

/** One study with two patients' names is a mistake somewhere; it is shown before it is sent. */
export function mixedStudies(patients: readonly PatientGroup[]): string[] {
  const owners = new Map<string, number>();
  for (const patient of patients) for (const study of patient.studies) owners.set(study.uid, (owners.get(study.uid) ?? 0) + 1);
  return [...owners].filter(([, count]) => count > 1).map(([uid]) => uid);
}

/** 王^小明=… or WANG^XIAOMING: the best group, readable. */
export function headerName(name: string): string {
  const [alphabetic = "", ideographic = ""] = name.split("=");
  return ideographic ? ideographic.replaceAll("^", "").trim() : alphabetic.split("^").filter(Boolean).join(" ").trim();
}

/** 20260131 → 2026-01-31; anything else stays as it is. */
export function headerDate(date: string): string {
  return /^\d{8}$/.test(date) ? `${date.slice(0, 4)}-${date.slice(4, 6)}-${date.slice(6)}` : date;
}

export function totalSize(files: readonly UploadFile[]): number {
  return files.reduce((sum, file) => sum + file.blob.size, 0);
}
