// What the page shows before anything is sent: patient, study and series of a DICOM file, read from its first bytes.
import dicomParser, { type DataSet } from "dicom-parser";
import { inflateSync } from "fflate";
import type { Source } from "./source";

export interface Header {
  patientId: string;
  patientName: string;
  birthDate: string;
  sex: string;
  studyUid: string;
  studyDate: string;
  studyDescription: string;
  seriesUid: string;
  seriesNumber: string;
  seriesDescription: string;
  modality: string;
  sopUid: string;
}

export type HeaderFault = "not-dicom" | "directory" | "incomplete" | "document" | "heic" | "empty";
export type HeaderResult = { ok: true; header: Header } | { ok: false; why: HeaderFault };

/** Enough for nearly all files; read again with more when the header is longer. */
const firstBytes = 64 * 1024;
const mostBytes = 8 * 1024 * 1024;
const pixelData = "x7fe00010";
const directoryClass = /1\.2\.840\.10008\.1\.3\.10[^0-9.]/;
const deflated = "1.2.840.10008.1.2.1.99";

const decoders: Record<string, string> = {
  "": "latin1", "ISO_IR 6": "latin1", "ISO_IR 100": "latin1", "ISO_IR 101": "iso-8859-2", "ISO_IR 144": "iso-8859-5",
  "ISO_IR 127": "iso-8859-6", "ISO_IR 126": "iso-8859-7", "ISO_IR 138": "iso-8859-8", "ISO_IR 166": "windows-874",
  "ISO_IR 13": "shift_jis", "ISO_IR 192": "utf-8", GB18030: "gb18030", GBK: "gbk", "ISO 2022 IR 58": "gb18030",
  "ISO 2022 IR 87": "iso-2022-jp", "ISO 2022 IR 149": "euc-kr",
};

/** Text of a text value in the file's character set; GB 2312 and KS X 1001 escapes only switch the upper half on. */
export function decodeText(bytes: Uint8Array, charset: string): string {
  const sets = charset.split("\\").map((s) => s.trim());
  const label = sets.map((s) => decoders[s]).filter((s) => s !== undefined && s !== "latin1")[0] ?? "latin1";
  const plain: number[] = [];
  for (let i = 0; i < bytes.length; i++) {
    const escape = bytes[i] === 0x1b && label !== "iso-2022-jp";
    if (escape) i += bytes[i + 1] === 0x24 && bytes[i + 2] === 0x29 ? 3 : 2; // ESC $ ) F  or  ESC ( F
    else plain.push(bytes[i]!);
  }
  return new TextDecoder(label).decode(Uint8Array.from(plain)).replace(/\0/g, "").trim();
}

function headerOf(set: DataSet): HeaderResult {
  const ascii = (tag: string) => set.string(tag)?.trim() ?? "";
  const charset = ascii("x00080005");
  const text = (tag: string) => {
    const element = set.elements[tag];
    if (element === undefined || element.length <= 0) return "";
    return decodeText(set.byteArray.subarray(element.dataOffset, element.dataOffset + element.length) as Uint8Array, charset);
  };
  const header: Header = {
    patientId: text("x00100020"),
    patientName: text("x00100010"),
    birthDate: ascii("x00100030"),
    sex: ascii("x00100040"),
    studyUid: ascii("x0020000d"),
    studyDate: ascii("x00080020"),
    studyDescription: text("x00081030"),
    seriesUid: ascii("x0020000e"),
    seriesNumber: ascii("x00200011"),
    seriesDescription: text("x0008103e"),
    modality: ascii("x00080060"),
    sopUid: ascii("x00080018"),
  };
  if (!header.studyUid || !header.seriesUid || !header.sopUid) return { ok: false, why: "incomplete" };
  return { ok: true, header };
}

/** For dicom-parser: the data set of a deflated file (PS3.5 A.5). It reads what it is given from the start, so the header is left out. */
export function inflater(all: Uint8Array, position: number): Uint8Array {
  return inflateSync(all.subarray(position));
}

function parse(bytes: Uint8Array): HeaderResult | null {
  try {
    return headerOf(dicomParser.parseDicom(bytes, { untilTag: pixelData, inflater } as never));
  } catch (error) {
    // dicom-parser hands over what it had read when the bytes ran out
    const partial = (error as { dataSet?: DataSet } | undefined)?.dataSet;
    const result = partial ? headerOf(partial) : null;
    return result?.ok ? result : null;
  }
}

/** Photos and documents are no mistake of the person: they are told where these can be sent. */
function faultOf(bytes: Uint8Array): HeaderFault {
  const start = String.fromCharCode(...bytes.subarray(0, 12));
  if (bytes.length === 0) return "empty";
  if (start.startsWith("\xff\xd8\xff") || start.startsWith("\x89PNG") || start.startsWith("%PDF-")) return "document";
  return /^....ftyp(heic|heix|hevc|mif1|msf1)/s.test(start) ? "heic" : "not-dicom";
}

export async function readHeader(source: Source): Promise<HeaderResult> {
  let bytes = await source.head(firstBytes);
  const magic = String.fromCharCode(...bytes.subarray(128, 132));
  if (magic !== "DICM") return { ok: false, why: faultOf(bytes) };
  const start = new TextDecoder("latin1").decode(bytes.subarray(132, 1024));
  if (directoryClass.test(start)) return { ok: false, why: "directory" };
  for (let wanted = start.includes(deflated) ? source.size : firstBytes; ; wanted *= 8) {
    if (wanted > firstBytes) bytes = await source.head(wanted);
    const result = parse(bytes);
    if (result !== null) return result;
    if (wanted >= source.size || wanted >= mostBytes) return { ok: false, why: "incomplete" };
  }
}
