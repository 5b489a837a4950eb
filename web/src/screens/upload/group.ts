// Files → patients → studies → series, as the person checks them before sending.
import type { Header } from "./header";
import type { ReadFile, SkipReason } from "./reader";

/** known: an image with its UID was there before, not compared; same: sent all the same, and the hub found it equal. */
export type FileState = "ready" | "known" | "sending" | "stored" | "same" | "failed";

export interface UploadFile {
  /** Number of the file in the reader. */
  id: number;
  path: string;
  size: number;
  header: Header;
  /** SOP Instance UID as it goes out: another than the header's when pseudonyms are on. */
  sentUid: string;
  state: FileState;
  /** Bytes of it on their way. */
  sent: number;
  /** Failure reason of the hub (DICOM status) or an error code of ours. */
  why?: string;
  /** What was known before is sent all the same, for the hub to compare. */
  compare?: boolean;
  /** How often the hub's answer left it out. */
  tries?: number;
}
export interface SkippedFile {
  path: string;
  why: SkipReason;
}

export interface SeriesGroup {
  key: string;
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

  add({ id, path, size, result }: ReadFile): void {
    if (!result.ok) this.skipped.push({ path, why: result.why });
    else this.files.push({ id, path, size, header: result.header, sentUid: result.header.sopUid, state: "ready", sent: 0 });
  }
}

function inOrder<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) map.set(key, (value = make()));
  return value;
}

const byNumber = new Intl.Collator("en", { numeric: true }).compare;

export function patientKey(header: Header): string {
  return `${header.patientId}\n${header.patientName}`;
}

/** Names a series of a patient; the same after a reload. */
export function seriesKey(header: Header): string {
  return `${patientKey(header)}\n${header.studyUid}\n${header.seriesUid}`;
}

export function groupFiles(files: readonly UploadFile[]): PatientGroup[] {
  const patients = new Map<string, PatientGroup>();
  const studies = new Map<string, StudyGroup>();
  const series = new Map<string, SeriesGroup>();
  for (const file of files) {
    const h = file.header;
    const owner = patientKey(h);
    const patient = inOrder(patients, owner, () => ({ key: owner, id: h.patientId, name: h.patientName, birthDate: h.birthDate, sex: h.sex, studies: [] }));
    const study = inOrder(studies, `${owner}\n${h.studyUid}`, () => {
      const made: StudyGroup = { uid: h.studyUid, date: h.studyDate, description: h.studyDescription, series: [] };
      patient.studies.push(made);
      return made;
    });
    const key = seriesKey(h);
    const one = inOrder(series, key, () => {
      const made: SeriesGroup = { key, uid: h.seriesUid, modality: h.modality, number: h.seriesNumber, description: h.seriesDescription, files: [] };
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
  return files.reduce((sum, file) => sum + file.size, 0);
}

/** Nothing more is to be done for it. */
export function isSettled(file: UploadFile): boolean {
  return file.state === "stored" || file.state === "known" || file.state === "same";
}

export function arrivedBytes(files: readonly UploadFile[]): number {
  return files.reduce((sum, file) => sum + (isSettled(file) ? file.size : file.sent), 0);
}
