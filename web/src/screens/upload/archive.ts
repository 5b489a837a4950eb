// Zip archives of any size (also ZIP64): the directory at the end is read, and each entry is unpacked on its own when it is
// needed, so that an archive of many gigabytes never lies in memory.
import { BlobReader, configure, type Entry, type FileEntry, ZipReader } from "@zip.js/zip.js/lib/zip-core-native.js";
import { TooMuch } from "./limits";
import type { Source } from "./source";

configure({ useWebWorkers: false }); // this runs in a worker already

/** Entries of one archive; more is refused with a message instead of a frozen page. */
export const maxEntries = 200_000;
/** One unpacked entry: more than any DICOM object that comes in an archive, less than a zip bomb. */
export const maxEntryBytes = 4 * 1024 ** 3;


export class Encrypted extends Error {}

/** Names written by Windows in China are GBK without saying so. */
function decodeName(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder("gb18030").decode(bytes);
  }
}

/** The extras of other systems and folders: nothing that anybody put there. */
function isExtra(name: string): boolean {
  return name.endsWith("/") || /(^|\/)(__MACOSX\/|\.)/.test(name) || /(^|\/)(Thumbs\.db|desktop\.ini)$/i.test(name);
}

async function unpack(entry: FileEntry, most: number): Promise<Uint8Array<ArrayBuffer>[]> {
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  const enough = new AbortController();
  let bytes = 0;
  const writable = new WritableStream<Uint8Array<ArrayBuffer>>({
    write(piece) {
      bytes += piece.length;
      if (bytes > entry.uncompressedSize || bytes > maxEntryBytes) throw new TooMuch(); // the directory lied
      pieces.push(piece.slice());
      if (bytes >= most && bytes < entry.uncompressedSize) enough.abort();
    },
  });
  try {
    await entry.getData(writable, { signal: enough.signal, checkSignature: true });
  } catch (error) {
    if (!enough.signal.aborted) throw error;
  }
  return pieces;
}

function entrySource(archive: string, entry: FileEntry): Source {
  return {
    path: `${archive}/${entry.filename}`,
    size: entry.uncompressedSize,
    async head(count) {
      const pieces = await unpack(entry, count);
      return new Uint8Array(await new Blob(pieces).slice(0, count).arrayBuffer());
    },
    async whole() {
      const blob = new Blob(await unpack(entry, Number.POSITIVE_INFINITY));
      if (blob.size !== entry.uncompressedSize) throw new Error("the entry is cut");
      return blob;
    },
  };
}

const isFile = (entry: Entry): entry is FileEntry => !entry.directory;

/** The files in an archive. Throws when it is none, is encrypted, or holds too much. */
export async function openArchive(path: string, archive: Blob): Promise<Source[]> {
  const reader = new ZipReader(new BlobReader(archive), { decodeText: decodeName });
  const sources: Source[] = [];
  for await (const entry of reader.getEntriesGenerator()) {
    if (!isFile(entry) || isExtra(entry.filename)) continue;
    if (entry.encrypted) throw new Encrypted();
    if (sources.length >= maxEntries || entry.uncompressedSize > maxEntryBytes) throw new TooMuch();
    sources.push(entrySource(path, entry));
  }
  return sources;
}
