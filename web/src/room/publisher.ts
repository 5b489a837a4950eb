/**
 * The one peer connection by which this browser sends. It offers, the relay answers (signaling/README.md: room.publish). Tracks come and
 * go by setTrack(); offers are made one at a time. A camera that is switched off keeps its place and needs no offer.
 */
import type { PublishedTrackInfo, TrackSource } from "../signaling";
import { OneAtATime } from "./one-at-a-time";
import { ConnectionWatch } from "./watch";

export interface PublishCall {
  sdp: string;
  sources: Record<string, TrackSource>;
  /** The offer carries new ICE credentials. */
  restart: boolean;
}

export interface PublisherOptions {
  call: (params: PublishCall) => Promise<{ sdp?: string | undefined; tracks: PublishedTrackInfo[] }>;
  changed: () => void;
  /** The connection is beyond repair: make a new publisher with the same tracks. */
  broken: () => void;
  failed: (error: unknown) => void;
}

const BITRATES: Record<TrackSource, number> = { microphone: 40_000, camera: 900_000, screen: 2_000_000, device: 2_000_000 };

/** VP8 first: the one codec that every browser here has, also Firefox without its H.264 download. */
function preferVp8(transceiver: RTCRtpTransceiver): void {
  const codecs = RTCRtpSender.getCapabilities("video")?.codecs ?? [];
  const rank = (codec: { mimeType: string }) => (/vp8/i.test(codec.mimeType) ? 0 : /rtx/i.test(codec.mimeType) ? 1 : 2);
  if (codecs.length > 0 && "setCodecPreferences" in transceiver) {
    transceiver.setCodecPreferences([...codecs].sort((a, b) => rank(a) - rank(b)));
  }
}

export class Publisher {
  private readonly pc = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
  private readonly places = new Map<TrackSource, RTCRtpTransceiver>();
  private readonly ids = new Map<TrackSource, string>();
  private readonly negotiation = new OneAtATime(() => this.negotiate());
  private readonly watch: ConnectionWatch;
  private restarting = false;
  private closed = false;

  constructor(private readonly options: PublisherOptions) {
    this.watch = new ConnectionWatch({ restart: () => this.restart(), rebuild: () => options.broken() });
    this.pc.onconnectionstatechange = () => {
      this.watch.told(this.pc.connectionState);
      options.changed();
    };
  }

  get state(): RTCPeerConnectionState {
    return this.pc.connectionState;
  }

  /** The relay's id of what we send as `source`, for room.mute. */
  trackId(source: TrackSource): string | undefined {
    return this.ids.get(source);
  }

  /** Sends `track` as `source`; null stops sending. `keep`: the place stays, so that nobody sees a track go. */
  async setTrack(source: TrackSource, track: MediaStreamTrack | null, keep = false): Promise<void> {
    const place = this.places.get(source);
    if (place === undefined) {
      if (track === null) return;
      this.add(source, track);
      await this.negotiation.request();
      return;
    }
    await place.sender.replaceTrack(track);
    const direction = track === null && !keep ? "inactive" : "sendonly";
    if (place.direction === direction) return;
    place.direction = direction;
    await this.negotiation.request();
  }

  private add(source: TrackSource, track: MediaStreamTrack): void {
    const place = this.pc.addTransceiver(track, {
      direction: "sendonly",
      sendEncodings: [{ maxBitrate: BITRATES[source] }],
    });
    if (track.kind === "video") {
      preferVp8(place);
      track.contentHint = source === "screen" ? "detail" : "motion";
    }
    this.places.set(source, place);
  }

  restart(): void {
    if (this.closed) return;
    this.restarting = true;
    this.pc.restartIce();
    this.negotiation.request().catch((error: unknown) => this.options.failed(error));
  }

  /** Told that the network may have changed. */
  hurry(): void {
    this.watch.hurry(this.pc.connectionState);
  }

  private sources(): Record<string, TrackSource> {
    const told: Record<string, TrackSource> = {};
    for (const [source, place] of this.places) {
      if (place.mid !== null && place.direction === "sendonly") told[place.mid] = source;
    }
    return told;
  }

  private async negotiate(): Promise<void> {
    if (this.closed) return;
    const restart = this.restarting;
    this.restarting = false;
    await this.pc.setLocalDescription(await this.pc.createOffer());
    const answer = await this.options.call({ sdp: this.pc.localDescription!.sdp, sources: this.sources(), restart });
    if (this.closed || answer.sdp === undefined) return;
    await this.pc.setRemoteDescription({ type: "answer", sdp: answer.sdp });
    const byMid = new Map([...this.places].map(([source, place]) => [place.mid, source]));
    for (const { track, mid, source } of answer.tracks) {
      const own = mid != null ? byMid.get(mid) : (source ?? undefined);
      if (own !== undefined) this.ids.set(own, track);
    }
    this.options.changed();
  }

  stats(): Promise<RTCStatsReport> {
    return this.pc.getStats();
  }

  close(): void {
    this.closed = true;
    this.watch.stop();
    this.pc.onconnectionstatechange = null;
    this.pc.close();
  }
}
