/** Promise: one logical connection for the tab, with deadlines, resume and reconnect, whatever the wire does. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { BACKOFF_LONGEST_MS, backoffDelay } from "./backoff";
import { SignalClient, type SocketLike } from "./client";

class FakeSocket implements SocketLike {
  readyState = 0;
  onopen: SocketLike["onopen"] = null;
  onclose: SocketLike["onclose"] = null;
  onerror: SocketLike["onerror"] = null;
  onmessage: SocketLike["onmessage"] = null;
  readonly sent: { id?: number; method?: string; params?: Record<string, unknown>; result?: unknown; error?: { code: number } }[] = [];

  send(data: string): void {
    this.sent.push(JSON.parse(data));
  }
  close(): void {
    this.readyState = 3;
  }
  accept(): void {
    this.readyState = 1;
    this.onopen?.({});
  }
  deliver(message: unknown): void {
    this.onmessage?.({ data: typeof message === "string" ? message : JSON.stringify(message) });
  }
  answer(result: unknown): void {
    const asked = this.sent.filter((one) => one.method !== undefined).at(-1);
    this.deliver({ jsonrpc: "2.0", id: asked?.id, result });
  }
  break(code = 1006, reason = ""): void {
    this.readyState = 3;
    this.onclose?.({ code, reason });
  }
}

const sockets: FakeSocket[] = [];
const last = () => sockets.at(-1)!;

function newClient(): SignalClient {
  return new SignalClient({
    url: () => "wss://hub/signal",
    random: () => 0,
    socket: (url, protocol) => {
      expect(url).toBe("wss://hub/signal");
      expect(protocol).toBe("consilium.v1");
      sockets.push(new FakeSocket());
      return last();
    },
  });
}

async function open(client: SignalClient, peer = "p1", resume = "secret"): Promise<void> {
  if (client.state === "idle") client.start();
  last().accept();
  last().answer({ peer, resume, person: {}, organisation: {} });
  await vi.advanceTimersByTimeAsync(0);
}

beforeEach(() => {
  sockets.length = 0;
  vi.useFakeTimers();
});
afterEach(() => vi.useRealTimers());

describe("connection", () => {
  it("says hello first and is open after the answer", async () => {
    const client = newClient();
    const opened = vi.fn();
    client.on("open", opened);
    await open(client);
    expect(last().sent[0]).toMatchObject({ method: "hello", params: { version: 1 } });
    expect(client.state).toBe("open");
    expect(opened).toHaveBeenCalledWith({ resumed: false });
  });

  it("comes back after a loss and gives the resume secret", async () => {
    const client = newClient();
    const opened = vi.fn();
    await open(client);
    client.on("open", opened);
    last().break();
    expect(client.state).toBe("waiting");
    await vi.advanceTimersByTimeAsync(250);
    expect(sockets).toHaveLength(2);
    last().accept();
    expect(last().sent[0]?.params).toEqual({ version: 1, resume: "secret" });
    last().answer({ peer: "p1", resume: "secret2", person: {}, organisation: {} });
    await vi.advanceTimersByTimeAsync(0);
    expect(opened).toHaveBeenCalledWith({ resumed: true });
  });

  it("knows that a new peer is not a resumed one", async () => {
    const client = newClient();
    const opened = vi.fn();
    await open(client);
    client.on("open", opened);
    last().break();
    await vi.advanceTimersByTimeAsync(250);
    await open(client, "p2");
    expect(opened).toHaveBeenCalledWith({ resumed: false });
  });

  it("pauses longer after each failure, never longer than the bound, and hurries when told", async () => {
    const client = newClient();
    client.start();
    last().break();
    await vi.advanceTimersByTimeAsync(125);
    expect(sockets).toHaveLength(2);
    last().break();
    await vi.advanceTimersByTimeAsync(125);
    expect(sockets).toHaveLength(2);
    client.hurry();
    expect(sockets).toHaveLength(3);
    expect(backoffDelay(40, () => 1)).toBe(BACKOFF_LONGEST_MS);
    expect(backoffDelay(1, () => 0)).toBeLessThan(backoffDelay(1, () => 1));
  });

  it("does not come back after the end of the session", async () => {
    const client = newClient();
    const out = vi.fn();
    client.on("signed-out", out);
    await open(client);
    last().break(4001, "signed-out");
    await vi.advanceTimersByTimeAsync(60_000);
    expect(sockets).toHaveLength(1);
    expect(client.state).toBe("ended");
    expect(out).toHaveBeenCalledOnce();
    client.start();
    expect(sockets).toHaveLength(2);
  });

  it("gives up on a hub that does not greet", async () => {
    const client = newClient();
    client.start();
    last().accept();
    await vi.advanceTimersByTimeAsync(5_000);
    expect(client.state).toBe("waiting");
    expect(sockets[0]?.readyState).toBe(3);
  });

  it("finds a dead connection by a probe", async () => {
    const client = newClient();
    await open(client);
    const alive = client.probe();
    await vi.advanceTimersByTimeAsync(2_000);
    expect(await alive).toBe(false);
    expect(client.state).toBe("waiting");
  });
});

describe("calls", () => {
  it("gives the validated result", async () => {
    const client = newClient();
    await open(client);
    const call = client.call("room.publish", { room: "r", sdp: "offer", sources: { "0": "microphone" } });
    await vi.advanceTimersByTimeAsync(0);
    last().answer({ sdp: "answer", more: 1 });
    expect(await call).toEqual({ sdp: "answer", tracks: [] });
  });

  it("refuses a result of another shape", async () => {
    const client = newClient();
    await open(client);
    const call = client.call("room.publish", { room: "r", sdp: "offer", sources: {} });
    await vi.advanceTimersByTimeAsync(0);
    last().answer({ sdp: 7 });
    await expect(call).rejects.toMatchObject({ name: "internal" });
  });

  it("fails by name, by deadline and with the connection", async () => {
    const client = newClient();
    await open(client);
    const refused = client.call("room.join", { room: "r" });
    await vi.advanceTimersByTimeAsync(0);
    last().deliver({ jsonrpc: "2.0", id: last().sent.at(-1)?.id, error: { code: -32003, message: "no", data: { name: "not-found" } } });
    await expect(refused).rejects.toMatchObject({ name: "not-found", code: -32003 });

    const late = expect(client.call("room.leave", { room: "r" }, 1000)).rejects.toMatchObject({ name: "timeout" });
    await vi.advanceTimersByTimeAsync(1000);
    await late;

    const lost = expect(client.call("room.leave", { room: "r" })).rejects.toMatchObject({ name: "unavailable" });
    await vi.advanceTimersByTimeAsync(0);
    last().break();
    await lost;
  });

  it("waits for the connection within its own deadline", async () => {
    const client = newClient();
    client.start();
    const call = client.call("room.leave", { room: "r" }, 1000);
    await open(client);
    expect(last().sent.at(-1)).toMatchObject({ method: "room.leave" });
    last().answer({});
    expect(await call).toEqual({});

    last().break();
    const never = expect(client.call("room.leave", { room: "r" }, 100)).rejects.toMatchObject({ name: "unavailable" });
    await vi.advanceTimersByTimeAsync(100);
    await never;
  });
});

describe("messages of the hub", () => {
  it("gives valid notifications and drops the others", async () => {
    const client = newClient();
    const warn = vi.spyOn(console, "warn").mockImplementation(() => undefined);
    const changed = vi.fn();
    client.on("changed", changed);
    await open(client);
    last().deliver({ jsonrpc: "2.0", method: "changed", params: { kind: "consult", id: "c", version: 3 } });
    last().deliver({ jsonrpc: "2.0", method: "changed", params: { kind: "consult" } });
    last().deliver({ jsonrpc: "2.0", method: "of.a.newer.hub", params: {} });
    last().deliver("{");
    last().deliver({ hello: 1 });
    expect(changed.mock.calls).toEqual([[{ kind: "consult", id: "c", version: 3 }]]);
    expect(warn).toHaveBeenCalledTimes(3);
    warn.mockRestore();
  });

  it("answers requests, also the ones that it does not know", async () => {
    const client = newClient();
    await open(client);
    const offer = { room: "r", version: 2, sdp: "o", tracks: { "0": { participant: "p", track: "t", kind: "video", source: "camera" } } };
    last().deliver({ jsonrpc: "2.0", id: 5, method: "room.offer", params: offer });
    await vi.advanceTimersByTimeAsync(0);
    expect(last().sent.at(-1)).toMatchObject({ id: 5, error: { code: -32601 } });

    client.handle("room.offer", () => undefined); // of another room
    client.handle("room.offer", (params) => ({ version: params.version, sdp: "a" }));
    last().deliver({ jsonrpc: "2.0", id: 6, method: "room.offer", params: offer });
    await vi.advanceTimersByTimeAsync(0);
    expect(last().sent.at(-1)).toMatchObject({ id: 6, result: { version: 2, sdp: "a" } });

    last().deliver({ jsonrpc: "2.0", id: 7, method: "room.offer", params: { room: "r" } });
    await vi.advanceTimersByTimeAsync(0);
    expect(last().sent.at(-1)).toMatchObject({ id: 7, error: { code: -32602 } });
  });
});
