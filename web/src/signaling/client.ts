/**
 * The browser's one connection to the hub: JSON-RPC 2.0 over a WebSocket, see signaling/README.md.
 *
 * - call() may be used at any time: while there is no connection it waits for one, within its own deadline. A call whose connection is
 *   lost under way fails with "unavailable"; nothing is sent twice, because only the caller knows whether that would be harmless.
 * - A lost connection is made again by itself with growing pauses, and says `hello` with the resume secret, which keeps the rooms of
 *   this tab for 30 s. `open` tells by `resumed` whether they are still there.
 * - Every message of the hub is validated (messages.ts); one that is not valid is dropped and reported on the console.
 */
import * as v from "valibot";
import { backoffDelay } from "./backoff";
import { Emitter } from "./emitter";
import {
  Envelope,
  notifications,
  requests,
  results,
  type CallMethod,
  type CallParams,
  type CallResult,
  type NotificationName,
  type Notifications,
  type RequestName,
  type Requests,
} from "./messages";

export const CALL_TIMEOUT_MS = 10_000;
export const HELLO_TIMEOUT_MS = 5_000;
const PROBE_TIMEOUT_MS = 2_000;
const SUBPROTOCOL = "consilium.v1";
const CLOSE_SIGNED_OUT = 4001;

/** `waiting`: between two attempts. `ended`: signed out or stopped; only start() leaves it. */
export type SignalState = "idle" | "connecting" | "open" | "waiting" | "ended";

/** A failed call; `name` is one of hub/base/err.def, and the key of its translation. */
export class SignalError extends Error {
  constructor(
    override readonly name: string,
    message: string,
    readonly code = 0,
  ) {
    super(message);
  }
}

export interface ClientEvents extends Notifications {
  state: SignalState;
  open: { resumed: boolean };
  lost: { code: number; reason: string };
  "signed-out": { reason: string };
}

/** The part of WebSocket that is used; tests bring their own. */
export interface SocketLike {
  readonly readyState: number;
  onopen: ((event: unknown) => void) | null;
  onclose: ((event: { code: number; reason: string }) => void) | null;
  onerror: ((event: unknown) => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  send(data: string): void;
  close(code?: number, reason?: string): void;
}

export interface ClientOptions {
  url: () => string;
  socket?: (url: string, protocol: string) => SocketLike;
  random?: () => number;
}

interface Pending {
  method: string;
  resolve: (value: unknown) => void;
  reject: (error: SignalError) => void;
  timer: ReturnType<typeof setTimeout>;
}

type Handler = (params: never) => Promise<unknown> | unknown;

export class SignalClient {
  private readonly emitter = new Emitter<ClientEvents>();
  private readonly handlers = new Map<string, Set<Handler>>();
  private readonly pending = new Map<number, Pending>();
  private readonly waiters = new Set<() => void>();
  private readonly options: Required<ClientOptions>;
  private socket: SocketLike | null = null;
  private retry: ReturnType<typeof setTimeout> | null = null;
  private nextId = 1;
  private attempt = 0;
  private resume: string | null = null;
  private peer: string | null = null;
  private current: SignalState = "idle";

  constructor(options: ClientOptions) {
    this.options = {
      socket: (url, protocol) => new WebSocket(url, protocol) as SocketLike,
      random: Math.random,
      ...options,
    };
  }

  get state(): SignalState {
    return this.current;
  }

  on<Name extends keyof ClientEvents>(name: Name, listener: (value: ClientEvents[Name]) => void): () => void {
    return this.emitter.on(name, listener);
  }

  /** Answers a request of the hub. Several handlers may share a method: the first that does not answer `undefined` wins. */
  handle<Name extends RequestName>(name: Name, handler: (params: Requests[Name]) => Promise<unknown> | unknown): () => void {
    const set = this.handlers.get(name) ?? new Set<Handler>();
    this.handlers.set(name, set);
    set.add(handler as Handler);
    return () => set.delete(handler as Handler);
  }

  /** Connects, and stays connected until stop() or the end of the session. */
  start(): void {
    if (this.current !== "idle" && this.current !== "ended") return;
    this.attempt = 0;
    this.connect();
  }

  stop(): void {
    this.clearRetry();
    this.resume = null;
    this.peer = null;
    const socket = this.socket;
    this.drop(new SignalError("unavailable", "the connection was closed"));
    this.setState("ended");
    socket?.close(1000, "bye");
  }

  /** Reconnects now instead of at the end of the pause, e.g. when the network came back. */
  hurry(): void {
    if (this.current !== "waiting") return;
    this.clearRetry();
    this.connect();
  }

  /** Asks for a sign of life and reconnects when none comes: for the moment in which media stops. */
  async probe(): Promise<boolean> {
    if (this.current !== "open") return false;
    const socket = this.socket;
    try {
      await this.call("presence.list", {}, PROBE_TIMEOUT_MS);
      return true;
    } catch (error) {
      if ((error as SignalError).name !== "timeout") return this.current === "open";
      if (this.socket === socket) this.lose(socket!, 4000, "no sign of life");
      return false;
    }
  }

  async call<Method extends CallMethod>(
    method: Method,
    params: CallParams[Method],
    timeoutMs = CALL_TIMEOUT_MS,
  ): Promise<CallResult<Method>> {
    const deadline = Date.now() + timeoutMs;
    if (this.current !== "open") await this.whenOpen(timeoutMs);
    return this.request(method, params, Math.max(1, deadline - Date.now()));
  }

  private setState(state: SignalState): void {
    if (this.current === state) return;
    this.current = state;
    this.emitter.emit("state", state);
  }

  private clearRetry(): void {
    if (this.retry !== null) clearTimeout(this.retry);
    this.retry = null;
  }

  private connect(): void {
    this.setState("connecting");
    const socket = this.options.socket(this.options.url(), SUBPROTOCOL);
    this.socket = socket;
    socket.onopen = () => void this.greet(socket);
    socket.onclose = (event) => this.lose(socket, event.code, event.reason);
    socket.onerror = () => undefined; // a close follows
    socket.onmessage = (event) => {
      if (this.socket === socket) this.receive(event.data);
    };
  }

  private async greet(socket: SocketLike): Promise<void> {
    const before = this.peer;
    const resume = this.resume;
    try {
      const hello = await this.request(
        "hello",
        resume === null ? { version: 1 } : { version: 1, resume },
        HELLO_TIMEOUT_MS,
      );
      if (this.socket !== socket) return;
      this.resume = hello.resume;
      this.peer = hello.peer;
      this.attempt = 0;
      this.setState("open");
      const resumed = hello.resumed ?? (before !== null && before === hello.peer);
      this.emitter.emit("open", { resumed });
      for (const wake of [...this.waiters]) wake();
    } catch (error) {
      if (this.socket !== socket) return;
      if ((error as SignalError).name === "unauthenticated") {
        this.end("signed-out");
        socket.close(1000);
        return;
      }
      this.resume = null;
      this.lose(socket, 4000, "no greeting");
    }
  }

  /** Every end of a connection comes through here once. */
  private lose(socket: SocketLike, code: number, reason: string): void {
    if (this.socket !== socket) return;
    this.drop(new SignalError("unavailable", "the connection to the hub was lost"));
    if (socket.readyState < 2) socket.close(4000, reason.slice(0, 100));
    if (code === CLOSE_SIGNED_OUT) {
      this.end(reason || "signed-out");
      return;
    }
    this.emitter.emit("lost", { code, reason });
    this.setState("waiting");
    this.retry = setTimeout(() => {
      this.retry = null;
      this.connect();
    }, backoffDelay(this.attempt++, this.options.random));
  }

  private end(reason: string): void {
    this.resume = null;
    this.peer = null;
    this.drop(new SignalError("unauthenticated", "signed out"));
    this.setState("ended");
    this.emitter.emit("signed-out", { reason });
  }

  private drop(error: SignalError): void {
    this.socket = null;
    for (const [id, entry] of [...this.pending]) {
      this.pending.delete(id);
      clearTimeout(entry.timer);
      entry.reject(error);
    }
  }

  private whenOpen(timeoutMs: number): Promise<void> {
    if (this.current === "ended") return Promise.reject(new SignalError("unauthenticated", "signed out"));
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.waiters.delete(wake);
        reject(new SignalError("unavailable", "there is no connection to the hub"));
      }, timeoutMs);
      const wake = () => {
        clearTimeout(timer);
        this.waiters.delete(wake);
        resolve();
      };
      this.waiters.add(wake);
    });
  }

  private request<Method extends CallMethod>(
    method: Method,
    params: CallParams[Method],
    timeoutMs: number,
  ): Promise<CallResult<Method>> {
    const socket = this.socket;
    if (socket === null) return Promise.reject(new SignalError("unavailable", "there is no connection to the hub"));
    const id = this.nextId++;
    return new Promise<CallResult<Method>>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.pending.delete(id);
        reject(new SignalError("timeout", `${method} got no answer`));
      }, timeoutMs);
      const settle = (value: unknown) => {
        const parsed = v.safeParse(results[method], value);
        if (parsed.success) resolve(parsed.output as CallResult<Method>);
        else reject(new SignalError("internal", `${method}: ${v.summarize(parsed.issues)}`));
      };
      this.pending.set(id, { method, resolve: settle, reject, timer });
      socket.send(JSON.stringify({ jsonrpc: "2.0", id, method, params }));
    });
  }

  private receive(data: unknown): void {
    const message = parseEnvelope(data);
    if (message === null) return;
    if (message.method !== undefined) {
      if (message.id === undefined || message.id === null) this.notified(message.method, message.params);
      else void this.asked(message.id, message.method, message.params);
      return;
    }
    const entry = typeof message.id === "number" ? this.pending.get(message.id) : undefined;
    if (entry === undefined) return; // its deadline has passed
    this.pending.delete(message.id as number);
    clearTimeout(entry.timer);
    if (message.error === undefined) entry.resolve(message.result ?? {});
    else entry.reject(new SignalError(message.error.data?.name ?? "internal", message.error.message, message.error.code));
  }

  private notified(method: string, params: unknown): void {
    if (!(method in notifications)) return; // of a newer hub
    const name = method as NotificationName;
    const parsed = v.safeParse(notifications[name], params);
    if (!parsed.success) {
      console.warn(`signal: ${method}: ${v.summarize(parsed.issues)}`);
      return;
    }
    this.emitter.emit(name, parsed.output as never);
  }

  private async asked(id: number | string, method: string, params: unknown): Promise<void> {
    const socket = this.socket;
    const reply = (body: object) => {
      if (this.socket === socket) socket?.send(JSON.stringify({ jsonrpc: "2.0", id, ...body }));
    };
    const handlers = this.handlers.get(method);
    if (!(method in requests) || handlers === undefined) {
      reply({ error: { code: -32601, message: "no such method", data: { name: "method" } } });
      return;
    }
    const parsed = v.safeParse(requests[method as RequestName], params);
    if (!parsed.success) {
      reply({ error: { code: -32602, message: v.summarize(parsed.issues), data: { name: "invalid" } } });
      return;
    }
    try {
      for (const handler of [...handlers]) {
        const answer = await (handler as (value: unknown) => unknown)(parsed.output);
        if (answer === undefined) continue;
        reply({ result: answer });
        return;
      }
      reply({ error: { code: -32003, message: "nobody here wants it", data: { name: "not-found" } } });
    } catch (error) {
      reply({ error: { code: -32603, message: String((error as Error).message), data: { name: "internal" } } });
    }
  }
}

function parseEnvelope(data: unknown): v.InferOutput<typeof Envelope> | null {
  if (typeof data !== "string") return null;
  try {
    return v.parse(Envelope, JSON.parse(data));
  } catch (error) {
    console.warn("signal: not a message", error);
    return null;
  }
}
