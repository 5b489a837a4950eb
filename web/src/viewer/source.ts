/**
 * The images of one study as cornerstone wants them: ids, metadata and a loader, over the hub's DICOMweb. The first image is shown from
 * its own metadata, asked for in parallel with its bytes; the rest of the series' metadata follows in one answer.
 */
import { cache, imageLoader, metaData, type Types } from "@cornerstonejs/core";
import { hubFetch, errorFrom } from "../api/client";
import { cineAttributes, frameFacts, type Dataset, type FrameFacts } from "./dicom";
import { parseFrameBody, type FrameBody } from "./multipart";
import { imageOf } from "./pixels";
import { frameUrl, instanceUrl, seriesUrl, type FrameRef, type Manifest, type ManifestSeries, type Stack } from "./stack";

const SCHEME = "consilium";
const FRAME_TYPE = 'multipart/related; type="application/octet-stream"; transfer-syntax=*';
const EXPLICIT_LE = "1.2.840.10008.1.2.1";

interface Registered {
  source: StudySource;
  series: ManifestSeries;
  ref: FrameRef;
}

const registered = new Map<string, Registered>();
let ready = false;

/** Tells cornerstone where our images come from; once for the page. */
export function registerSource(): void {
  if (ready) return;
  ready = true;
  imageLoader.registerImageLoader(SCHEME, loadObject);
  metaData.addProvider((type: string, imageId: string) => {
    const entry = registered.get(imageId);
    return entry === undefined ? undefined : entry.source.moduleOf(type, entry.ref);
  }, 10_000);
}

function loadObject(imageId: string): Types.IImageLoadObject {
  const controller = new AbortController();
  const entry = registered.get(imageId);
  const promise =
    entry === undefined
      ? Promise.reject(new Error("unknown image"))
      : entry.source.loadImage(imageId, entry.series, entry.ref, controller.signal);
  return { promise, cancelFn: () => controller.abort() };
}

export class StudySource {
  private readonly factsOf = new WeakMap<FrameRef, FrameFacts>();
  private readonly datasets = new Map<string, Dataset>();
  private readonly pendingDatasets = new Map<string, Promise<Dataset>>();
  private readonly pendingSeries = new Map<string, Promise<void>>();
  private readonly syntaxes = new Map<string, string>();
  private readonly ids: string[] = [];

  constructor(readonly manifest: Manifest) {
    registerSource();
  }

  /** Forgets everything, also what cornerstone keeps. */
  dispose(): void {
    for (const id of this.ids) {
      registered.delete(id);
      if (cache.getImageLoadObject(id) !== undefined) cache.removeImageLoadObject(id, { force: true });
    }
  }

  imageId(series: ManifestSeries, ref: FrameRef): string {
    const id = `${SCHEME}:${frameUrl(this.manifest, series, ref)}`;
    if (!registered.has(id)) {
      registered.set(id, { source: this, series, ref });
      this.ids.push(id);
    }
    return id;
  }

  /** Facts of a frame, or null before its metadata came. Asked for many times per drawn image, so read only once. */
  facts(ref: FrameRef): FrameFacts | null {
    const known = this.factsOf.get(ref);
    if (known !== undefined) return known;
    const dataset = this.datasets.get(ref.instance.sop_uid);
    if (dataset === undefined) return null;
    const facts = frameFacts(dataset, ref.frame - 1);
    this.factsOf.set(ref, facts);
    return facts;
  }

  dataset(ref: FrameRef): Dataset | null {
    return this.datasets.get(ref.instance.sop_uid) ?? null;
  }

  cine(stack: Stack) {
    const dataset = this.datasets.get(stack.frames[0]!.instance.sop_uid);
    return cineAttributes(dataset ?? {});
  }

  /** Metadata of the whole series, one answer. */
  readSeries(series: ManifestSeries): Promise<void> {
    const uid = series.series_uid;
    const pending = this.pendingSeries.get(uid);
    if (pending !== undefined) return pending;
    const promise = this.fetchDatasets(`${seriesUrl(this.manifest, series)}/metadata`).then(() => undefined);
    this.pendingSeries.set(uid, promise);
    promise.catch(() => this.pendingSeries.delete(uid));
    return promise;
  }

  /** Metadata of one instance: asked for alone unless its series' is on the way. */
  readInstance(series: ManifestSeries, ref: FrameRef): Promise<Dataset> {
    const uid = ref.instance.sop_uid;
    const known = this.datasets.get(uid);
    if (known !== undefined) return Promise.resolve(known);
    const pending = this.pendingDatasets.get(uid);
    if (pending !== undefined) return pending;
    const wholeSeries = this.pendingSeries.get(series.series_uid);
    const promise = (wholeSeries ?? this.fetchDatasets(`${instanceUrl(this.manifest, series, ref.instance)}/metadata`)).then(() => {
      const dataset = this.datasets.get(uid);
      if (dataset === undefined) throw new Error("the hub sent no metadata of this image");
      return dataset;
    });
    this.pendingDatasets.set(uid, promise);
    void promise.catch(() => undefined).then(() => this.pendingDatasets.delete(uid));
    return promise;
  }

  private async fetchDatasets(url: string): Promise<void> {
    const response = await hubFetch(url, { headers: { Accept: "application/dicom+json" } });
    if (!response.ok) throw errorFrom(response, undefined);
    for (const dataset of (await response.json()) as Dataset[]) {
      const uid = dataset["00080018"]?.Value?.[0];
      if (typeof uid === "string") this.datasets.set(uid, dataset);
    }
  }

  /**
   * The image of an id, from the cache or loaded into it. Cornerstone's own way of doing this leaves a failed load without a listener,
   * which browsers report as an error of the page.
   */
  load(imageId: string): Promise<Types.IImage> {
    const known = cache.getImageLoadObject(imageId);
    if (known !== undefined) return known.promise as Promise<Types.IImage>;
    const object = loadObject(imageId);
    cache.putImageLoadObject(imageId, object).catch(() => undefined);
    return object.promise as Promise<Types.IImage>;
  }

  /** The loader proper. Bytes and metadata are asked for together. */
  async loadImage(imageId: string, series: ManifestSeries, ref: FrameRef, signal: AbortSignal): Promise<Types.IImage> {
    const started = performance.now();
    const [frame] = await Promise.all([this.fetchFrame(series, ref, signal), this.readInstance(series, ref)]);
    const facts = this.facts(ref)!;
    if (facts.palette !== null) await this.readPalette(facts, ref);
    const syntax = frame.transferSyntax ?? ref.instance.transfer_syntax ?? EXPLICIT_LE;
    this.syntaxes.set(ref.instance.sop_uid, syntax);
    const image = await imageOf(imageId, facts, frame.bytes, syntax);
    image.loadTimeInMS = performance.now() - started;
    return image;
  }

  private async fetchFrame(series: ManifestSeries, ref: FrameRef, signal: AbortSignal): Promise<FrameBody> {
    const url = frameUrl(this.manifest, series, ref);
    const response = await hubFetch(url, { headers: { Accept: FRAME_TYPE }, signal });
    if (!response.ok) throw errorFrom(response, undefined);
    const body = new Uint8Array(await response.arrayBuffer());
    return parseFrameBody(response.headers.get("Content-Type") ?? "", body);
  }

  private readonly palettes = new Map<string, (Uint8Array | Uint16Array)[]>();

  /** The three tables of a PALETTE COLOR image; cornerstone asks for them as part of the pixel module. */
  private async readPalette(facts: FrameFacts, ref: FrameRef): Promise<void> {
    const uid = ref.instance.sop_uid;
    if (facts.palette === null || this.palettes.has(uid)) return;
    const tables = await Promise.all(
      facts.palette.map(async ({ descriptor, inline, uri }) => {
        const bytes =
          inline !== null
            ? Uint8Array.from(atob(inline), (character) => character.charCodeAt(0))
            : new Uint8Array(await (await hubFetch(new URL(uri ?? "", location.href))).arrayBuffer());
        return descriptor[2] === 16 ? new Uint16Array(bytes.slice().buffer) : bytes;
      }),
    );
    this.palettes.set(uid, tables);
  }

  /** Metadata in cornerstone's modules; undefined for the ones that we do not know. */
  moduleOf(type: string, ref: FrameRef): object | undefined {
    const facts = this.facts(ref);
    if (facts === null) return undefined;
    switch (type) {
      case "imagePixelModule":
        return this.pixelModule(facts, ref);
      case "imagePlaneModule":
        return planeModule(facts);
      case "generalSeriesModule":
        return { modality: facts.modality };
      case "modalityLutModule":
        return { rescaleSlope: facts.slope, rescaleIntercept: facts.intercept };
      case "voiLutModule":
        return facts.window === null
          ? {}
          : { windowCenter: [facts.window.center], windowWidth: [facts.window.width], voiLUTFunction: [facts.windowFunction] };
      case "sopCommonModule":
        return { sopClassUID: facts.sopClass, sopInstanceUID: ref.instance.sop_uid };
      case "transferSyntax":
        return { transferSyntaxUID: this.syntaxes.get(ref.instance.sop_uid) };
      default:
        return undefined;
    }
  }

  private pixelModule(facts: FrameFacts, ref: FrameRef): object {
    const palette = facts.palette;
    const tables = this.palettes.get(ref.instance.sop_uid);
    return {
      samplesPerPixel: facts.samples,
      photometricInterpretation: facts.photometric,
      planarConfiguration: facts.planar,
      rows: facts.rows,
      columns: facts.columns,
      bitsAllocated: facts.bitsAllocated,
      bitsStored: facts.bitsStored,
      highBit: facts.bitsStored - 1,
      pixelRepresentation: facts.signed ? 1 : 0,
      redPaletteColorLookupTableDescriptor: palette?.[0].descriptor,
      greenPaletteColorLookupTableDescriptor: palette?.[1].descriptor,
      bluePaletteColorLookupTableDescriptor: palette?.[2].descriptor,
      redPaletteColorLookupTableData: tables?.[0],
      greenPaletteColorLookupTableData: tables?.[1],
      bluePaletteColorLookupTableData: tables?.[2],
    };
  }
}

function planeModule(facts: FrameFacts): object {
  const known = facts.row !== null && facts.column !== null && facts.position !== null;
  const row = facts.row ?? [1, 0, 0];
  const column = facts.column ?? [0, 1, 0];
  return {
    rows: facts.rows,
    columns: facts.columns,
    rowCosines: row,
    columnCosines: column,
    imageOrientationPatient: [...row, ...column],
    imagePositionPatient: facts.position ?? [0, 0, 0],
    rowPixelSpacing: facts.spacing?.[0] ?? 1,
    columnPixelSpacing: facts.spacing?.[1] ?? 1,
    pixelSpacing: [facts.spacing?.[0] ?? 1, facts.spacing?.[1] ?? 1],
    sliceThickness: facts.thickness ?? undefined,
    sliceLocation: facts.location ?? undefined,
    frameOfReferenceUID: facts.frameOfReference ?? undefined,
    usingDefaultValues: !known,
  };
}
