/** Promise: a person stays in the room through a lost network, a dead media worker and a dead hub; leaving leaves nothing behind. */
import { beforeEach, describe, expect, it, vi } from "vitest";
import type { SignalClient } from "../signaling";
import { RoomSession } from "./session";

class FakeTrack extends EventTarget {
  enabled = true;
  contentHint = "";
  readyState = "live";
  constructor(readonly kind: "audio" | "video") {
    super();
  }
  stop() {
    this.readyState = "ended";
  }
}

const pcs: FakePc[] = [];

class FakePc {
  connectionState: RTCPeerConnectionState = "new";
  onconnectionstatechange: (() => void) | null = null;
  localDescription: { sdp: string } | null = null;
  readonly transceivers: { mid: string | null; direction: string; sender: { replaceTrack: (track: unknown) => Promise<void>; track: unknown } }[] = [];
  restarts = 0;
  constructor() {
    pcs.push(this);
  }
  addTransceiver(track: unknown, init: { direction: string }) {
    const sender = {
      track,
      replaceTrack: (other: unknown) => {
        sender.track = other;
        return Promise.resolve();
      },
    };
    const made = { mid: null as string | null, direction: init.direction, sender };
    this.transceivers.push(made);
    return made;
  }
  getTransceivers() {
    return [];
  }
  createOffer() {
    return Promise.resolve({ type: "offer", sdp: `offer ${this.transceivers.length}` });
  }
  createAnswer() {
    return Promise.resolve({ type: "answer", sdp: "answer" });
  }
  setLocalDescription(description: { sdp: string }) {
    this.localDescription = description;
    this.transceivers.forEach((one, index) => (one.mid = String(index)));
    return Promise.resolve();
  }
  setRemoteDescription() {
    return Promise.resolve();
  }
  restartIce() {
    this.restarts++;
  }
  close() {
    this.connectionState = "closed";
  }
  become(state: RTCPeerConnectionState) {
    this.connectionState = state;
    this.onconnectionstatechange?.();
  }
}

vi.stubGlobal("RTCPeerConnection", FakePc);
vi.stubGlobal("RTCRtpSender", { getCapabilities: () => ({ codecs: [] }) });
vi.stubGlobal("MediaStream", class {});

/** A hub in one object: answers calls, and tells what the test says. */
function newHub() {
  const listeners = new Map<string, Set<(value: unknown) => void>>();
  const calls: [string, Record<string, unknown>][] = [];
  let participant = "me-1";
  const answers: Record<string, () => unknown> = {
    "room.join": () => ({
      participant, title: "Case", role: "member", media: "ready", recording: null,
      participants: [{ participant, name: "Me", tracks: [] }, { participant: "other", name: "Dr Tan", tracks: [] }],
    }),
    "room.publish": () => ({ sdp: "answer", tracks: [{ track: "t-mic", mid: "0", kind: "audio" }, { track: "t-cam", mid: "1", kind: "video" }] }),
    "room.restart": () => ({ sdp: "answer", tracks: [] }),
  };
  const hub = {
    state: "open",
    calls,
    answers,
    tell(name: string, value: unknown) {
      for (const one of listeners.get(name) ?? []) one(value);
    },
    rename(id: string) {
      participant = id;
    },
    methods: () => calls.map(([method]) => method),
    on(name: string, listener: (value: unknown) => void) {
      const set = listeners.get(name) ?? new Set();
      listeners.set(name, set);
      set.add(listener);
      return () => set.delete(listener);
    },
    handle: (name: string, listener: (value: unknown) => void) => hub.on(`request ${name}`, listener),
    call: (method: string, params: Record<string, unknown>) => {
      calls.push([method, params]);
      return Promise.resolve((answers[method] ?? (() => ({})))());
    },
    probe: () => Promise.resolve(true),
  };
  return hub;
}

let hub: ReturnType<typeof newHub>;
let session: RoomSession;
let audio: FakeTrack;
let video: FakeTrack;

beforeEach(async () => {
  pcs.length = 0;
  hub = newHub();
  session = new RoomSession("r", { signal: hub as unknown as SignalClient });
  audio = new FakeTrack("audio");
  video = new FakeTrack("video");
  await session.join({ audio: audio as unknown as MediaStreamTrack, video: video as unknown as MediaStreamTrack, problem: null });
});

describe("entering", () => {
  it("joins, subscribes and publishes both tracks in one offer", () => {
    expect(hub.methods().sort()).toEqual(["room.join", "room.publish", "room.subscribe"]);
    expect(hub.calls.find(([method]) => method === "room.publish")![1]).toMatchObject({ sdp: "offer 2", sources: { "0": "microphone", "1": "camera" } });
    expect(session.getState()).toMatchObject({ phase: "in", title: "Case", me: "me-1" });
    expect(session.getState().participants.map((one) => one.participant)).toEqual(["other"]);
  });

  it("is refused in words, and gives the devices back", async () => {
    const refused = new RoomSession("x", { signal: { ...hub, call: () => Promise.reject(new Error("no")) } as unknown as SignalClient });
    const camera = new FakeTrack("video");
    await refused.join({ audio: null, video: camera as unknown as MediaStreamTrack, problem: null });
    expect(refused.getState()).toMatchObject({ phase: "refused", reason: "internal" });
    expect(camera.readyState).toBe("ended");
  });
});

describe("people and tracks", () => {
  it("come and go as told, of this room only", () => {
    hub.tell("room.joined", { room: "r", participant: "third", name: "Siti" });
    hub.tell("room.joined", { room: "elsewhere", participant: "fourth", name: "X" });
    hub.tell("room.track", { room: "r", participant: "third", track: "t", kind: "audio", source: "microphone", state: "added" });
    hub.tell("room.track", { room: "r", participant: "third", track: "t", kind: "audio", source: "microphone", state: "muted" });
    hub.tell("room.left", { room: "r", participant: "other", reason: "left" });
    const people = session.getState().participants;
    expect(people.map((one) => one.name)).toEqual(["Siti"]);
    expect(people[0]!.tracks).toEqual([{ track: "t", kind: "audio", source: "microphone", muted: true }]);
  });

  it("mute tells the room; the camera is really released", async () => {
    await session.setMicrophone(false);
    expect(audio.enabled).toBe(false);
    expect(hub.calls.at(-1)).toEqual(["room.mute", { room: "r", track: "t-mic", muted: true }]);
    await session.setCamera(false);
    expect(video.readyState).toBe("ended");
    expect(hub.calls.at(-1)).toEqual(["room.mute", { room: "r", track: "t-cam", muted: true }]);
    expect(hub.methods().filter((method) => method === "room.publish")).toHaveLength(1);
  });

  it("messages are shown once, in the order of time", () => {
    hub.tell("room.message", { room: "r", message: "2", person: "p", name: "Dr Tan", text: "second", at: "2026-11-24T10:00:02Z" });
    session.addMessages([
      { id: "1", person: "p", name: "Dr Tan", text: "first", at: "2026-11-24T10:00:01Z" },
      { id: "2", person: "p", name: "Dr Tan", text: "second", at: "2026-11-24T10:00:02Z" },
    ]);
    expect(session.getState().messages.map((one) => one.text)).toEqual(["first", "second"]);
  });
});

describe("coming back", () => {
  it("after a short loss: same participant, connections kept, new credentials where media stopped", async () => {
    const [subscriber, publisher] = pcs;
    publisher!.become("connected");
    subscriber!.become("connected");
    expect(session.getState().link).toBe("ok");
    publisher!.become("disconnected");
    expect(session.getState().link).toBe("reconnecting");
    hub.tell("open", { resumed: true });
    await vi.waitFor(() => expect(publisher!.restarts).toBe(1));
    await vi.waitFor(() => expect(hub.methods()).toContain("room.restart"));
    expect(pcs).toHaveLength(2);
  });

  it("as a new participant after a hub restart: both connections anew with the same tracks", async () => {
    hub.rename("me-2");
    hub.tell("open", { resumed: false });
    await vi.waitFor(() => expect(hub.methods().filter((method) => method === "room.publish")).toHaveLength(2));
    expect(pcs).toHaveLength(4);
    expect(pcs[0]!.connectionState).toBe("closed");
    expect(session.getState().me).toBe("me-2");
    expect(audio.readyState).toBe("live");
  });

  it("after the media worker died: everything is published again as soon as it is ready", async () => {
    hub.tell("room.media", { room: "r", state: "lost" });
    expect(session.getState().link).toBe("lost");
    hub.tell("room.media", { room: "r", state: "ready" });
    await vi.waitFor(() => expect(hub.methods().filter((method) => method === "room.publish")).toHaveLength(2));
    await vi.waitFor(() => expect(hub.methods().filter((method) => method === "room.subscribe")).toHaveLength(2));
  });

  it("one failed side is made anew, the other stays", async () => {
    hub.tell("room.media", { room: "r", state: "failed", side: "subscribe" });
    await vi.waitFor(() => expect(hub.methods().filter((method) => method === "room.subscribe")).toHaveLength(2));
    expect(hub.methods().filter((method) => method === "room.publish")).toHaveLength(1);
  });
});

describe("leaving", () => {
  it("tells the hub, closes both connections and releases the devices", async () => {
    await session.leave();
    expect(hub.calls.at(-1)).toEqual(["room.leave", { room: "r" }]);
    expect(pcs.every((pc) => pc.connectionState === "closed")).toBe(true);
    expect([audio.readyState, video.readyState]).toEqual(["ended", "ended"]);
    hub.tell("room.joined", { room: "r", participant: "late", name: "X" });
    expect(session.getState().participants).toEqual([]);
  });

  it("also happens when the hub says so", () => {
    hub.tell("room.left", { room: "r", participant: "me-1", reason: "revoked" });
    expect(session.getState()).toMatchObject({ phase: "left", reason: "revoked" });
  });
});
