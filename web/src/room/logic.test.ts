/** Promises of the room without a network: one offer at a time, patience before repairs, files of a recording kept together. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { problemOf } from "./devices";
import { OneAtATime } from "./one-at-a-time";
import { place, Timeline, type Player } from "./timeline";
import { ConnectionWatch, PATIENCE_MS, RESTART_MS } from "./watch";

describe("one offer at a time", () => {
  it("shares a run among the wishes of one turn, and makes one more for all that come while it runs", async () => {
    const ends: (() => void)[] = [];
    const work = vi.fn(() => new Promise<void>((resolve) => ends.push(resolve)));
    const queue = new OneAtATime(work);
    void queue.request();
    void queue.request();
    await Promise.resolve();
    expect(work).toHaveBeenCalledTimes(1);
    const later = [queue.request(), queue.request(), queue.request()];
    ends[0]!();
    await vi.waitFor(() => expect(work).toHaveBeenCalledTimes(2));
    ends[1]!();
    await Promise.all(later);
    expect(work).toHaveBeenCalledTimes(2);
  });

  it("goes on after a failure, which only its own askers see", async () => {
    let fail = true;
    const queue = new OneAtATime(async () => {
      if (fail) throw new Error("no");
    });
    await expect(queue.request()).rejects.toThrow("no");
    fail = false;
    await expect(queue.request()).resolves.toBeUndefined();
  });
});

describe("watch over a connection", () => {
  const restart = vi.fn();
  const rebuild = vi.fn();
  let watch: ConnectionWatch;
  beforeEach(() => {
    vi.useFakeTimers();
    restart.mockClear();
    rebuild.mockClear();
    watch = new ConnectionWatch({ restart, rebuild });
  });
  afterEach(() => vi.useRealTimers());

  it("waits a moment, then asks for new credentials, then gives up on this connection", () => {
    watch.told("disconnected");
    vi.advanceTimersByTime(PATIENCE_MS - 1);
    expect(restart).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(restart).toHaveBeenCalledOnce();
    vi.advanceTimersByTime(RESTART_MS);
    expect(rebuild).toHaveBeenCalledOnce();
  });

  it("does nothing when it comes back by itself", () => {
    watch.told("disconnected");
    watch.told("connected");
    vi.advanceTimersByTime(60_000);
    expect(restart).not.toHaveBeenCalled();
    watch.hurry("connected");
    watch.hurry("new");
    expect(restart).not.toHaveBeenCalled();
  });

  it("has no patience with a failed connection or a changed network", () => {
    watch.told("failed");
    expect(restart).toHaveBeenCalledOnce();
    watch.told("connected");
    watch.hurry("disconnected");
    expect(restart).toHaveBeenCalledTimes(2);
    watch.stop();
    vi.advanceTimersByTime(60_000);
    expect(rebuild).not.toHaveBeenCalled();
  });
});

class FakePlayer implements Player {
  currentTime = 0;
  playbackRate = 1;
  paused = true;
  readyState = 4;
  play() {
    this.paused = false;
  }
  pause() {
    this.paused = true;
  }
}

describe("recording of several files", () => {
  const files = [
    { kind: "video", startMs: 1_000, durationMs: 10_000 },
    { kind: "audio", startMs: 0, durationMs: 11_000 },
    { kind: "video", startMs: 15_000, durationMs: 5_000 },
  ];

  it("puts them on one line of time", () => {
    expect(place(files)).toEqual({
      placed: [
        { offset: 1, duration: 10, video: true },
        { offset: 0, duration: 11, video: false },
        { offset: 15, duration: 5, video: true },
      ],
      duration: 20,
    });
    expect(place([]).duration).toBe(0);
  });

  function playing() {
    const timeline = new Timeline(files);
    const players = files.map(() => new FakePlayer());
    players.forEach((player, index) => timeline.attach(index, player));
    return { timeline, players };
  }

  it("seeks every file to the same moment", () => {
    const { timeline, players } = playing();
    timeline.seek(6);
    expect(players.map((player) => player.currentTime)).toEqual([5, 6, 0]);
    expect([0, 1, 2].map((index) => timeline.active(index))).toEqual([true, true, false]);
    timeline.seek(999);
    expect(timeline.time).toBe(20);
  });

  it("lets picture and sound drift apart by no more than one can notice", () => {
    const { timeline, players } = playing();
    timeline.seek(5);
    timeline.play(0);
    expect(players.map((player) => player.paused)).toEqual([false, false, true]);
    players[0]!.currentTime = 4.5; // the leader is the picture
    players[1]!.currentTime = 5.4; // 100 ms behind
    timeline.tick(500);
    expect(timeline.time).toBe(5.5);
    expect(players[1]!.playbackRate).toBeCloseTo(1.05);
    players[1]!.currentTime = 4; // far behind
    timeline.tick(700);
    expect(players[1]!.currentTime).toBe(5.5);
  });

  it("goes on over a gap in which nothing was recorded, and stops at the end", () => {
    const { timeline, players } = playing();
    timeline.seek(12);
    timeline.play(0);
    timeline.tick(2_000);
    expect(timeline.time).toBeCloseTo(14);
    timeline.tick(3_500);
    expect(timeline.time).toBeCloseTo(15.5);
    expect(players[2]!.paused).toBe(false);
    expect(players[2]!.currentTime).toBeCloseTo(0.5);
    players[2]!.currentTime = 5;
    timeline.tick(9_000);
    expect(timeline.playing).toBe(false);
    expect(timeline.time).toBe(20);
    timeline.play(10_000);
    expect(timeline.time).toBeLessThan(1);
  });
});

describe("device problems", () => {
  it("are told in words that have a translation", () => {
    expect(problemOf(new DOMException("", "NotAllowedError"))).toBe("denied");
    expect(problemOf(new DOMException("", "NotFoundError"))).toBe("missing");
    expect(problemOf(new DOMException("", "NotReadableError"))).toBe("busy");
    expect(problemOf("x")).toBe("unknown");
  });
});
