// The page's side of reader.worker.ts.
import type { HeaderResult } from "./header";
import type { PseudonymRules } from "./pseudonym/pseudonyms";
import type { Found } from "./source";

export type SkipReason =
  | "duplicate" | "other-content" | "too-much" | "archive" | "encrypted" | "unreadable"
  | Extract<HeaderResult, { ok: false }>["why"];

export interface ReadFile {
  /** Number of the file in the worker; -1 when it cannot be sent. */
  id: number;
  path: string;
  size: number;
  result: Extract<HeaderResult, { ok: true }> | { ok: false; why: SkipReason };
}

export type PageWord =
  | { type: "scan"; found: Found[] }
  | { type: "content"; request: number; ids: readonly number[]; rules: PseudonymRules | null };
export type WorkerWord =
  | { type: "read"; files: ReadFile[]; total: number }
  | { type: "done" }
  | { type: "content"; request: number; blobs: (Blob | string)[] };

export class Reader {
  private readonly worker = new Worker(new URL("./reader.worker.ts", import.meta.url), { type: "module" });
  private readonly waiting = new Map<number, { resolve: (blobs: (Blob | string)[]) => void; reject: (error: Error) => void }>();
  private requests = 0;
  private onRead: ((files: ReadFile[], total: number) => void) | undefined;
  private onScanned: (() => void) | undefined;

  constructor() {
    this.worker.onmessage = ({ data }: MessageEvent<WorkerWord>) => this.take(data);
    this.worker.onerror = () => this.close();
  }

  private take(word: WorkerWord): void {
    if (word.type === "read") this.onRead?.(word.files, word.total);
    else if (word.type === "done") this.onScanned?.();
    else {
      this.waiting.get(word.request)?.resolve(word.blobs);
      this.waiting.delete(word.request);
    }
  }

  /** Reads the headers; onRead is called with some files at a time. */
  scan(found: Found[], onRead: (files: ReadFile[], total: number) => void): Promise<void> {
    this.onRead = onRead;
    return new Promise((resolve) => {
      this.onScanned = resolve;
      this.worker.postMessage({ type: "scan", found } satisfies PageWord);
    });
  }

  /** What is to be sent of each file, or an error code. rules: with pseudonyms instead of the patient. */
  content(ids: readonly number[], rules: PseudonymRules | null): Promise<(Blob | string)[]> {
    const request = this.requests++;
    return new Promise((resolve, reject) => {
      this.waiting.set(request, { resolve, reject });
      this.worker.postMessage({ type: "content", request, ids, rules } satisfies PageWord);
    });
  }

  close(): void {
    this.worker.terminate();
    this.onScanned?.();
    for (const { reject } of this.waiting.values()) reject(new DOMException("the reader ended", "AbortError"));
    this.waiting.clear();
  }
}
