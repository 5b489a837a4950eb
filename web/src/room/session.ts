/**
 * A person's being in a room: membership by signaling, one connection to send and one to receive, and how both come back after a lost
 * network, a dead media worker or a dead hub. Framework-free; the screens read `state` and call the verbs.
 *
 * How it comes back:
 * - signaling resumed: the room is joined again, which is harmless and tells what was missed; broken connections get new ICE credentials;
 * - signaling new (hub restarted, or away for more than 30 s): a new participant, so both connections are made anew;
 * - room.media ready after lost: the worker knows nothing of us, both are made anew; failed: only that side.
 */
import { signal as theSignal, SignalError, type ParticipantInfo, type SignalClient, type TrackSource } from "../signaling";
import { Emitter } from "../signaling/emitter";
import { captureCamera, captureMicrophone, captureScreen, type Capture, type DeviceChoice } from "./devices";
import { Publisher } from "./publisher";
import { Subscriber, type RemoteTrack } from "./subscriber";

export type Phase = "idle" | "joining" | "in" | "left" | "refused";
/** `ok`: media flows or nothing is to flow. `connecting` the first time, `reconnecting` later, `lost`: the media worker is away. */
export type Link = "ok" | "connecting" | "reconnecting" | "lost";

export interface ChatMessage {
  id: string;
  person: string | null;
  name: string;
  text: string;
  at: string;
}

export interface RoomState {
  phase: Phase;
  /** Why we are not in the room: a name of hub/base/err.def, or the reason of room.left. */
  reason: string | null;
  title: string;
  host: boolean;
  me: string | null;
  participants: readonly ParticipantInfo[];
  remote: readonly RemoteTrack[];
  speaker: string | null;
  recording: boolean;
  link: Link;
  microphone: MediaStreamTrack | null;
  microphoneOn: boolean;
  camera: MediaStreamTrack | null;
  screen: MediaStreamTrack | null;
  messages: readonly ChatMessage[];
}

const START: RoomState = {
  phase: "idle", reason: null, title: "", host: false, me: null, participants: [], remote: [], speaker: null, recording: false,
  link: "connecting", microphone: null, microphoneOn: false, camera: null, screen: null, messages: [],
};

export interface RoomOptions {
  /** A teaching session's audience only watches. */
  receive?: boolean;
  teaching?: boolean;
  signal?: SignalClient;
}

export class RoomSession {
  private readonly emitter = new Emitter<{ state: RoomState }>();
  private readonly signal: SignalClient;
  private readonly offs: (() => void)[] = [];
  private publisher: Publisher | null = null;
  private subscriber: Subscriber | null = null;
  private choice: DeviceChoice = {};
  private wasConnected = false;
  private rejoining: Promise<void> | null = null;
  private current: RoomState = START;

  constructor(
    readonly room: string,
    private readonly options: RoomOptions = {},
  ) {
    this.signal = options.signal ?? theSignal;
  }

  getState = (): RoomState => this.current;
  subscribe = (listener: () => void): (() => void) => this.emitter.on("state", listener);

  private set(change: Partial<RoomState>): void {
    this.current = { ...this.current, ...change };
    this.emitter.emit("state", this.current);
  }

  /** Enters with what the device check captured; nothing captured means to watch and listen only. */
  async join(captured: Capture | null, choice: DeviceChoice = {}): Promise<void> {
    this.choice = choice;
    this.listen();
    this.set({
      phase: "joining", reason: null, microphone: captured?.audio ?? null, microphoneOn: captured?.audio?.enabled ?? false,
      camera: captured?.video ?? null,
    });
    this.watchEnd("camera");
    try {
      await this.enter();
    } catch (error) {
      this.refused(error);
    }
  }

  private refused(error: unknown): void {
    this.end("refused", error instanceof SignalError ? error.name : "internal");
  }

  /** Joins and makes what is missing. */
  private async enter(): Promise<void> {
    const joined = await this.signal.call("room.join", { room: this.room });
    if (this.current.phase === "left") return;
    const fresh = this.current.me !== joined.participant;
    if (fresh) this.closeConnections();
    this.set({
      phase: "in", title: joined.title, host: joined.role === "host", me: joined.participant,
      participants: joined.participants.filter((one) => one.participant !== joined.participant),
      recording: joined.recording != null,
    });
    this.mediaLost = joined.media === "lost";
    if (this.mediaLost) {
      this.closeConnections();
      this.linked();
      return;
    }
    await this.connect();
  }

  private async connect(): Promise<void> {
    const receive = this.options.receive ?? true;
    const jobs: Promise<unknown>[] = [];
    if (receive && this.subscriber === null) jobs.push(this.openSubscriber());
    if (this.publisher === null) jobs.push(this.openPublisher());
    this.linked();
    await Promise.all(jobs);
  }

  private async openSubscriber(): Promise<void> {
    this.subscriber = new Subscriber({
      changed: () => this.linked(),
      restart: () => void this.signal.call("room.restart", { room: this.room, side: "subscribe" }).catch(() => undefined),
      broken: () => void this.rebuild("subscribe"),
    });
    await this.signal.call("room.subscribe", { room: this.room });
  }

  private async openPublisher(): Promise<void> {
    const { microphone, camera, screen } = this.current;
    if (microphone === null && camera === null && screen === null) return;
    const publisher = new Publisher({
      call: ({ sdp, sources, restart }) =>
        restart
          ? this.signal.call("room.restart", { room: this.room, side: "publish", sdp, sources })
          : this.signal.call("room.publish", { room: this.room, sdp, sources }),
      changed: () => this.linked(),
      broken: () => void this.rebuild("publish"),
      failed: (error) => console.warn("room: publish", error),
    });
    this.publisher = publisher;
    const places: [TrackSource, MediaStreamTrack | null][] = [["microphone", microphone], ["camera", camera], ["screen", screen]];
    await Promise.all(places.map(([source, track]) => publisher.setTrack(source, track)));
    if (microphone !== null && !this.current.microphoneOn) await this.tellMute("microphone", true);
  }

  /** One side is beyond repair (or the worker forgot it): a new connection with the same tracks. */
  private async rebuild(side: "publish" | "subscribe"): Promise<void> {
    if (this.current.phase !== "in") return;
    try {
      if (side === "publish") {
        this.publisher?.close();
        this.publisher = null;
        await this.signal.call("room.unpublish", { room: this.room }).catch(() => undefined);
        await this.openPublisher();
      } else {
        this.subscriber?.close();
        this.subscriber = null;
        await this.openSubscriber();
      }
    } catch (error) {
      console.warn(`room: ${side}`, error);
    }
    this.linked();
  }

  private closeConnections(): void {
    this.publisher?.close();
    this.subscriber?.close();
    this.publisher = null;
    this.subscriber = null;
  }

  /** Recomputes what is received and how the connections are. */
  private linked(): void {
    const states = [this.publisher?.state, this.subscriber?.state].filter((state) => state !== undefined);
    const remote = this.subscriber?.tracks ?? [];
    // A connection without any track never starts: an empty room is not a bad connection.
    const idle = (state: RTCPeerConnectionState) => state === "new";
    const good = states.every((state) => state === "connected" || idle(state));
    if (states.includes("connected")) this.wasConnected = true;
    const away = this.signal.state !== "open" && this.current.phase === "in";
    const link: Link = this.mediaLost ? "lost" : good && !away ? "ok" : this.wasConnected ? "reconnecting" : "connecting";
    this.set({ link, remote });
  }

  private mediaLost = false;

  private listen(): void {
    if (this.offs.length > 0) return;
    const mine = <T extends { room: string }>(then: (value: T) => void) => (value: T) => {
      if (value.room === this.room) then(value);
    };
    const { signal } = this;
    this.offs.push(
      signal.on("room.joined", mine((one) => this.onJoined(one))),
      signal.on("room.left", mine((one) => this.onLeft(one.participant, one.reason ?? null))),
      signal.on("room.track", mine((one) => this.onTrack(one))),
      signal.on("room.speaker", mine((one) => this.set({ speaker: one.participant ?? null }))),
      signal.on("room.recording", mine((one) => this.set({ recording: one.on }))),
      signal.on("room.message", mine((one) => {
        this.addMessages([{ id: one.message, person: one.person ?? null, name: one.name ?? "", text: one.text, at: one.at }]);
      })),
      signal.on("room.media", mine((one) => this.onMedia(one.state, one.side ?? null))),
      signal.handle("room.offer", (offer) => (offer.room === this.room ? this.subscriber?.answer(offer) : undefined)),
      signal.on("lost", () => this.linked()),
      signal.on("open", () => void this.comeBack()),
      signal.on("signed-out", () => this.end("left", "signed-out")),
    );
    const online = () => {
      void this.signal.probe();
      this.publisher?.hurry();
      this.subscriber?.hurry();
    };
    window.addEventListener("online", online);
    const bye = () => void this.leave();
    window.addEventListener("pagehide", bye);
    this.offs.push(
      () => window.removeEventListener("online", online),
      () => window.removeEventListener("pagehide", bye),
    );
  }

  private async comeBack(): Promise<void> {
    if (this.current.phase !== "in") return;
    this.rejoining ??= this.enter()
      .then(() => {
        this.publisher?.hurry();
        this.subscriber?.hurry();
      })
      .catch((error: unknown) => {
        if (error instanceof SignalError && error.name === "not-found") this.refused(error);
        else console.warn("room: rejoin", error);
      })
      .finally(() => {
        this.rejoining = null;
        this.linked();
      });
    await this.rejoining;
  }

  private onJoined(one: { participant: string; person?: string | null; name: string; organisation?: ParticipantInfo["organisation"] }): void {
    if (one.participant === this.current.me) return;
    const others = this.current.participants.filter((other) => other.participant !== one.participant);
    this.set({ participants: [...others, { ...one, tracks: [] }] });
  }

  private onLeft(participant: string, reason: string | null): void {
    if (participant === this.current.me) {
      this.end("left", reason ?? "left");
      return;
    }
    const { participants, speaker } = this.current;
    this.set({
      participants: participants.filter((one) => one.participant !== participant),
      speaker: speaker === participant ? null : speaker,
    });
  }

  private onTrack(one: { participant: string; track: string; kind: "audio" | "video"; source: TrackSource; state: string }): void {
    const participants = this.current.participants.map((person) => {
      if (person.participant !== one.participant) return person;
      const rest = person.tracks.filter((track) => track.track !== one.track);
      const before = person.tracks.find((track) => track.track === one.track);
      if (one.state === "removed") return { ...person, tracks: rest };
      const muted = one.state === "muted" ? true : one.state === "unmuted" ? false : (before?.muted ?? false);
      return { ...person, tracks: [...rest, { track: one.track, kind: one.kind, source: one.source, muted }] };
    });
    this.set({ participants });
  }

  private onMedia(state: "lost" | "ready" | "failed", side: "publish" | "subscribe" | null): void {
    if (state === "failed" && side !== null) {
      void this.rebuild(side);
      return;
    }
    this.mediaLost = state === "lost";
    this.closeConnections();
    if (state === "lost") {
      const silent = this.current.participants.map((one) => ({ ...one, tracks: [] }));
      this.set({ participants: silent });
      this.linked();
      return;
    }
    this.connect().catch((error: unknown) => console.warn("room: media is back", error));
  }

  async setMicrophone(on: boolean): Promise<void> {
    let { microphone } = this.current;
    if (microphone === null) {
      if (!on) return;
      microphone = await captureMicrophone(this.choice);
      this.set({ microphone, microphoneOn: true });
      await this.send("microphone", microphone);
      return;
    }
    microphone.enabled = on;
    this.set({ microphoneOn: on });
    await this.tellMute("microphone", !on);
  }

  /** Off really switches the camera off, with its lamp. */
  async setCamera(on: boolean): Promise<void> {
    const { camera } = this.current;
    if (on === (camera !== null)) return;
    if (!on) {
      this.set({ camera: null });
      await this.publisher?.setTrack("camera", null, true);
      camera!.stop();
      await this.tellMute("camera", true);
      return;
    }
    const track = await captureCamera(this.choice, this.options.teaching);
    this.set({ camera: track });
    this.watchEnd("camera");
    await this.send("camera", track);
    await this.tellMute("camera", false);
  }

  /** False when the person chose nothing. */
  async startScreen(): Promise<boolean> {
    if (this.current.screen !== null) return true;
    const track = await captureScreen();
    if (track === null) return false;
    this.set({ screen: track });
    this.watchEnd("screen");
    await this.send("screen", track);
    return true;
  }

  async stopScreen(): Promise<void> {
    const { screen } = this.current;
    if (screen === null) return;
    this.set({ screen: null });
    screen.stop();
    await this.publisher?.setTrack("screen", null);
  }

  /** The browser's own "stop sharing", or an unplugged camera. */
  private watchEnd(source: "camera" | "screen"): void {
    const track = this.current[source];
    track?.addEventListener("ended", () => {
      if (this.current[source] !== track) return;
      void (source === "screen" ? this.stopScreen() : this.setCamera(false));
    });
  }

  private async send(source: TrackSource, track: MediaStreamTrack): Promise<void> {
    if (this.current.phase !== "in" || this.mediaLost) return;
    if (this.publisher === null) await this.openPublisher();
    else await this.publisher.setTrack(source, track);
  }

  private async tellMute(source: TrackSource, muted: boolean): Promise<void> {
    const track = this.publisher?.trackId(source);
    if (track === undefined) return;
    await this.signal.call("room.mute", { room: this.room, track, muted }).catch((error: unknown) => console.warn("room: mute", error));
  }

  /** Stored with the case; the message comes back as room.message. */
  async say(text: string): Promise<void> {
    await this.signal.call("room.say", { room: this.room, text });
  }

  async record(on: boolean): Promise<void> {
    await this.signal.call("room.record", { room: this.room, on });
  }

  /** Puts stored messages (of REST) and live ones into one list by time, each once. */
  addMessages(more: readonly ChatMessage[]): void {
    const known = new Map(this.current.messages.map((one) => [one.id, one]));
    for (const one of more) known.set(one.id, one);
    const messages = [...known.values()].sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
    this.set({ messages });
  }

  async leave(): Promise<void> {
    if (this.current.phase === "left" || this.current.phase === "idle") return;
    this.end("left", "left");
    await this.signal.call("room.leave", { room: this.room }, 3_000).catch(() => undefined);
  }

  private end(phase: "left" | "refused", reason: string): void {
    for (const off of this.offs.splice(0)) off();
    this.closeConnections();
    const { microphone, camera, screen } = this.current;
    for (const track of [microphone, camera, screen]) track?.stop();
    this.set({ ...START, phase, reason, title: this.current.title, messages: this.current.messages });
  }

  /** For tests and the connection display. */
  async stats(): Promise<{ publish: RTCStatsReport | null; subscribe: RTCStatsReport | null }> {
    return { publish: (await this.publisher?.stats()) ?? null, subscribe: (await this.subscriber?.stats()) ?? null };
  }
}
