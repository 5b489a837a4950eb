// Reads headers and opens archives away from the page, so that ten thousand files do not freeze it.
import { filesOfZip, type Found, isZip, TooMuch } from "./collect";
import { type HeaderResult, readHeader } from "./header";

export interface ReadFile extends Found {
  result: HeaderResult;
}
export type WorkerAnswer =
  | { type: "read"; files: ReadFile[]; total: number }
  | { type: "done" }
  | { type: "failed"; path: string; why: "too-much" | "archive" };

const batchSize = 50;

async function readAll(found: Found[]): Promise<void> {
  let total = found.length;
  const queue = [...found].reverse();
  let batch: ReadFile[] = [];
  const flush = () => {
    if (batch.length > 0) postMessage({ type: "read", files: batch, total } satisfies WorkerAnswer);
    batch = [];
  };
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    if (isZip(next)) {
      try {
        const inside = await filesOfZip(next);
        total += inside.length - 1;
        queue.push(...inside.reverse());
      } catch (error) {
        total -= 1;
        postMessage({ type: "failed", path: next.path, why: error instanceof TooMuch ? "too-much" : "archive" } satisfies WorkerAnswer);
      }
      continue;
    }
    batch.push({ ...next, result: await readHeader(next.blob).catch(() => ({ ok: false as const, why: "incomplete" as const })) });
    if (batch.length >= batchSize) flush();
  }
  flush();
  postMessage({ type: "done" } satisfies WorkerAnswer);
}

addEventListener("message", (event: MessageEvent<Found[]>) => void readAll(event.data));
