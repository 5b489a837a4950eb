// From what was dropped or chosen to a flat list of files: folders are walked, zip archives are opened.
import { Unzip, UnzipInflate } from "fflate";

export interface Found {
  /** Path as the person knows it: folder/sub/file, archive.zip/file. */
  path: string;
  blob: Blob;
}

/** What one selection may hold; more is refused with a message instead of a frozen page. */
export const maxFiles = 200_000;
/** Bytes of all entries of one archive together: more than any study, less than a zip bomb. */
export const maxUnzipped = 64 * 1024 ** 3;

export class TooMuch extends Error {}

function filesOfReader(reader: FileSystemDirectoryReader): Promise<FileSystemEntry[]> {
  return new Promise((resolve, reject) => reader.readEntries(resolve, reject));
}

async function walk(entry: FileSystemEntry, add: (found: Found) => void): Promise<void> {
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject));
    add({ path: entry.fullPath.replace(/^\//, ""), blob: file });
    return;
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  for (let batch = await filesOfReader(reader); batch.length > 0; batch = await filesOfReader(reader)) {
    for (const child of batch) await walk(child, add); // readEntries gives at most 100 at a time
  }
}

/** The files of a drop. Must be called in the drop event itself: its items are gone afterwards. */
export async function filesOfDrop(transfer: DataTransfer): Promise<Found[]> {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry()).filter((entry) => entry !== null);
  const plain = [...transfer.files];
  const found: Found[] = [];
  const add = (one: Found) => {
    if (found.length >= maxFiles) throw new TooMuch();
    found.push(one);
  };
  if (entries.length === 0) for (const file of plain) add({ path: file.name, blob: file });
  for (const entry of entries) await walk(entry, add);
  return found;
}

export function filesOfInput(list: FileList): Found[] {
  if (list.length > maxFiles) throw new TooMuch();
  return [...list].map((file) => ({ path: file.webkitRelativePath || file.name, blob: file }));
}

export function isZip(found: Found): boolean {
  return /\.zip$/i.test(found.path);
}

/** Opens an archive piece by piece, so that its size is no matter; entries become blobs, which the browser may keep on disk. */
export async function filesOfZip(archive: Found): Promise<Found[]> {
  const found: Found[] = [];
  let bytes = 0;
  let failure: unknown = null;
  const unzip = new Unzip((entry) => {
    if (entry.name.endsWith("/") || /(^|\/)(__MACOSX|\.)/.test(entry.name)) return;
    const pieces: Uint8Array<ArrayBuffer>[] = [];
    entry.ondata = (error, piece, last) => {
      if (error) failure = error;
      bytes += piece.length;
      if (bytes > maxUnzipped || found.length >= maxFiles) failure = new TooMuch();
      if (failure !== null) return;
      pieces.push(piece as Uint8Array<ArrayBuffer>);
      if (last) found.push({ path: `${archive.path}/${entry.name}`, blob: new Blob(pieces) });
    };
    entry.start();
  });
  unzip.register(UnzipInflate);
  const reader = archive.blob.stream().getReader();
  for (let step = await reader.read(); !step.done; step = await reader.read()) {
    unzip.push(step.value);
    if (failure !== null) throw failure;
  }
  unzip.push(new Uint8Array(0), true);
  if (failure !== null) throw failure;
  return found;
}
