import { useEffect, useRef, useState } from "react";
import { api, ApiError, type Schemas, sessionEvents, take } from "../../api/client";
import type { Consult } from "../../api/queries";

type OpinionInput = Schemas["OpinionInput"];
export type SaveState = "idle" | "waiting" | "saving" | "saved" | "failed";

const pauseMs = 1200;
const retryMs = 15_000;

/** Saves the newest text after each pause, one request at a time; never loses the newest one to an older answer. */
export class Autosaver<Text, Saved> {
  private next: Text | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private running: Promise<void> | undefined;
  private stopped = false;

  constructor(
    private readonly send: (text: Text) => Promise<Saved>,
    private readonly tell: (state: SaveState, detail?: { saved?: Saved; error?: unknown }) => void,
    private readonly pause = pauseMs,
    private readonly retry = retryMs,
  ) {}

  save(text: Text): void {
    this.next = text;
    this.tell("waiting");
    this.after(this.pause);
  }

  /** Tries now what is waiting, e.g. because the network is back. */
  hurry(): void {
    if (this.next !== undefined) this.after(0);
  }

  /** Resolves when nothing is on its way; what was waiting is dropped, because the caller sends it itself. */
  async settle(): Promise<void> {
    clearTimeout(this.timer);
    this.next = undefined;
    await this.running;
    clearTimeout(this.timer);
    this.next = undefined;
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
    if (this.next !== undefined && this.running === undefined) void this.send(this.next).catch(() => undefined); // the page was left: last try
  }

  private after(ms: number): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      if (this.running === undefined) this.running = this.run().finally(() => (this.running = undefined));
    }, ms);
  }

  private async run(): Promise<void> {
    while (this.next !== undefined && !this.stopped) {
      const text = this.next;
      this.next = undefined;
      this.tell("saving");
      try {
        const saved = await this.send(text);
        this.tell("saved", { saved });
      } catch (error) {
        this.next ??= text;
        this.tell("failed", { error });
        this.after(this.retry);
        return;
      }
    }
  }
}

export function useAutosave(consult: Consult, onSaved: (saved: Consult) => void) {
  const [state, setState] = useState<SaveState>("idle");
  const [at, setAt] = useState<number | null>(null);
  const [error, setError] = useState<unknown>(null);
  const version = useRef(consult.version);
  version.current = Math.max(version.current, consult.version);
  const saved = useRef(onSaved);
  saved.current = onSaved;

  const [saver] = useState(() => new Autosaver<OpinionInput, Consult>(
    async (body) => {
      const put = () => take(api.PUT("/consults/{id}/opinion", { params: { path: { id: consult.id }, header: { "If-Match": `"${version.current}"` } }, body }));
      try {
        return await put();
      } catch (failure) {
        if (!(failure instanceof ApiError) || failure.code !== "stale") throw failure;
        // A step of somebody else (an answer, a note) raised the version; the draft is still ours alone.
        version.current = (await take(api.GET("/consults/{id}", { params: { path: { id: consult.id } } }))).version;
        return put();
      }
    },
    (next, detail) => {
      setState(next);
      setError(detail?.error ?? null);
      if (detail?.saved) {
        version.current = detail.saved.version;
        setAt(Date.now());
        saved.current(detail.saved);
      }
    },
  ));

  useEffect(() => {
    const hurry = () => saver.hurry();
    window.addEventListener("online", hurry);
    sessionEvents.addEventListener("regained", hurry);
    return () => {
      window.removeEventListener("online", hurry);
      sessionEvents.removeEventListener("regained", hurry);
      saver.stop();
    };
  }, [saver]);

  return { state, at, error, save: (text: OpinionInput) => saver.save(text), settle: () => saver.settle() };
}
