// Photos become Secondary Capture images (PS3.3 A.8.1), PDF files Encapsulated PDF (PS3.3 A.45.1), of a patient and study that the
// person chose. They are made here, not in the hub: the browser's own decoder looks at what a stranger's file holds, and what goes out
// is an ordinary DICOM object that every check of the ingest sees and that a lost line does not lose.
import type { Patient, Study } from "../../../api/queries";
import { type DataElements, dicomFile, newUid } from "./elements";
import { maxBytes, NotPicture, type Picture, readPicture } from "./picture";

const secondaryCapture = "1.2.840.10008.5.1.4.1.1.7";
const encapsulatedPdf = "1.2.840.10008.5.1.4.1.1.104.1";
const explicitLittle = "1.2.840.10008.1.2.1";
const jpegBaseline = "1.2.840.10008.1.2.4.50";

/** The study that documents go to: one that is there, or a new one. */
export interface DocumentStudy {
  patient: Patient;
  study: Study | null;
  studyUid: string;
  /** One series holds one kind of object. */
  pictures: string;
  papers: string;
  title: string;
  now: Date;
}

export function newStudy(patient: Patient, study: Study | null, title: string): DocumentStudy {
  return { patient, study, studyUid: study?.study_uid ?? newUid(), pictures: newUid(), papers: newUid(), title: title.trim(), now: new Date() };
}

const two = (n: number) => String(n).padStart(2, "0");
const dateOf = (now: Date) => `${now.getFullYear()}${two(now.getMonth() + 1)}${two(now.getDate())}`;
const timeOf = (now: Date) => `${two(now.getHours())}${two(now.getMinutes())}${two(now.getSeconds())}`;

function nameOf({ name }: Patient): string {
  return [name.alphabetic, name.ideographic, name.phonetic].join("=").replace(/=+$/, "");
}

/** (64 letters at most in a LO value, and no backslash, which parts values.) */
const shortText = (text: string) => text.replaceAll("\\", "/").slice(0, 64);

function common(to: DocumentStudy, number: number, modality: string): DataElements {
  const { patient, study, now } = to;
  return {
    "00080005": ["CS", "ISO_IR 192"],
    "00080018": ["UI", newUid()],
    "00080020": ["DA", study ? (study.study_date ?? "").replaceAll("-", "") : dateOf(now)],
    "00080023": ["DA", dateOf(now)],
    "00080030": ["TM", study ? (study.study_time ?? "").replaceAll(":", "") : timeOf(now)],
    "00080033": ["TM", timeOf(now)],
    "00080050": ["SH", study?.accession ?? ""],
    "00080060": ["CS", modality],
    "00080064": ["CS", "WSD"],
    "00080070": ["LO", ""],
    "00080090": ["PN", ""],
    ...(study ? (study.description ? { "00081030": ["LO", shortText(study.description)] as const } : {}) : to.title ? { "00081030": ["LO", shortText(to.title)] as const } : {}),
    ...(to.title ? { "0008103e": ["LO", shortText(to.title)] as const } : {}),
    "00100010": ["PN", nameOf(patient)],
    "00100020": ["LO", patient.local_id.startsWith("study:") ? "" : patient.local_id],
    "00100030": ["DA", (patient.birth_date ?? "").replaceAll("-", "")],
    "00100040": ["CS", patient.sex],
    "0020000d": ["UI", to.studyUid],
    "0020000e": ["UI", modality === "DOC" ? to.papers : to.pictures],
    "00200010": ["SH", ""],
    "00200011": ["IS", modality === "DOC" ? "9001" : "9000"],
    "00200013": ["IS", String(number)],
  };
}

function pixelModule(picture: Picture): DataElements {
  const colour = picture.components === 3;
  return {
    "00280002": ["US", picture.components],
    "00280004": ["CS", !colour ? "MONOCHROME2" : picture.rgb ? "RGB" : "YBR_FULL_422"],
    ...(colour ? { "00280006": ["US", 0] as const } : {}),
    "00280010": ["US", picture.height],
    "00280011": ["US", picture.width],
    "00280100": ["US", 8],
    "00280101": ["US", 8],
    "00280102": ["US", 7],
    "00280103": ["US", 0],
    "00280301": ["CS", "YES"], // nobody has looked whether a name can be read in it
    ...(picture.kind === "jpeg"
      ? {
          "00282110": ["CS", "01"] as const,
          "00282112": ["DS", picture.ratio.toFixed(2)] as const,
          "00282114": ["CS", "ISO_10918_1"] as const,
          "7fe00010": ["OB", [picture.data]] as const,
        }
      : { "00282110": ["CS", "00"] as const, "7fe00010": ["OB", picture.data] as const }),
  };
}

export function pictureObject(picture: Picture, to: DocumentStudy, number: number): Blob {
  const all: DataElements = {
    ...common(to, number, "XC"),
    "00080008": ["CS", "ORIGINAL\\PRIMARY"],
    "00080016": ["UI", secondaryCapture],
    "00200020": ["CS", ""],
    "00200060": ["CS", ""],
    ...pixelModule(picture),
  };
  return dicomFile(all, picture.kind === "jpeg" ? jpegBaseline : explicitLittle);
}

export function pdfObject(pdf: Blob, to: DocumentStudy, number: number): Blob {
  const all: DataElements = {
    ...common(to, number, "DOC"),
    "00080016": ["UI", encapsulatedPdf],
    "0008002a": ["DT", `${dateOf(to.now)}${timeOf(to.now)}`],
    "00280301": ["CS", "YES"],
    "00420010": ["ST", to.title],
    "0040a043": ["SQ", []],
    "00420011": ["OB", pdf],
    "00420012": ["LO", "application/pdf"],
    "00420015": ["UL", pdf.size],
  };
  return dicomFile(all, explicitLittle);
}

/** One file as a DICOM object. Throws NotPicture. */
export async function documentObject(file: Blob, to: DocumentStudy, number: number): Promise<Blob> {
  const start = new TextDecoder("latin1").decode(await file.slice(0, 1024).arrayBuffer());
  if (!start.includes("%PDF-")) return pictureObject(await readPicture(file), to, number);
  if (file.size > maxBytes) throw new NotPicture("too-large");
  return pdfObject(file, to, number);
}
