/**
 * The measurements and key images of one study, as they are on the screen. Each change is shown at once and sent at once; what cannot be
 * sent is kept (over a reload too) and tried again. Only the newest wish for each is sent, and the hub's answer gives its version.
 */
import { ApiError, api, take, type Schemas } from "../../api/client";
import { Emitter } from "../../signaling/emitter";
import type { Point } from "./geometry";
import type { Kind, Result } from "./kinds";

/** What a person decides about a measurement; the rest is the hub's. */
export interface Fields {
  series: string;
  instance: string;
  frame: number;
  kind: Kind;
  points: readonly Point[];
  label: string;
  results: readonly Result[];
}

export interface Drawn extends Fields {
  id: string;
  mine: boolean;
  /** Who drew it; empty while it is on its way to the hub. */
  author: string;
  organisation: string;
  /** not yet at the hub, or refused by it */
  state: "saved" | "waiting" | "refused";
}

interface Entry {
  id: string;
  /** null: deleted */
  wanted: Fields | null;
  /** What the hub has; 0: nothing yet. */
  version: number;
  mine: boolean;
  author: string;
  organisation: string;
  dirty: boolean;
  refused: boolean;
}

interface Change {
  id: string;
  before: Fields | null;
  after: Fields | null;
}

/** How the store speaks with the hub; another one in tests. */
export interface Hub {
  list(study: string): Promise<Schemas["Measurement"][]>;
  put(study: string, id: string, version: number, fields: Fields): Promise<Schemas["Measurement"]>;
  /** Answers the version after the deletion. */
  remove(study: string, id: string, version: number): Promise<number>;
}

const RETRY_MS = [1000, 2000, 5000, 10_000, 30_000] as const;
const MOST_UNDO = 100;
/** After these the same request will never be taken. */
const FINAL = new Set(["invalid", "denied", "not-found", "unprocessable", "too-large"]);

const versionOf = (response: Response, otherwise: number) => Number(/^"(\d+)"$/.exec(response.headers.get("ETag") ?? "")?.[1] ?? otherwise);

export const restHub: Hub = {
  list: async (id) => (await take(api.GET("/studies/{id}/measurements", { params: { path: { id } } }))).items,
  put: (id, measurement, version, fields) =>
    take(
      api.PUT("/studies/{id}/measurements/{measurement}", {
        params: {
          path: { id, measurement },
          header: version === 0 ? { "If-None-Match": "*" } : { "If-Match": `"${version}"` },
        },
        body: { ...fields, points: fields.points.map(([x, y]) => [x, y]), results: [...fields.results] },
      }),
    ),
  remove: async (id, measurement, version) => {
    const request = api.DELETE("/studies/{id}/measurements/{measurement}", {
      params: { path: { id, measurement }, header: { "If-Match": `"${version}"` } },
    });
    await take(request);
    return versionOf((await request).response, version + 1);
  },
};

export class MeasurementStore {
  readonly events = new Emitter<{ changed: readonly Drawn[] }>();
  private readonly entries = new Map<string, Entry>();
  private readonly sending = new Set<string>();
  private undone: Change[] = [];
  private done: Change[] = [];
  private shown: readonly Drawn[] = [];
  private failures = 0;
  private timer: ReturnType<typeof setTimeout> | null = null;
  private disposed = false;

  constructor(
    readonly study: string,
    private readonly hub: Hub = restHub,
    private readonly kept: Pick<Storage, "getItem" | "setItem" | "removeItem"> = sessionStorage,
  ) {
    this.recall();
    window.addEventListener("online", this.retryNow);
  }

  dispose(): void {
    this.disposed = true;
    window.removeEventListener("online", this.retryNow);
    if (this.timer !== null) clearTimeout(this.timer);
    this.events.clear();
  }

  getShown = (): readonly Drawn[] => this.shown;

  /** Something is not at the hub yet. */
  get unsaved(): boolean {
    return [...this.entries.values()].some((one) => one.dirty);
  }

  get canUndo(): boolean {
    return this.done.length > 0;
  }
  get canRedo(): boolean {
    return this.undone.length > 0;
  }

  /** Reads what the hub has. Called when the viewer opens, and when the hub says that it has changed. */
  async read(): Promise<void> {
    const items = await this.hub.list(this.study);
    if (this.disposed) return;
    const there = new Set(items.map((one) => one.id));
    for (const one of items) this.merge(one);
    for (const [id, entry] of this.entries) {
      if (!there.has(id) && !entry.dirty && entry.version > 0 && !this.sending.has(id)) {
        if (entry.mine) entry.wanted = null; // its version is still good for bringing it back
        else this.entries.delete(id);
      }
    }
    this.publish();
  }

  private merge(one: Schemas["Measurement"]): void {
    const known = this.entries.get(one.id);
    if (known !== undefined && (this.sending.has(one.id) || one.version < known.version)) return;
    const entry: Entry = {
      id: one.id,
      wanted: known?.dirty === true ? known.wanted : fieldsOf(one),
      version: one.version,
      mine: one.mine,
      author: one.author.name,
      organisation: one.organisation.name,
      dirty: known?.dirty ?? false,
      refused: false,
    };
    this.entries.set(one.id, entry);
  }

  /** Draws, changes (an id that is there) or deletes (fields null), as a step that can be undone. */
  set(id: string, fields: Fields | null): void {
    const before = this.entries.get(id)?.wanted ?? null;
    if (before === null && fields === null) return;
    this.done = [...this.done.slice(1 - MOST_UNDO), { id, before, after: fields }];
    this.undone = [];
    this.wish(id, fields);
  }

  undo(): void {
    const change = this.done.pop();
    if (change === undefined) return;
    this.undone.push(change);
    this.wish(change.id, change.before);
  }

  redo(): void {
    const change = this.undone.pop();
    if (change === undefined) return;
    this.done.push(change);
    this.wish(change.id, change.after);
  }

  private wish(id: string, wanted: Fields | null): void {
    const known = this.entries.get(id);
    if (known !== undefined && !known.mine) return;
    if (known === undefined) {
      this.entries.set(id, { id, wanted, version: 0, mine: true, author: "", organisation: "", dirty: true, refused: false });
    } else {
      known.wanted = wanted;
      known.dirty = true;
      known.refused = false;
    }
    this.publish();
    void this.send(id);
  }

  private async send(id: string): Promise<void> {
    const entry = this.entries.get(id);
    if (entry === undefined || !entry.dirty || entry.refused || this.sending.has(id) || this.disposed) return;
    this.sending.add(id);
    const wanted = entry.wanted;
    try {
      if (wanted === null) {
        if (entry.version > 0) entry.version = await this.hub.remove(this.study, id, entry.version);
      } else {
        const saved = await this.hub.put(this.study, id, entry.version, wanted);
        entry.version = saved.version;
        entry.author = saved.author.name;
        entry.organisation = saved.organisation.name;
      }
      if (entry.wanted === wanted) entry.dirty = false;
      this.failures = 0;
    } catch (error) {
      await this.failed(entry, error);
    }
    this.sending.delete(id);
    if (this.disposed) return;
    this.publish();
    if (entry.dirty && this.failures === 0) void this.send(id);
  }

  private async failed(entry: Entry, error: unknown): Promise<void> {
    const code = error instanceof ApiError ? error.code : "offline";
    if (code === "stale") {
      // The same person changed it elsewhere, or an answer was lost: the hub's version, our wish.
      const now = (await this.hub.list(this.study).catch(() => [])).find((one) => one.id === entry.id);
      if (now !== undefined && now.version !== entry.version) {
        entry.version = now.version;
        return;
      }
      entry.refused = true;
      return;
    }
    if (FINAL.has(code)) {
      entry.refused = true;
      return;
    }
    const wait = RETRY_MS[Math.min(this.failures, RETRY_MS.length - 1)]!;
    this.failures++;
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = setTimeout(this.retryNow, wait);
  }

  private readonly retryNow = (): void => {
    for (const id of this.entries.keys()) void this.send(id);
  };

  private get key(): string {
    return `consilium.measurements.${this.study}`;
  }

  private recall(): void {
    try {
      for (const one of JSON.parse(this.kept.getItem(this.key) ?? "[]") as Entry[]) this.entries.set(one.id, one);
    } catch {
      this.kept.removeItem(this.key);
    }
    this.shown = this.describe();
    this.retryNow();
  }

  private publish(): void {
    const waiting = [...this.entries.values()].filter((one) => one.dirty && !one.refused);
    try {
      if (waiting.length > 0) this.kept.setItem(this.key, JSON.stringify(waiting));
      else this.kept.removeItem(this.key);
    } catch {
      // Storage full or forbidden: it is still on the screen, and still tried again.
    }
    this.shown = this.describe();
    this.events.emit("changed", this.shown);
  }

  private describe(): readonly Drawn[] {
    return [...this.entries.values()].flatMap((one): Drawn[] => {
      if (one.wanted === null) return [];
      const state = one.refused ? "refused" : one.dirty ? "waiting" : "saved";
      return [{ ...one.wanted, id: one.id, mine: one.mine, author: one.author, organisation: one.organisation, state }];
    });
  }
}

function fieldsOf(one: Schemas["Measurement"]): Fields {
  const points = one.points.map(([x, y]): Point => [x ?? 0, y ?? 0]);
  return { series: one.series, instance: one.instance, frame: one.frame, kind: one.kind, points, label: one.label, results: one.results };
}
