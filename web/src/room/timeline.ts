/**
 * Plays the files of one recording as one: each track of the room is a file of its own with its own beginning (a camera that came later,
 * a track that began anew after a failure). One file leads; the others follow it, by a hardly audible change of speed when they are a
 * little off, by a jump when they are far off.
 */
export interface TimelineFile {
  kind: string;
  startMs: number;
  durationMs: number;
}

/** What is used of a media element. */
export interface Player {
  currentTime: number;
  playbackRate: number;
  readonly paused: boolean;
  readonly readyState: number;
  play(): Promise<void> | void;
  pause(): void;
}

export interface Placed {
  /** Seconds from the beginning of the whole to the beginning of this file. */
  offset: number;
  duration: number;
  video: boolean;
}

const JUMP_S = 0.3;
const TOLERANCE_S = 0.04;
const GENTLE = 0.05;
const HAVE_CURRENT_DATA = 2;

export function place(files: readonly TimelineFile[]): { placed: Placed[]; duration: number } {
  const first = Math.min(...files.map((file) => file.startMs));
  const placed = files.map((file) => ({
    offset: (file.startMs - first) / 1000,
    duration: file.durationMs / 1000,
    video: file.kind !== "audio",
  }));
  return { placed, duration: Math.max(0, ...placed.map((file) => file.offset + file.duration)) };
}

export class Timeline {
  readonly duration: number;
  readonly placed: readonly Placed[];
  private readonly players: (Player | null)[];
  private at = 0;
  private wall: number | null = null;
  private wanted = false;
  private rate = 1;

  constructor(files: readonly TimelineFile[]) {
    const { placed, duration } = place(files);
    this.placed = placed;
    this.duration = duration;
    this.players = files.map(() => null);
  }

  attach(index: number, player: Player | null): void {
    this.players[index] = player;
    if (player !== null) player.currentTime = this.local(index, this.at);
  }

  get playing(): boolean {
    return this.wanted;
  }

  get time(): number {
    return this.at;
  }

  /** Is this file to be seen or heard at the present time? */
  active(index: number): boolean {
    const file = this.placed[index]!;
    return this.at >= file.offset && this.at < file.offset + file.duration;
  }

  private local(index: number, at: number): number {
    const file = this.placed[index]!;
    return Math.min(file.duration, Math.max(0, at - file.offset));
  }

  play(now: number): void {
    if (this.at >= this.duration - 0.05) this.seek(0);
    this.wanted = true;
    this.wall = now;
    this.tick(now);
  }

  pause(): void {
    this.wanted = false;
    for (const player of this.players) player?.pause();
  }

  seek(to: number): void {
    this.at = Math.min(this.duration, Math.max(0, to));
    this.players.forEach((player, index) => {
      if (player !== null) player.currentTime = this.local(index, this.at);
    });
  }

  setRate(rate: number): void {
    this.rate = rate;
    for (const player of this.players) if (player !== null) player.playbackRate = rate;
  }

  /** To be called several times a second while it plays. */
  tick(now: number): void {
    if (!this.wanted) return;
    const leader = this.leader();
    if (leader === null) {
      // Nothing was recorded here: the clock goes on by itself.
      this.at = Math.min(this.duration, this.at + (this.wall === null ? 0 : ((now - this.wall) / 1000) * this.rate));
    } else {
      this.at = this.placed[leader]!.offset + this.players[leader]!.currentTime;
    }
    this.wall = now;
    if (this.at >= this.duration - 0.02) {
      this.at = this.duration;
      this.pause();
      return;
    }
    this.players.forEach((player, index) => {
      if (player !== null) this.follow(player, index, index === leader);
    });
  }

  private leader(): number | null {
    const able = this.placed.map((_, index) => index).filter((index) => this.players[index] != null && this.active(index));
    const playing = able.filter((index) => !this.players[index]!.paused);
    const best = (list: number[]) => list.find((index) => this.placed[index]!.video) ?? list[0] ?? null;
    return best(playing);
  }

  private follow(player: Player, index: number, leads: boolean): void {
    if (!this.active(index)) {
      if (!player.paused) player.pause();
      return;
    }
    const wanted = this.local(index, this.at);
    if (player.paused) {
      player.currentTime = wanted;
      player.playbackRate = this.rate;
      void Promise.resolve(player.play()).catch(() => undefined);
      return;
    }
    if (leads || player.readyState < HAVE_CURRENT_DATA) {
      player.playbackRate = this.rate;
      return;
    }
    const late = wanted - player.currentTime;
    if (Math.abs(late) > JUMP_S) player.currentTime = wanted;
    const gentle = Math.abs(late) > TOLERANCE_S ? 1 + Math.sign(late) * GENTLE : 1;
    player.playbackRate = this.rate * gentle;
  }
}
