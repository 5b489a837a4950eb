// The upload itself, apart from the page: it goes on when the person looks at another screen. After a reload the same
// folder is dropped again, and what the hub has already is not sent twice.
import { api, ApiError, sessionEvents, take } from "../../api/client";
import { signal } from "../../signaling";
import { FileSet, type PatientGroup, groupFiles, type SkippedFile, totalSize, type UploadFile } from "./group";
import type { Found } from "./collect";
import type { WorkerAnswer } from "./header.worker";
import { Meter } from "./meter";
import { batchesOf, sendBatch, type Sending } from "./stow";

export type Phase = "empty" | "reading" | "ready" | "checking" | "sending" | "paused" | "done";

export interface Snapshot {
  phase: Phase;
  read: number;
  toRead: number;
  patients: PatientGroup[];
  files: readonly UploadFile[];
  skipped: readonly SkippedFile[];
  bytes: number;
  sentBytes: number;
  bytesPerSecond: number;
  secondsLeft: number | null;
  /** What stopped the sending, when it waits for a new try. */
  trouble: ApiError | null;
}

const parallel = 3;
const knownChunk = 10_000;
const retryPauses = [1, 2, 4, 8, 15, 30]; // seconds

const nothing: Snapshot = {
  phase: "empty", read: 0, toRead: 0, patients: [], files: [], skipped: [], bytes: 0, sentBytes: 0, bytesPerSecond: 0,
  secondsLeft: null, trouble: null,
};

export class Uploader {
  private snapshot = nothing;
  private readonly listeners = new Set<() => void>();
  private set = new FileSet();
  private worker: Worker | undefined;
  private queue: UploadFile[][] = [];
  private readonly running = new Map<Sending, number>();
  private doneBytes = 0;
  private meter = new Meter();
  private attempts = 0;
  private wakeTimer: ReturnType<typeof setTimeout> | undefined;
  private redraw: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    const wake = () => this.wake();
    if (typeof window === "undefined") return;
    window.addEventListener("online", wake);
    sessionEvents.addEventListener("regained", wake);
    signal.on("open", wake);
  }

  readonly get = (): Snapshot => this.snapshot;
  readonly subscribe = (listener: () => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  get busy(): boolean {
    return ["reading", "checking", "sending"].includes(this.snapshot.phase);
  }

  /** Reads the headers of what was dropped, beside what is there already. */
  add(found: Found[]): void {
    if (found.length === 0 || this.busy) return;
    if (this.snapshot.phase === "done") this.clear();
    this.show({ phase: "reading", read: 0, toRead: found.length });
    const worker = new Worker(new URL("./header.worker.ts", import.meta.url), { type: "module" });
    this.worker = worker;
    let read = 0;
    worker.onmessage = ({ data }: MessageEvent<WorkerAnswer>) => {
      if (data.type === "read") {
        for (const file of data.files) this.set.add(file);
        read += data.files.length;
        this.show({ read, toRead: data.total });
      } else if (data.type === "failed") {
        this.set.skipped.push({ path: data.path, why: data.why });
      } else {
        worker.terminate();
        this.regroup({ phase: "ready" });
      }
    };
    worker.onerror = () => {
      worker.terminate();
      this.regroup({ phase: "ready" });
    };
    worker.postMessage(found);
  }

  refuse(path: string): void {
    this.set.skipped.push({ path, why: "too-much" });
    this.regroup({ phase: "ready" });
  }

  clear(): void {
    this.worker?.terminate();
    this.stopRunning();
    this.set = new FileSet();
    this.queue = [];
    this.doneBytes = 0;
    this.snapshot = nothing;
    this.show({});
  }

  /** Asks which pictures are there already, then sends the others. */
  async start(): Promise<void> {
    this.show({ phase: "checking", trouble: null });
    try {
      await this.markKnown();
    } catch (error) {
      this.show({ phase: "ready", trouble: error instanceof ApiError ? error : new ApiError("internal", 0) });
      return;
    }
    this.meter = new Meter();
    this.queue = batchesOf(this.set.files.filter((file) => file.state === "ready" || file.state === "failed"));
    this.doneBytes = totalSize(this.set.files.filter((file) => file.state === "known" || file.state === "stored"));
    this.attempts = 0;
    this.regroup({ phase: "sending" });
    this.pump();
  }

  pause(): void {
    this.stopRunning();
    this.regroup({ phase: "paused" });
  }

  resume(): void {
    this.show({ phase: "sending", trouble: null });
    this.attempts = 0;
    this.pump();
  }

  private async markKnown(): Promise<void> {
    const files = this.set.files.filter((file) => file.state !== "stored");
    for (let i = 0; i < files.length; i += knownChunk) {
      const chunk = files.slice(i, i + knownChunk);
      const { known } = await take(api.POST("/uploads/known", { body: { instances: chunk.map((file) => file.header.sopUid) } }));
      const there = new Set(known);
      for (const file of chunk) if (there.has(file.header.sopUid)) file.state = "known";
    }
  }

  private pump(): void {
    while (this.snapshot.phase === "sending" && this.running.size < parallel && this.queue.length > 0) void this.sendOne(this.queue.shift()!);
    if (this.snapshot.phase === "sending" && this.queue.length === 0 && this.running.size === 0) this.regroup({ phase: "done", bytesPerSecond: 0, secondsLeft: null });
  }

  private async sendOne(batch: UploadFile[]): Promise<void> {
    const size = totalSize(batch);
    for (const file of batch) file.state = "sending";
    const sending = sendBatch(batch, (sent) => {
      this.running.set(sending, Math.min(sent, size));
      this.progress();
    });
    this.running.set(sending, 0);
    try {
      const results = await sending.done;
      for (const file of batch) {
        const result = results.get(file.header.sopUid);
        file.state = result === "stored" ? "stored" : "failed";
        file.why = result === "stored" ? undefined : (result ?? "unanswered");
      }
      this.doneBytes += size;
      this.attempts = 0;
    } catch (error) {
      this.failed(batch, error);
    }
    this.running.delete(sending);
    this.progress();
    this.pump();
  }

  /** Was it the network or the hub's bad moment, then the batch waits for another try; else its files have failed. */
  private failed(batch: UploadFile[], error: unknown): void {
    const failure = error instanceof ApiError ? error : null;
    const passing = failure === null || failure.status === 0 || failure.status === 401 || failure.status === 408 || failure.status === 429 || failure.status >= 500;
    for (const file of batch) {
      file.state = passing ? "ready" : "failed";
      file.why = passing ? undefined : failure.code;
    }
    if (!passing) return;
    this.queue.unshift(batch);
    if (failure === null || this.snapshot.phase !== "sending") return; // the person paused
    this.stopRunning();
    this.show({ phase: "paused", trouble: failure });
    const pause = failure.retryAfter ?? retryPauses[Math.min(this.attempts++, retryPauses.length - 1)]!;
    clearTimeout(this.wakeTimer);
    if (failure.status !== 401) this.wakeTimer = setTimeout(() => this.wake(), pause * 1000);
  }

  /** Goes on after trouble; a pause that the person made stays. */
  private wake(): void {
    if (this.snapshot.phase !== "paused" || this.snapshot.trouble === null) return;
    clearTimeout(this.wakeTimer);
    this.show({ phase: "sending", trouble: null });
    this.pump();
  }

  private stopRunning(): void {
    clearTimeout(this.wakeTimer);
    this.show({ phase: this.snapshot.phase === "sending" ? "paused" : this.snapshot.phase });
    for (const sending of this.running.keys()) sending.abort();
  }

  private progress(): void {
    if (this.redraw !== undefined) return;
    this.redraw = setTimeout(() => {
      this.redraw = undefined;
      const sentBytes = this.doneBytes + [...this.running.values()].reduce((sum, n) => sum + n, 0);
      this.meter.add(performance.now(), sentBytes);
      const bytesPerSecond = this.snapshot.phase === "sending" ? this.meter.perSecond() : 0;
      const left = this.snapshot.bytes - sentBytes;
      this.regroup({ sentBytes, bytesPerSecond, secondsLeft: bytesPerSecond > 0 ? left / bytesPerSecond : null });
    }, 200);
  }

  private regroup(changes: Partial<Snapshot>): void {
    this.show({
      ...changes,
      patients: groupFiles(this.set.files),
      files: [...this.set.files],
      skipped: [...this.set.skipped],
      bytes: totalSize(this.set.files),
    });
  }

  private show(changes: Partial<Snapshot>): void {
    this.snapshot = { ...this.snapshot, ...changes };
    for (const listener of this.listeners) listener();
  }
}

export const uploader = new Uploader();
