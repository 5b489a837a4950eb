// How much goes into one request and how many go at once: small and few on a thin line, where a cut costs what is under way; large
// and several on a fast one, where every request costs a round trip.
const goalSeconds = 6;
const leastBytes = 64 * 1024;
const mostBytes = 16 * 1024 * 1024;
const firstBytes = 128 * 1024;
const mostParallel = 4;
/** Below this (about 300 kbit/s) one request after the other. */
const thinBytesPerSecond = 40_000;

export class Pace {
  batchBytes = firstBytes;
  parallel = 2;
  /** Of one request, from what it took; 0 before the first. */
  bytesPerSecond = 0;
  private good = 0;

  arrived(bytes: number, milliseconds: number): void {
    const rate = (bytes * 1000) / Math.max(1, milliseconds);
    this.bytesPerSecond = this.bytesPerSecond === 0 ? rate : 0.6 * this.bytesPerSecond + 0.4 * rate;
    const goal = Math.min(this.bytesPerSecond * goalSeconds, this.batchBytes * 2);
    this.batchBytes = Math.round(Math.min(mostBytes, Math.max(leastBytes, goal)));
    this.good++;
    if (this.bytesPerSecond < thinBytesPerSecond) this.parallel = 1;
    else if (this.good % 3 === 0) this.parallel = Math.min(mostParallel, this.parallel + 1);
  }

  /** The line was cut, or nothing moved. */
  broke(): void {
    this.good = 0;
    this.batchBytes = Math.max(leastBytes, Math.round(this.batchBytes / 4));
    this.parallel = Math.max(1, this.parallel - 1);
  }
}
