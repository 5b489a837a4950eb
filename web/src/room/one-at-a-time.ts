/**
 * Runs a piece of work one at a time. Wishes of the same turn share a run; any number of wishes that come while it runs make exactly one
 * more, after it: two offers of one peer connection can never cross, and no change is forgotten.
 */
export class OneAtATime {
  private running: Promise<void> | null = null;
  private next: Promise<void> | null = null;
  private begun = false;

  constructor(private readonly work: () => Promise<void>) {}

  /** Settles when a run that began after this wish has ended. */
  request(): Promise<void> {
    if (this.running === null) return this.start();
    if (!this.begun) return this.running;
    this.next ??= this.running.catch(() => undefined).then(() => {
      this.next = null;
      return this.start();
    });
    return this.next;
  }

  private start(): Promise<void> {
    this.begun = false;
    const run = Promise.resolve()
      .then(() => {
        this.begun = true;
        return this.work();
      })
      .finally(() => {
        if (this.running === run) this.running = null;
      });
    this.running = run;
    return run;
  }
}
