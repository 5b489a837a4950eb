// One STOW-RS request with several files, and what the hub says about each of them (PS3.18 10.5, PS3.18 Annex I).
import { ApiError, errorFrom, sessionEvents } from "../../api/client";
import type { UploadFile } from "./group";

export const maxBatchBytes = 16 * 1024 * 1024;
export const maxBatchFiles = 64;

/** Batches of one study each, small enough that a lost connection costs seconds. */
export function batchesOf(files: readonly UploadFile[]): UploadFile[][] {
  const batches: UploadFile[][] = [];
  let batch: UploadFile[] = [];
  let bytes = 0;
  for (const file of files) {
    const full = batch.length >= maxBatchFiles || (batch.length > 0 && bytes + file.blob.size > maxBatchBytes);
    if (full || (batch.length > 0 && batch[0]!.header.studyUid !== file.header.studyUid)) {
      batches.push(batch);
      batch = [];
      bytes = 0;
    }
    batch.push(file);
    bytes += file.blob.size;
  }
  if (batch.length > 0) batches.push(batch);
  return batches;
}

export function multipart(files: readonly UploadFile[], boundary: string): Blob {
  const parts: BlobPart[] = files.flatMap((file, index) => [
    `${index === 0 ? "" : "\r\n"}--${boundary}\r\nContent-Type: application/dicom\r\n\r\n`,
    file.blob,
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

/** Sends one batch. XMLHttpRequest, because fetch does not tell how much has gone out. */
export function sendBatch(files: readonly UploadFile[], onProgress: (sentBytes: number) => void): Sending {
  const request = new XMLHttpRequest();
  const boundary = `consilium-${crypto.randomUUID()}`;
  const done = new Promise<Map<string, string>>((resolve, reject) => {
    request.open("POST", "/dicom-web/studies");
    request.setRequestHeader("Content-Type", `multipart/related; type="application/dicom"; boundary=${boundary}`);
    request.setRequestHeader("Accept", "application/dicom+json");
    request.setRequestHeader("X-Consilium", "1");
    request.upload.onprogress = (event) => onProgress(event.loaded);
    request.onerror = () => reject(new ApiError("offline", 0));
    request.onabort = () => reject(new DOMException("aborted", "AbortError"));
    request.onload = () => {
      let body: unknown;
      try {
        body = JSON.parse(request.responseText);
      } catch {
        body = undefined;
      }
      const results = resultsOf(body);
      if (results.size > 0) return resolve(results);
      if (request.status === 401) sessionEvents.dispatchEvent(new Event("lost"));
      const retryAfter = request.getResponseHeader("Retry-After");
      const headers = retryAfter ? { "Retry-After": retryAfter } : undefined;
      reject(errorFrom(new Response(null, { status: Math.max(400, request.status), headers }), body));
    };
    request.send(multipart(files, boundary));
  });
  return { done, abort: () => request.abort() };
}
