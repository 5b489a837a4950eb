/**
 * Decides what a peer connection that stopped working needs: a moment of patience, then new ICE credentials, then to be made anew.
 * Knows no WebRTC: it is told states and calls back.
 */
export const PATIENCE_MS = 1_000;
export const RESTART_MS = 4_000;

export interface WatchActions {
  restart: () => void;
  rebuild: () => void;
}

export class ConnectionWatch {
  private timer: ReturnType<typeof setTimeout> | null = null;
  private restarted = false;

  constructor(private readonly actions: WatchActions) {}

  told(state: RTCPeerConnectionState): void {
    if (state === "connected") {
      this.restarted = false;
      this.clear();
    } else if (state === "disconnected") {
      if (this.timer === null) this.arm(PATIENCE_MS);
    } else if (state === "failed") {
      this.clear();
      this.act();
    } else if (state === "closed") {
      this.clear();
    }
  }

  /** The network has changed under us: no patience. */
  hurry(state: RTCPeerConnectionState): void {
    if (state === "connected" || state === "closed" || state === "new") return;
    this.clear();
    this.act();
  }

  stop(): void {
    this.clear();
  }

  private act(): void {
    if (this.restarted) {
      this.restarted = false;
      this.actions.rebuild();
      return;
    }
    this.restarted = true;
    this.arm(RESTART_MS);
    this.actions.restart();
  }

  private arm(after: number): void {
    this.timer = setTimeout(() => {
      this.timer = null;
      this.act();
    }, after);
  }

  private clear(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
  }
}
