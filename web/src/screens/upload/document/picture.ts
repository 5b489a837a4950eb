// A photo or scanned page as pixels for a DICOM object. A photo that is upright baseline JPEG stays as it is, bit by bit; others are
// turned upright and compressed once more; PNG (drawings, screens) is kept without loss.
import { readJpeg } from "./jpeg";

export const maxBytes = 40 * 1024 * 1024;
const maxPixels = 60_000_000;
const maxLossless = 16_000_000;
const quality = 0.95;

export type PictureFault = "heic" | "no-picture" | "too-large";
export class NotPicture extends Error {
  constructor(readonly why: PictureFault) {
    super(why);
  }
}

export interface Picture {
  width: number;
  height: number;
  components: 1 | 3;
  /** jpeg: baseline JPEG; rgb: plain bytes. */
  kind: "jpeg" | "rgb";
  /** Three colours of a JPEG that are not YCbCr. */
  rgb: boolean;
  data: Blob;
  /** Bytes of the plain pixels for one of the stored, when something was lost. */
  ratio: number;
}

async function decoded(file: Blob): Promise<ImageBitmap> {
  try {
    return await createImageBitmap(file, { imageOrientation: "from-image" });
  } catch {
    throw new NotPicture("no-picture");
  }
}

function canvasOf(bitmap: ImageBitmap): OffscreenCanvasRenderingContext2D {
  const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d", { willReadFrequently: true })!;
  context.fillStyle = "#fff"; // what shows through
  context.fillRect(0, 0, bitmap.width, bitmap.height);
  context.drawImage(bitmap, 0, 0);
  return context;
}

async function compressed(context: OffscreenCanvasRenderingContext2D): Promise<Picture> {
  const file = await context.canvas.convertToBlob({ type: "image/jpeg", quality });
  const jpeg = readJpeg(new Uint8Array(await file.arrayBuffer()));
  if (jpeg === null || !jpeg.baseline) throw new NotPicture("no-picture");
  return ofJpeg(jpeg.clean, jpeg);
}

function ofJpeg(clean: Uint8Array<ArrayBuffer>[], { width, height, components, rgb }: { width: number; height: number; components: number; rgb: boolean }): Picture {
  const data = new Blob(clean);
  return { width, height, components: components === 1 ? 1 : 3, kind: "jpeg", rgb, data, ratio: (width * height * components) / data.size };
}

function plain(context: OffscreenCanvasRenderingContext2D): Picture {
  const { width, height } = context.canvas;
  const { data } = context.getImageData(0, 0, width, height);
  const bytes = new Uint8Array(width * height * 3);
  for (let from = 0, to = 0; from < data.length; from += 4) {
    bytes[to++] = data[from]!;
    bytes[to++] = data[from + 1]!;
    bytes[to++] = data[from + 2]!;
  }
  return { width, height, components: 3, kind: "rgb", rgb: true, data: new Blob([bytes]), ratio: 1 };
}

/** Throws NotPicture. */
export async function readPicture(file: Blob): Promise<Picture> {
  if (file.size > maxBytes) throw new NotPicture("too-large");
  const bytes = new Uint8Array(await file.arrayBuffer());
  const start = new TextDecoder("latin1").decode(bytes.subarray(0, 12));
  if (/^....ftyp/s.test(start)) throw new NotPicture("heic");
  const png = start.startsWith("\x89PNG");
  const jpeg = readJpeg(bytes);
  if (!png && jpeg === null) throw new NotPicture("no-picture");
  if (jpeg !== null && jpeg.width * jpeg.height > maxPixels) throw new NotPicture("too-large");
  const bitmap = await decoded(file); // also proves that an upright JPEG is a whole picture
  try {
    if (bitmap.width * bitmap.height > maxPixels || bitmap.width > 65_535 || bitmap.height > 65_535) throw new NotPicture("too-large");
    if (jpeg?.baseline && jpeg.orientation === 1) return ofJpeg(jpeg.clean, jpeg);
    const context = canvasOf(bitmap);
    return png && bitmap.width * bitmap.height <= maxLossless ? plain(context) : await compressed(context);
  } finally {
    bitmap.close();
  }
}
