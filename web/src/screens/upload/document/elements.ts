// Writes DICOM files in Explicit VR Little Endian (PS3.5 7.1.2, PS3.10 7.1): for the objects that are made on this page.
const longVrs = new Set(["OB", "OW", "SQ", "UN", "UT"]);
const utf8 = new TextEncoder();

export type Value = string | number | Uint8Array<ArrayBuffer> | Blob | DataElements[] | Blob[];
/** Tag as eight digits → VR and value. A list of Blobs is encapsulated pixel data: its frames. */
export type DataElements = Record<string, readonly [vr: string, value: Value]>;

function head(tag: string, vr: string, length: number): Uint8Array<ArrayBuffer> {
  const long = longVrs.has(vr);
  const bytes = new Uint8Array(vr !== "" && long ? 12 : 8);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, Number.parseInt(tag.slice(0, 4), 16), true);
  view.setUint16(2, Number.parseInt(tag.slice(4), 16), true);
  if (vr === "") view.setUint32(4, length, true);
  else {
    bytes.set(utf8.encode(vr), 4);
    if (long) view.setUint32(8, length, true);
    else view.setUint16(6, length, true);
  }
  return bytes;
}

function numberBytes(vr: string, value: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(vr === "US" ? 2 : 4);
  const view = new DataView(bytes.buffer);
  if (vr === "US") view.setUint16(0, value, true);
  else view.setUint32(0, value, true);
  return bytes;
}

/** Padded to an even length as its VR wants it. */
function textBytes(vr: string, text: string): Uint8Array<ArrayBuffer> {
  const bytes = utf8.encode(text) as Uint8Array<ArrayBuffer>;
  return bytes.length % 2 === 0 ? bytes : Uint8Array.from([...bytes, vr === "UI" ? 0 : 0x20]);
}

const undefinedLength = 0xffffffff;

function sequence(tag: string, items: DataElements[]): BlobPart[] {
  if (items.length === 0) return [head(tag, "SQ", 0)];
  return [
    head(tag, "SQ", undefinedLength),
    ...items.flatMap((item) => [head("fffee000", "", undefinedLength), ...elementsOf(item), head("fffee00d", "", 0)]),
    head("fffee0dd", "", 0),
  ];
}

function encapsulated(tag: string, frames: Blob[]): BlobPart[] {
  const parts: BlobPart[] = [head(tag, "OB", undefinedLength), head("fffee000", "", 0)]; // no offset table
  for (const frame of frames) parts.push(head("fffee000", "", frame.size + (frame.size % 2)), frame, new Uint8Array(frame.size % 2));
  return [...parts, head("fffee0dd", "", 0)];
}

function element(tag: string, vr: string, value: Value): BlobPart[] {
  if (Array.isArray(value)) return vr === "SQ" ? sequence(tag, value as DataElements[]) : encapsulated(tag, value as Blob[]);
  if (value instanceof Blob) return [head(tag, vr, value.size + (value.size % 2)), value, new Uint8Array(value.size % 2)];
  const bytes = typeof value === "string" ? textBytes(vr, value) : typeof value === "number" ? numberBytes(vr, value) : value;
  return [head(tag, vr, bytes.length), bytes];
}

function elementsOf(all: DataElements): BlobPart[] {
  return Object.keys(all).sort().flatMap((tag) => element(tag, ...all[tag]!));
}

/** Our implementation class UID, of the UUID b4ae5c00-efc5-4def-a7af-eb45452b461b. */
export const implementationUid = "2.25.240166364950558896860568283318772778523";

/** A Part 10 file; all must have (0008,0016) and (0008,0018). */
export function dicomFile(all: DataElements, transferSyntax: string): Blob {
  const meta = elementsOf({
    "00020001": ["OB", Uint8Array.of(0, 1)],
    "00020002": ["UI", all["00080016"]![1]],
    "00020003": ["UI", all["00080018"]![1]],
    "00020010": ["UI", transferSyntax],
    "00020012": ["UI", implementationUid],
    "00020013": ["SH", "CONSILIUM_WEB"],
  }) as Uint8Array[];
  const length = meta.reduce((sum, part) => sum + part.length, 0);
  return new Blob([new Uint8Array(128), "DICM", ...element("00020000", "UL", length), ...(meta as BlobPart[]), ...elementsOf(all)], { type: "application/dicom" });
}

/** A new UID of a random UUID (PS3.5 B.2). */
export function newUid(): string {
  return `2.25.${BigInt(`0x${crypto.randomUUID().replaceAll("-", "")}`)}`;
}
