/**
 * How long to wait before the n-th attempt to reconnect (n counts from 0): doubling from 250 ms to 15 s, each time a random half of it,
 * so that the browsers of a whole hospital do not come back in the same instant.
 */
export const BACKOFF_FIRST_MS = 250;
export const BACKOFF_LONGEST_MS = 15_000;

export function backoffDelay(attempt: number, random: () => number = Math.random): number {
  const whole = Math.min(BACKOFF_LONGEST_MS, BACKOFF_FIRST_MS * 2 ** Math.min(attempt, 16));
  return Math.round(whole / 2 + (random() * whole) / 2);
}
