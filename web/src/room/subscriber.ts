/**
 * The one peer connection by which this browser receives. The relay offers (room.offer), the browser answers; which m-line carries whose
 * track is told beside the offer.
 */
import type { OfferedTrackInfo, Requests } from "../signaling";
import { ConnectionWatch } from "./watch";

/** A track that arrives, with whose it is. `stream` holds this one track and stays the same object as long as the track does. */
export interface RemoteTrack extends OfferedTrackInfo {
  stream: MediaStream;
}

export interface SubscriberOptions {
  changed: () => void;
  /** Asks for an offer with new ICE credentials. */
  restart: () => void;
  broken: () => void;
}

export class Subscriber {
  private readonly pc = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
  private readonly streams = new Map<string, MediaStream>();
  private readonly watch: ConnectionWatch;
  private known: Record<string, OfferedTrackInfo> = {};
  private turn: Promise<unknown> = Promise.resolve();
  private list: readonly RemoteTrack[] = [];

  constructor(private readonly options: SubscriberOptions) {
    this.watch = new ConnectionWatch({ restart: () => options.restart(), rebuild: () => options.broken() });
    this.pc.onconnectionstatechange = () => {
      this.watch.told(this.pc.connectionState);
      options.changed();
    };
  }

  get state(): RTCPeerConnectionState {
    return this.pc.connectionState;
  }

  get tracks(): readonly RemoteTrack[] {
    return this.list;
  }

  /** Answers an offer; the hub never has two open, but a resumed connection may repeat one. */
  answer(offer: Requests["room.offer"]): Promise<{ version: number; sdp: string }> {
    const work = this.turn.catch(() => undefined).then(() => this.negotiate(offer));
    this.turn = work;
    return work;
  }

  private async negotiate(offer: Requests["room.offer"]): Promise<{ version: number; sdp: string }> {
    await this.pc.setRemoteDescription({ type: "offer", sdp: offer.sdp });
    await this.pc.setLocalDescription(await this.pc.createAnswer());
    this.known = offer.tracks;
    this.collect();
    return { version: offer.version, sdp: this.pc.localDescription!.sdp };
  }

  private collect(): void {
    const found: RemoteTrack[] = [];
    for (const transceiver of this.pc.getTransceivers()) {
      const info = transceiver.mid === null ? undefined : this.known[transceiver.mid];
      if (info === undefined || transceiver.currentDirection === "inactive") continue;
      const track = transceiver.receiver.track;
      const key = `${info.track}/${track.id}`;
      const stream = this.streams.get(key) ?? new MediaStream([track]);
      this.streams.set(key, stream);
      found.push({ ...info, stream });
    }
    this.list = found;
    this.options.changed();
  }

  hurry(): void {
    this.watch.hurry(this.pc.connectionState);
  }

  stats(): Promise<RTCStatsReport> {
    return this.pc.getStats();
  }

  close(): void {
    this.watch.stop();
    this.pc.onconnectionstatechange = null;
    this.pc.close();
    this.list = [];
  }
}
