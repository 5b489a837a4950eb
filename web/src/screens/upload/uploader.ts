// The upload itself, apart from the page: it goes on when the person looks at another screen. Whatever stops it, a lost line, a
// sleeping computer, a reload: before it goes on it asks which of the images have arrived, and sends the others.
import { api, ApiError, sessionEvents, take } from "../../api/client";
import { signal } from "../../signaling";
import { type Collected, filesOfHandles } from "./collect";
import { arrivedBytes, FileSet, groupFiles, isSettled, type PatientGroup, seriesKey, type SkippedFile, totalSize, type UploadFile } from "./group";
import { Meter } from "./meter";
import { Pace } from "./pace";
import { Pseudonyms, type PseudonymRules } from "./pseudonym/pseudonyms";
import { Reader } from "./reader";
import { digestOf, forgetUpload, saveUpload, savedUpload, type SavedUpload } from "./saved";
import type { Found } from "./source";
import { sendBatch, type Sending, takeBatch } from "./stow";

export type Phase = "empty" | "reading" | "ready" | "checking" | "sending" | "waiting" | "paused" | "done";

export interface Snapshot {
  phase: Phase;
  read: number;
  toRead: number;
  patients: PatientGroup[];
  files: readonly UploadFile[];
  skipped: readonly SkippedFile[];
  /** Keys of series that the person does not want to send. */
  left: ReadonlySet<string>;
  rules: PseudonymRules | null;
  /** Of what is to be sent. */
  chosen: number;
  bytes: number;
  sentBytes: number;
  bytesPerSecond: number;
  secondsLeft: number | null;
  /** What stopped the sending, when it waits for a new try. */
  trouble: ApiError | null;
  /** An upload that a reload or a closed tab interrupted. */
  interrupted: SavedUpload | null;
}

const knownChunk = 10_000;
const retryPauses = [1, 2, 4, 8, 15, 30]; // seconds
const redrawMs = 250;
const redrawManyMs = 1000; // of thousands of files
/** Of a file about which the hub's answer says nothing. */
const maxTries = 3;
/** A timer that comes this late has slept with the computer, and so have the connections. Hidden tabs have theirs once a minute. */
const sleptMs = 120_000;

const nothing: Snapshot = {
  phase: "empty", read: 0, toRead: 0, patients: [], files: [], skipped: [], left: new Set(), rules: null, chosen: 0, bytes: 0, sentBytes: 0,
  bytesPerSecond: 0, secondsLeft: null, trouble: null, interrupted: null,
};

/** Refusals that may be meant for one file of a batch. */
const ofOneFile = [400, 413, 415, 422];

/** No repeat changes these answers: the files have failed. */
function isFinal(error: ApiError): boolean {
  return error.status >= 400 && error.status < 500 && ![401, 408, 425, 429].includes(error.status);
}

export class Uploader {
  private snapshot = nothing;
  private readonly listeners = new Set<() => void>();
  private set = new FileSet();
  private reader: Reader | undefined;
  private pseudonyms: Pseudonyms | null = null;
  private person = "";
  private handles: FileSystemHandle[] = [];
  private names: string[] = [];
  private documents: Found[] = [];
  private queue: UploadFile[] = [];
  private readonly running = new Map<Sending, UploadFile[]>();
  private preparing = 0;
  /** Counts what ends a run: a batch made ready for an earlier one is not sent any more. */
  private run = 0;
  private meter = new Meter();
  private pace = new Pace();
  private attempts = 0;
  private wakeTimer: ReturnType<typeof setTimeout> | undefined;
  private redraw: ReturnType<typeof setTimeout> | undefined;
  private beat: ReturnType<typeof setInterval> | undefined;
  private release: (() => void) | undefined;

  constructor() {
    if (typeof window === "undefined") return;
    const wake = () => void this.wake();
    window.addEventListener("online", wake);
    window.addEventListener("offline", () => this.broke(new ApiError("offline", 0)));
    document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && wake());
    sessionEvents.addEventListener("regained", wake);
    signal.on("open", wake);
  }

  readonly get = (): Snapshot => this.snapshot;
  readonly subscribe = (listener: () => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  get busy(): boolean {
    return ["reading", "checking", "sending", "waiting"].includes(this.snapshot.phase);
  }

  /** Whose uploads these are: somebody else's, from before on this computer, is dropped. */
  async open(person: string): Promise<void> {
    if (this.person !== person) {
      if (this.person !== "") this.reset();
      this.person = person;
    }
    if (this.snapshot.phase === "empty" && !(await isHeld())) this.show({ interrupted: await savedUpload(person) });
  }

  /** Reads the headers of what was dropped, beside what is there already. */
  async add({ found, handles }: Collected): Promise<void> {
    const again = this.snapshot.interrupted;
    if (this.busy || found.length + (again?.documents.length ?? 0) === 0) return;
    if (this.snapshot.phase === "done") this.reset(this.snapshot.rules);
    // what was added without a handle cannot be opened again: then the person drops all of it again
    if (this.names.length > 0 && this.handles.length === 0) handles = [];
    this.handles = handles.length > 0 ? [...this.handles, ...handles] : [];
    this.names.push(...new Set(found.map((one) => one.path.split("/")[0]!)));
    this.show({ interrupted: null, rules: again?.rules ?? this.snapshot.rules });
    this.documents.push(...(again?.documents ?? []));
    await this.read([...(again?.documents ?? []), ...found]);
    if (again !== null) await this.leaveAgain(new Set(again.left));
    this.regroup({ phase: "ready" });
  }

  private async read(found: Found[]): Promise<void> {
    this.show({ phase: "reading", read: 0, toRead: found.length, trouble: null });
    this.reader ??= new Reader();
    let read = 0;
    await this.reader.scan(found, (files, total) => {
      for (const file of files) this.set.add(file);
      read += files.length;
      this.show({ read, toRead: total });
    });
    await this.nameAgain();
  }

  /** Goes on with an interrupted upload whose files the browser can open by itself. */
  async goOn(): Promise<void> {
    const again = this.snapshot.interrupted;
    if (again === null) return;
    await this.add(await filesOfHandles(again.handles));
    await this.start();
  }

  /** Pictures or documents that became DICOM objects on this page. */
  async addDocuments(documents: Found[]): Promise<void> {
    if (this.busy) return;
    if (this.snapshot.phase === "done") this.reset(this.snapshot.rules);
    this.documents.push(...documents);
    await this.read(documents);
    this.regroup({ phase: "ready" });
  }

  refuse(path: string): void {
    this.set.skipped.push({ path, why: "too-much" });
    this.regroup({ phase: "ready" });
  }

  /** Sends these series, or leaves them out. */
  choose(keys: readonly string[], on: boolean): void {
    const left = new Set(this.snapshot.left);
    for (const key of keys) on ? left.delete(key) : left.add(key);
    this.regroup({ left });
  }

  async setRules(rules: PseudonymRules | null): Promise<void> {
    this.show({ rules });
    await this.nameAgain();
    this.regroup({});
  }

  clear(): void {
    this.reset();
    void forgetUpload();
  }

  /** Asks which pictures are there already, then sends the others. compare: also those, for the hub to compare their content. */
  async start(compare = false): Promise<void> {
    for (const file of this.chosen()) {
      if (file.state === "failed") file.state = "ready";
      if (compare && file.state === "known") Object.assign(file, { state: "ready", compare: true });
    }
    await this.keep();
    this.release ??= hold();
    this.attempts = 0;
    this.pace = new Pace();
    await this.go("ready");
  }

  pause(): void {
    this.stop();
    this.regroup({ phase: "paused", trouble: null, bytesPerSecond: 0, secondsLeft: null });
  }

  async resume(): Promise<void> {
    this.attempts = 0;
    await this.go("paused");
  }

  /** The numbers that patients got, for the person to keep: number → patient. */
  async keyTable(): Promise<{ number: string; id: string; name: string; birthDate: string; days: number }[]> {
    if (this.pseudonyms === null) return [];
    const pseudonyms = this.pseudonyms;
    return Promise.all(this.snapshot.patients.map(async ({ id, name, birthDate, key }) => {
      const [rawId, rawName] = key.split("\n") as [string, string];
      return { number: await pseudonyms.patient(rawId, rawName), id, name, birthDate, days: await pseudonyms.shift(rawId, rawName) };
    }));
  }

  private chosen(): UploadFile[] {
    return this.set.files.filter((file) => !this.snapshot.left.has(seriesKey(file.header)));
  }

  private async nameAgain(): Promise<void> {
    const { rules } = this.snapshot;
    this.pseudonyms = rules === null ? null : await Pseudonyms.make(rules);
    for (const file of this.set.files) file.sentUid = this.pseudonyms === null ? file.header.sopUid : await this.pseudonyms.uid(file.header.sopUid);
  }

  private async leaveAgain(digests: ReadonlySet<string>): Promise<void> {
    const keys = [...new Set(this.set.files.map((file) => seriesKey(file.header)))];
    const left = await Promise.all(keys.map(async (key) => digests.has(await digestOf(key))));
    this.show({ left: new Set(keys.filter((_, index) => left[index])) });
  }

  private async keep(): Promise<void> {
    const { left, rules, chosen, bytes } = this.snapshot;
    await saveUpload({
      person: this.person, begunAt: Date.now(), images: chosen, bytes, names: [...new Set(this.names)], handles: this.handles,
      documents: this.documents, left: await Promise.all([...left].map(digestOf)), rules,
    });
  }

  /** From the question what is there to the sending; after trouble in the question itself it waits, or is where it was. */
  private async go(before: Phase): Promise<void> {
    const run = ++this.run;
    this.show({ phase: "checking", trouble: null });
    try {
      await this.markKnown();
    } catch (error) {
      if (run !== this.run) return;
      const failure = error instanceof ApiError ? error : new ApiError("internal", 0);
      if (isFinal(failure)) this.show({ phase: before, trouble: failure });
      else this.waitFor(failure);
      return;
    }
    if (run !== this.run) return;
    this.meter = new Meter();
    // a folder gives its files in any order; a batch wants those of one study
    const series = groupFiles(this.chosen().filter((file) => file.state === "ready")).flatMap((patient) => patient.studies).flatMap((study) => study.series);
    this.queue = series.flatMap((one) => one.files);
    this.regroup({ phase: "sending" });
    this.watchSleep();
    this.pump();
  }

  /** What has left this page and is there now has arrived by it, though the answer was lost; the rest was there before. */
  private async markKnown(): Promise<void> {
    const files = this.chosen().filter((file) => !isSettled(file) && file.compare !== true);
    for (let i = 0; i < files.length; i += knownChunk) {
      const chunk = files.slice(i, i + knownChunk);
      const { known } = await take(api.POST("/uploads/known", { body: { instances: chunk.map((file) => file.sentUid) } }));
      const there = new Set(known);
      for (const file of chunk) if (there.has(file.sentUid)) file.state = file.why === "under-way" ? "stored" : "known";
    }
    for (const file of files) if (file.why === "under-way") file.why = undefined;
  }

  private pump(): void {
    while (this.snapshot.phase === "sending" && this.running.size + this.preparing < this.pace.parallel && this.queue.length > 0) {
      void this.sendOne(takeBatch(this.queue, this.pace.batchBytes));
    }
    if (this.snapshot.phase === "sending" && this.queue.length === 0 && this.running.size + this.preparing === 0) this.finish();
  }

  private finish(): void {
    clearInterval(this.beat);
    this.letGo();
    if (!this.chosen().some((file) => file.state === "failed")) void forgetUpload();
    this.regroup({ phase: "done", bytesPerSecond: 0, secondsLeft: null });
  }

  /** Reads (unpacks, changes) the files of a batch; those where that fails have failed. */
  private async prepare(batch: UploadFile[]): Promise<{ files: UploadFile[]; blobs: Blob[] }> {
    const contents = await this.reader!.content(batch.map((file) => file.id), this.snapshot.rules);
    const ready: { files: UploadFile[]; blobs: Blob[] } = { files: [], blobs: [] };
    contents.forEach((content, index) => {
      const file = batch[index]!;
      if (typeof content === "string") Object.assign(file, { state: "failed", why: content, sent: 0 });
      else {
        ready.files.push(file);
        ready.blobs.push(content);
      }
    });
    return ready;
  }

  private async sendOne(batch: UploadFile[]): Promise<void> {
    const run = this.run;
    for (const file of batch) file.state = "sending";
    this.preparing++;
    const { files, blobs } = await this.prepare(batch).catch(() => ({ files: [], blobs: [] }));
    this.preparing--;
    if (run !== this.run) return; // stop() has put the batch back
    if (files.length > 0) await this.transmit(files, blobs);
    this.progress();
    this.pump();
  }

  private async transmit(files: UploadFile[], blobs: Blob[]): Promise<void> {
    const began = performance.now();
    const sending = sendBatch(blobs, this.pace.bytesPerSecond / 2, (sent) => {
      spread(files, sent);
      this.progress();
    });
    this.running.set(sending, files);
    try {
      const results = await sending.done;
      for (const file of files) settle(file, results.get(file.sentUid));
      this.queue.push(...files.filter((file) => file.state === "ready"));
      this.pace.arrived(totalSize(files), performance.now() - began);
      this.attempts = 0;
    } catch (error) {
      if (this.running.has(sending)) this.failed(files, error instanceof ApiError ? error : new ApiError("offline", 0));
    }
    this.running.delete(sending);
  }

  /** Was it the network or the hub's bad moment, then all waits for another try; else its files have failed. */
  private failed(files: UploadFile[], failure: ApiError): void {
    if (!isFinal(failure)) return this.broke(failure);
    if (files.length > 1 && ofOneFile.includes(failure.status)) { // which of them is it?
      this.queue.unshift(...files.map((file) => Object.assign(file, { state: "ready" as const, sent: 0 })));
      this.pace.batchBytes = 1;
      return;
    }
    for (const file of files) Object.assign(file, { state: "failed", why: failure.code, sent: 0 });
  }

  private broke(failure: ApiError): void {
    if (this.snapshot.phase !== "sending") return;
    this.pace.broke();
    this.stop();
    this.waitFor(failure);
  }

  private waitFor(failure: ApiError): void {
    this.regroup({ phase: "waiting", trouble: failure, bytesPerSecond: 0, secondsLeft: null });
    const pause = failure.retryAfter ?? retryPauses[Math.min(this.attempts++, retryPauses.length - 1)]! * (0.75 + Math.random() / 2);
    clearTimeout(this.wakeTimer);
    if (failure.status !== 401) this.wakeTimer = setTimeout(() => void this.wake(), pause * 1000);
  }

  /** Goes on after trouble; a pause that the person made stays. */
  private async wake(): Promise<void> {
    if (this.snapshot.phase !== "waiting") return;
    clearTimeout(this.wakeTimer);
    await this.go("paused");
  }

  /** Ends all that is under way; whether it has arrived is asked before the next try. */
  private stop(): void {
    this.run++;
    clearTimeout(this.wakeTimer);
    clearInterval(this.beat);
    for (const file of this.set.files) if (file.state === "sending") Object.assign(file, { state: "ready", sent: 0, why: "under-way" });
    const sendings = [...this.running.keys()];
    this.running.clear();
    this.queue = [];
    for (const sending of sendings) sending.abort();
  }

  /** rules: who sent with pseudonyms goes on so, and the same patient gets the same number again. */
  private reset(rules: PseudonymRules | null = null): void {
    this.stop();
    this.letGo();
    this.reader?.close();
    this.reader = undefined;
    this.set = new FileSet();
    [this.handles, this.names, this.documents] = [[], [], []];
    this.snapshot = { ...nothing, rules };
    this.show({});
  }

  private letGo(): void {
    this.release?.();
    this.release = undefined;
  }

  private watchSleep(): void {
    clearInterval(this.beat);
    let last = Date.now();
    this.beat = setInterval(() => {
      const late = Date.now() - last > sleptMs;
      last = Date.now();
      if (late && document.visibilityState === "visible") this.broke(new ApiError("offline", 0));
    }, 5000);
  }

  private progress(): void {
    if (this.redraw !== undefined) return;
    this.redraw = setTimeout(() => {
      this.redraw = undefined;
      const sentBytes = arrivedBytes(this.chosen());
      this.meter.add(performance.now(), sentBytes);
      const bytesPerSecond = this.snapshot.phase === "sending" ? this.meter.perSecond() : 0;
      this.show({ sentBytes, bytesPerSecond, secondsLeft: bytesPerSecond > 0 ? (this.snapshot.bytes - sentBytes) / bytesPerSecond : null });
    }, this.set.files.length > 1000 ? redrawManyMs : redrawMs);
  }

  private regroup(changes: Partial<Snapshot>): void {
    this.show(changes);
    const chosen = this.chosen();
    this.show({
      patients: groupFiles(this.set.files),
      files: [...this.set.files],
      skipped: [...this.set.skipped],
      chosen: chosen.length,
      bytes: totalSize(chosen),
      sentBytes: arrivedBytes(chosen),
    });
  }

  private show(changes: Partial<Snapshot>): void {
    this.snapshot = { ...this.snapshot, ...changes };
    for (const listener of this.listeners) listener();
  }
}

const lockName = "consilium-upload";

/** Tells this browser's other tabs that the upload which is kept is under way here. */
function hold(): () => void {
  let release = () => {};
  const until = new Promise<void>((resolve) => (release = resolve));
  void navigator.locks?.request(lockName, { ifAvailable: true }, () => until);
  return release;
}

async function isHeld(): Promise<boolean> {
  const { held = [] } = (await navigator.locks?.query()) ?? {};
  return held.some((lock) => lock.name === lockName);
}

/** The first of the files have gone out, the last not yet. */
function spread(files: readonly UploadFile[], sent: number): void {
  let left = sent;
  for (const file of files) {
    file.sent = Math.min(file.size, Math.max(0, left));
    left -= file.size;
  }
}

function settle(file: UploadFile, result: string | undefined): void {
  file.sent = 0;
  if (result === undefined && (file.tries = (file.tries ?? 0) + 1) < maxTries) file.state = "ready";
  else if (result === "stored") Object.assign(file, { state: file.compare ? "same" : "stored", why: undefined });
  else Object.assign(file, { state: "failed", why: result ?? "unanswered" });
}

export const uploader = new Uploader();
