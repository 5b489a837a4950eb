// One STOW-RS request with several files, and what the hub says about each of them (PS3.18 10.5, PS3.18 Annex I).
import { ApiError, errorFrom, sessionEvents } from "../../api/client";
import type { UploadFile } from "./group";

export const maxBatchFiles = 64;

/** Takes the next batch off the queue: files of one study, a bounded number and, but for the first, of bytes. */
export function takeBatch(queue: UploadFile[], bytes: number): UploadFile[] {
  let [count, size] = [1, queue[0]?.size ?? 0];
  for (; count < Math.min(queue.length, maxBatchFiles); count++) {
    const next = queue[count]!;
    if (size + next.size > bytes || next.header.studyUid !== queue[0]!.header.studyUid) break;
    size += next.size;
  }
  return queue.splice(0, count);
}

export function multipart(files: readonly Blob[], boundary: string): Blob {
  const parts: BlobPart[] = files.flatMap((file, index) => [
    `${index === 0 ? "" : "\r\n"}--${boundary}\r\nContent-Type: application/dicom\r\n\r\n`,
    file,
  ]);
  return new Blob([...parts, `\r\n--${boundary}--\r\n`]);
}

interface DicomJson {
  [tag: string]: { vr: string; Value?: unknown[] } | undefined;
}

/** SOP Instance UID → "stored", or the failure reason in hexadecimal as DICOM writes it. */
export function resultsOf(body: unknown): Map<string, string> {
  const results = new Map<string, string>();
  const answer = (Array.isArray(body) ? body[0] : body) as DicomJson | undefined;
  const items = (tag: string) => (answer?.[tag]?.Value ?? []) as DicomJson[];
  for (const item of items("00081199")) results.set(String(item["00081155"]?.Value?.[0] ?? ""), "stored");
  for (const item of items("00081198")) {
    const reason = Number(item["00081197"]?.Value?.[0] ?? 0x0110);
    results.set(String(item["00081155"]?.Value?.[0] ?? ""), reason.toString(16).toUpperCase().padStart(4, "0"));
  }
  return results;
}

export interface Sending {
  done: Promise<Map<string, string>>;
  abort: () => void;
}

/** No request that moves is ever given up; one that does not is, for the line may be gone without a word. */
const quietMs = 30_000;
const answerMs = 60_000;
/** What the operating system may hold when the browser has handed over the last byte. */
const sendBuffer = 4 * 1024 * 1024;

/** How long the answer may take once all is handed over, on a line of this many bytes a second. */
export function answerPatience(bytes: number, bytesPerSecond: number): number {
  return answerMs + (2000 * Math.min(bytes, sendBuffer)) / Math.max(1000, bytesPerSecond);
}

/** Sends one batch. XMLHttpRequest, because fetch does not tell how much has gone out. */
export function sendBatch(files: readonly Blob[], bytesPerSecond: number, onProgress: (sentBytes: number) => void): Sending {
  const request = new XMLHttpRequest();
  const boundary = `consilium-${crypto.randomUUID()}`;
  const body = multipart(files, boundary);
  const done = new Promise<Map<string, string>>((resolve, reject) => {
    let timer: ReturnType<typeof setTimeout>;
    const watch = (ms: number) => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        reject(new ApiError("offline", 0));
        request.abort();
      }, ms);
    };
    request.open("POST", "/dicom-web/studies");
    request.setRequestHeader("Content-Type", `multipart/related; type="application/dicom"; boundary=${boundary}`);
    request.setRequestHeader("Accept", "application/dicom+json");
    request.setRequestHeader("X-Consilium", "1");
    request.upload.onprogress = (event) => {
      watch(event.loaded < body.size ? quietMs : answerPatience(body.size, bytesPerSecond));
      onProgress(event.loaded);
    };
    request.upload.onload = () => watch(answerPatience(body.size, bytesPerSecond));
    request.onloadend = () => clearTimeout(timer);
    request.onerror = () => reject(new ApiError("offline", 0));
    request.onabort = () => reject(new DOMException("aborted", "AbortError"));
    request.onload = () => {
      let answer: unknown;
      try {
        answer = JSON.parse(request.responseText);
      } catch {
        answer = undefined;
      }
      const results = resultsOf(answer);
      if (results.size > 0) return resolve(results);
      if (request.status === 401) sessionEvents.dispatchEvent(new Event("lost"));
      const retryAfter = request.getResponseHeader("Retry-After");
      const headers = retryAfter ? { "Retry-After": retryAfter } : undefined;
      reject(errorFrom(new Response(null, { status: Math.max(400, request.status), headers }), answer));
    };
    watch(quietMs);
    request.send(body);
  });
  return { done, abort: () => request.abort() };
}
