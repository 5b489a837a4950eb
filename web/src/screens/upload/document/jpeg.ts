// What of a JPEG file a DICOM object needs to know, and the file without the camera's notes (place, time, serial number).
const startOfFrame0 = 0xc0;
const startOfScan = 0xda;
/** Kept beside the picture itself: JFIF, ICC profile, Adobe's colour transform. */
const keptApps = new Set([0xe0, 0xe2, 0xee]);

export interface Jpeg {
  /** Baseline, 8 bit, grey or three colours: may lie in a DICOM object as it is. */
  baseline: boolean;
  width: number;
  height: number;
  components: number;
  /** EXIF: 1 is upright. */
  orientation: number;
  /** Three colours that are not YCbCr. */
  rgb: boolean;
  /** Without EXIF, XMP, IPTC and comments. */
  clean: Uint8Array<ArrayBuffer>[];
}

/** EXIF tag 0112 of the first directory. */
function orientationOf(app1: DataView): number {
  if (app1.byteLength < 14 || app1.getUint32(0) !== 0x45786966) return 1; // "Exif"
  const at = 6;
  const little = app1.getUint16(at) === 0x4949;
  const directory = at + app1.getUint32(at + 4, little);
  const count = directory + 2 <= app1.byteLength ? app1.getUint16(directory, little) : 0;
  for (let i = 0; i < count && directory + 14 + 12 * i <= app1.byteLength; i++) {
    const entry = directory + 2 + 12 * i;
    if (app1.getUint16(entry, little) === 0x0112) {
      const value = app1.getUint16(entry + 8, little);
      return value >= 1 && value <= 8 ? value : 1;
    }
  }
  return 1;
}

/** null: no JPEG file, or a broken one. */
export function readJpeg(bytes: Uint8Array<ArrayBuffer>): Jpeg | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length < 4 || view.getUint16(0) !== 0xffd8) return null;
  const jpeg: Jpeg = { baseline: false, width: 0, height: 0, components: 0, orientation: 1, rgb: false, clean: [bytes.subarray(0, 2)] };
  for (let at = 2; at + 4 <= bytes.length; ) {
    if (bytes[at] !== 0xff) return null;
    if (bytes[at + 1] === 0xff) { at++; continue; } // fill bytes
    const marker = bytes[at + 1]!;
    const length = view.getUint16(at + 2);
    const end = at + 2 + length;
    if (length < 2 || end > bytes.length) return null;
    const body = new DataView(bytes.buffer, bytes.byteOffset + at + 4, length - 2);
    if (marker === 0xe1) jpeg.orientation = jpeg.orientation === 1 ? orientationOf(body) : jpeg.orientation;
    if (marker === 0xee && body.byteLength >= 12 && body.getUint32(0) === 0x41646f62) jpeg.rgb = body.getUint8(11) === 0; // "Adobe"
    if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)) {
      if (body.byteLength < 6) return null;
      [jpeg.height, jpeg.width, jpeg.components] = [body.getUint16(1), body.getUint16(3), body.getUint8(5)];
      jpeg.baseline = marker === startOfFrame0 && body.getUint8(0) === 8 && (jpeg.components === 1 || jpeg.components === 3);
    }
    if (marker === startOfScan) {
      jpeg.clean.push(bytes.subarray(at));
      return jpeg.width > 0 && jpeg.height > 0 ? jpeg : null;
    }
    const app = marker >= 0xe0 && marker <= 0xef;
    if (marker !== 0xfe && (!app || keptApps.has(marker))) jpeg.clean.push(bytes.subarray(at, end));
    at = end;
  }
  return null;
}
