/** What the buttons of a mouse mean on an image, and whole steps out of small movements. */
export type Mode = "window" | "zoom" | "pan" | "scroll" | null;

export function modeOfButtons(buttons: number): Mode {
  if ((buttons & 3) === 3) return "scroll";
  if (buttons & 4) return "pan";
  if (buttons & 2) return "zoom";
  return buttons & 1 ? "window" : null;
}

/** Whole steps out of a stream of small movements. */
export class Steps {
  private rest = 0;
  constructor(private readonly size: number) {}
  add(amount: number): number {
    if (Math.sign(amount) !== Math.sign(this.rest)) this.rest = 0;
    this.rest += amount;
    const steps = Math.trunc(this.rest / this.size) + 0; // never -0
    this.rest -= steps * this.size;
    return steps;
  }
  clear(): void {
    this.rest = 0;
  }
}
