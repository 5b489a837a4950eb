/**
 * From the bytes of a frame to pixels that can be drawn. Native pixels and colour JPEG, which are nearly all that scanners send, are done
 * here without a detour over a worker; everything compressed otherwise goes to cornerstone's decoders (workers and WebAssembly).
 */
import { createImage } from "@cornerstonejs/dicom-image-loader";
import { utilities, type Types } from "@cornerstonejs/core";
import type { FrameFacts } from "./dicom";

const NATIVE = new Set(["1.2.840.10008.1.2", "1.2.840.10008.1.2.1"]);
const JPEG_BASELINE = "1.2.840.10008.1.2.4.50";

type Grey = Int16Array | Uint16Array | Uint8Array | Int8Array | Float32Array;

export async function imageOf(imageId: string, facts: FrameFacts, bytes: Uint8Array, transferSyntax: string): Promise<Types.IImage> {
  if (NATIVE.has(transferSyntax) && facts.samples === 1 && facts.photometric !== "PALETTE COLOR" && facts.bitsAllocated <= 16) {
    const pixels = nativeGrey(facts, bytes);
    if (pixels !== null) return greyImage(imageId, facts, pixels);
  }
  if (transferSyntax === JPEG_BASELINE && facts.samples === 3 && facts.bitsAllocated === 8) {
    return colourImage(imageId, facts, await jpegColour(facts, bytes));
  }
  return (await createImage(imageId, bytes, transferSyntax, { useRGBA: false })) as Types.IImage;
}

/** Stored values of a native frame with bits above BitsStored cleared or sign-extended; null when the frame is too short. */
export function nativeGrey(facts: FrameFacts, bytes: Uint8Array): Grey | null {
  const count = facts.rows * facts.columns;
  const wide = facts.bitsAllocated === 16;
  if (bytes.length < count * (wide ? 2 : 1)) return null;
  if (!wide) {
    const copy = bytes.slice(0, count);
    return facts.signed ? new Int8Array(copy.buffer) : copy;
  }
  const buffer = bytes.slice(0, count * 2).buffer;
  const spare = 16 - facts.bitsStored;
  if (!facts.signed) {
    const values = new Uint16Array(buffer);
    if (spare > 0) {
      const mask = 0xffff >> spare;
      for (let index = 0; index < count; index++) values[index]! &= mask;
    }
    return values;
  }
  const values = new Int16Array(buffer);
  if (spare > 0) for (let index = 0; index < count; index++) values[index] = (values[index]! << (16 + spare)) >> (16 + spare);
  return values;
}

/** Modality values (HU for CT): integers stay integers when they fit. */
export function rescaled(pixels: Grey, slope: number, intercept: number): { values: Grey; min: number; max: number } {
  let low = Infinity;
  let high = -Infinity;
  for (const stored of pixels) {
    if (stored < low) low = stored;
    if (stored > high) high = stored;
  }
  const ends = [low * slope + intercept, high * slope + intercept].sort((a, b) => a - b) as [number, number];
  if (slope === 1 && intercept === 0) return { values: pixels, min: low, max: high };
  const whole = Number.isInteger(slope) && Number.isInteger(intercept);
  const make = (): Grey => {
    if (whole && ends[0] >= -32768 && ends[1] <= 32767) return new Int16Array(pixels.length);
    if (whole && ends[0] >= 0 && ends[1] <= 65535) return new Uint16Array(pixels.length);
    return new Float32Array(pixels.length);
  };
  const values = make();
  for (let index = 0; index < pixels.length; index++) values[index] = pixels[index]! * slope + intercept;
  return { values, min: ends[0], max: ends[1] };
}

function greyImage(imageId: string, facts: FrameFacts, stored: Grey): Types.IImage {
  const { values, min, max } = rescaled(stored, facts.slope, facts.intercept);
  const scaled = facts.slope !== 1 || facts.intercept !== 0;
  const window = facts.window ?? { center: (min + max) / 2 + 0.5, width: Math.max(1, max - min + 1) };
  const parameters = { rescaleSlope: facts.slope, rescaleIntercept: facts.intercept, modality: facts.modality };
  return {
    ...common(imageId, facts, values, 1),
    color: false,
    rgba: false,
    preScale: scaled ? { enabled: true, scaled: true, scalingParameters: parameters } : { enabled: false },
    slope: facts.slope,
    intercept: facts.intercept,
    invert: facts.photometric === "MONOCHROME1",
    minPixelValue: min,
    maxPixelValue: max,
    windowCenter: window.center,
    windowWidth: window.width,
    voiLUTFunction: facts.windowFunction as Types.IImage["voiLUTFunction"],
  };
}

/** The browser's own JPEG decoder: right colours whatever the sampling, and off the main thread. */
async function jpegColour(facts: FrameFacts, bytes: Uint8Array): Promise<Uint8Array> {
  const bitmap = await createImageBitmap(new Blob([bytes.slice()], { type: "image/jpeg" }), { colorSpaceConversion: "none" });
  try {
    const canvas = document.createElement("canvas");
    canvas.width = facts.columns;
    canvas.height = facts.rows;
    const context = canvas.getContext("2d", { willReadFrequently: true })!;
    context.drawImage(bitmap, 0, 0);
    const rgba = context.getImageData(0, 0, facts.columns, facts.rows).data;
    const rgb = new Uint8Array(facts.rows * facts.columns * 3);
    for (let from = 0, to = 0; to < rgb.length; from += 4, to += 3) {
      rgb[to] = rgba[from]!;
      rgb[to + 1] = rgba[from + 1]!;
      rgb[to + 2] = rgba[from + 2]!;
    }
    return rgb;
  } finally {
    bitmap.close();
  }
}

function colourImage(imageId: string, facts: FrameFacts, rgb: Uint8Array): Types.IImage {
  return {
    ...common(imageId, facts, rgb, 3),
    color: true,
    rgba: false,
    preScale: { enabled: false },
    slope: 1,
    intercept: 0,
    invert: false,
    minPixelValue: 0,
    maxPixelValue: 255,
    windowCenter: 128,
    windowWidth: 256,
    voiLUTFunction: "LINEAR" as Types.IImage["voiLUTFunction"],
  };
}

function common(imageId: string, facts: FrameFacts, values: Grey, components: number) {
  return {
    imageId,
    rows: facts.rows,
    columns: facts.columns,
    width: facts.columns,
    height: facts.rows,
    rowPixelSpacing: facts.spacing?.[0] ?? 1,
    columnPixelSpacing: facts.spacing?.[1] ?? 1,
    numberOfComponents: components,
    photometricInterpretation: components === 3 ? "RGB" : facts.photometric,
    sizeInBytes: values.byteLength,
    dataType: values.constructor.name as Types.IImage["dataType"],
    getPixelData: () => values as Types.PixelDataTypedArray,
    getCanvas: undefined as unknown as Types.IImage["getCanvas"],
    voxelManager: utilities.VoxelManager.createImageVoxelManager({
      scalarData: values as Types.PixelDataTypedArray,
      width: facts.columns,
      height: facts.rows,
      numberOfComponents: components,
    }) as Types.IImage["voxelManager"],
  };
}
