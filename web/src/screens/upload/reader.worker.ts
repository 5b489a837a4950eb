// Reads headers, opens archives and makes ready what is to be sent, away from the page, so that ten thousand files do not
// freeze it. The files stay here; the page knows them by number.
import { Encrypted, openArchive } from "./archive";
import { type Header, readHeader } from "./header";
import { TooMuch } from "./limits";
import { Pseudonyms } from "./pseudonym/pseudonyms";
import { pseudonymise } from "./pseudonym/rewrite";
import { fileSource, type Found, sameContent, type Source } from "./source";
import type { PageWord, ReadFile, SkipReason, WorkerWord } from "./reader";

const batchSize = 100;
const atOnce = 16;
/** An archive within an archive is unpacked as a whole; no more than this of it. */
const maxNested = 1024 ** 3;
const maxDepth = 2;

const sources: Source[] = [];
/** First file of each SOP Instance UID. */
const firstOf = new Map<string, Source>();

function say(word: WorkerWord): void {
  postMessage(word);
}

async function open(source: Source, depth: number): Promise<Source[] | SkipReason> {
  if (depth >= maxDepth || (depth > 0 && source.size > maxNested)) return "too-much";
  try {
    return await openArchive(source.path, await source.whole());
  } catch (error) {
    return error instanceof TooMuch ? "too-much" : error instanceof Encrypted ? "encrypted" : "archive";
  }
}

async function twinOf(header: Header, source: Source): Promise<SkipReason | null> {
  const first = firstOf.get(header.sopUid);
  if (first === undefined) {
    firstOf.set(header.sopUid, source);
    return null;
  }
  return (await sameContent(first, source)) ? "duplicate" : "other-content";
}

async function resultOf(source: Source): Promise<ReadFile["result"]> {
  try {
    return await readHeader(source);
  } catch (error) {
    return { ok: false, why: error instanceof TooMuch ? "too-much" : "unreadable" };
  }
}

/** Reads several headers at once: each waits for the disk. Which of two equal files is the first does not depend on that. */
async function readSome(some: readonly Source[]): Promise<ReadFile[]> {
  const results = await Promise.all(some.map(resultOf));
  const files: ReadFile[] = [];
  for (const [index, source] of some.entries()) {
    let result = results[index]!;
    const twin = result.ok ? await twinOf(result.header, source).catch(() => "unreadable" as const) : null;
    if (twin !== null) result = { ok: false, why: twin };
    files.push({ path: source.path, size: source.size, result, id: result.ok ? sources.push(source) - 1 : -1 });
  }
  return files;
}

const isArchive = (source: Source) => /\.zip$/i.test(source.path);

async function scan(found: Found[]): Promise<void> {
  let total = found.length;
  const queue = found.map((one) => ({ source: fileSource(one), depth: 0 })).reverse();
  let files: ReadFile[] = [];
  const flush = () => {
    if (files.length > 0) say({ type: "read", files, total });
    files = [];
  };
  while (queue.length > 0) {
    const some: Source[] = [];
    while (queue.length > 0 && some.length < atOnce && !isArchive(queue.at(-1)!.source)) some.push(queue.pop()!.source);
    files.push(...(await readSome(some)));
    const next = queue.at(-1);
    if (next && isArchive(next.source)) {
      queue.pop();
      const inside = await open(next.source, next.depth);
      if (typeof inside === "string") files.push({ id: -1, path: next.source.path, size: next.source.size, result: { ok: false, why: inside } });
      else {
        total += inside.length - 1;
        queue.push(...inside.map((source) => ({ source, depth: next.depth + 1 })).reverse());
      }
    }
    if (files.length >= batchSize) flush();
  }
  flush();
  say({ type: "done" });
}

/** The bytes of files as they go out; a file that cannot be read or changed is an error code in its place. */
async function content(ids: readonly number[], pseudonyms: Pseudonyms | null): Promise<(Blob | string)[]> {
  const blobs: (Blob | string)[] = [];
  for (const id of ids) {
    try {
      const whole = await sources[id]!.whole();
      blobs.push(pseudonyms === null ? whole : await pseudonymise(whole, pseudonyms));
    } catch (error) {
      blobs.push(error instanceof DOMException ? "unreadable" : pseudonyms === null ? "unreadable" : "not-changed");
    }
  }
  return blobs;
}

addEventListener("message", async ({ data }: MessageEvent<PageWord>) => {
  if (data.type === "scan") return void scan(data.found);
  const pseudonyms = data.rules === null ? null : await Pseudonyms.make(data.rules);
  if (data.type === "content") say({ type: "content", request: data.request, blobs: await content(data.ids, pseudonyms) });
});
