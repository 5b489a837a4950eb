/**
 * Where in a DICOM file the video is: the fragments of its encapsulated pixel data (PS3.5 A.4, A.4.5 for MPEG) without the item tags. Only
 * the beginning of the file is read; the browser then plays the video from the hub by ranges, without the whole of it in memory.
 */
import { parseDicom } from "dicom-parser";

export interface VideoPlace {
  offset: number;
  length: number;
}

const PIXEL_DATA = "x7fe00010";
const ITEM = 0xe000fffe;
const UNDEFINED = 0xffffffff;

/** Null when the video is not one piece, or not within what was read. `head`: the first bytes of the file. */
export function videoPlace(head: Uint8Array): VideoPlace | null {
  let start: number | undefined;
  try {
    start = parseDicom(head, { untilTag: PIXEL_DATA }).elements[PIXEL_DATA]?.dataOffset;
  } catch (error) {
    // The parser reads on into a sequence whose end was not fetched; what it has found until then is with the error.
    const found = (error as { dataSet?: { elements: Record<string, { dataOffset: number } | undefined> } }).dataSet;
    start = found?.elements[PIXEL_DATA]?.dataOffset;
  }
  if (start === undefined) return null;
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const item = (at: number): number | null => (at + 8 <= head.length && view.getUint32(at, true) === ITEM ? view.getUint32(at + 4, true) : null);
  const table = item(start);
  if (table === null || table === UNDEFINED) return null;
  const first = start + 8 + table;
  const length = item(first);
  return length === null || length === UNDEFINED || length === 0 ? null : { offset: first + 8, length };
}

/** Media type of what is in there, for asking the browser whether it can play it. */
export function videoType(transferSyntax: string): string | null {
  const kind = Number(/^1\.2\.840\.10008\.1\.2\.4\.(\d+)/.exec(transferSyntax)?.[1]);
  if (kind >= 102 && kind <= 106) return 'video/mp4; codecs="avc1.640029"';
  return kind === 107 || kind === 108 ? 'video/mp4; codecs="hvc1.1.6.L123.B0"' : null;
}
