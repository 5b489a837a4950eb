// A DICOM file with pseudonyms in the place of the patient. Bytes that need no change are taken over as they are: pixel data, and
// every value whose action is "keep". Sequences are written anew with undefined lengths, so that nothing has to be counted.
import dicomParser, { type DataSet, type Element } from "dicom-parser";
import { implementationUid } from "../document/elements";
import { decodeText, inflater } from "../header";
import { actionOf, isText } from "./rules";
import { type Pseudonyms, shiftDate } from "./pseudonyms";
import { vrOf } from "./vr";

export class NotChangeable extends Error {}

const explicitLittle = "1.2.840.10008.1.2.1";
const implicitLittle = "1.2.840.10008.1.2";
const explicitBig = "1.2.840.10008.1.2.2";
const deflated = "1.2.840.10008.1.2.1.99";
const undefinedLength = 0xffffffff;
const longVrs = new Set(["OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"]);
const maxDepth = 16;
const maxBytes = 1024 ** 3;

interface Patient {
  number: string;
  shift: number;
}
interface Target {
  pseudonyms: Pseudonyms;
  patient: Patient;
  explicit: boolean;
  little: boolean;
}
type Piece = Uint8Array<ArrayBuffer>;
interface Written {
  tag: string;
  pieces: Piece[];
}

const ascii = new TextEncoder();

/** Group and element, VR where it is written, and length (PS3.5 7.1). */
function elementHead(tag: string, vr: string, length: number, explicit: boolean, little: boolean): Piece {
  const long = explicit && longVrs.has(vr);
  const bytes = new Uint8Array(long ? 12 : 8);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, Number.parseInt(tag.slice(1, 5), 16), little);
  view.setUint16(2, Number.parseInt(tag.slice(5, 9), 16), little);
  if (!explicit) view.setUint32(4, length, little);
  else {
    bytes.set(ascii.encode(vr), 4);
    if (long) view.setUint32(8, length, little);
    else view.setUint16(6, length, little);
  }
  return bytes;
}

/** Item, end of item, end of sequence: never with a VR. */
function delimiter(tag: string, length: number, little: boolean): Piece {
  return elementHead(tag, "", length, false, little);
}

function textElement(tag: string, vr: string, text: string, target: { explicit: boolean; little: boolean }): Piece[] {
  const padded = text.length % 2 === 0 ? text : `${text}${vr === "UI" ? "\0" : " "}`;
  const value = ascii.encode(padded) as Piece;
  return [elementHead(tag, vr, value.length, target.explicit, target.little), value];
}

const valueOf = (set: DataSet, element: Element): Piece => set.byteArray.subarray(element.dataOffset, element.dataOffset + element.length) as Piece;

function textOf(set: DataSet, element: Element): string {
  return new TextDecoder("latin1").decode(valueOf(set, element)).replace(/[\0 ]+$/, "");
}

async function eachValue(text: string, change: (value: string) => string | Promise<string>): Promise<string> {
  return (await Promise.all(text.split("\\").map((one) => change(one.trim())))).join("\\");
}

function moved(vr: string, text: string, days: number): string {
  if (days === 0 || text === "") return text;
  if (text.includes("-") && !/^\d{14}(\.\d+)?-\d{4}$/.test(text)) return ""; // a range
  return vr === "DT" ? shiftDate(text.slice(0, 8), days) + (text.length > 8 ? text.slice(8) : "") : shiftDate(text, days);
}

async function sequence(tag: string, element: Element, target: Target, depth: number): Promise<Piece[]> {
  if (depth >= maxDepth) throw new NotChangeable();
  const items = element.items ?? [];
  if (items.length === 0) return [elementHead(tag, "SQ", 0, target.explicit, target.little)];
  const pieces: Piece[] = [elementHead(tag, "SQ", undefinedLength, target.explicit, target.little)];
  for (const item of items) {
    if (!item.dataSet) throw new NotChangeable(); // fragments in a sequence: no attribute of an image has them
    pieces.push(delimiter("xfffee000", undefinedLength, target.little));
    for (const written of await rewritten(item.dataSet, target, depth + 1)) pieces.push(...written.pieces);
    pieces.push(delimiter("xfffee00d", 0, target.little));
  }
  pieces.push(delimiter("xfffee0dd", 0, target.little));
  return pieces;
}

function pixels(set: DataSet, tag: string, element: Element, vr: string, target: Target): Piece[] {
  const value = valueOf(set, element);
  const pieces = [elementHead(tag, vr, element.hadUndefinedLength ? undefinedLength : element.length, target.explicit, target.little), value];
  const end = value.subarray(-8);
  const closed = end.length === 8 && end[0] === 0xfe && end[1] === 0xff && end[2] === 0xdd && end[3] === 0xe0;
  if (element.hadUndefinedLength && !closed) pieces.push(delimiter("xfffee0dd", 0, target.little));
  return pieces;
}

async function changed(set: DataSet, tag: string, element: Element, target: Target, depth: number): Promise<Piece[] | null> {
  const vr = target.explicit ? element.vr : vrOf(tag);
  const action = actionOf(tag, vr);
  const { patient, pseudonyms } = target;
  if (action === "remove") return null;
  if (action === "name") return textElement(tag, "PN", patient.number, target);
  if (action === "id") return textElement(tag, "LO", patient.number, target);
  if (element.items) return sequence(tag, element, target, depth);
  if (element.fragments || element.hadUndefinedLength) {
    if (tag !== "x7fe00010") throw new NotChangeable();
    return pixels(set, tag, element, vr ?? "OB", target);
  }
  if (action === "empty") return textElement(tag, vr ?? "LO", "", target);
  if (action === "uid") return textElement(tag, "UI", await eachValue(textOf(set, element), (uid) => pseudonyms.uid(uid)), target);
  if (action === "date" && patient.shift !== 0) return textElement(tag, vr!, await eachValue(textOf(set, element), (text) => moved(vr!, text, patient.shift)), target);
  return [elementHead(tag, vr ?? "", element.length, target.explicit, target.little), valueOf(set, element)];
}

async function rewritten(set: DataSet, target: Target, depth: number): Promise<Written[]> {
  checkOrder(set);
  const all: Written[] = [];
  for (const [tag, element] of Object.entries(set.elements)) {
    if (tag.startsWith("x0002") || tag.startsWith("xfffe")) continue;
    const pieces = await changed(set, tag, element, target, depth);
    if (pieces !== null) all.push({ tag, pieces });
  }
  return all;
}

/** The file meta information, without what names the sender (PS3.10 7.1). */
function meta(set: DataSet, sopUid: string, syntax: string, implementation: string): Piece[] {
  const plain = { explicit: true, little: true };
  const rest: Piece[] = [
    elementHead("x00020001", "OB", 2, true, true), Uint8Array.of(0, 1),
    ...textElement("x00020002", "UI", set.string("x00080016") ?? "", plain),
    ...textElement("x00020003", "UI", sopUid, plain),
    ...textElement("x00020010", "UI", syntax, plain),
    ...textElement("x00020012", "UI", implementation, plain),
  ];
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, rest.reduce((sum, piece) => sum + piece.length, 0), true);
  return [new Uint8Array(128), ascii.encode("DICM") as Piece, elementHead("x00020000", "UL", 4, true, true), length, ...rest];
}

const offsetTable = "x7fe00001";

/** dicom-parser takes values of VR OV for short ones, and so would read the extended offset table (PS3.3 C.7.6.3.1.8) as attributes. */
function parseOffsetTables(set: DataSet): void {
  const bytes = set.byteArray as Piece;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = set.elements[offsetTable]!.dataOffset - 8; // read as a short one
  delete set.elements[offsetTable];
  while (at + 12 <= bytes.length && view.getUint16(at, true) === 0x7fe0 && view.getUint16(at + 2, true) < 0x10) {
    const length = view.getUint32(at + 8, true);
    const tag = `x7fe0${view.getUint16(at + 2, true).toString(16).padStart(4, "0")}`;
    set.elements[tag] = { tag, vr: "OV", length, dataOffset: at + 12 } as Element;
    at += 12 + length;
  }
  const stream = new dicomParser.ByteStream(dicomParser.littleEndianByteArrayParser, bytes, Math.min(at, bytes.length));
  dicomParser.parseDicomDataSetExplicit(set as never, stream as never, bytes.length as never);
}

function parse(bytes: Uint8Array<ArrayBuffer>): DataSet {
  const set = dicomParser.parseDicom(bytes, { inflater, untilTag: offsetTable } as never);
  if (set.elements[offsetTable]) parseOffsetTables(set);
  return set;
}

/** A parser that lost its way finds attributes that do not rise. */
function checkOrder(set: DataSet): void {
  const places = Object.entries(set.elements).filter(([tag]) => !tag.startsWith("x0002")).map(([tag, element]) => [element.dataOffset, tag] as const);
  places.sort(([a], [b]) => a - b);
  if (places.some(([, tag], index) => index > 0 && tag <= places[index - 1]![1])) throw new NotChangeable();
}

/** Throws NotChangeable where it cannot be sure that all is replaced. */
export async function pseudonymise(file: Blob, pseudonyms: Pseudonyms): Promise<Blob> {
  if (file.size > maxBytes) throw new NotChangeable();
  const bytes = new Uint8Array(await file.arrayBuffer());
  const header = dicomParser.readPart10Header(bytes); // on its own: in a deflated file its values lie in other bytes than the rest
  const set = parse(bytes);
  const syntax = header.string("x00020010") ?? implicitLittle;
  if (isText(set.string("x00080016") ?? "")) throw new NotChangeable();
  // as the page reads them: the key table is made of what it shows
  const charset = set.string("x00080005")?.trim() ?? "";
  const [id, name] = ["x00100020", "x00100010"].map((tag) => { const element = set.elements[tag]; return element ? decodeText(valueOf(set, element), charset) : ""; });
  const target: Target = {
    pseudonyms,
    patient: { number: await pseudonyms.patient(id!, name!), shift: await pseudonyms.shift(id!, name!) },
    explicit: syntax !== implicitLittle,
    little: syntax !== explicitBig,
  };
  const all = await rewritten(set, target, 0);
  const add = (tag: string, vr: string, text: string) => all.push({ tag, pieces: textElement(tag, vr, text, target) });
  for (const [tag, vr, text] of [["x00100010", "PN", target.patient.number], ["x00100020", "LO", target.patient.number]] as const) {
    if (!set.elements[tag]) add(tag, vr, text);
  }
  add("x00120062", "CS", "YES");
  add("x00120063", "LO", "Consilium: header, not pixels; PS3.15 E.1-1");
  const old = all.findIndex((one) => one.tag === "x00280303");
  if (old >= 0) all.splice(old, 1);
  add("x00280303", "CS", target.patient.shift === 0 ? "UNMODIFIED" : "MODIFIED");
  all.sort((a, b) => (a.tag < b.tag ? -1 : 1));
  const sopUid = await pseudonyms.uid(set.string("x00080018") ?? "");
  return new Blob([...meta(set, sopUid, syntax === deflated ? explicitLittle : syntax, header.string("x00020012") ?? implementationUid), ...all.flatMap((one) => one.pieces)], { type: "application/dicom" });
}
